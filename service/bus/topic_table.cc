#include "bus/topic_table.h"

#include <limits>
#include <memory>

#include "absl/hash/hash.h"

namespace taskforge {

TopicTable::~TopicTable() {
  for (auto& entry : entries_) delete entry.load(std::memory_order_acquire);
}

void TopicTable::Count(absl::string_view topic, MonoTime now) {
  const int64_t now_ns = now.ns;
  const size_t hash = absl::HashOf(topic);
  std::atomic<Entry*>* idlest = nullptr;
  Entry* idlest_entry = nullptr;
  int64_t idlest_ns = std::numeric_limits<int64_t>::max();
  for (size_t i = 0; i < kPlaces; ++i) {
    std::atomic<Entry*>& place = entries_[(hash + i) % kCapacity];
    // acquire: pairs with the exchange below; the entry is whole.
    Entry* entry = place.load(std::memory_order_acquire);
    if (entry == nullptr) {
      idlest = &place;
      idlest_entry = nullptr;
      break;  // Places fill in order: the topic stands at none behind.
    }
    if (entry->topic == topic) {
      // relaxed: figures for people.
      entry->published.fetch_add(1, std::memory_order_relaxed);
      entry->last_ns.store(now_ns, std::memory_order_relaxed);
      return;
    }
    const int64_t last_ns = entry->last_ns.load(std::memory_order_relaxed);
    if (last_ns < idlest_ns) {
      idlest = &place;
      idlest_entry = entry;
      idlest_ns = last_ns;
    }
  }
  if (idlest == nullptr) return;
  auto fresh = std::make_unique<Entry>(topic, now_ns);
  if (!idlest->compare_exchange_strong(idlest_entry, fresh.get(), std::memory_order_acq_rel)) {
    return Count(topic, now);  // Somebody took the place, perhaps for this topic.
  }
  fresh.release();
  if (idlest_entry != nullptr) {
    epochs_.Retire(idlest_entry,
                   [](EpochDomain::Retired* old) { delete static_cast<Entry*>(old); });
  }
}

std::vector<TopicInfo> TopicTable::List(const Clock& clock) const {
  std::vector<TopicInfo> infos;
  const WallTimes times(clock);
  const EpochDomain::Guard guard(epochs_);
  for (const auto& place : entries_) {
    const Entry* entry = place.load(std::memory_order_acquire);  // Pairs with Count().
    if (entry == nullptr) continue;
    infos.push_back({entry->topic, entry->published.load(std::memory_order_relaxed), /*retained=*/0,
                     times.Of(MonoTime{entry->last_ns.load(std::memory_order_relaxed)})});
  }
  return infos;
}

}  // namespace taskforge
