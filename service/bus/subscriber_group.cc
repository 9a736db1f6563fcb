#include "bus/subscriber_group.h"

#include <algorithm>
#include <cstddef>

#include "bus/subscriber.h"
#include "bus/topic.h"

namespace taskforge {

void SubscriberGroup::Join(Ref<Subscriber> member) {
  MutexLock lock(mu_);
  members_.push_back(std::move(member));
}

void SubscriberGroup::Leave(const Subscriber& member) {
  Ref<Subscriber> left;  // Goes outside the lock.
  MutexLock lock(mu_);
  const auto it = std::find_if(members_.begin(), members_.end(),
                               [&](const auto& each) { return each.get() == &member; });
  if (it == members_.end()) return;
  left = std::move(*it);
  members_.erase(it);
}

Subscriber& SubscriberGroup::Choose(absl::Span<Subscriber* const> members) {
  // relaxed: whose turn it is matters to nobody but the balance.
  const size_t start = turn_.fetch_add(1, std::memory_order_relaxed);
  Subscriber* chosen = nullptr;
  size_t fewest = 0;
  for (size_t i = 0; i < members.size(); ++i) {
    Subscriber* member = members[(start + i) % members.size()];
    if (member->IsClosed()) continue;
    const size_t waiting = member->waiting_events();
    if (chosen != nullptr && waiting >= fewest) continue;
    chosen = member;
    fewest = waiting;
  }
  return chosen != nullptr ? *chosen : *members[start % members.size()];
}

bool SubscriberGroup::PassOn(const Event* event, const Subscriber& from) {
  std::vector<Ref<Subscriber>> members;
  {
    MutexLock lock(mu_);
    members = members_;
  }
  const auto wants = [event](const std::string& filter) { return Matches(filter, event->topic()); };
  // With what waits for each as it is now: a sort must not see it change.
  std::vector<std::pair<size_t, Subscriber*>> others;
  for (const Ref<Subscriber>& each : members) {
    if (each.get() == &from ||
        std::none_of(each->filters().begin(), each->filters().end(), wants)) {
      continue;
    }
    others.emplace_back(each->waiting_events(), each.get());
  }
  std::sort(others.begin(), others.end());
  return std::any_of(others.begin(), others.end(),
                     [event](const auto& each) { return each.second->OfferIfRoom(event); });
}

}  // namespace taskforge
