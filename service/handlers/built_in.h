// The handlers that are part of the server, one source file each.
#ifndef TASKFORGE_HANDLERS_BUILT_IN_H_
#define TASKFORGE_HANDLERS_BUILT_IN_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/timer.h"
#include "handlers/handler.h"
#include "handlers/registry.h"

namespace taskforge {

// Returns its input.
std::unique_ptr<Handler> MakeEchoHandler();
// Waits. Its input is a duration (`100ms`) or {"duration":"100ms","blocking":true}: with `blocking`
// it holds its thread, within `blocking`; without, it holds none. Both must outlive it.
std::unique_ptr<Handler> MakeSleepHandler(const Clock& clock, Timer& timer, BlockingScope blocking);
// The SHA-256 of its input, in hexadecimal.
std::unique_ptr<Handler> MakeSha256Handler();
// {"lines":…,"words":…,"bytes":…}, as wc counts them.
std::unique_ptr<Handler> MakeWordcountHandler();
// Its input as gzip (RFC 1952); the same input gives the same bytes.
std::unique_ptr<Handler> MakeCompressHandler();
// Fails: for demonstrations and tests of retries. Input: empty, or a JSON object with `reason`,
// `message`, `retryable` and `attempts` (succeeds after so many failed ones).
std::unique_ptr<Handler> MakeFailHandler();
// Keeps a processor busy for a duration (`100ms`). `clock` must outlive it.
std::unique_ptr<Handler> MakeSpinHandler(const Clock& clock);

// Registers all of them. What it is given must outlive the registry.
absl::StatusOr<std::vector<HandlerRegistration>> RegisterBuiltIns(HandlerRegistry& registry,
                                                                  const Clock& clock, Timer& timer,
                                                                  BlockingScope blocking);

}  // namespace taskforge

#endif  // TASKFORGE_HANDLERS_BUILT_IN_H_
