// An accepted task while it lives: from its admission until its end is recorded. It is the node
// that queues and pool pass on, the word on which races between start, cancel and expiry are
// decided, and the place where those who wait for it are kept.
#ifndef TASKFORGE_TASK_TASK_H_
#define TASKFORGE_TASK_TASK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "base/ref.h"
#include "base/small_mutex.h"
#include "task/admission.h"
#include "task/finished.h"
#include "task/running_attempt.h"
#include "task/task_types.h"
#include "task/work.h"

namespace taskforge {

class Task;
using TaskRef = Ref<Task>;

// What starts attempts: the pool's threads call it. Thread-safe.
class TaskRunner {
 public:
  virtual ~TaskRunner() = default;
  // Starts an attempt of a released task. Returns whether one was started: false when the task had
  // been cancelled or had expired meanwhile.
  virtual bool Run(TaskRef task, const Dispatch& dispatch) = 0;
};

// Takes tasks that are ready to wait for their turn. Thread-safe.
class TaskSink {
 public:
  enum class Position { kBack, kFront };

  virtual ~TaskSink() = default;
  // Puts `task` (phase QUEUED, admission held) into its queue. Cannot fail: the place is held.
  virtual void Enqueue(TaskRef task, Position position) = 0;
  // Takes a waiting task out. False when it does not wait here (any more): then whoever took it out
  // sees its phase.
  virtual bool Remove(Task& task) = 0;
  // Why a task that waits for its turn does so now: kPaused, its queue is; kPriority, more urgent
  // tasks wait where it waits, so it waits for them, and not only for its turn in its own priority;
  // or kQueue. Cheap: for who shows a task.
  virtual WaitReason WhyWaits(const Task& task) const = 0;
};

// The phase decides who may do what with a task; every race is one compare-and-swap on it.
//   ACCEPTING  not acknowledged yet
//   QUEUED     waits: for a time, in a queue, or released to the pool or a worker
//   STARTING   taken by whoever starts an attempt
//   RUNNING    a handler has it
//   CANCELLING a cancel or an expiry won the race before a start
//   ENDED      its end is being recorded or is recorded
enum class TaskPhase : uint32_t { kAccepting, kQueued, kStarting, kRunning, kCancelling, kEnded };

// Thread-safe, except where a member says who owns it.
//
// There is one for each task that waits, so it is kept small: it shares the record and the spec
// with the store, and what few tasks have stands apart (Audience).
class Task final : public RefCounted<Task>, public Work {
 public:
  using Finished = taskforge::Finished;
  using WatchId = uint64_t;

  // `runner` must outlive the task. `record` must have a spec and its names and times.
  Task(TaskRecordPtr record, Admission admission, TaskRunner& runner);

  // The task that travels as `work`, with its reference, when a pool hands back what it did not
  // run; null when the work is something else.
  static TaskRef AdoptReleased(Work& work);

  // Constant after construction.
  const TaskSpec& spec() const { return *accepted_->spec; }
  const TaskSpecPtr& shared_spec() const { return accepted_->spec; }
  // The record as it was accepted.
  const TaskRecordPtr& accepted_record() const { return accepted_; }
  // Made anew by each call (TaskRecord::name).
  std::string name() const { return accepted_->name(); }
  // HashedKey::Half() of the name.
  uint32_t name_hash() const { return name_hash_; }
  size_t queue_index() const { return queue_index_; }

  TaskPhase phase() const { return phase_.load(); }
  // The one way to change the phase. Whoever takes a phase over sees what its last owner wrote to
  // the members below that follow the phase. seq_cst, as timer_id: whoever sets a timer and then
  // looks at the phase, and whoever changes the phase and then looks for a timer, cannot both miss
  // each other.
  bool TryAdvance(TaskPhase from, TaskPhase to) { return phase_.compare_exchange_strong(from, to); }

  // The record as it is now. Never null.
  TaskRecordPtr Snapshot() const ABSL_LOCKS_EXCLUDED(mu_);
  // The last record; null while the task lives.
  TaskRecordPtr finished_record() const ABSL_LOCKS_EXCLUDED(mu_);

  // Puts a new record in the place of the present one: a copy, changed by `change(TaskRecord&)`,
  // which must be short and call nothing. Tells the watchers. Does nothing (and returns false) once
  // the task was sealed.
  template <typename Change>
  bool Update(Change change) ABSL_LOCKS_EXCLUDED(mu_) {
    return TryChange([&](TaskRecord& record) {
      change(record);
      return true;
    });
  }

  // An attempt starts: `change(TaskRecord&)` returns whether it may; if so, `running` is what
  // running() returns from now on. Returns false, with nothing changed, if it may not.
  template <typename Change>
  bool StartAttempt(Ref<RunningAttempt> running, Change change) ABSL_LOCKS_EXCLUDED(mu_) {
    return TryChange([&](TaskRecord& record) ABSL_NO_THREAD_SAFETY_ANALYSIS {
      if (!change(record)) return false;
      running_ = std::move(running);
      return true;
    });
  }
  // Like Update, when an attempt has ended and the task will run again: running() is null after.
  template <typename Change>
  bool EndAttempt(Change change) ABSL_LOCKS_EXCLUDED(mu_) {
    Ref<RunningAttempt> ended;  // Let go without the lock.
    return Update([&](TaskRecord& record) ABSL_NO_THREAD_SAFETY_ANALYSIS {
      std::swap(ended, running_);
      change(record);
    });
  }
  // The attempt that runs now; null: none.
  Ref<RunningAttempt> running() const ABSL_LOCKS_EXCLUDED(mu_) {
    SmallMutexLock lock(mu_);
    return running_;
  }

  // Returns the final record: a copy of the record, changed by `change(TaskRecord&)`. The task
  // keeps showing what it showed (it counts as running until its end is stored); Finish() makes the
  // final record visible, and with it the last revision. REQUIRES: the caller moved the phase to
  // ENDED, so it is called once.
  template <typename Change>
  TaskRecordPtr Seal(Change change) ABSL_LOCKS_EXCLUDED(mu_) {
    TaskRecordPtr last;
    Ref<RunningAttempt> ended;  // Let go without the lock.
    {
      SmallMutexLock lock(mu_);
      std::swap(ended, running_);
      end_ = End::kSealed;
      last = record_;
    }
    Ref<TaskRecord> sealed = MakeRef<TaskRecord>(*last);
    ++sealed->revision;
    change(*sealed);
    return sealed;
  }
  // Tells everyone who waits that the task has ended as `record` (from Seal), gives the admission
  // back and makes it the finished record.
  void Finish(TaskRecordPtr record) ABSL_LOCKS_EXCLUDED(mu_);

  // Calls `callback` once with the final record: at once if it is known, else by whoever finishes
  // the task, without a lock held, in the order of the calls. The callback must be short and must
  // not throw.
  void OnFinished(Finished callback) ABSL_LOCKS_EXCLUDED(mu_);

  // Calls `callback` after each change, also the last, without a lock held, until the task has
  // finished or Unwatch was called. Calls may overlap, and one that had begun may end after Unwatch
  // has returned: the callback must be thread-safe and short, and owns what it touches.
  WatchId Watch(std::shared_ptr<absl::AnyInvocable<void()>> callback) ABSL_LOCKS_EXCLUDED(mu_);
  void Unwatch(WatchId id) ABSL_LOCKS_EXCLUDED(mu_);

  // Owned by the queue that holds the task, under its lock; and the links below.
  bool in_queue = false;
  // Accepted in another life of the server, which may have ended because of it. Written before
  // anybody else sees the task.
  bool is_recovered = false;

  // Written by whoever enqueues it, before it does; read by whoever starts it.
  uint32_t ahead = 0;

  Task* queue_previous = nullptr;
  Task* queue_next = nullptr;

  // The pool's dispatches that count for its priority, read after it was enqueued. Relaxed: a
  // number to check a bound with, which errs on the safe side when it comes late.
  static constexpr uint64_t kUnknownDispatch = UINT64_MAX;
  std::atomic<uint64_t> enqueued_dispatch{kUnknownDispatch};

  // The timer of the schedule, back-off, queue time-out or deadline for which it waits (0: none).
  std::atomic<uint64_t> timer_id{0};

 private:
  struct WatchEntry {
    WatchId id;
    std::shared_ptr<absl::AnyInvocable<void()>> callback;
  };
  // Who wants to know, where that is more than one who waits for the end. Guarded by the task's
  // lock until the task has finished; then it is who finished it alone who has it.
  struct Audience final : EndListener {
    void OnFinished(uint64_t token, const TaskRecordPtr& record) override;

    std::vector<Finished> on_finished;  // In the order of the calls.
    std::vector<WatchEntry> watchers;
    WatchId last_watch = 0;
  };

  static bool RunReleased(Work& work, const Dispatch& dispatch);
  void NotifyWatchers() ABSL_LOCKS_EXCLUDED(mu_);
  static void Notify(const std::vector<WatchEntry>& watchers);
  bool IsWatched() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const Audience* const known = audience();
    return known != nullptr && !known->watchers.empty();
  }
  // Null: there is none.
  Audience* audience() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return has_audience_ ? static_cast<Audience*>(on_finished_.listener()) : nullptr;
  }
  Audience& MakeAudience() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Changes the record by `change(TaskRecord&)`, unless that returns false.
  template <typename Change>
  bool TryChange(Change change) ABSL_LOCKS_EXCLUDED(mu_) {
    TaskRecordPtr before;  // Let go without the lock.
    bool is_watched = false;
    {
      SmallMutexLock lock(mu_);
      if (end_ != End::kOpen) return false;
      Ref<TaskRecord> next = MakeRef<TaskRecord>(*record_);
      if (!change(*next)) return false;
      ++next->revision;
      before = std::exchange(record_, std::move(next));
      is_watched = IsWatched();
    }
    if (is_watched) NotifyWatchers();
    return true;
  }

  // Whether the last record is made, and whether it is record_.
  enum class End : uint8_t { kOpen, kSealed, kShown };

  // These stand together, apart from their like, to fill words.
  End end_ ABSL_GUARDED_BY(mu_) = End::kOpen;
  bool has_audience_ ABSL_GUARDED_BY(mu_) = false;  // It is who on_finished_ tells.
  const uint16_t queue_index_;
  mutable SmallMutex mu_;
  std::atomic<TaskPhase> phase_{TaskPhase::kAccepting};
  const uint32_t name_hash_;

  // Constant after construction.
  const TaskRecordPtr accepted_;
  TaskRunner& runner_;

  TaskRecordPtr record_ ABSL_GUARDED_BY(mu_);
  Ref<RunningAttempt> running_ ABSL_GUARDED_BY(mu_);
  Admission admission_ ABSL_GUARDED_BY(mu_);
  Finished on_finished_ ABSL_GUARDED_BY(mu_);  // Who waits for the end.
};

// There is one for each task that waits, as there is of TaskSpec and TaskRecord (task_types.h).
static_assert(sizeof(Task) <= 144);

}  // namespace taskforge

#endif  // TASKFORGE_TASK_TASK_H_
