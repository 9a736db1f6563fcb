// Keeps what was set on queues while the server ran, beside the tasks, for its next life.
#ifndef TASKFORGE_SETTINGS_QUEUE_SETTINGS_H_
#define TASKFORGE_SETTINGS_QUEUE_SETTINGS_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "queues/queue_options.h"
#include "queues/task_queues.h"
#include "store/setting.h"

namespace taskforge {

// Who has spoken last counts: limits and defaults that were set hold at the next start, unless the
// configuration of the queue is another one then; a pause holds in either case.
// Thread-safe.
class QueueSettings {
 public:
  // `configured`: of the queues that the configuration names. `store` is null where nothing
  // outlives the server. Both must outlive it.
  QueueSettings(TaskQueues& queues, const std::vector<QueueOptions>& configured,
                SettingsStore* store);

  struct Report {
    std::vector<std::string> restored;  // All whose settings were kept.
    std::vector<std::string> paused;    // Of these.
    // Of these, where the configuration has changed since, and counts.
    std::vector<std::string> reconfigured;
  };
  // Makes and sets the queues as they were kept. DATA_LOSS, UNAVAILABLE; FAILED_PRECONDITION, which
  // says what to do: there is no place for one. REQUIRES: no queue has a task.
  absl::StatusOr<Report> Recover();

  // Keeps the queue as it is now, or that it is gone. `done` is called once that has reached the
  // disk, or with why it has not; at once where nothing outlives the server. It must not call this.
  void Keep(const std::string& queue, absl::AnyInvocable<void(absl::Status) &&> done)
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  absl::Status RestoreOne(absl::string_view name, absl::string_view bytes, Report& report);

  TaskQueues& queues_;
  SettingsStore* const store_;
  absl::flat_hash_map<std::string, QueueOptions> configured_;  // Constant after construction.
  // Held from the look at a queue until it is on its way to the store, so that what is kept last is
  // what was seen last.
  Mutex mu_;
};

}  // namespace taskforge

#endif  // TASKFORGE_SETTINGS_QUEUE_SETTINGS_H_
