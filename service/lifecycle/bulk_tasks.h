// Cancels and retries the tasks that a filter selects, a page at a time.
#ifndef TASKFORGE_LIFECYCLE_BULK_TASKS_H_
#define TASKFORGE_LIFECYCLE_BULK_TASKS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "task/task_api.h"
#include "task/task_types.h"

namespace taskforge {

// What the repetition of a task that has ended asks for: the same as the first did, without what
// meant its own call alone (request_id, principal, trace, cancel_on_disconnect) and without times
// that have passed at `now`. retry_of names it.
TaskSpec SpecToRetry(const TaskRecord& ended, absl::Time now);

// One call. A page is all that it looks at, and the token of the answer goes on behind it.
struct BulkRequest {
  TaskFilter filter;
  int page_size = 0;  // 1 to 1000.
  std::string page_token;
  bool dry_run = false;  // Only tells what it would do.
};

struct BulkResult {
  // As many names, and failures, as one answer has at most; all are counted.
  static constexpr size_t kMaxNames = 100;

  struct Done {
    std::string name;
    std::string made;  // Of a retry: the new task. Empty in a dry run.
  };
  struct Failure {
    std::string name;
    absl::Status status;
  };

  uint64_t matched = 0;
  // Zero in a dry run, all three. Every one that matched is in one of them.
  uint64_t done = 0;      // Cancelled, and never starts any more; or retried.
  uint64_t stopping = 0;  // It ran: it was asked to stop.
  uint64_t failed = 0;
  std::vector<Done> names;  // What matched, those that failed left out.
  std::vector<Failure> failures;
  std::string next_page_token;  // Empty: the last page.
};

// Never waits: it goes on where the store calls back. Of a retry at most kRetryWindow tasks are on
// their way at once, so that few inputs are in memory. Both parts must outlive it and the
// callbacks. Thread-safe.
class BulkTasks {
 public:
  using Callback = absl::AnyInvocable<void(absl::StatusOr<BulkResult>) &&>;
  static constexpr size_t kRetryWindow = 32;

  BulkTasks(TaskControl& control, Submitter& submitter, const Clock& clock)
      : control_(control), submitter_(submitter), clock_(clock) {}

  // Cancels what has not ended; what ends meanwhile counts as failed, with TASK_ENDED. `done` is
  // called when each cancel is as durable as its task. Errors as TaskControl::List has them.
  void Cancel(BulkRequest request, Callback done) const;

  // Who asks, for the tasks that are made.
  struct Asker {
    std::string principal;
    std::string traceparent;
    std::string x_request_id;
    // Each task that is made has it, with `/{uid of the old one}` behind it, as its request_id: so
    // a call that is repeated makes none twice. Empty: none.
    std::string request_id;
  };
  // REQUIRES: the filter has a terminal state. What is refused (a full queue, say) counts as failed
  // with the refusal.
  void Retry(BulkRequest request, Asker asker, Callback done) const;

 private:
  class Run;
  class CancelRun;
  class RetryRun;

  TaskControl& control_;
  Submitter& submitter_;
  const Clock& clock_;
};

}  // namespace taskforge

#endif  // TASKFORGE_LIFECYCLE_BULK_TASKS_H_
