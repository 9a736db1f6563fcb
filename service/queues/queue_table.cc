#include "queues/queue_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "task/task_types.h"

namespace taskforge {
namespace {

absl::Status ExistsError(absl::string_view name) {
  return ReasonError(
      absl::StatusCode::kAlreadyExists, "QUEUE_EXISTS",
      absl::StrCat("there is a queue \"", name, "\" already: change it by UpdateQueue"));
}

absl::Status TooManyError() {
  ErrorDetails details;
  details.reason = "TOO_MANY_QUEUES";
  details.quota_violations.push_back(
      {"queues", absl::StrCat(kMaxQueues, " of ", kMaxQueues, " queues")});
  return WithDetails(absl::ResourceExhaustedError(absl::StrCat(
                         "there are ", kMaxQueues, " queues, the most that there may be: delete ",
                         "one that is empty (DeleteQueue)")),
                     details);
}

absl::Status NotEmptyError(absl::string_view name, size_t tasks) {
  ErrorDetails details;
  details.reason = "QUEUE_NOT_EMPTY";
  details.metadata["queue"] = std::string(name);
  details.metadata["tasks"] = absl::StrCat(tasks);
  return WithDetails(
      absl::FailedPreconditionError(absl::StrCat(
          "queue \"", name, "\" has ", tasks, tasks == 1 ? " task that has" : " tasks that have",
          " not ended: let them end, or cancel those that wait (PurgeQueue), and try again")),
      details);
}

}  // namespace

QueueTable::QueueTable(TaskQueuesOptions options)
    : best_durability_(options.best_durability), map_(new Map()) {
  MutexLock lock(mu_);
  Map map;
  for (QueueOptions& queue : options.queues) Insert(map, std::move(queue));
  Publish(map);
}

QueueTable::~QueueTable() {
  for (const std::atomic<QueueLedger*>& ledger : ledgers_) {
    delete ledger.load(std::memory_order_relaxed);  // relaxed: nobody else is here.
  }
  delete map_.Get();
}

std::vector<QueueLedger*> QueueTable::Reader::All() const {
  std::vector<QueueLedger*> all;
  all.reserve(map_.size());
  for (const auto& [name, ledger] : map_) all.push_back(ledger);
  std::sort(all.begin(), all.end(),
            [](const QueueLedger* a, const QueueLedger* b) { return a->number() < b->number(); });
  return all;
}

std::vector<std::string> QueueTable::Reader::Names() const {
  std::vector<std::string> names;
  for (const QueueLedger* ledger : All()) names.push_back(ledger->name().str());
  return names;
}

std::vector<std::string> QueueTable::FirstNames(size_t count) const {
  MutexLock lock(mu_);
  const size_t known = std::min(count, first_names_.size());
  return {first_names_.begin(), first_names_.begin() + static_cast<std::ptrdiff_t>(known)};
}

absl::Status QueueTable::Create(QueueOptions options) {
  std::vector<FieldViolation> violations = options.Validate(best_durability_);
  if (!violations.empty()) return InvalidArgument(std::move(violations));
  MutexLock lock(mu_);
  Map map = *map_.Get();
  if (map.contains(options.name)) return ExistsError(options.name);
  if (map.size() >= kMaxQueues) return TooManyError();
  Insert(map, std::move(options));
  Publish(map);
  return absl::OkStatus();
}

absl::Status QueueTable::Restore(QueueOptions options) {
  std::vector<FieldViolation> violations = options.Validate(best_durability_);
  if (!violations.empty()) return InvalidArgument(std::move(violations));
  MutexLock lock(mu_);
  if (QueueLedger* const ledger = Find(options.name)) {
    const size_t index = ledger->index();
    if (options.is_paused) {
      gates_.Pause(index);
    } else {
      gates_.Open(index, gates_.BeginToOpen(index));
    }
    ledger->Change([&options](QueueOptions& now) { now = std::move(options); });
    return absl::OkStatus();
  }
  Map map = *map_.Get();
  if (map.size() >= kMaxQueues) return TooManyError();
  Insert(map, std::move(options));
  Publish(map);
  return absl::OkStatus();
}

absl::Status QueueTable::Delete(absl::string_view name) {
  if (name == kDefaultQueue) {
    return ReasonError(absl::StatusCode::kFailedPrecondition, "QUEUE_IS_DEFAULT",
                       "the queue \"default\" is always there: it can be paused and purged, but "
                       "not deleted");
  }
  QueueLedger* closed = nullptr;
  {
    MutexLock lock(mu_);
    closed = Find(name);
    if (closed != nullptr) {
      if (!closed->Close()) return NotEmptyError(name, std::max<size_t>(closed->tasks(), 1));
      Map map = *map_.Get();
      map.erase(name);
      Publish(map);
      ledgers_[closed->index()].store(nullptr, std::memory_order_relaxed);
    }
  }
  if (closed == nullptr) return Unknown(name);
  epochs_.Retire(closed);
  epochs_.Reclaim();
  return absl::OkStatus();
}

absl::Status QueueTable::Update(absl::string_view name, const QueueUpdate& update) {
  {
    MutexLock lock(mu_);
    if (QueueLedger* const ledger = Find(name)) {
      QueueOptions changed = ledger->options();
      update.ApplyTo(changed);
      std::vector<FieldViolation> violations = changed.Validate(best_durability_);
      if (!violations.empty()) return InvalidArgument(std::move(violations));
      ledger->Change([&](QueueOptions& options) { update.ApplyTo(options); });
      return absl::OkStatus();
    }
  }
  return Unknown(name);
}

absl::StatusOr<QueueTable::GateChange> QueueTable::SetPaused(absl::string_view name, bool is_paused,
                                                             const QueueAct& act) {
  std::vector<FieldViolation> violations = ValidateQueueReason(act.reason);
  if (!violations.empty()) return InvalidArgument(std::move(violations));
  {
    MutexLock lock(mu_);
    if (QueueLedger* const ledger = Find(name)) {
      ledger->Change([&](QueueOptions& options) {
        options.is_paused = is_paused;
        (is_paused ? options.paused : options.resumed) = act;
      });
      const size_t index = ledger->index();
      return GateChange{index, is_paused ? gates_.Pause(index) : gates_.BeginToOpen(index)};
    }
  }
  return Unknown(name);
}

absl::Status QueueTable::NotePurge(absl::string_view name, const QueueAct& act, uint64_t tasks) {
  {
    MutexLock lock(mu_);
    if (QueueLedger* const ledger = Find(name)) {
      ledger->Change([&](QueueOptions& options) {
        options.purged = act;
        options.purged_tasks = tasks;
      });
      return absl::OkStatus();
    }
  }
  return Unknown(name);
}

void QueueTable::Insert(Map& map, QueueOptions options) {
  size_t index = 0;
  while (ledgers_[index].load(std::memory_order_relaxed) != nullptr) ++index;
  if (options.is_paused) {
    gates_.Pause(index);
  } else {
    gates_.Open(index, gates_.BeginToOpen(index));
  }
  const std::string name = options.name;
  if (first_names_.size() < kFirst) first_names_.push_back(name);
  auto* const ledger = new QueueLedger(std::move(options), index, made_++, epochs_);
  // release: pairs with the acquire in At(); publishes the ledger.
  ledgers_[index].store(ledger, std::memory_order_release);
  map.emplace(name, ledger);
}

void QueueTable::Publish(const Map& map) {
  gates_.SetCount(map.size());
  map_.Replace(new Map(map), epochs_, [](void* old) { delete static_cast<const Map*>(old); });
}

QueueLedger* QueueTable::Find(absl::string_view name) const {
  // Without a guard: whoever could replace the map needs the lock.
  const Map& map = *map_.Get();
  const auto it = map.find(name);
  return it == map.end() ? nullptr : it->second;
}

absl::Status QueueTable::Unknown(absl::string_view name) const {
  return QueueUnknownError(name, Reader(*this).Names());
}

}  // namespace taskforge
