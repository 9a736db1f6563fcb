// One attempt that runs: what its handler holds, and its timers.
#ifndef TASKFORGE_RUNNER_RUNNING_TASK_H_
#define TASKFORGE_RUNNER_RUNNING_TASK_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "handlers/attempt.h"
#include "handlers/registry.h"
#include "runner/runner.h"
#include "task/task.h"

namespace taskforge {

// `runner` must outlive it. Thread-safe, except for Prepare().
class Runner::RunningTask final : public AttemptState {
 public:
  RunningTask(Runner& runner, TaskRef task, HandlerRef handler, const Dispatch& dispatch);

  // Numbers the attempt. REQUIRES: nobody else sees it yet, or only to request a stop.
  void Prepare(int number) { number_ = number; }
  // Sets the timer, if there is a time-out.
  void SetTimer();

  bool Finish(End end) override;
  void ReportProgress(Progress progress) override;

  std::string task_name() const override { return task_->name(); }
  const TaskSpecPtr& shared_spec() const override { return task_->shared_spec(); }
  int number() const override { return number_; }
  uint64_t boot_epoch() const override { return runner_.boot_epoch_; }
  MonoTime stop_time() const override { return stop_time_; }
  HandlerEntry* handler() const { return handler_.get(); }

 private:
  TaskError StopError(StopReason reason, bool heeded) const;
  void StopInTime();
  void Abandon();
  // False when somebody else ended it.
  bool TryEnd() { return !ended_.exchange(true); }
  void Deliver(End end);

  // Constant after construction.
  Runner& runner_;
  const TaskRef task_;
  const HandlerRef handler_;  // Null: there is none of that name.
  const MonoTime started_;
  const int seat_;
  const uint64_t ticket_;  // Of the pool's thread that started it; 0: a worker did.
  MonoTime stop_time_ = MonoTime::Max();
  StopReason stop_reason_at_time_ = StopReason::kNone;
  // Constant after Prepare().
  int number_ = 0;

  // seq_cst: whoever sets a timer and then looks whether the attempt has ended, and whoever ends it
  // and then looks for a timer, cannot both miss each other.
  std::atomic<bool> ended_{false};
  std::atomic<TimerId> timer_{0};
};

}  // namespace taskforge

#endif  // TASKFORGE_RUNNER_RUNNING_TASK_H_
