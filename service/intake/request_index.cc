#include "intake/request_index.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"

namespace taskforge {

RequestIndex::RequestIndex(size_t max_ids, absl::Duration ttl)
    : max_ids_in_shard_(std::max<size_t>(max_ids / kShards, 1)), ttl_(ttl) {}

RequestIndex::Shard& RequestIndex::ShardOf(const std::string& key) {
  return shards_[absl::Hash<std::string>()(key) % kShards];
}

RequestIndex::Found RequestIndex::Begin(const std::string& key, const SpecHash& hash, MonoTime now,
                                        Submission& submission) {
  Shard& shard = ShardOf(key);
  MutexLock lock(shard.mu);
  Trim(shard, now);
  const auto [it, is_new] = shard.entries.try_emplace(key);
  Entry& entry = it->second;
  if (is_new) {
    entry.hash = hash;
    return {Standing::kNew, {}};
  }
  if (entry.hash != hash) return {Standing::kReused, entry.task};
  if (!entry.task.name.empty()) return {Standing::kKnown, entry.task};
  entry.waiting.push_back(std::move(submission));
  return {Standing::kWaits, {}};
}

RequestIndex::Found RequestIndex::Find(const std::string& key, const SpecHash& hash) {
  Shard& shard = ShardOf(key);
  MutexLock lock(shard.mu);
  const auto it = shard.entries.find(key);
  const bool is_known =
      it != shard.entries.end() && it->second.hash == hash && !it->second.task.name.empty();
  if (!is_known) return {Standing::kNew, {}};
  return {Standing::kKnown, it->second.task};
}

std::vector<Submission> RequestIndex::Settle(const std::string& key, TaskId task) {
  Shard& shard = ShardOf(key);
  MutexLock lock(shard.mu);
  const auto it = shard.entries.find(key);
  it->second.task = std::move(task);
  return std::exchange(it->second.waiting, {});
}

std::vector<Submission> RequestIndex::Fail(const std::string& key) {
  Shard& shard = ShardOf(key);
  MutexLock lock(shard.mu);
  const auto it = shard.entries.find(key);
  std::vector<Submission> waiting = std::move(it->second.waiting);
  shard.entries.erase(it);
  return waiting;
}

void RequestIndex::Ended(const std::string& key, MonoTime now) {
  Shard& shard = ShardOf(key);
  MutexLock lock(shard.mu);
  shard.ended.push_back({now, key});
  Trim(shard, now);
}

void RequestIndex::Trim(Shard& shard, MonoTime now) {
  while (!shard.ended.empty()) {
    const EndedId& oldest = shard.ended.front();
    if (shard.ended.size() <= max_ids_in_shard_ && now < oldest.at + ttl_) return;
    shard.entries.erase(oldest.key);
    shard.ended.pop_front();
  }
}

size_t RequestIndex::size() const {
  size_t size = 0;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mu);
    size += shard.entries.size();
  }
  return size;
}

}  // namespace taskforge
