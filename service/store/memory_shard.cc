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

template <MemoryShard::Links MemoryShard::Ended::*kLinks>
void MemoryShard::Link(Chain& chain, Ended& ended) {
  (ended.*kLinks).previous = chain.last;
  (ended.*kLinks).next = nullptr;
  (chain.last == nullptr ? chain.first : (chain.last->*kLinks).next) = &ended;
  chain.last = &ended;
}

template <MemoryShard::Links MemoryShard::Ended::*kLinks>
void MemoryShard::Unlink(Chain& chain, Ended& ended) {
  Links& links = ended.*kLinks;
  (links.previous == nullptr ? chain.first : (links.previous->*kLinks).next) = links.next;
  (links.next == nullptr ? chain.last : (links.next->*kLinks).previous) = links.previous;
  links = Links{};
}

bool MemoryShard::SlotEqual::operator()(const Slot& slot, const Key& key) const {
  if (slot.hash != static_cast<uint32_t>(key.name.hash)) return false;
  const TaskRecord& record = *shard->EntryAt(slot).record;
  return TaskNameText(record).view() == key.name.text && record.spec->origin->ns == key.ns;
}

absl::Status MemoryShard::Append(const Key& key, TaskRecordPtr record, uint64_t sequence) {
  if (by_key_.contains(key)) {
    return ReasonError(absl::StatusCode::kAlreadyExists, "TASK_EXISTS",
                       absl::StrCat("there is a task \"", key.name.text, "\" already"));
  }
  by_key_.insert({.hash = static_cast<uint32_t>(key.name.hash),
                  .place = order_base_ + static_cast<uint32_t>(order_.size())});
  order_.push_back({.sequence = sequence, .record = std::move(record), .ended = nullptr});
  ++stats_.appended;
  ++stats_.live_records;
  return absl::OkStatus();
}

absl::StatusOr<MonoTime> MemoryShard::Complete(const Key& key, TaskRecordPtr record, MonoTime now,
                                               MonoTime expires, Garbage& garbage) {
  const auto it = by_key_.find(key);
  if (it == by_key_.end()) return NotFound(key.name.text);
  Entry& entry = EntryAt(*it);
  if (entry.ended != nullptr) {
    return ReasonError(absl::StatusCode::kFailedPrecondition, "TASK_ENDED",
                       absl::StrCat("task \"", key.name.text, "\" has ended as ",
                                    Name(entry.record->state), ": that stays"));
  }
  const MonoTime sweep = SweepFor(now, expires);
  entry.ended = std::make_unique<Ended>();
  Ended& ended = *entry.ended;
  ended.slot = *it;
  ended.bytes = CostBytes(*record);
  ended.expires = expires;
  ended.sweep = sweep;
  garbage.push_back(std::exchange(entry.record, std::move(record)));
  Link<&Ended::by_end>(by_end_, ended);
  if (next_to_evict_ == nullptr) next_to_evict_ = &ended;
  if (sweep != MonoTime::Max()) Link<&Ended::by_sweep>(by_sweep_[sweep], ended);
  ++stats_.completed;
  --stats_.live_records;
  ++stats_.finished_records;
  stats_.finished_bytes += ended.bytes;
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
  Ended& ended = *next_to_evict_;
  next_to_evict_ = ended.by_end.next;
  TaskRecordPtr& record = EntryAt(ended.slot).record;
  if (!record->history->output.has_value()) return;
  TaskRecordPtr evicted = MakeRef<TaskRecord>(WithOutputEvicted(*record));
  const size_t bytes = CostBytes(*evicted);
  stats_.finished_bytes -= ended.bytes - bytes;
  ended.bytes = bytes;
  garbage.push_back(std::exchange(record, std::move(evicted)));
  ++stats_.outputs_evicted;
}

absl::StatusOr<TaskRecordPtr> MemoryShard::Read(const Key& key, MonoTime now) const {
  const auto it = by_key_.find(key);
  if (it == by_key_.end() || HasExpired(EntryAt(*it), now)) return NotFound(key.name.text);
  return EntryAt(*it).record;
}

absl::Status MemoryShard::Delete(const Key& key, MonoTime now, Garbage& garbage) {
  const auto it = by_key_.find(key);
  if (it == by_key_.end() || HasExpired(EntryAt(*it), now)) return NotFound(key.name.text);
  const Entry& entry = EntryAt(*it);
  if (entry.ended == nullptr) {
    return ReasonError(absl::StatusCode::kFailedPrecondition, "TASK_NOT_ENDED",
                       absl::StrCat("task \"", key.name.text, "\" has not ended: cancel it first"));
  }
  ++stats_.deleted;
  Take(*entry.ended, garbage);
  return absl::OkStatus();
}

void MemoryShard::List(const TaskFilter& filter, uint64_t before_sequence, size_t limit,
                       MonoTime now, std::vector<Listed>& listed) const {
  auto entry = std::lower_bound(
      order_.begin(), order_.end(), before_sequence,
      [](const Entry& each, uint64_t sequence) { return each.sequence < sequence; });
  size_t found = 0;
  while (entry != order_.begin() && found < limit) {
    --entry;
    if (entry->record == nullptr || HasExpired(*entry, now)) continue;
    if (!Matches(filter, *entry->record, entry->ended != nullptr)) continue;
    listed.push_back({entry->sequence, entry->record});
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

void MemoryShard::Take(Ended& ended, Garbage& garbage) {
  if (next_to_evict_ == &ended) next_to_evict_ = ended.by_end.next;
  Unlink<&Ended::by_end>(by_end_, ended);
  if (ended.sweep != MonoTime::Max()) {
    const auto bucket = by_sweep_.find(ended.sweep);
    Unlink<&Ended::by_sweep>(bucket->second, ended);
    if (bucket->second.first == nullptr) by_sweep_.erase(bucket);
  }
  --stats_.finished_records;
  stats_.finished_bytes -= ended.bytes;
  by_key_.erase(ended.slot);
  Entry& entry = EntryAt(ended.slot);
  garbage.push_back(std::move(entry.record));
  entry.ended = nullptr;
  ++holes_;
  CompactOrder();
  ShrinkTable();
}

void MemoryShard::CompactOrder() {
  while (!order_.empty() && order_.front().record == nullptr) {
    order_.pop_front();
    ++order_base_;
    --holes_;
  }
  if (holes_ < kLeastToShrink || holes_ < order_.size() / 2) return;
  std::deque<Entry> compact;
  std::vector<uint32_t> places(order_.size());  // Where each is from now on, counted from 0.
  for (size_t i = 0; i < order_.size(); ++i) {
    places[i] = static_cast<uint32_t>(compact.size());
    if (order_[i].record == nullptr) continue;
    compact.push_back(std::move(order_[i]));
    if (compact.back().ended != nullptr) compact.back().ended->slot.place = places[i];
  }
  Table table(by_key_.size(), SlotHash(), SlotEqual{this});
  for (const Slot& slot : by_key_) {
    table.insert({.hash = slot.hash, .place = places[slot.place - order_base_]});
  }
  by_key_.swap(table);
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
