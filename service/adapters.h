// Joins parts that must not know each other: each adapter is one interface of one part over the
// face of another.
#ifndef TASKFORGE_ADAPTERS_H_
#define TASKFORGE_ADAPTERS_H_

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/cpu_watch.h"
#include "base/executor.h"
#include "bus/subscriber.h"
#include "handlers/registry.h"
#include "handlers/worker_hub.h"
#include "intake/intake.h"
#include "lifecycle/queue_purge.h"
#include "pool/closure.h"
#include "pool/refiller.h"
#include "pool/thread_pool.h"
#include "queues/release_target.h"
#include "queues/task_queues.h"
#include "rpc/pool_control.h"
#include "rpc/queue_control.h"
#include "settings/queue_settings.h"

namespace taskforge {

// Queues release tasks into the pool. Thread-safe.
class PoolReleaseTarget final : public ReleaseTarget {
 public:
  explicit PoolReleaseTarget(ThreadPool& pool) : pool_(pool) {}
  bool TryRelease(Work& work) override { return pool_.TryRelease(work); }
  size_t Released(Priority priority) const override { return pool_.Released(priority); }
  size_t ReleaseLimit() const override { return pool_.ReleaseLimit(); }
  uint64_t DispatchCount(Priority priority) const override {
    return pool_.CountedDispatches(priority);
  }

 private:
  ThreadPool& pool_;
};

// The pool asks the queues for more. Thread-safe.
class QueueRefiller final : public Refiller {
 public:
  explicit QueueRefiller(TaskQueues& queues) : queues_(queues) {}
  size_t Refill(Priority priority) override { return queues_.Refill(priority); }

 private:
  TaskQueues& queues_;
};

// The bus delivers on the pool. Thread-safe.
class PoolDrains final : public DrainExecutor {
 public:
  explicit PoolDrains(ThreadPool& pool) : pool_(pool) {}
  void SubmitReserved(Work& work) override { pool_.SubmitReserved(work); }

 private:
  ThreadPool& pool_;
};

// What intake and queues ask of handlers. Thread-safe.
class RegistryDirectory final : public HandlerDirectory, public LaneDirectory {
 public:
  explicit RegistryDirectory(const HandlerRegistry& registry) : registry_(registry) {}
  bool Knows(absl::string_view handler) const override { return registry_.Knows(handler); }
  std::vector<std::string> Near(absl::string_view handler) const override {
    return registry_.Near(handler);
  }
  bool IsRemote(absl::string_view handler) const override { return registry_.IsRemote(handler); }

 private:
  const HandlerRegistry& registry_;
};

// What intake asks of the pool, and of what waits for it. Thread-safe.
class PoolAndQueuesLoad final : public PoolLoad {
 public:
  PoolAndQueuesLoad(const ThreadPool& pool, const TaskQueues& queues)
      : pool_(pool), queues_(queues) {}
  bool IsOverloaded() const override { return pool_.IsOverloaded(); }
  absl::Duration OldestWait(Priority priority) const override {
    return queues_.OldestLocalWait(priority);
  }

 private:
  const ThreadPool& pool_;
  const TaskQueues& queues_;
};

// Workers claim from the queues. Thread-safe.
class QueueTaskSource final : public TaskSource {
 public:
  explicit QueueTaskSource(TaskQueues& queues) : queues_(queues) {}

  std::vector<TaskRef> Claim(const std::vector<std::string>& handlers, size_t max) override {
    return queues_.Claim(handlers, max);
  }
  void SetServed(const std::string& handler, bool is_served) override {
    queues_.SetLaneServed(handler, is_served);
  }

 private:
  TaskQueues& queues_;
};

// The pool as PoolService sees it: with what waits for it in the queues. Thread-safe.
class PoolAndQueues final : public PoolControl {
 public:
  PoolAndQueues(ThreadPool& pool, const TaskQueues& queues, const Clock& clock, CpuWatch& cpu_watch)
      : pool_(pool), queues_(queues), clock_(clock), cpu_watch_(cpu_watch) {}

  PoolView View() const override {
    PoolView view;
    view.stats = pool_.GetStats();
    view.now = clock_.Now();
    view.cpu_limit_cores = cpu_watch_.LimitCores();
    for (const QueueStats& queue : queues_.Stats().queues) {
      for (const Priority priority : kPriorities) {
        view.waiting_in_queues[priority] += queue.waiting[priority];
      }
    }
    return view;
  }
  absl::Status Update(const PoolUpdate& update) override { return pool_.UpdateOptions(update); }
  absl::Status SetThreadAffinity(int seat, const std::vector<int>& cpus) override {
    return pool_.SetThreadAffinity(seat, cpus);
  }
  std::vector<ResizeEvent> Resizes(size_t count, uint64_t before) const override {
    return pool_.Resizes(count, before);
  }

 private:
  ThreadPool& pool_;
  const TaskQueues& queues_;
  const Clock& clock_;
  CpuWatch& cpu_watch_;
};

// The queues as QueueService sees them: with the tasks in them. Thread-safe.
class QueuesAndTasks final : public QueueControl {
 public:
  // All of it must outlive this, and what `executor` runs.
  struct Parts {
    TaskQueues& queues;
    const LiveTasks& live;
    TaskEnder& ender;
    const Clock& clock;
    Executor& executor;
    QueueSettings& settings;
  };

  explicit QueuesAndTasks(const Parts& parts) : parts_(parts) {}

  std::vector<QueueStats> List() const override { return parts_.queues.Stats().queues; }
  absl::StatusOr<QueueStats> Get(absl::string_view queue) const override {
    return parts_.queues.Get(queue);
  }
  void Create(QueueOptions options, DoneCallback done) override {
    const std::string name = options.name;
    Keep(parts_.queues.Create(std::move(options)), name, std::move(done));
  }
  void Update(const std::string& queue, const QueueUpdate& update, DoneCallback done) override {
    Keep(parts_.queues.Update(queue, update), queue, std::move(done));
  }
  void Delete(const std::string& queue, DoneCallback done) override {
    Keep(parts_.queues.Delete(queue), queue, std::move(done));
  }
  void Pause(const std::string& queue, absl::string_view reason, DoneCallback done) override {
    Keep(parts_.queues.Pause(queue, reason), queue, std::move(done));
  }
  void Resume(const std::string& queue, absl::string_view reason, DoneCallback done) override {
    Keep(parts_.queues.Resume(queue, reason), queue, std::move(done));
  }
  void Purge(std::string queue, std::string reason, PurgeCallback done) override {
    if (!parts_.queues.Look(queue).has_value()) {
      return std::move(done)(parts_.queues.UnknownError(queue));
    }
    std::vector<FieldViolation> violations = ValidateQueueReason(reason);
    if (!violations.empty()) return std::move(done)(InvalidArgument(std::move(violations)));
    parts_.executor.Execute([this, queue = std::move(queue), reason = std::move(reason),
                             done = std::move(done)]() mutable {
      PurgeQueue(queue, parts_.live, parts_.queues, parts_.ender, parts_.clock,
                 [this, queue, reason = std::move(reason), done = std::move(done)](
                     uint64_t purged) mutable { Purged(queue, reason, purged, std::move(done)); });
    });
  }

 private:
  void Purged(const std::string& queue, const std::string& reason, uint64_t purged,
              PurgeCallback done) {
    Keep(parts_.queues.NotePurge(queue, reason, purged), queue,
         [purged, done = std::move(done)](const absl::Status& kept) mutable {
           if (!kept.ok()) return std::move(done)(kept);
           std::move(done)(purged);
         });
  }
  // What was done, if it was.
  void Keep(const absl::Status& was_done, const std::string& queue, DoneCallback done) {
    if (!was_done.ok()) return std::move(done)(was_done);
    parts_.settings.Keep(queue, std::move(done));
  }

  const Parts parts_;
};

// Runs closures on the pool. Thread-safe.
class PoolExecutor final : public Executor {
 public:
  PoolExecutor(ThreadPool& pool, const Clock& clock) : pool_(pool), clock_(clock) {}

  void Execute(absl::AnyInvocable<void() &&> work) override {
    auto* const closure =
        MakeClosure(Priority::kNormal, [body = std::move(work)]() mutable { std::move(body)(); });
    closure->enqueued = clock_.Monotonic();
    // Full: the caller does it, which slows down whoever brings more.
    if (!pool_.TrySubmit(*closure).ok()) closure->run(*closure, Dispatch());
  }

 private:
  ThreadPool& pool_;
  const Clock& clock_;
};

}  // namespace taskforge

#endif  // TASKFORGE_ADAPTERS_H_
