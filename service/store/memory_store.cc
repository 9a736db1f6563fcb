#include "store/memory_store.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/error.h"
#include "base/free_memory.h"
#include "base/mutex.h"
#include "base/wall_time.h"
#include "store/memory_shard.h"
#include "store/summary.h"

namespace taskforge {
namespace {

constexpr int kMaxPageSize = 1000;
constexpr size_t kMaxShards = 256;
// Records that one run of the timer takes from each shard: then others have their turn.
constexpr size_t kSweepLimit = 256;
// After so many records have gone, or fewer and none is left to go, free memory goes back to the
// system: a few ms of work.
constexpr size_t kSweptToTrim = 4'000;
constexpr size_t kSweptToTrimAtEnd = 200;

constexpr char kTokenVersion[] = "1";

std::string MakeToken(uint64_t epoch, uint64_t before_sequence) {
  return absl::StrCat(kTokenVersion, "-", epoch, "-", before_sequence);
}

absl::StatusOr<uint64_t> ParseToken(const std::string& token, uint64_t epoch) {
  if (token.empty()) return UINT64_MAX;
  const std::vector<std::string> parts = absl::StrSplit(token, '-');
  uint64_t token_epoch = 0;
  uint64_t before_sequence = 0;
  if (parts.size() == 3 && parts[0] == kTokenVersion && absl::SimpleAtoi(parts[1], &token_epoch) &&
      token_epoch == epoch && absl::SimpleAtoi(parts[2], &before_sequence)) {
    return before_sequence;
  }
  return InvalidArgument({{"page_token", "is not a token of this server's life: start with none"}});
}

}  // namespace

std::vector<std::string> MemoryStoreOptions::Validate() const {
  std::vector<std::string> errors;
  if (shards == 0 || shards > kMaxShards) {
    errors.push_back(absl::StrCat("shards: is ", shards, "; 1 to ", kMaxShards));
  }
  if (max_records < shards) {
    errors.push_back(absl::StrCat("results.max_records: is ", max_records, "; at least ", shards));
  }
  if (max_bytes < shards) {
    errors.push_back(absl::StrCat("results.max_bytes: is ", max_bytes, "; at least ", shards));
  }
  return errors;
}

class MemoryStore::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(const MemoryStoreOptions& options, const Clock& clock, Timer& timer)
      : options_(options), clock_(clock), timer_(timer), wall_time_(clock) {
    for (size_t i = 0; i < options.shards; ++i) {
      shards_.emplace_back(options.max_records / options.shards,
                           options.max_bytes / options.shards);
    }
  }

  absl::Status Append(TaskRecordPtr record) {
    const TaskNameText name(*record);
    const MemoryShard::Key key{record->spec->origin->ns, HashedKey(name.view())};
    Shard& shard = ShardOf(key);
    MutexLock lock(shard.mu);
    // Under the lock, so that it grows in each shard.
    const uint64_t sequence = last_sequence_.fetch_add(1, std::memory_order_relaxed) + 1;
    return shard.records.Append(key, std::move(record), sequence);
  }

  absl::Status Complete(const Fence& fence, TaskRecordPtr record) {
    if (fence.boot_epoch != options_.boot_epoch) {
      return ReasonError(absl::StatusCode::kAborted, "FENCED",
                         absl::StrCat("the result of \"", record->name(),
                                      "\" is of another life of the server: refused"));
    }
    const MonoTime now = clock_.Monotonic();
    const MonoTime expires = wall_time_.MonotonicOf(record->history->expire_time, now);
    const TaskNameText name(*record);
    const MemoryShard::Key key{record->spec->origin->ns, HashedKey(name.view())};
    Shard& shard = ShardOf(key);
    MemoryShard::Garbage garbage;
    absl::StatusOr<MonoTime> sweep;
    {
      MutexLock lock(shard.mu);
      sweep = shard.records.Complete(key, std::move(record), now, expires, garbage);
    }
    if (!sweep.ok()) return sweep.status();
    SetTimer(*sweep);
    return absl::OkStatus();
  }

  absl::StatusOr<TaskRecordPtr> Read(const std::string& name) {
    const MonoTime now = clock_.Monotonic();
    const MemoryShard::Key key{kDefaultNamespace, HashedKey(name)};
    Shard& shard = ShardOf(key);
    MutexLock lock(shard.mu);
    return shard.records.Read(key, now);
  }

  absl::Status Delete(const std::string& name) {
    const MonoTime now = clock_.Monotonic();
    const MemoryShard::Key key{kDefaultNamespace, HashedKey(name)};
    Shard& shard = ShardOf(key);
    MemoryShard::Garbage garbage;
    MutexLock lock(shard.mu);
    return shard.records.Delete(key, now, garbage);
  }

  absl::StatusOr<TaskPage> List(const TaskFilter& filter, int page_size,
                                const std::string& page_token) {
    const absl::StatusOr<uint64_t> before = ParseToken(page_token, options_.boot_epoch);
    if (!before.ok()) return before.status();
    const size_t limit = static_cast<size_t>(std::clamp(page_size, 1, kMaxPageSize));
    const MonoTime now = clock_.Monotonic();
    std::vector<MemoryShard::Listed> listed;
    for (Shard& shard : shards_) {
      MutexLock lock(shard.mu);
      // One more than fits, to know whether a page follows.
      shard.records.List(filter, *before, limit + 1, now, listed);
    }
    std::sort(listed.begin(), listed.end(),
              [](const auto& a, const auto& b) { return a.sequence > b.sequence; });
    TaskPage page;
    if (listed.size() > limit) {
      listed.resize(limit);
      page.next_page_token = MakeToken(options_.boot_epoch, listed.back().sequence);
    }
    for (const MemoryShard::Listed& each : listed) {
      page.records.push_back(Summary(*each.record));
      page.places.push_back(MakeToken(options_.boot_epoch, each.sequence));
    }
    return page;
  }

  TaskStoreStats Stats() const {
    TaskStoreStats stats;
    for (const Shard& shard : shards_) {
      MutexLock lock(shard.mu);
      shard.records.AddTo(stats);
    }
    return stats;
  }

 private:
  struct alignas(64) Shard {  // A cache line each, so that their locks do not disturb each other.
    Shard(size_t max_records, size_t max_bytes) : records(max_records, max_bytes) {}
    mutable Mutex mu;
    MemoryShard records ABSL_GUARDED_BY(mu);
  };

  Shard& ShardOf(const MemoryShard::Key& key) { return shards_[key.name.ShardOf(shards_.size())]; }

  // Makes sure that a sweep runs at `when`.
  void SetTimer(MonoTime when) {
    int64_t set_for = timer_set_for_.load();
    do {
      if (when.ns >= set_for) return;
    } while (!timer_set_for_.compare_exchange_weak(set_for, when.ns));
    timer_.ScheduleAt(when, [weak = weak_from_this()] {
      if (const std::shared_ptr<Core> core = weak.lock()) core->Sweep();
    });
  }

  void Sweep() {
    // First this, then the look at the shards: a record that comes to a shard after the look finds
    // no timer set and sets it.
    timer_set_for_.store(INT64_MAX);
    const MonoTime now = clock_.Monotonic();
    MonoTime next = MonoTime::Max();
    size_t swept = 0;
    for (Shard& shard : shards_) {
      MemoryShard::Garbage garbage;
      MutexLock lock(shard.mu);
      swept += shard.records.Sweep(now, kSweepLimit, garbage);
      next = std::min(next, shard.records.NextSweep());
    }
    const size_t since_trim = swept_since_trim_.fetch_add(swept) + swept;
    const bool is_last = next == MonoTime::Max();
    if (next > now && since_trim >= (is_last ? kSweptToTrimAtEnd : kSweptToTrim)) {
      swept_since_trim_.store(0);
      ReleaseFreeMemory();
    }
    SetTimer(next);
  }

  // Constant after construction.
  const MemoryStoreOptions options_;
  const Clock& clock_;
  Timer& timer_;
  std::deque<Shard> shards_;
  // Synchronize themselves. The sequence is relaxed: it is drawn under a shard's lock, and across
  // shards any order of what happens at the same time will do. The others are sequentially
  // consistent: they are seldom written.
  WallTime wall_time_;
  std::atomic<uint64_t> last_sequence_{0};
  std::atomic<int64_t> timer_set_for_{INT64_MAX};
  std::atomic<size_t> swept_since_trim_{0};
};

MemoryStore::MemoryStore(MemoryStoreOptions options, const Clock& clock, Timer& timer)
    : core_(std::make_shared<Core>(options, clock, timer)) {}

MemoryStore::~MemoryStore() = default;

void MemoryStore::Append(absl::Span<Appending> batch) {
  for (Appending& each : batch) {
    const absl::Status status = core_->Append(std::move(each.record));
    std::move(each.done)(status);
  }
}

void MemoryStore::CompleteIf(absl::Span<Completing> batch) {
  for (Completing& each : batch) {
    const absl::Status status = core_->Complete(each.fence, std::move(each.record));
    std::move(each.done)(status);
  }
}

void MemoryStore::Read(const std::string& name, RecordCallback done) {
  std::move(done)(core_->Read(name));
}

void MemoryStore::List(const TaskFilter& filter, int page_size, const std::string& page_token,
                       PageCallback done) {
  std::move(done)(core_->List(filter, page_size, page_token));
}

void MemoryStore::Delete(const std::string& name, StatusCallback done) {
  std::move(done)(core_->Delete(name));
}

TaskStoreStats MemoryStore::Stats() const { return core_->Stats(); }

}  // namespace taskforge
