// Where `taskforge sub` begins.
#ifndef TASKFORGE_CLI_SUBSCRIBE_START_H_
#define TASKFORGE_CLI_SUBSCRIBE_START_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "taskforge/v1/bus_service.pb.h"

namespace taskforge::cli {

// Sets `request`'s start from `latest`, `earliest`, `last:N` or `cursor:BASE64`. INVALID_ARGUMENT,
// saying what is wanted.
absl::Status ParseSubscribeStart(absl::string_view text, v1::SubscribeRequest& request);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_SUBSCRIBE_START_H_
