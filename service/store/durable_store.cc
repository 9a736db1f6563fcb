#include "store/durable_store.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/mutex.h"
#include "base/scoped_blocking.h"
#include "base/wake_batch.h"
#include "store/boot_epoch.h"
#include "store/commit_round.h"
#include "store/record_codec.h"
#include "store/store_keys.h"
#include "store/store_op.h"
#include "store/store_reader.h"
#include "store/task_tables.h"

namespace taskforge {
namespace {

constexpr size_t kCommitters = 2;

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
        queue_(options.batch),
        reader_(*tables_, parts_.clock, [this] { Sweep(); }) {}
  ~Core() { Stop(); }

  uint64_t boot_epoch() const { return boot_epoch_; }

  // No thread of the store runs yet.
  absl::Status Recover(absl::FunctionRef<void(Ref<TaskRecord>)> visit) {
    const absl::Status status = VisitLiving(visit);
    if (!status.ok()) return status;
    for (size_t i = 0; i < kCommitters; ++i) {
      committers_.emplace_back([this] { KeepCommitting(); });
    }
    reader_.Start();
    return absl::OkStatus();
  }
  absl::Status RecoverWithoutThreads(absl::FunctionRef<void(Ref<TaskRecord>)> visit) {
    sleep_clock_ = &parts_.clock;  // Nobody sleeps.
    return VisitLiving(visit);
  }

  bool CommitStep() {
    if (unanswered_.size() == kCommitters) return false;
    if (queue_.size() == 0 && MonoNow() < flush_due()) return false;
    unanswered_.push_back(Commit(MonoTime()));
    return true;
  }
  size_t unanswered() const { return unanswered_.size(); }
  void AnswerStep(size_t index) {
    const auto at = unanswered_.begin() + static_cast<std::ptrdiff_t>(index);
    Committed committed = std::move(*at);
    unanswered_.erase(at);
    Answer(std::move(committed));
  }
  bool ReadStep() { return reader_.Step(); }
  MonoTime flush_due() const {
    MutexLock lock(commit_mu_);
    return flush_at_;
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
        op.request_hash = RequestHashOf(*record.spec);
      }
      op.done = std::move(each.done);
    }
    Push(absl::MakeSpan(ops));
  }

  void Note(const TaskRecordPtr& record, StatusCallback written) {
    StoreOp op;
    op.kind = StoreOp::Kind::kNote;
    op.uid = record->uid;
    op.value = EncodeProgress(*record);
    op.done = std::move(written);
    Push({&op, 1});
  }

  void FindRequest(const std::string& key, RequestCallback done) {
    reader_.Enqueue([this, key, done = std::move(done)](const absl::Status& status) mutable {
      if (!status.ok()) return std::move(done)(status);
      std::move(done)(tables_->FindRequest(key, parts_.clock.Now()));
    });
  }

  void Delete(const std::string& name, StatusCallback done) {
    StoreOp op;
    op.kind = StoreOp::Kind::kDelete;
    op.ns = kDefaultNamespace;
    op.task_name = name;
    op.done = std::move(done);
    Push({&op, 1});
  }

  void WriteSettings(std::vector<Setting> settings, WriteCallback done) {
    StoreOp op;
    op.kind = StoreOp::Kind::kSet;
    op.settings = std::move(settings);
    op.done = std::move(done);
    Push({&op, 1});
  }

  absl::StatusOr<std::vector<Setting>> ReadSettings(absl::string_view prefix) const {
    std::vector<Setting> settings;
    const auto found =
        parts_.engine.Scan(StoreTable::kMeta, prefix, "", StoreEngine::Direction::kForward);
    for (; found->Valid() && absl::StartsWith(found->key(), prefix); found->Next()) {
      settings.push_back({std::string(found->key()), std::string(found->value())});
    }
    if (!found->status().ok()) return found->status();
    return settings;
  }

  void Read(const std::string& name, RecordCallback done) {
    reader_.Enqueue([this, name, done = std::move(done)](const absl::Status& status) mutable {
      if (!status.ok()) return std::move(done)(status);
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
    reader_.Enqueue([this, filter, page_size, page_token,
                     done = std::move(done)](const absl::Status& status) mutable {
      if (!status.ok()) return std::move(done)(status);
      std::move(done)(tables_->List(filter, page_size, page_token, living_, parts_.clock.Now()));
    });
  }

  void Stop() {
    queue_.Stop();
    if (is_stepped()) FinishSteps();
    // Those who are called back may ask for something to be read: the reader is the last.
    for (std::thread& committer : committers_) {
      if (committer.joinable()) committer.join();
    }
    NoteStopped();
    reader_.Stop();
  }

  Uuid greatest_uid() const { return tables_->greatest_uid(); }
  size_t damaged_records() const { return damaged_records_; }

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
    DurableStoreStats stats;
    stats.engine = parts_.engine.Stats();
    stats.waiting_writes = queue_.size();
    stats.has_failed = has_failed_.load();
    MutexLock lock(stats_mu_);
    stats.committed_writes = committed_writes_;
    return stats;
  }

 private:
  struct Committed {
    CommitRound round;
    absl::Status failure;  // For good, of this commit or of one before it.
  };

  absl::Status VisitLiving(absl::FunctionRef<void(Ref<TaskRecord>)> visit) {
    size_t* const damaged = options_.accept_damage ? &damaged_records_ : nullptr;
    return tables_->ForEachLiving(
        [&](Ref<TaskRecord> record) {
          living_.Insert(record->uid);
          visit(std::move(record));
        },
        damaged);
  }

  bool is_stepped() const { return sleep_clock_ != &system_clock_; }

  void Push(absl::Span<StoreOp> ops) {
    if (ops.empty() || queue_.Push(ops)) return;
    for (StoreOp& op : ops) {
      if (op.done) std::move(op.done)(StoreStopped());
    }
  }

  void KeepCommitting() {
    pthread_setname_np(pthread_self(), "tf-committer");
    const NonBlockingThread others_wait;  // Who is called back never waits here.
    do {
      Answer(Commit(MonoTime::Max()));
    } while (!queue_.is_drained());
    EndCommitting();
  }

  void EndCommitting() {
    const absl::Status failure = SyncTheRest();
    if (!failure.ok()) TellFailure(failure);
  }

  void Answer(Committed committed) {
    if (committed.round.has_new_life()) reader_.WakeSweeper();
    if (!committed.failure.ok()) TellFailure(committed.failure);
    // What the callbacks bring to the pool wakes it once.
    const WakeBatch wakes;
    committed.round.Answer();
  }

  // At the end of a store without threads: what its threads would still do.
  void FinishSteps() {
    while (unanswered() > 0) AnswerStep(0);
    while (!queue_.is_drained()) Answer(Commit(MonoTime()));
    EndCommitting();
    while (reader_.Answer()) {
    }
  }

  // Takes a batch, which it waits for until `deadline` or until a sync is due, and writes it. Only
  // one thread does it at a time; the other one answers.
  Committed Commit(MonoTime deadline) {
    MutexLock lock(commit_mu_);
    CommitRound round(queue_.Take(std::min(deadline, flush_at_)));
    const absl::Time now = parts_.clock.Now();
    if (batch_ == nullptr) batch_ = parts_.engine.NewBatch();
    batch_->Clear();
    CommitRound::Settings settings;
    settings.request_id_ttl = options_.request_id_ttl;
    if (parts_.check_room) settings.room = parts_.check_room();
    round.Build(*tables_, living_, settings, now, *batch_);
    absl::Status status = failure_;
    const bool is_flush_due = MonoNow() >= flush_at_;
    if (status.ok() && !round.is_empty()) {
      const bool sync = round.needs_sync() || is_flush_due;
      status = parts_.engine.Write(*batch_, sync);
      if (sync) {
        NoteSynced(status);
      } else if (status.ok() && flush_at_ == MonoTime::Max()) {
        flush_at_ = MonoNow() + options_.flush_interval;
      }
    } else if (status.ok() && is_flush_due) {
      status = parts_.engine.Sync();
      NoteSynced(status);
    }
    if (status.ok()) {
      round.Settle(living_);
    } else {
      round.Undo(living_, status);
      NoteFailure(status);
    }
    MutexLock stats_lock(stats_mu_);
    round.AddTo(stats_);
    if (status.ok()) committed_writes_ += round.written();
    if (!status.ok()) ++stats_.errors;
    return {std::move(round), failure_};
  }

  // Of the clock on which threads sleep, whatever clock was given.
  MonoTime MonoNow() const { return sleep_clock_->Monotonic(); }

  // A sync was tried: what was written before is on the disk, or it is tried again in a while.
  void NoteSynced(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_) {
    flush_at_ = status.ok() ? MonoTime::Max() : MonoNow() + options_.flush_interval;
  }

  // At the end: what asked for no sync of its own.
  absl::Status SyncTheRest() {
    MutexLock lock(commit_mu_);
    if (flush_at_ == MonoTime::Max() || !failure_.ok()) return absl::OkStatus();
    const absl::Status status = parts_.engine.Sync();
    NoteSynced(status);
    if (!status.ok()) NoteFailure(status);
    return failure_;
  }

  // Once: that this life ended with all of it on the disk. Where that cannot be written the stop
  // counts as a kill, which costs nothing.
  void NoteStopped() {
    MutexLock lock(commit_mu_);
    if (committers_.empty() || is_stop_noted_ || !failure_.ok()) return;
    is_stop_noted_ = true;
    const auto batch = parts_.engine.NewBatch();
    batch->Put(StoreTable::kMeta, kStoppedEpochKey, absl::StrCat(boot_epoch_));
    NoteFailure(parts_.engine.Write(*batch, /*sync=*/true));
  }

  void NoteFailure(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_) {
    if (!absl::IsResourceExhausted(status) && failure_.ok()) failure_ = status;
  }

  // Once, and before anybody hears of it who asked for a write.
  void TellFailure(const absl::Status& failure) {
    if (has_failed_.exchange(true)) return;
    if (parts_.on_failure) parts_.on_failure(failure);
  }

  void Sweep() {
    const absl::StatusOr<bool> swept = tables_->Sweep(parts_.clock.Now());
    if (swept.ok()) return;
    if (absl::IsUnavailable(swept.status())) TellFailure(swept.status());
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

  const SystemClock system_clock_;
  const Clock* sleep_clock_ = &system_clock_;  // Constant once tasks come.

  // Held by the thread that commits, from before it takes a batch until the batch is written: the
  // one lock that is held while the disk works. Nobody else takes it once tasks come.
  mutable Mutex commit_mu_ ABSL_ACQUIRED_BEFORE(stats_mu_);
  std::unique_ptr<StoreEngine::Batch> batch_ ABSL_GUARDED_BY(commit_mu_);
  MonoTime flush_at_ ABSL_GUARDED_BY(commit_mu_) = MonoTime::Max();
  absl::Status failure_ ABSL_GUARDED_BY(commit_mu_);
  bool is_stop_noted_ ABSL_GUARDED_BY(commit_mu_) = false;
  std::atomic<bool> has_failed_{false};

  mutable Mutex stats_mu_;
  TaskStoreStats stats_ ABSL_GUARDED_BY(stats_mu_);
  uint64_t committed_writes_ ABSL_GUARDED_BY(stats_mu_) = 0;

  size_t damaged_records_ = 0;  // Of Recover(); then constant.
  StoreReader reader_;
  std::vector<std::thread> committers_;
  std::vector<Committed> unanswered_;  // Of whoever takes the steps.
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
absl::Status DurableStore::RecoverWithoutThreads(absl::FunctionRef<void(Ref<TaskRecord>)> visit) {
  return core_->RecoverWithoutThreads(visit);
}
bool DurableStore::CommitStep() { return core_->CommitStep(); }
size_t DurableStore::unanswered() const { return core_->unanswered(); }
void DurableStore::AnswerStep(size_t index) { core_->AnswerStep(index); }
bool DurableStore::ReadStep() { return core_->ReadStep(); }
MonoTime DurableStore::flush_due() const { return core_->flush_due(); }
void DurableStore::Append(absl::Span<Appending> batch) { core_->Append(batch); }
void DurableStore::CompleteIf(absl::Span<Completing> batch) { core_->CompleteIf(batch); }
void DurableStore::Note(const TaskRecordPtr& record, StatusCallback written) {
  core_->Note(record, std::move(written));
}
void DurableStore::FindRequest(const std::string& request_key, RequestCallback done) {
  core_->FindRequest(request_key, std::move(done));
}
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
void DurableStore::WriteSettings(std::vector<Setting> settings, WriteCallback done) {
  core_->WriteSettings(std::move(settings), std::move(done));
}
absl::StatusOr<std::vector<Setting>> DurableStore::ReadSettings(absl::string_view prefix) const {
  return core_->ReadSettings(prefix);
}
Uuid DurableStore::greatest_uid() const { return core_->greatest_uid(); }
size_t DurableStore::damaged_records() const { return core_->damaged_records(); }
void DurableStore::Stop() { core_->Stop(); }
TaskStoreStats DurableStore::Stats() const { return core_->Stats(); }
DurableStoreStats DurableStore::EngineStats() const { return core_->EngineStats(); }

}  // namespace taskforge
