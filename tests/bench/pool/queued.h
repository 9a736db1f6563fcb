// The way of a task through the queues to the pool, behind the face of the pools: admitted to a
// queue that is never full, made, enqueued, released, dispatched and given back. What stands around
// it in the server (calls, records, results, events) is left out: tasks of a priority share one
// record.
#ifndef TASKFORGE_BENCH_POOL_QUEUED_H_
#define TASKFORGE_BENCH_POOL_QUEUED_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <utility>

#include "base/clock.h"
#include "pool/closure.h"
#include "pool/ours.h"
#include "pool/refiller.h"
#include "pool/thread_pool.h"
#include "queues/task_queues.h"
#include "task/task.h"

namespace taskforge::bench {

// Joins a pool and queues as the server does; every handler is local. Thread-safe.
class PoolJoint final : public ReleaseTarget, public Refiller, public LaneDirectory {
 public:
  explicit PoolJoint(ThreadPool& pool) : pool_(pool) {}
  // Before the pool starts.
  void SetQueues(TaskQueues& queues) { queues_ = &queues; }

  bool TryRelease(Work& work) override { return pool_.TryRelease(work); }
  size_t Released(Priority priority) const override { return pool_.Released(priority); }
  size_t ReleaseLimit() const override { return pool_.ReleaseLimit(); }
  uint64_t DispatchCount(Priority priority) const override {
    return pool_.CountedDispatches(priority);
  }
  size_t Refill(Priority priority) override { return queues_->Refill(priority); }
  bool IsRemote(absl::string_view) const override { return false; }

 private:
  ThreadPool& pool_;
  TaskQueues* queues_ = nullptr;
};

// Runs a function object for one task and is gone, without an allocation (pool/closure.h).
template <typename F>
class RunOnce final : public TaskRunner {
 public:
  static RunOnce& Make(F function) {
    static_assert(sizeof(RunOnce) <= 64);
    return *new (NodeBlocks<64>::Take()) RunOnce(std::move(function));
  }

  bool Run(TaskRef task, const Dispatch&) override {
    const bool starts = task->TryAdvance(TaskPhase::kQueued, TaskPhase::kStarting);
    if (starts) function_();
    this->~RunOnce();
    NodeBlocks<64>::Give(this);
    return starts;
  }

 private:
  explicit RunOnce(F function) : function_(std::move(function)) {}
  ~RunOnce() override = default;

  F function_;
};

class QueuedPool {
 public:
  QueuedPool()
      : pool_(BenchPoolOptions(), clock_),
        joint_(pool_),
        queues_(Unlimited(), clock_, joint_, joint_) {
    for (const Priority priority : kPriorities) {
      TaskSpec spec;
      spec.handler = SharedText("none");
      spec.priority = priority;
      Ref<TaskRecord> record = MakeRef<TaskRecord>();
      record->spec = MakeRef<TaskSpec>(std::move(spec));
      records_[priority] = std::move(record);
    }
    joint_.SetQueues(queues_);
    pool_.SetRefiller(&joint_);
    Check(pool_.Start());
  }
  // Everything that was submitted has run.
  ~QueuedPool() { pool_.Stop(); }

  template <typename F>
  void Submit(int i, F f) {
    absl::StatusOr<Admission> admission = queues_.Admit("default", 1);
    Check(admission.status());
    TaskRef task = MakeRef<Task>(records_[PriorityAt(i)], *std::move(admission),
                                 RunOnce<F>::Make(std::move(f)));
    task->TryAdvance(TaskPhase::kAccepting, TaskPhase::kQueued);
    queues_.Enqueue(std::move(task), TaskSink::Position::kBack);
  }

 private:
  static TaskQueuesOptions Unlimited() {
    QueueOptions queue;
    queue.max_tasks = SIZE_MAX / 2;
    queue.max_bytes = SIZE_MAX / 2;
    return {{queue}};
  }
  static void Check(const absl::Status& status) {
    if (status.ok()) return;
    std::fprintf(stderr, "through the queues: %s\n", status.ToString().c_str());
    std::exit(1);
  }

  const SystemClock clock_;
  PerPriority<TaskRecordPtr> records_;
  ThreadPool pool_;
  PoolJoint joint_;
  TaskQueues queues_;
};

}  // namespace taskforge::bench

#endif  // TASKFORGE_BENCH_POOL_QUEUED_H_
