// The vocabulary of a task: plain values. What a client asks for (TaskSpec), what became of it
// (TaskRecord), and their parts. Units and defaults stand with each field; limits are in
// task/validation.h.
#ifndef TASKFORGE_TASK_TASK_TYPES_H_
#define TASKFORGE_TASK_TASK_TYPES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/ref.h"
#include "base/shared_text.h"
#include "base/shared_value.h"
#include "base/sparse.h"
#include "task/priority.h"
#include "task/task_state.h"
#include "task/uuid.h"

namespace taskforge {

// A copy shares the bytes.
struct Payload {
  SharedText content_type;  // MIME; empty: not said.
  SharedText data;
  bool is_text = false;  // Whether the client gave (and gets) it as text_data; then valid UTF-8.
  bool operator==(const Payload&) const = default;
};

// Why an attempt, or a task, failed. Data, never an RPC error.
struct TaskError {
  absl::StatusCode code = absl::StatusCode::kUnknown;
  std::string reason;  // UPPER_SNAKE_CASE; ours: TIMEOUT, DEADLINE, LOST, EXCEPTION, POISONED.
  std::string message;
  bool retryable = true;
  bool operator==(const TaskError&) const = default;
};

// Of an attempt that was lost because its server was stopped: it does not count against the task.
inline constexpr char kShutdownReason[] = "SHUTDOWN";

// Backoff before attempt n+1: min(max_backoff, min_backoff * multiplier^(n-1)), then moved by a
// uniform share of +-jitter.
struct RetryPolicy {
  int max_attempts = 1;
  absl::Duration min_backoff = absl::Seconds(1);
  absl::Duration max_backoff = absl::Minutes(5);
  double multiplier = 2.0;
  double jitter = 0.2;
  std::vector<std::string> non_retryable_reasons;
  bool operator==(const RetryPolicy&) const = default;
};

// The one namespace that there is today. Names may carry it (`namespaces/default/queues/…`); keys
// and records do, so that there can be others.
inline constexpr char kDefaultNamespace[] = "default";
// The queue that there always is, and of tasks that name none.
inline constexpr char kDefaultQueue[] = "default";

// When and how often a task runs, and what becomes of its result: most take the defaults.
struct TaskTerms {
  absl::Time schedule_time = absl::InfinitePast();  // Not before.
  absl::Time deadline = absl::InfiniteFuture();
  absl::Duration queue_timeout = absl::InfiniteDuration();  // From acceptance to the first start.
  absl::Duration run_timeout = absl::InfiniteDuration();    // Of each attempt.
  RetryPolicy retry;
  std::string result_topic;                  // Besides `task.…`; empty: none.
  std::optional<absl::Duration> result_ttl;  // None: the queue's, by outcome.
  std::map<std::string, std::string> labels;
};

// 128 bits: equal for equal content. The same on every machine and in every run, so that it may be
// stored. Not for secrets, nor against somebody who seeks collisions (with his own requests).
struct SpecHash {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const SpecHash&) const = default;
};

// Where a task comes from: the names that others gave it, its submission and its call.
struct TaskOrigin {
  std::string ns = kDefaultNamespace;
  std::string task_id;     // The client's own; empty: the server makes one.
  std::string request_id;  // Empty: not deduplicated.
  std::string principal;   // Who asked; empty: nobody identified.
  std::string retry_of;    // Name of the task that this one repeats; empty: none.
  // Of the call that submitted it, valid or empty (task/trace.h).
  std::string traceparent;
  std::string x_request_id;
  // Of the submission with that request_id, as it came: what the queue and the server filled in may
  // be another when it is repeated. Zero: it was not noted (RequestHashOf).
  SpecHash request_hash;
};

// What a client asked for, validated and with defaults filled in. Immutable once accepted, so it is
// shared between threads. There is one for each task that waits, so what most tasks leave open is
// in parts that they do not have.
struct TaskSpec : SharedValue<TaskSpec> {
  Priority priority = Priority::kNormal;
  Durability requested_durability = Durability::kUnspecified;
  bool cancel_on_disconnect = false;
  SharedText queue = kDefaultQueue;
  SharedText handler;
  Payload input;
  Sparse<TaskTerms> terms;
  Sparse<TaskOrigin> origin;
};
using TaskSpecPtr = Ref<const TaskSpec>;

// Names one attempt of one task in one life of the server: a result under another fence is refused.
struct Fence {
  std::string task_name;
  uint64_t boot_epoch = 0;
  int attempt = 0;
  bool operator==(const Fence&) const = default;
};

struct AttemptRecord {
  int number = 0;  // From 1.
  absl::Time queued_time;
  absl::Time started_time = absl::InfinitePast();
  absl::Time ended_time = absl::InfiniteFuture();  // InfiniteFuture: not ended.
  std::string executor;                            // `pool/seat-3`, `workers/NAME`.
  Boxed<TaskError> error;
  bool lost = false;  // Taken by a lost worker or lease, not by the handler.
  // For whoever checks the waiting bound (pool/slot_table.h). Zero where the pool did not run it.
  // Dispatches of the pool that count for its priority: when it had been queued, and when it
  // started, its own included.
  uint64_t enqueued_dispatch = 0;
  uint64_t started_dispatch = 0;
  uint32_t ahead = 0;  // Tasks of its priority before it when it was queued.
  uint32_t seats = 0;  // Seats that may have dispatched since.
};

struct Progress {
  double fraction = 0;  // In [0, 1].
  std::string message;
  bool operator==(const Progress&) const = default;
};

// What has happened to a task since it was accepted: nothing, while it waits for the first time.
struct TaskHistory {
  std::vector<AttemptRecord> attempts;
  Boxed<Progress> progress;
  Boxed<Payload> output;
  Boxed<TaskError> error;
  absl::Time start_time = absl::InfinitePast();  // Of the last attempt.
  absl::Time end_time = absl::InfiniteFuture();
  absl::Time expire_time = absl::InfiniteFuture();  // When a finished record may go.
  absl::Time next_attempt_time = absl::InfinitePast();
  std::optional<absl::Time> cancel_requested_time;
  int64_t queue_wait_ns = 0;  // Of the last attempt.
  int64_t run_ns = 0;         // Of the last attempt.
};

// What is known of a task at one time. A value: a copy is a consistent view. What is shared (as
// TaskRecordPtr) is immutable: each change of a task makes a new record, which shares the spec.
struct TaskRecord : SharedValue<TaskRecord> {
  // `queues/{queue}/tasks/{task}`. Made anew by each call: the spec and the uid hold all of it.
  std::string name() const;

  TaskState state = TaskState::kQueued;
  WaitReason wait_reason = WaitReason::kQueue;
  Durability effective_durability = Durability::kMemory;
  bool output_evicted = false;
  TaskSpecPtr spec;
  Uuid uid;  // Of version 7. The task's id, where the client gave none.
  absl::Time create_time;
  uint64_t revision = 1;  // Grows with each change; the etag.
  Sparse<TaskHistory> history;
};
using TaskRecordPtr = Ref<const TaskRecord>;

// A waiting task has one spec and one record; at the default bound of 100,000 tasks, 100 bytes more
// in either are 10 MB. (Sizes of x86-64's ABI.)
static_assert(sizeof(TaskSpec) <= 64 && sizeof(TaskRecord) <= 64);

// `queues/{queue}/tasks/{task}`, within its namespace.
std::string TaskName(absl::string_view queue, absl::string_view task_id);

// A record's name without an allocation: to look it up, hash or compare it.
class TaskNameText {
 public:
  explicit TaskNameText(const TaskRecord& record);
  absl::string_view view() const { return {text_.data(), text_.size()}; }

 private:
  // A queue and a task id of 63 bytes each fit.
  absl::InlinedVector<char, 144> text_;
};

// Bytes that a record holds on to, for byte limits: payloads, strings and a fixed overhead.
size_t CostBytes(const TaskSpec& spec);
size_t CostBytes(const TaskRecord& record);

}  // namespace taskforge

#endif  // TASKFORGE_TASK_TASK_TYPES_H_
