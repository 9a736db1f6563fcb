#include "simulation/server.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace taskforge {
namespace {

class NoEvents final : public TaskEvents {
 public:
  bool Wanted(const TaskSpec&, TaskState) const override { return false; }
  void Publish(const TaskRecordPtr&) override {}
};

class NoLoad final : public PoolLoad {
 public:
  bool IsOverloaded() const override { return false; }
  absl::Duration OldestWait(Priority) const override { return absl::ZeroDuration(); }
};

IntakeOptions IntakeOptionsOf() {
  IntakeOptions options;
  options.limits.best_durability = Durability::kDurable;
  options.defaults.durability = Durability::kDurable;
  return options;
}

MemoryStoreOptions MemoryOptionsOf(uint64_t boot_epoch) {
  MemoryStoreOptions options;
  options.boot_epoch = boot_epoch;
  options.shards = 1;
  return options;
}

}  // namespace

void OrderWatch::Enqueue(TaskRef task, Position position) {
  const TaskSpec& spec = task->spec();
  if (position == Position::kFront) {
    ++disturbed_;
  } else if (task->Snapshot()->history->attempts.empty()) {
    const Lane lane{spec.queue.str(), spec.priority, registry_.IsRemote(spec.handler)};
    const uint64_t started = started_[spec.priority] + pool_.Starting(spec.priority);
    waiting_[lane].push_back({task, started, disturbed_});
  }
  queues_.Enqueue(std::move(task), position);
}

std::string OrderWatch::Started(const std::string& name, const TaskSpec& spec, int attempt) {
  const bool is_remote = registry_.IsRemote(spec.handler);
  const uint64_t started = is_remote ? 0 : started_[spec.priority]++;
  if (attempt != 1) return "";
  std::deque<Waiting>& tasks = waiting_[{spec.queue.str(), spec.priority, is_remote}];
  const auto it = std::find_if(tasks.begin(), tasks.end(),
                               [&](const Waiting& each) { return each.task->name() == name; });
  if (it == tasks.end()) return "";
  std::string wrong;
  for (auto before = tasks.begin(); before != it && wrong.empty(); ++before) {
    if (before->task->phase() != TaskPhase::kQueued) continue;
    wrong = absl::StrCat("overtakes ", before->task->name());
  }
  if (!is_remote && it->disturbed == disturbed_ && started > it->started + it->task->ahead) {
    wrong = absl::StrCat(started - it->started, " started before it, and ", it->task->ahead,
                         " were ahead");
  }
  tasks.erase(tasks.begin(), it + 1);
  return wrong;
}

void OrderWatch::Forget(const std::string& queue) {
  ++disturbed_;
  for (auto& [lane, tasks] : waiting_) {
    if (std::get<0>(lane) == queue) tasks.clear();
  }
}

class Server::PatientStore final : public TaskStore {
 public:
  PatientStore(TaskStore& store, const ServerWorld& world) : store_(store), world_(world) {}

  void Append(absl::Span<Appending> batch) override { store_.Append(batch); }
  void CompleteIf(absl::Span<Completing> batch) override { store_.CompleteIf(batch); }
  void Note(const TaskRecordPtr& record, StatusCallback written) override {
    if (!written) return store_.Note(record, {});
    bool is_written = false;
    store_.Note(record, [&](absl::Status status) {
      is_written = true;
      std::move(written)(std::move(status));
    });
    while (!is_written) world_.let_store_go_on();
  }
  void FindRequest(const std::string& request_key, RequestCallback done) override {
    store_.FindRequest(request_key, std::move(done));
  }
  void Read(const std::string& name, RecordCallback done) override {
    store_.Read(name, std::move(done));
  }
  void List(const TaskFilter& filter, int page_size, const std::string& page_token,
            PageCallback done) override {
    store_.List(filter, page_size, page_token, std::move(done));
  }
  void Delete(const std::string& name, StatusCallback done) override {
    store_.Delete(name, std::move(done));
  }
  Durability effective_durability() const override { return store_.effective_durability(); }

 private:
  TaskStore& store_;
  const ServerWorld& world_;
};

class Server::StartHandler final : public Handler {
 public:
  explicit StartHandler(const ServerWorld& world) : world_(world) {}
  HandlerInfo info() const override { return {kLocalHandler, HandlerKind::kBuiltIn, "", "", ""}; }
  void Start(Attempt attempt, Completion done) override {
    world_.start(std::move(attempt), std::move(done));
  }

 private:
  const ServerWorld& world_;
};

class Server::Directory final : public HandlerDirectory, public LaneDirectory {
 public:
  explicit Directory(const HandlerRegistry& registry) : registry_(registry) {}
  bool Knows(absl::string_view handler) const override { return registry_.Knows(handler); }
  std::vector<std::string> Near(absl::string_view) const override { return {}; }
  bool IsRemote(absl::string_view handler) const override { return registry_.IsRemote(handler); }

 private:
  const HandlerRegistry& registry_;
};

Server::Server(const ServerWorld& world, std::unique_ptr<DurableStore> opened)
    : world_(world),
      handlers_(std::make_unique<Directory>(registry_)),
      uuids_(world_.random),
      pool(world_.seats, world_.clock),
      queues({world_.queues}, world_.clock, *handlers_, pool),
      timer(world_.clock),
      order(queues, registry_, pool),
      memory(MemoryOptionsOf(opened->boot_epoch()), world_.clock, timer),
      durable(std::move(opened)),
      store(memory, *durable),
      patient_(std::make_unique<PatientStore>(store, world_)),
      events_(std::make_unique<NoEvents>()),
      load_(std::make_unique<NoLoad>()),
      lifecycle(world_.lifecycle, durable->boot_epoch(),
                {*patient_, live, order, *events_, world_.clock, timer, world_.random, log_}),
      runner(RunnerOptions(), durable->boot_epoch(),
             {registry_, lifecycle, lifecycle, world_.clock, timer, log_, nullptr, &queues}),
      tasks({live, store, order, lifecycle, world_.clock}),
      waits(world_.clock, timer, order, lifecycle),
      intake(IntakeOptionsOf(),
             {world_.clock, uuids_, *handlers_, *load_, queues, store, live, runner, waits}) {
  pool.SetQueues(&queues);
  queues.SetLaneServed(kRemoteHandler, true);
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerWorld& world) {
  absl::StatusOr<std::unique_ptr<DurableStore>> durable = DurableStore::Open(
      world.store, {world.engine, world.clock, world.check_room, world.on_store_failure});
  if (!durable.ok()) return durable.status();
  std::unique_ptr<Server> server(new Server(world, *std::move(durable)));
  const absl::Status status = server->Recover();
  if (!status.ok()) return status;
  return server;
}

absl::Status Server::Recover() {
  absl::StatusOr<HandlerRegistration> local =
      registry_.Register(std::make_unique<StartHandler>(world_));
  if (!local.ok()) return local.status();
  registrations_.push_back(*std::move(local));
  const absl::Status remote = registry_.RegisterRemote(kRemoteHandler, "").status();
  if (!remote.ok()) return remote;
  Recovery recovery({world_.clock, queues, live, runner, lifecycle, waits, uuids_});
  absl::Status status = durable->RecoverWithoutThreads(
      [&](Ref<TaskRecord> record) { recovery.Add(std::move(record)); });
  if (status.ok()) status = recovery.Check();
  if (!status.ok()) return status;
  uuids_.StartAfter(durable->greatest_uid());
  recovered_ = recovery.Begin().tasks();
  return absl::OkStatus();
}

void Server::End() {
  durable->Stop();
  pool.Clear();
}

Server::~Server() { End(); }

int64_t Server::AuditResidual() const {
  int64_t residual = static_cast<int64_t>(recovered_) - static_cast<int64_t>(live.size());
  for (const IntakeStats::Submitted& each : intake.Stats().submitted) {
    if (each.decision == Decision::kAccepted) residual += static_cast<int64_t>(each.count);
  }
  for (const LifecycleStats::Completed& each : lifecycle.Stats().completed) {
    residual -= static_cast<int64_t>(each.count);
  }
  return residual;
}

}  // namespace taskforge
