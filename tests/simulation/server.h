// One life of a server without threads: intake, queues, runner, lifecycle and the stores, joined as
// in service/composition.cc, on a simulated disk and a pool that a simulation drives.
#ifndef TASKFORGE_SIMULATION_SERVER_H_
#define TASKFORGE_SIMULATION_SERVER_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/random.h"
#include "handlers/handler.h"
#include "handlers/registry.h"
#include "intake/intake.h"
#include "intake/recovery.h"
#include "lifecycle/lifecycle.h"
#include "lifecycle/task_directory.h"
#include "queues/task_queues.h"
#include "runner/runner.h"
#include "simulation/faulty_engine.h"
#include "simulation/virtual_pool.h"
#include "store/durable_store.h"
#include "store/memory_store.h"
#include "store/store_router.h"
#include "support/capturing_log.h"
#include "support/fake_clock.h"
#include "support/fake_timer.h"

namespace taskforge {

inline constexpr char kLocalHandler[] = "local";    // Run by the pool.
inline constexpr char kRemoteHandler[] = "remote";  // Run by workers.

// What is around a life. All of it must outlive it.
struct ServerWorld {
  FakeClock& clock;
  Random& random;
  FaultyEngine& engine;
  // Starts the attempts of the local handler.
  std::function<void(Attempt, Completion)> start;
  // What the pool's seats are while a thread waits for the store: called until it has answered.
  std::function<void()> let_store_go_on;
  std::function<absl::Status()> check_room;
  std::function<void(const absl::Status&)> on_store_failure;
  size_t seats = 2;
  std::vector<QueueOptions> queues;
  LifecycleOptions lifecycle;
  DurableStoreOptions store;
};

// Passes tasks on to the queues, and sees that first attempts start in the order in which they
// came, within a queue, a priority and a lane; and that no more start before one, of those that the
// pool runs, than it was told when it came (Task::ahead). Not thread-safe.
class OrderWatch final : public TaskSink {
 public:
  OrderWatch(TaskQueues& queues, const HandlerRegistry& registry, const VirtualPool& pool)
      : queues_(queues), registry_(registry), pool_(pool) {}

  void Enqueue(TaskRef task, Position position) override;
  bool Remove(Task& task) override { return queues_.Remove(task); }
  WaitReason WhyWaits(const Task& task) const override { return queues_.WhyWaits(task); }

  // An attempt starts. What is wrong with it, of a first one; empty: nothing.
  std::string Started(const std::string& name, const TaskSpec& spec, int attempt);
  // A queue is paused or resumed. Of what waits in it nothing more is said, for some of it may have
  // been released; nor, of what waits anywhere, how much comes before it.
  void Forget(const std::string& queue);

 private:
  using Lane = std::tuple<std::string, Priority, bool>;
  struct Waiting {
    TaskRef task;
    uint64_t started = 0;    // That had started, or left the pool to start, when it came.
    uint64_t disturbed = 0;  // How often it had come otherwise than was told.
  };

  TaskQueues& queues_;
  const HandlerRegistry& registry_;
  const VirtualPool& pool_;
  std::map<Lane, std::deque<Waiting>> waiting_;
  PerPriority<uint64_t> started_;
  uint64_t disturbed_ = 0;
};

// Members are parts: whoever simulates drives them. Not thread-safe.
class Server {
 public:
  // Opens the store, takes over what is in it and serves. As the store says.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerWorld& world);
  // Nothing runs any more. REQUIRES: no Completion of its attempts is left.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The process ends: what waits on the store is answered, nothing starts any more.
  void End();
  // Of its own counters: accepted or taken over, less ended, less alive. Zero where no write is on
  // its way.
  int64_t AuditResidual() const;

 private:
  // Whoever waits for a note waits here, while the store's threads go on.
  class PatientStore;
  class StartHandler;
  class Directory;

  Server(const ServerWorld& world, std::unique_ptr<DurableStore> durable);
  absl::Status Recover();

  const ServerWorld world_;
  CapturingLog log_;
  HandlerRegistry registry_;
  std::vector<HandlerRegistration> registrations_;
  const std::unique_ptr<Directory> handlers_;
  UuidSequence uuids_;
  size_t recovered_ = 0;

 public:
  VirtualPool pool;
  TaskQueues queues;
  FakeTimer timer;
  LiveTasks live;
  OrderWatch order;
  MemoryStore memory;
  const std::unique_ptr<DurableStore> durable;
  StoreRouter store;

 private:
  const std::unique_ptr<PatientStore> patient_;
  const std::unique_ptr<TaskEvents> events_;
  const std::unique_ptr<PoolLoad> load_;

 public:
  Lifecycle lifecycle;
  Runner runner;
  TaskDirectory tasks;
  WaitStarter waits;
  Intake intake;
};

}  // namespace taskforge

#endif  // TASKFORGE_SIMULATION_SERVER_H_
