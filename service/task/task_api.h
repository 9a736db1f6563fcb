// What the service offers to those who speak with clients: submit, read, wait, end. rpc/ and the
// tests see tasks only through these interfaces; composition.cc puts the parts behind them.
#ifndef TASKFORGE_TASK_TASK_API_H_
#define TASKFORGE_TASK_TASK_API_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/error.h"
#include "task/task.h"
#include "task/task_types.h"

namespace taskforge {

struct SubmitReceipt {
  TaskRecordPtr record;    // As it was when it was accepted (or, for a duplicate, as it is).
  bool duplicate = false;  // The request_id stood for this task already.
};

struct Submission {
  // As the client gave it, defaults not filled in: intake validates and completes it.
  TaskSpec spec;
  // Called once with the receipt or the refusal; perhaps before Submit returns. Must be short.
  absl::AnyInvocable<void(absl::StatusOr<SubmitReceipt>) &&> on_receipt;
  // If set: called once when the accepted task has ended, after on_receipt. Not called if refused.
  Task::Finished on_finished;
  // What was wrong with the message already, where it was converted: told with all the rest.
  std::vector<FieldViolation> violations;
  // False: the client named none; spec.priority stands in unless its queue has a default.
  bool has_priority = true;
  // Whether the spec says how often it is tried. If not, the queue may.
  bool has_retry_policy = false;
};

// Accepts tasks. Thread-safe.
class Submitter {
 public:
  virtual ~Submitter() = default;
  // Validates (all violations at once), reserves, stores, enqueues. Never blocks.
  virtual void Submit(Submission submission) = 0;
  // The same for many at once, in their order, cheaper for each.
  virtual void SubmitBatch(std::vector<Submission> submissions) = 0;
};

struct TaskFilter {
  std::optional<std::string> queue;
  std::optional<TaskState> state;
  std::optional<std::string> handler;
  bool only_living = false;  // Those that have not ended.
};

struct TaskPage {
  std::vector<TaskRecord> records;  // Newest first, without inputs and outputs.
  std::string next_page_token;      // Empty: the last page.
  // Of each record, as the store gave it: the token of a page that begins behind it.
  std::vector<std::string> places;
};

// Reads and ends tasks. `name` is always the full name. Callbacks are called once, perhaps before
// the function returns, and must be short. Thread-safe.
class TaskControl {
 public:
  using RecordCallback = absl::AnyInvocable<void(absl::StatusOr<TaskRecordPtr>) &&>;
  using PageCallback = absl::AnyInvocable<void(absl::StatusOr<TaskPage>) &&>;
  using StatusCallback = absl::AnyInvocable<void(absl::Status) &&>;

  virtual ~TaskControl() = default;

  // NOT_FOUND: no such task, or its result has expired. The wait reason of a task that waits for
  // its turn is as of now: kPaused while its queue is, kPriority while more urgent work waits
  // before it. So in List.
  virtual void Get(const std::string& name, RecordCallback done) = 0;
  // `page_size` in [1, 1000]. INVALID_ARGUMENT: a page token that is not ours.
  virtual void List(const TaskFilter& filter, int page_size, const std::string& page_token,
                    PageCallback done) = 0;
  // The live task, to wait for or to watch; null when it has ended or never was.
  virtual TaskRef FindLive(const std::string& name) = 0;
  // A waiting task never starts after OK. A running one is asked to stop; the answer shows it as it
  // is then. FAILED_PRECONDITION, reason TASK_ENDED.
  virtual void Cancel(const std::string& name, RecordCallback done) = 0;
  // FAILED_PRECONDITION, reason TASK_NOT_ENDED.
  virtual void Delete(const std::string& name, StatusCallback done) = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_TASK_TASK_API_H_
