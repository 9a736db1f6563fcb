#include "store/durable_store.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/mutex.h"
#include "base/wake_batch.h"
#include "store/commit_round.h"
#include "store/record_codec.h"
#include "store/store_op.h"
#include "store/task_tables.h"

namespace taskforge {
namespace {

constexpr size_t kCommitters = 2;
constexpr char kEpochKey[] = "boot_epoch";

absl::Status Stopped() {
  return ReasonError(absl::StatusCode::kUnavailable, "STORE_FAILED", "the store has stopped");
}

// Drawn and on the disk before anyone sees it.
absl::StatusOr<uint64_t> DrawBootEpoch(StoreEngine& engine, absl::Time now) {
  const auto last = engine.Get(StoreTable::kMeta, kEpochKey);
  if (!last.ok()) return last.status();
  uint64_t epoch = 0;
  if (last->has_value() && !absl::SimpleAtoi(**last, &epoch)) {
    return absl::DataLossError("the store holds a damaged boot epoch");
  }
  epoch = std::max(epoch + 1, static_cast<uint64_t>(absl::ToUnixMicros(now)));
  const auto batch = engine.NewBatch();
  batch->Put(StoreTable::kMeta, kEpochKey, absl::StrCat(epoch));
  const absl::Status status = engine.Write(*batch, /*sync=*/true);
  if (!status.ok()) return status;
  return epoch;
}

StoreOp OpFor(const TaskRecord& record, StoreOp::Kind kind) {
  StoreOp op;
  op.kind = kind;
  op.durability = record.effective_durability;
  op.uid = record.uid;
  op.ns = record.spec->origin->ns;
  op.task_name = record.name();
  op.is_client_named = !record.spec->origin->task_id.empty();
  return op;
}

}  // namespace

std::vector<std::string> DurableStoreOptions::Validate() const {
  std::vector<std::string> errors;
  if (batch.ops < 2) errors.push_back("store.batch_ops: at least 2");
  if (flush_interval < absl::Milliseconds(1) || flush_interval > absl::Minutes(1)) {
    errors.push_back(absl::StrCat("store.flush_interval: is ", absl::FormatDuration(flush_interval),
                                  "; 1ms to 1m"));
  }
  return errors;
}

class DurableStore::Core {
 public:
  Core(const DurableStoreOptions& options, Parts parts, uint64_t boot_epoch,
       std::unique_ptr<TaskTables> tables)
      : options_(options),
        parts_(std::move(parts)),
        boot_epoch_(boot_epoch),
        tables_(std::move(tables)),
        queue_(options.batch) {}
  ~Core() { Stop(); }

  uint64_t boot_epoch() const { return boot_epoch_; }

  // No thread of the store runs yet.
  absl::Status Recover(absl::FunctionRef<void(Ref<TaskRecord>)> visit) {
    const absl::Status status = tables_->ForEachLiving([&](Ref<TaskRecord> record) {
      living_.Insert(record->uid);
      visit(std::move(record));
    });
    if (!status.ok()) return status;
    for (size_t i = 0; i < kCommitters; ++i) {
      threads_.emplace_back([this] { KeepCommitting(); });
    }
    threads_.emplace_back([this] { KeepReading(); });
    return absl::OkStatus();
  }

  void Append(absl::Span<Appending> batch) {
    std::vector<StoreOp> ops;
    ops.reserve(batch.size());
    for (Appending& each : batch) {
      StoreOp& op = ops.emplace_back(OpFor(*each.record, StoreOp::Kind::kAppend));
      op.value = EncodeRecord(*each.record);
      op.request_key = std::move(each.request_key);
      op.request_hash = each.request_hash;
      op.done = std::move(each.done);
      op.on_known = std::move(each.on_known);
    }
    Push(absl::MakeSpan(ops));
  }

  void CompleteIf(absl::Span<Completing> batch) {
    std::vector<StoreOp> ops;
    ops.reserve(batch.size());
    for (Completing& each : batch) {
      const TaskRecord& record = *each.record;
      if (each.fence.boot_epoch != boot_epoch_) {
        std::move(each.done)(ReasonError(absl::StatusCode::kAborted, "FENCED",
                                         absl::StrCat("the result of \"", record.name(),
                                                      "\" is of another life of the server")));
        continue;
      }
      StoreOp& op = ops.emplace_back(OpFor(record, StoreOp::Kind::kComplete));
      op.value = EncodeRecord(record);
      op.life = LifeClassOf(record);
      op.expires = record.history->expire_time;
      if (!record.spec->origin->request_id.empty()) {
        op.request_key = RequestKeyOf(*record.spec);
        op.request_hash = HashOf(*record.spec);
      }
      op.done = std::move(each.done);
    }
    Push(absl::MakeSpan(ops));
  }

  void Note(const TaskRecordPtr& record) {
    StoreOp op;
    op.kind = StoreOp::Kind::kNote;
    op.uid = record->uid;
    op.value = EncodeProgress(*record);
    // One that is refused for it has stopped is missing after a crash, as it may be.
    queue_.Push({&op, 1});
  }

  void Delete(const std::string& name, StatusCallback done) {
    StoreOp op;
    op.kind = StoreOp::Kind::kDelete;
    op.ns = kDefaultNamespace;
    op.task_name = name;
    op.done = std::move(done);
    Push({&op, 1});
  }

  void Read(const std::string& name, RecordCallback done) {
    Enqueue([this, name, done = std::move(done)]() mutable {
      auto found = tables_->Find(kDefaultNamespace, name, parts_.clock.Now());
      if (!found.ok()) return std::move(done)(found.status());
      if (!found->has_value()) {
        return std::move(done)(
            ReasonError(absl::StatusCode::kNotFound, "TASK_NOT_FOUND",
                        absl::StrCat("there is no task \"", name,
                                     "\": it never was, was deleted, or its result_ttl is over")));
      }
      std::move(done)(TaskRecordPtr((*std::move(found))->record));
    });
  }

  void List(const TaskFilter& filter, int page_size, const std::string& page_token,
            PageCallback done) {
    Enqueue([this, filter, page_size, page_token, done = std::move(done)]() mutable {
      std::move(done)(tables_->List(filter, page_size, page_token, living_, parts_.clock.Now()));
    });
  }

  void Stop() {
    queue_.Stop();
    {
      MutexLock lock(read_mu_);
      is_stopping_ = true;
    }
    read_due_.SignalAll();
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  TaskStoreStats Stats() const {
    TaskStoreStats stats;
    {
      MutexLock lock(stats_mu_);
      stats = stats_;
    }
    stats.live_records = living_.size();
    const StoreEngineStats engine = parts_.engine.Stats();
    stats.finished_records = engine.ended_records;
    stats.finished_bytes = engine.disk_bytes;
    return stats;
  }

  DurableStoreStats EngineStats() const {
    return {parts_.engine.Stats(), queue_.size(), has_failed_.load()};
  }

 private:
  using Reading = absl::AnyInvocable<void() &&>;

  void Push(absl::Span<StoreOp> ops) {
    if (ops.empty() || queue_.Push(ops)) return;
    for (StoreOp& op : ops) std::move(op.done)(Stopped());
  }

  void Enqueue(Reading reading) {
    {
      MutexLock lock(read_mu_);
      readings_.push_back(std::move(reading));
    }
    read_due_.Signal();
  }

  void KeepCommitting() {
    pthread_setname_np(pthread_self(), "tf-committer");
    while (true) {
      CommitRound round = Commit();
      {
        // What the callbacks bring to the pool wakes it once.
        const WakeBatch wakes;
        round.Answer();
      }
      if (queue_.is_drained()) return;
    }
  }

  // Takes a batch and writes it. Only one thread does it at a time; the other one answers.
  CommitRound Commit() {
    MutexLock lock(commit_mu_);
    CommitRound round(queue_.Take(flush_at_));
    const absl::Time now = parts_.clock.Now();
    if (batch_ == nullptr) batch_ = parts_.engine.NewBatch();
    batch_->Clear();
    CommitRound::Settings settings;
    settings.request_id_ttl = options_.request_id_ttl;
    if (parts_.check_room) settings.room = parts_.check_room();
    round.Build(*tables_, living_, settings, now, *batch_);
    absl::Status status = failure_;
    if (status.ok() && !round.is_empty()) {
      status = parts_.engine.Write(*batch_, round.needs_sync());
      NoteUnsynced(round.needs_sync());
    } else if (status.ok() && MonoNow() >= flush_at_) {
      status = parts_.engine.Sync();
      NoteUnsynced(/*is_synced=*/true);
    }
    if (status.ok()) {
      round.Settle(living_);
    } else {
      round.Undo(living_, status);
      NoteFailure(status);
    }
    MutexLock stats_lock(stats_mu_);
    round.AddTo(stats_);
    if (!status.ok()) ++stats_.errors;
    return round;
  }

  // Of the clock on which threads sleep, whatever clock was given.
  static MonoTime MonoNow() { return SystemClock().Monotonic(); }

  void NoteUnsynced(bool is_synced) ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_) {
    if (is_synced) {
      flush_at_ = MonoTime::Max();
    } else if (flush_at_ == MonoTime::Max()) {
      flush_at_ = MonoNow() + options_.flush_interval;
    }
  }

  void NoteFailure(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_) {
    if (absl::IsResourceExhausted(status) || !failure_.ok()) return;
    failure_ = status;
    has_failed_.store(true);
    Enqueue([this, status] {
      if (parts_.on_failure) parts_.on_failure(status);
    });
  }

  // Reads in the order of arrival, and sweeps when it is time.
  void KeepReading() {
    pthread_setname_np(pthread_self(), "tf-store-reader");
    MutexLock lock(read_mu_);
    while (true) {
      MonoTime sweep_at = SweepAt();
      while (readings_.empty() && !is_stopping_) {
        if (!read_due_.WaitUntil(read_mu_, sweep_at)) break;
      }
      if (readings_.empty() && is_stopping_) return;
      Reading reading;
      if (!readings_.empty()) {
        reading = std::move(readings_.front());
        readings_.pop_front();
      }
      read_mu_.Unlock();
      if (reading) {
        std::move(reading)();
      } else {
        Sweep();
      }
      read_mu_.Lock();
    }
  }

  MonoTime SweepAt() const {
    const absl::Time next = tables_->NextSweep();
    if (next == absl::InfiniteFuture()) return MonoTime::Max();
    return MonoNow() + std::max(next - parts_.clock.Now(), absl::Milliseconds(10));
  }

  void Sweep() {
    const absl::StatusOr<bool> swept = tables_->Sweep(parts_.clock.Now());
    if (swept.ok()) return;
    MutexLock lock(stats_mu_);
    ++stats_.errors;
  }

  // Constant after construction.
  const DurableStoreOptions options_;
  const Parts parts_;
  const uint64_t boot_epoch_;
  const std::unique_ptr<TaskTables> tables_;  // Synchronizes itself; swept by the reading thread.
  LivingTasks living_;                        // Changed by the thread that commits.
  CommitQueue queue_;

  // Held by the thread that commits, from before it takes a batch until the batch is written: the
  // one lock that is held while the disk works. Nobody else takes it once tasks come.
  Mutex commit_mu_ ABSL_ACQUIRED_BEFORE(stats_mu_, read_mu_);
  std::unique_ptr<StoreEngine::Batch> batch_ ABSL_GUARDED_BY(commit_mu_);
  MonoTime flush_at_ ABSL_GUARDED_BY(commit_mu_) = MonoTime::Max();
  absl::Status failure_ ABSL_GUARDED_BY(commit_mu_);
  std::atomic<bool> has_failed_{false};

  mutable Mutex stats_mu_;
  TaskStoreStats stats_ ABSL_GUARDED_BY(stats_mu_);

  Mutex read_mu_;
  CondVar read_due_;
  std::deque<Reading> readings_ ABSL_GUARDED_BY(read_mu_);
  bool is_stopping_ ABSL_GUARDED_BY(read_mu_) = false;

  std::vector<std::thread> threads_;
};

absl::StatusOr<std::unique_ptr<DurableStore>> DurableStore::Open(const DurableStoreOptions& options,
                                                                 Parts parts) {
  const absl::StatusOr<uint64_t> epoch = DrawBootEpoch(parts.engine, parts.clock.Now());
  if (!epoch.ok()) return epoch.status();
  absl::StatusOr<std::unique_ptr<TaskTables>> tables = TaskTables::Open(parts.engine);
  if (!tables.ok()) return tables.status();
  return std::unique_ptr<DurableStore>(new DurableStore(
      std::make_unique<Core>(options, std::move(parts), *epoch, *std::move(tables))));
}

DurableStore::DurableStore(std::unique_ptr<Core> core) : core_(std::move(core)) {}
DurableStore::~DurableStore() = default;

uint64_t DurableStore::boot_epoch() const { return core_->boot_epoch(); }
absl::Status DurableStore::Recover(absl::FunctionRef<void(Ref<TaskRecord>)> visit) {
  return core_->Recover(visit);
}
void DurableStore::Append(absl::Span<Appending> batch) { core_->Append(batch); }
void DurableStore::CompleteIf(absl::Span<Completing> batch) { core_->CompleteIf(batch); }
void DurableStore::Note(const TaskRecordPtr& record) { core_->Note(record); }
void DurableStore::Read(const std::string& name, RecordCallback done) {
  core_->Read(name, std::move(done));
}
void DurableStore::List(const TaskFilter& filter, int page_size, const std::string& page_token,
                        PageCallback done) {
  core_->List(filter, page_size, page_token, std::move(done));
}
void DurableStore::Delete(const std::string& name, StatusCallback done) {
  core_->Delete(name, std::move(done));
}
void DurableStore::Stop() { core_->Stop(); }
TaskStoreStats DurableStore::Stats() const { return core_->Stats(); }
DurableStoreStats DurableStore::EngineStats() const { return core_->EngineStats(); }

}  // namespace taskforge
