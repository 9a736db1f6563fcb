// A queue's settings as bytes, to be kept on disk (store/proto/stored.proto).
#ifndef TASKFORGE_SETTINGS_QUEUE_CODEC_H_
#define TASKFORGE_SETTINGS_QUEUE_CODEC_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "queues/queue_options.h"

namespace taskforge {

// The queue has the name under which it is kept.
struct KeptQueue {
  QueueOptions now;
  // Its limits and defaults as they were configured when it was set; none: it was not configured.
  std::optional<QueueOptions> configured;
};

std::string EncodeQueue(const KeptQueue& queue);
// DATA_LOSS: these bytes are no queue.
absl::StatusOr<KeptQueue> DecodeQueue(absl::string_view name, absl::string_view bytes);

}  // namespace taskforge

#endif  // TASKFORGE_SETTINGS_QUEUE_CODEC_H_
