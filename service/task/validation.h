// What a submission must look like: names, limits and ranges; and the defaults for what it leaves
// open.
#ifndef TASKFORGE_TASK_VALIDATION_H_
#define TASKFORGE_TASK_VALIDATION_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/error.h"
#include "task/task_types.h"

namespace taskforge {

// Constants of the API. What an operator may set is in TaskLimits.
inline constexpr size_t kMaxNameBytes = 63;      // Of a queue, a task id, a part of a handler.
inline constexpr size_t kMaxHandlerBytes = 128;  // With its dots.
inline constexpr size_t kMaxRequestIdBytes = 128;
inline constexpr size_t kMaxTopicBytes = 128;
inline constexpr size_t kMaxTopicTokens = 16;
inline constexpr size_t kMaxLabels = 32;
inline constexpr size_t kMaxLabelValueBytes = 256;
inline constexpr size_t kMaxContentTypeBytes = 255;
inline constexpr size_t kMaxNonRetryableReasons = 16;
inline constexpr size_t kMaxReasonBytes = 64;
inline constexpr int kMaxAttempts = 100;
inline constexpr double kMaxBackoffMultiplier = 10;

// The ranges of times.
struct TaskRanges {
  static constexpr absl::Duration MaxAhead() { return absl::Hours(366 * 24); }
  static constexpr absl::Duration MinBackoff() { return absl::Milliseconds(1); }
  static constexpr absl::Duration MaxBackoff() { return absl::Hours(24); }
  static constexpr absl::Duration MaxResultTtl() { return absl::Hours(30 * 24); }
};

struct TaskLimits {
  size_t max_input_bytes = size_t{1} << 20;  // A greater one asks for the transport's limit too.
  Durability best_durability = Durability::kMemory;  // The best that this server offers.
};

struct TaskDefaults {
  // Of each attempt. None: what hangs shows as running for ever (task ls), and a task that
  // sets no time-out costs no timer, which would be the dearest part of a short one.
  absl::Duration run_timeout = absl::InfiniteDuration();
  // At most TaskLimits::best_durability.
  Durability durability = Durability::kMemory;
};

// `[a-z][a-z0-9_-]{0,62}`.
bool IsQueueName(absl::string_view name);
// The same, with dots between such parts, 128 bytes in all.
bool IsHandlerName(absl::string_view name);
// `[a-z0-9][a-z0-9._-]{0,62}`.
bool IsTaskId(absl::string_view id);
// `[a-z0-9][a-z0-9._/-]{0,62}`.
bool IsLabelKey(absl::string_view key);
// A topic to publish on: 1 to 16 tokens of `[A-Za-z0-9_-]` with dots between, 128 bytes in all; no
// wildcards, and not in the server's own `task.` and `sys.`.
bool IsResultTopic(absl::string_view topic);

// What is wrong with a time-out, or a policy, that stands in `field`: the same limits.
std::vector<FieldViolation> ValidateTimeout(absl::string_view field, absl::Duration value);
std::vector<FieldViolation> ValidateRetryPolicy(absl::string_view field, const RetryPolicy& retry);

// Checks `spec` and fills in what it leaves open (zeros of RetryPolicy, run_timeout). Returns all
// violations at once, each with its path in SubmitTaskRequest; empty: it may be submitted.
// `now` is wall-clock time.
std::vector<FieldViolation> ValidateAndComplete(TaskSpec& spec, const TaskDefaults& defaults,
                                                const TaskLimits& limits, absl::Time now);

// NOT_FOUND, reason NAMESPACE_UNKNOWN, unless it is the one that there is.
absl::Status CheckNamespace(absl::string_view ns);
// UNIMPLEMENTED, naming the field, when a better durability is asked for than the server offers: a
// promise that can't be kept is refused, never ignored.
absl::Status CheckDurability(const TaskSpec& spec, const TaskLimits& limits);

}  // namespace taskforge

#endif  // TASKFORGE_TASK_VALIDATION_H_
