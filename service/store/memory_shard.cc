#include "store/memory_shard.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "store/summary.h"

namespace taskforge {
namespace {

// A table that has shrunk to an eighth gives memory back; so does an order with as many holes as
// records.
constexpr size_t kShrinkFactor = 8;
constexpr size_t kLeastToShrink = 1024;

// Sweeps lie close where records live briefly and far apart where they live long, so that there are
// few: a record is swept late by at most 1/32 of its time, or by kLeastSweepNs. Readers never see
// it late.
constexpr int64_t kLeastSweepNs = 64'000'000;
constexpr int64_t kSweepsOfTime = 64;

MonoTime SweepFor(MonoTime now, MonoTime expires) {
  if (expires == MonoTime::Max()) return expires;
  const int64_t left = std::max<int64_t>(expires - now, 0);
  const int64_t width =
      std::max(kLeastSweepNs,
               static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(left / kSweepsOfTime))));
  if (expires.ns > MonoTime::Max().ns - width) return MonoTime::Max();
  return MonoTime{(expires.ns + width - 1) / width * width};
}

// The name in a key: what stands behind the namespace.
absl::string_view NameIn(absl::string_view key) { return key.substr(key.find('/') + 1); }

absl::Status NotFound(absl::string_view name) {
  return ReasonError(absl::StatusCode::kNotFound, "TASK_NOT_FOUND",
                     absl::StrCat("there is no task \"", name,
                                  "\": it never was, was deleted, or its result_ttl "
                                  "is over"));
}

bool Matches(const TaskFilter& filter, const TaskRecord& record, bool is_finished) {
  if (filter.queue.has_value() && record.spec->queue != *filter.queue) return false;
  if (filter.handler.has_value() && record.spec->handler != *filter.handler) return false;
  if (!filter.state.has_value()) return true;
  return IsTerminal(*filter.state) ? is_finished && record.state == *filter.state : !is_finished;
}

}  // namespace

template <MemoryShard::Links MemoryShard::Entry::*kLinks>
void MemoryShard::Link(Chain& chain, Entry& entry) {
  (entry.*kLinks).previous = chain.last;
  (entry.*kLinks).next = nullptr;
  (chain.last == nullptr ? chain.first : (chain.last->*kLinks).next) = &entry;
  chain.last = &entry;
}

template <MemoryShard::Links MemoryShard::Entry::*kLinks>
void MemoryShard::Unlink(Chain& chain, Entry& entry) {
  Links& links = entry.*kLinks;
  (links.previous == nullptr ? chain.first : (links.previous->*kLinks).next) = links.next;
  (links.next == nullptr ? chain.last : (links.next->*kLinks).previous) = links.previous;
  links = Links{};
}

absl::Status MemoryShard::Append(std::string key, size_t hash, TaskRecordPtr record,
                                 uint64_t sequence) {
  auto entry = std::make_unique<Entry>();
  entry->key = std::move(key);
  entry->hash = hash;
  Entry& appended = *entry;
  if (!by_key_.try_emplace(appended.hashed(), std::move(entry)).second) {
    return ReasonError(absl::StatusCode::kAlreadyExists, "TASK_EXISTS",
                       absl::StrCat("there is a task \"", record->name, "\" already"));
  }
  appended.record = std::move(record);
  appended.place = order_base_ + order_.size();
  order_.push_back({sequence, &appended});
  ++stats_.appended;
  ++stats_.live_records;
  return absl::OkStatus();
}

absl::StatusOr<MonoTime> MemoryShard::Complete(const HashedKey& key, TaskRecordPtr record,
                                               MonoTime now, MonoTime expires, Garbage& garbage) {
  const auto it = by_key_.find(key);
  if (it == by_key_.end()) return NotFound(record->name);
  Entry& entry = *it->second;
  if (entry.is_finished) {
    return ReasonError(absl::StatusCode::kFailedPrecondition, "TASK_ENDED",
                       absl::StrCat("task \"", record->name, "\" has ended as ",
                                    Name(entry.record->state), ": that stays"));
  }
  const MonoTime sweep = SweepFor(now, expires);
  entry.is_finished = true;
  entry.bytes = CostBytes(*record);
  entry.expires = expires;
  entry.sweep = sweep;
  garbage.push_back(std::exchange(entry.record, std::move(record)));
  Link<&Entry::by_end>(by_end_, entry);
  if (next_to_evict_ == nullptr) next_to_evict_ = &entry;
  if (sweep != MonoTime::Max()) Link<&Entry::by_sweep>(by_sweep_[sweep], entry);
  ++stats_.completed;
  --stats_.live_records;
  ++stats_.finished_records;
  stats_.finished_bytes += entry.bytes;
  EnforceCaps(garbage);  // The entry may go.
  return sweep;
}

void MemoryShard::EnforceCaps(Garbage& garbage) {
  while (stats_.finished_bytes > max_bytes_ && next_to_evict_ != nullptr) {
    EvictOldestOutput(garbage);
  }
  while (stats_.finished_bytes > max_bytes_ || stats_.finished_records > max_records_) {
    ++stats_.records_evicted;
    Take(*by_end_.first, garbage);
  }
}

void MemoryShard::EvictOldestOutput(Garbage& garbage) {
  Entry& entry = *next_to_evict_;
  next_to_evict_ = entry.by_end.next;
  if (!entry.record->output.has_value()) return;
  auto evicted = std::make_shared<const TaskRecord>(WithOutputEvicted(*entry.record));
  const size_t bytes = CostBytes(*evicted);
  stats_.finished_bytes -= entry.bytes - bytes;
  entry.bytes = bytes;
  garbage.push_back(std::exchange(entry.record, std::move(evicted)));
  ++stats_.outputs_evicted;
}

absl::StatusOr<TaskRecordPtr> MemoryShard::Read(const HashedKey& key, MonoTime now) const {
  const auto it = by_key_.find(key);
  if (it == by_key_.end() || HasExpired(*it->second, now)) return NotFound(NameIn(key.text));
  return it->second->record;
}

absl::Status MemoryShard::Delete(const HashedKey& key, MonoTime now, Garbage& garbage) {
  const auto it = by_key_.find(key);
  if (it == by_key_.end() || HasExpired(*it->second, now)) return NotFound(NameIn(key.text));
  if (!it->second->is_finished) {
    return ReasonError(
        absl::StatusCode::kFailedPrecondition, "TASK_NOT_ENDED",
        absl::StrCat("task \"", NameIn(key.text), "\" has not ended: cancel it first"));
  }
  ++stats_.deleted;
  Take(*it->second, garbage);
  return absl::OkStatus();
}

void MemoryShard::List(const TaskFilter& filter, uint64_t before_sequence, size_t limit,
                       MonoTime now, std::vector<Listed>& listed) const {
  auto place = std::lower_bound(
      order_.begin(), order_.end(), before_sequence,
      [](const Place& each, uint64_t sequence) { return each.sequence < sequence; });
  size_t found = 0;
  while (place != order_.begin() && found < limit) {
    --place;
    const Entry* entry = place->entry;
    if (entry == nullptr || HasExpired(*entry, now)) continue;
    if (!Matches(filter, *entry->record, entry->is_finished)) continue;
    listed.push_back({place->sequence, entry->record});
    ++found;
  }
}

size_t MemoryShard::Sweep(MonoTime now, size_t limit, Garbage& garbage) {
  size_t swept = 0;
  while (swept < limit && !by_sweep_.empty() && by_sweep_.begin()->first <= now) {
    Take(*by_sweep_.begin()->second.first, garbage);
    ++swept;
  }
  stats_.expired += swept;
  return swept;
}

MonoTime MemoryShard::NextSweep() const {
  return by_sweep_.empty() ? MonoTime::Max() : by_sweep_.begin()->first;
}

void MemoryShard::Take(Entry& entry, Garbage& garbage) {
  if (next_to_evict_ == &entry) next_to_evict_ = entry.by_end.next;
  Unlink<&Entry::by_end>(by_end_, entry);
  if (entry.sweep != MonoTime::Max()) {
    const auto bucket = by_sweep_.find(entry.sweep);
    Unlink<&Entry::by_sweep>(bucket->second, entry);
    if (bucket->second.first == nullptr) by_sweep_.erase(bucket);
  }
  TakeFromOrder(entry);
  --stats_.finished_records;
  stats_.finished_bytes -= entry.bytes;
  garbage.push_back(std::move(entry.record));
  const auto it = by_key_.find(entry.hashed());
  const std::unique_ptr<Entry> owner = std::move(it->second);  // The key points into it.
  by_key_.erase(it);
  ShrinkTable();
}

void MemoryShard::TakeFromOrder(const Entry& entry) {
  order_[entry.place - order_base_].entry = nullptr;
  ++holes_;
  while (!order_.empty() && order_.front().entry == nullptr) {
    order_.pop_front();
    ++order_base_;
    --holes_;
  }
  if (holes_ < kLeastToShrink || holes_ < order_.size() / 2) return;
  std::deque<Place> compact;
  for (const Place& place : order_) {
    if (place.entry == nullptr) continue;
    place.entry->place = compact.size();
    compact.push_back(place);
  }
  order_.swap(compact);
  order_base_ = 0;
  holes_ = 0;
}

void MemoryShard::ShrinkTable() {
  const size_t capacity = by_key_.capacity();
  if (capacity < kLeastToShrink || by_key_.size() >= capacity / kShrinkFactor) return;
  by_key_.rehash(2 * by_key_.size());
}

void MemoryShard::AddTo(TaskStoreStats& stats) const {
  stats.appended += stats_.appended;
  stats.completed += stats_.completed;
  stats.deleted += stats_.deleted;
  stats.expired += stats_.expired;
  stats.outputs_evicted += stats_.outputs_evicted;
  stats.records_evicted += stats_.records_evicted;
  stats.errors += stats_.errors;
  stats.live_records += stats_.live_records;
  stats.finished_records += stats_.finished_records;
  stats.finished_bytes += stats_.finished_bytes;
}

}  // namespace taskforge
