// Starts attempts and sees that each ends once: by its handler's completion, or by a time-out that
// the handler did not heed.
#ifndef TASKFORGE_RUNNER_RUNNER_H_
#define TASKFORGE_RUNNER_RUNNER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sharded_counter.h"
#include "base/timer.h"
#include "base/wall_time.h"
#include "handlers/registry.h"
#include "handlers/remote_starter.h"
#include "task/attempt_sink.h"
#include "task/start_gate.h"
#include "task/task.h"
#include "task/task_ender.h"
#include "task/thread_owner.h"

namespace taskforge {

struct RunnerOptions {
  // How long a handler that was asked to stop by a time-out may take, before the attempt is ended
  // without it and its late result is refused. Longer: more results are kept; shorter: the task is
  // free sooner. Default 5 s.
  absl::Duration stop_grace = absl::Seconds(5);
};

struct RunnerStats {
  uint64_t started = 0;    // Attempts.
  uint64_t unstarted = 0;  // Released or claimed, but cancelled or expired meanwhile.
  uint64_t timed_out = 0;  // Attempts that were asked to stop by run_timeout or deadline.
  uint64_t abandoned = 0;  // ... and did not within the grace.
  uint64_t refused = 0;    // Results that came after their attempt had ended.
};

// Before an attempt in this server: a task that its gate does not let start any more goes back
// there, as if it had not been released. Before every attempt: a task whose deadline or (first
// attempt) queue_timeout has passed ends as EXPIRED, one whose cancel was requested as CANCELLED,
// and neither starts. While it runs: at run_timeout or deadline the handler is asked to stop; what
// it then fails with becomes FAILED, reason TIMEOUT (retryable) or DEADLINE (final); a handler that
// still succeeds has succeeded. After the grace the attempt ends so without it, and if the handler
// still holds a thread of the pool, the pool is told. An attempt without a time-out sets no timer
// and reads the clock once, at its end. Thread-safe.
class Runner final : public TaskRunner, public RemoteStarter {
 public:
  // What it is joined to; all of it must outlive the runner.
  struct Parts {
    const HandlerRegistry& registry;
    AttemptSink& sink;
    TaskEnder& ender;
    const Clock& clock;
    Timer& timer;
    Log& log;
    ThreadOwner* threads = nullptr;  // Is told of threads that abandoned attempts hold; or nobody.
    StartGate* gate = nullptr;       // Null: whatever is released may start.
  };

  // `boot_epoch` goes into every fence. The runner must outlive all attempts, late ones too.
  Runner(const RunnerOptions& options, uint64_t boot_epoch, Parts parts);
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  bool Run(TaskRef task, const Dispatch& dispatch) override;
  std::optional<RemoteAttempt> StartRemote(TaskRef task, const std::string& executor) override;

  RunnerStats stats() const;

 private:
  class RunningTask;
  enum class Verdict { kStart, kCancelled, kQueueTimeout, kDeadline };

  // Makes the task RUNNING and returns its attempt, its timers set; null when it may not start, and
  // then it has been ended. REQUIRES: this thread moved the phase to STARTING.
  Ref<RunningTask> Begin(const TaskRef& task, const Dispatch& dispatch, std::string executor);
  static Verdict Judge(const TaskRecord& record, const Task& task, MonoTime now,
                       absl::Time wall_now);
  void EndUnstarted(const TaskRef& task, Verdict verdict);

  const RunnerOptions options_;
  const uint64_t boot_epoch_;
  const Parts parts_;
  WallTime wall_time_;

  ShardedCounter started_;
  ShardedCounter unstarted_;
  ShardedCounter timed_out_;
  ShardedCounter abandoned_;
  ShardedCounter refused_;
};

}  // namespace taskforge

#endif  // TASKFORGE_RUNNER_RUNNER_H_
