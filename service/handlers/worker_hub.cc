#include "handlers/worker_hub.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/mutex.h"
#include "handlers/connected_worker.h"
#include "task/validation.h"

namespace taskforge {
namespace {

constexpr size_t kMaxHandlersOfWorker = 64;

// Workers go when they like, and names of handlers with the server: there is no rate to tell from.
constexpr absl::Duration kWorkersRetryAfter = absl::Seconds(1);
constexpr absl::Duration kHandlersRetryAfter = absl::Minutes(1);

absl::Status Full(absl::string_view reason, absl::string_view subject, size_t count, size_t limit,
                  absl::string_view what, absl::Duration retry_after) {
  return QuotaError(reason, absl::StrCat(count, " of ", limit, " ", what),
                    {std::string(subject), absl::StrCat(count, " of ", limit, " ", subject)},
                    retry_after);
}

bool IsWorkerId(absl::string_view id) {
  if (id.empty() || id.size() > 63) return false;
  for (size_t i = 0; i < id.size(); ++i) {
    const char c = id[i];
    const bool is_alphanumeric = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!is_alphanumeric && (i == 0 || (c != '.' && c != '_' && c != '-'))) return false;
  }
  return true;
}

absl::Status CheckHello(const WorkerHello& hello) {
  std::vector<FieldViolation> violations;
  if (!hello.worker_id.empty() && !IsWorkerId(hello.worker_id)) {
    violations.push_back({"hello.worker_id", "must be [a-z0-9][a-z0-9._-]{0,62}, or empty"});
  }
  if (hello.handlers.empty() || hello.handlers.size() > kMaxHandlersOfWorker) {
    violations.push_back({"hello.handlers", absl::StrCat(hello.handlers.size(), " given: 1 to ",
                                                         kMaxHandlersOfWorker, " are allowed")});
  }
  for (size_t i = 0; i < std::min(hello.handlers.size(), kMaxHandlersOfWorker); ++i) {
    if (IsHandlerName(hello.handlers[i])) continue;
    violations.push_back({absl::StrCat("hello.handlers[", i, "]"),
                          "must be parts [a-z][a-z0-9_-]{0,62} joined by dots, at most 128 bytes"});
  }
  return violations.empty() ? absl::OkStatus() : InvalidArgument(std::move(violations));
}

}  // namespace

// Thread-safe.
class WorkerHub::Core final : public std::enable_shared_from_this<Core> {
 public:
  Core(const WorkerHubOptions& options, uint64_t boot_epoch, Parts parts)
      : context_(new WorkerContext{options, boot_epoch, parts, {}, {}, {}, {}, {}, {}}) {}

  // Called once, first: a constructor has no weak_from_this().
  void Join() {
    context_->give_work = [weak = weak_from_this()] {
      if (const auto core = weak.lock()) core->GiveWork();
    };
  }

  absl::StatusOr<std::shared_ptr<ConnectedWorker>> Connect(WorkerHello hello,
                                                           std::shared_ptr<WorkerOutput> output);
  void Disconnect(ConnectedWorker& worker) ABSL_LOCKS_EXCLUDED(mu_);
  void GiveWork() ABSL_LOCKS_EXCLUDED(mu_);
  void Drain() ABSL_LOCKS_EXCLUDED(mu_);

  const WorkerContext& context() const { return *context_; }
  std::vector<std::shared_ptr<ConnectedWorker>> Workers() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  absl::StatusOr<std::vector<HandlerRef>> RegisterHandlers(const WorkerHello& hello)
      ABSL_LOCKS_EXCLUDED(mu_);
  bool GiveRound() ABSL_LOCKS_EXCLUDED(mu_);

  const std::shared_ptr<WorkerContext> context_;

  // Requests to give out work that are not done yet: whoever makes it 1 does them all. So no two
  // threads look at the same credit, and no request that comes meanwhile is lost. acq_rel: each
  // request's writes are seen by whoever does it.
  std::atomic<uint64_t> requests_{0};
  size_t first_ = 0;  // Whose turn it is. Owned by whoever does the requests.

  mutable Mutex mu_;
  std::map<std::string, std::shared_ptr<ConnectedWorker>> workers_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> remote_handlers_ ABSL_GUARDED_BY(mu_);
  uint64_t last_made_id_ ABSL_GUARDED_BY(mu_) = 0;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
};

absl::StatusOr<std::shared_ptr<ConnectedWorker>> WorkerHub::Core::Connect(
    WorkerHello hello, std::shared_ptr<WorkerOutput> output) {
  const absl::Status valid = CheckHello(hello);
  if (!valid.ok()) return valid;
  absl::StatusOr<std::vector<HandlerRef>> handlers = RegisterHandlers(hello);
  if (!handlers.ok()) return handlers.status();
  std::shared_ptr<ConnectedWorker> worker;
  {
    MutexLock lock(mu_);
    if (draining_) {
      return DrainingError("the server stops and takes no more workers: connect to another one");
    }
    if (workers_.size() >= context_->options.max_workers) {
      return Full("WORKERS_FULL", "workers", workers_.size(), context_->options.max_workers,
                  "workers are connected (workers.max_connected)", kWorkersRetryAfter);
    }
    if (hello.worker_id.empty()) {
      do {
        hello.worker_id = absl::StrCat("worker-", ++last_made_id_);
      } while (workers_.count(absl::StrCat("workers/", hello.worker_id)) != 0);
    }
    worker = std::make_shared<ConnectedWorker>(context_, std::move(hello), *std::move(handlers),
                                               std::move(output));
    if (!workers_.emplace(worker->name(), worker).second) {
      return ReasonError(absl::StatusCode::kAlreadyExists, "WORKER_CONNECTED",
                         absl::StrCat(worker->name(), " is connected already"));
    }
  }
  worker->Open();
  return worker;
}

absl::StatusOr<std::vector<HandlerRef>> WorkerHub::Core::RegisterHandlers(
    const WorkerHello& hello) {
  std::set<std::string> names(hello.handlers.begin(), hello.handlers.end());
  for (const std::string& name : names) {  // All or none.
    const HandlerRef known = context_->parts.registry.Find(name);
    if (known && !known->is_remote()) {
      return context_->parts.registry.RegisterRemote(name, hello.version).status();
    }
  }
  {
    MutexLock lock(mu_);
    size_t count = remote_handlers_.size();
    for (const std::string& name : names) count += remote_handlers_.count(name) == 0 ? 1 : 0;
    if (count > context_->options.max_remote_handlers) {
      return Full("HANDLERS_FULL", "handlers", remote_handlers_.size(),
                  context_->options.max_remote_handlers,
                  "handlers are known, each from when it was first served until the server ends "
                  "(workers.max_handlers)",
                  kHandlersRetryAfter);
    }
    remote_handlers_.insert(names.begin(), names.end());
  }
  std::vector<HandlerRef> entries;
  for (const std::string& name : names) {
    absl::StatusOr<HandlerRef> entry = context_->parts.registry.RegisterRemote(name, hello.version);
    if (!entry.ok()) return entry.status();
    entries.push_back(*std::move(entry));
  }
  return entries;
}

void WorkerHub::Core::Disconnect(ConnectedWorker& worker) {
  {
    // First, so that the tasks that are taken back find only others, and the same name may connect
    // again at once.
    MutexLock lock(mu_);
    const auto found = workers_.find(worker.name());
    if (found != workers_.end() && found->second.get() == &worker) workers_.erase(found);
  }
  worker.Close();
}

void WorkerHub::Core::GiveWork() {
  // acq_rel, all three: who finds another at work leaves it to him, and he sees what came before
  // this request when he looks at their number.
  if (requests_.fetch_add(1, std::memory_order_acq_rel) != 0) return;
  uint64_t doing = 0;
  do {
    doing = requests_.load(std::memory_order_acquire);
    while (GiveRound()) {
    }
  } while (requests_.fetch_sub(doing, std::memory_order_acq_rel) != doing);
}

// A batch for each worker, in turn; returns whether any got something.
bool WorkerHub::Core::GiveRound() {
  const std::vector<std::shared_ptr<ConnectedWorker>> workers = Workers();
  {
    MutexLock lock(mu_);
    if (draining_) return false;
  }
  if (workers.empty()) return false;
  ++first_;
  bool gave = false;
  for (size_t i = 0; i < workers.size(); ++i) {
    if (workers[(first_ + i) % workers.size()]->TakeWork() > 0) gave = true;
  }
  return gave;
}

void WorkerHub::Core::Drain() {
  {
    MutexLock lock(mu_);
    draining_ = true;
  }
  for (const auto& worker : Workers()) worker->TellDraining();
}

std::vector<std::shared_ptr<ConnectedWorker>> WorkerHub::Core::Workers() const {
  std::vector<std::shared_ptr<ConnectedWorker>> workers;
  MutexLock lock(mu_);
  workers.reserve(workers_.size());
  for (const auto& [name, worker] : workers_) workers.push_back(worker);
  return workers;
}

// What the stream holds. Thread-safe.
class WorkerHub::Session final : public WorkerSession {
 public:
  Session(std::shared_ptr<Core> core, std::shared_ptr<ConnectedWorker> worker)
      : core_(std::move(core)), worker_(std::move(worker)) {}
  ~Session() override { core_->Disconnect(*worker_); }

  const std::string& name() const override { return worker_->name(); }
  absl::Status AddCredit(uint32_t n) override { return worker_->AddCredit(n); }
  bool Result(const Fence& fence, HandlerResult result) override {
    return worker_->Result(fence, std::move(result));
  }
  void Heartbeat() override { worker_->Heartbeat(); }
  void ReportProgress(const Fence& fence, Progress progress) override {
    worker_->ReportProgress(fence, std::move(progress));
  }
  void Drain() override { worker_->Drain(); }
  void Close() override { core_->Disconnect(*worker_); }

 private:
  const std::shared_ptr<Core> core_;
  const std::shared_ptr<ConnectedWorker> worker_;
};

WorkerHub::WorkerHub(const WorkerHubOptions& options, uint64_t boot_epoch, Parts parts)
    : core_(std::make_shared<Core>(options, boot_epoch, parts)) {
  core_->Join();
}

WorkerHub::~WorkerHub() = default;

absl::StatusOr<std::unique_ptr<WorkerSession>> WorkerHub::Connect(
    WorkerHello hello, std::shared_ptr<WorkerOutput> output) {
  absl::StatusOr<std::shared_ptr<ConnectedWorker>> worker =
      core_->Connect(std::move(hello), std::move(output));
  if (!worker.ok()) return worker.status();
  return std::make_unique<Session>(core_, *std::move(worker));
}

void WorkerHub::WorkArrived() { core_->GiveWork(); }

void WorkerHub::Drain() { core_->Drain(); }

absl::Duration WorkerHub::lease_duration() const { return core_->context().options.lease_duration; }

std::vector<WorkerStatus> WorkerHub::List() const {
  std::vector<WorkerStatus> list;
  for (const auto& worker : core_->Workers()) list.push_back(worker->status());
  return list;
}

WorkerHubStats WorkerHub::stats() const {
  const WorkerContext& context = core_->context();
  WorkerHubStats stats;
  stats.assigned = context.assigned.Sum();
  stats.finished = context.finished.Sum();
  stats.refused = context.refused.Sum();
  stats.lost = context.lost.Sum();
  stats.lease_expirations = context.lease_expirations.Sum();
  for (const WorkerStatus& worker : List()) {
    ++stats.workers;
    if (worker.draining) ++stats.draining;
  }
  return stats;
}

}  // namespace taskforge
