#include "lifecycle/queue_purge.h"

#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include "base/ref.h"

namespace taskforge {

namespace {

// Of one purge: how many it has ended, and who is to be told when all of these are kept.
class Purge final : public RefCounted<Purge> {
 public:
  explicit Purge(PurgeDone done) : done_(std::move(done)) {}

  void Begin() {
    ++purged_;
    // relaxed: whoever began the purge has its own share until all have begun.
    left_.fetch_add(1, std::memory_order_relaxed);
  }
  void End() {
    // acq_rel: whoever is the last sees what the one who began them has counted.
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) std::move(done_)(purged_);
  }

 private:
  PurgeDone done_;
  uint64_t purged_ = 0;
  std::atomic<uint64_t> left_{1};  // Of these, and one for whoever begins them.
};

}  // namespace

void PurgeQueue(absl::string_view queue, const LiveTasks& live, TaskSink& queues, TaskEnder& ender,
                const Clock& clock, PurgeDone done) {
  const absl::Time now = clock.Now();
  const auto purge = MakeRef<Purge>(std::move(done));
  for (TaskRef& task : live.WaitingIn(queue)) {
    // The phase first: a task that has started meanwhile is not asked to stop.
    if (!task->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling)) continue;
    task->Update([now](TaskRecord& record) {
      std::optional<absl::Time>& requested = record.history.Edit().cancel_requested_time;
      if (!requested.has_value()) requested = now;
    });
    queues.Remove(*task);
    purge->Begin();
    task->OnFinished([purge](const TaskRecordPtr&) { purge->End(); });
    ender.EndUnstarted(std::move(task), TaskState::kCancelled, "CANCELLED");
  }
  purge->End();
}

}  // namespace taskforge
