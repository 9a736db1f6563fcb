#include "bus/publisher.h"

#include <memory>
#include <utility>

#include "bus/fan_out.h"

namespace taskforge {

// Good as long as the topic's generation is the one here: then its subscribers are still in the
// table, or left it after the guard was entered, so that they stay until it ends.
struct Publisher::CachedRoute : EpochDomain::Retired {
  uint64_t generation = 0;
  RouteTable::Matched subscribers;
};

Publisher::Publisher(Bus& bus, std::string topic)
    : bus_(bus),
      topic_(std::move(topic)),
      generation_(bus.routes_.Generation(topic_)),
      is_retained_(bus.IsRetained(topic_)) {
  bus_.Register(*this);
}

Publisher::~Publisher() {
  bus_.Unregister(*this);
  delete route_.load(std::memory_order_acquire);
}

bool Publisher::Refresh() {
  const EpochDomain::Guard guard(bus_.epochs_);
  // acquire: pairs with the exchange below, and with the increment in RouteTable.
  CachedRoute* known = route_.load(std::memory_order_acquire);
  const uint64_t generation = generation_.load(std::memory_order_acquire);
  if (known != nullptr && known->generation == generation) {
    return Remember(generation, !known->subscribers.empty());
  }
  auto fresh = std::make_unique<CachedRoute>();
  fresh->generation = generation;
  bus_.routes_.Match(topic_, fresh->subscribers);
  const bool leads_somewhere = !fresh->subscribers.empty();
  // An older route never takes the place of one that somebody made meanwhile.
  while (known == nullptr || known->generation < generation) {
    if (!route_.compare_exchange_weak(known, fresh.get(), std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
      continue;
    }
    fresh.release();
    if (known != nullptr) {
      bus_.epochs_.Retire(
          known, [](EpochDomain::Retired* route) { delete static_cast<CachedRoute*>(route); });
    }
    break;
  }
  return Remember(generation, leads_somewhere);
}

bool Publisher::Remember(uint64_t generation, bool leads_somewhere) {
  // relaxed: compared with the generation only; nothing else is read on its word.
  (leads_somewhere ? routed_at_ : empty_at_).store(generation, std::memory_order_relaxed);
  return leads_somewhere;
}

uint32_t Publisher::Send(EventRef event, MonoTime now) {
  FanOut fan_out(std::move(event));
  FanOut::ToWaitFor to_wait_for;
  {
    const EpochDomain::Guard guard(bus_.epochs_);
    // acquire: as in Refresh().
    const CachedRoute* route = route_.load(std::memory_order_acquire);
    if (is_retained_) {
      bus_.RouteRetained(fan_out, now, to_wait_for);  // The lock costs more than a second match.
    } else if (route != nullptr &&
               route->generation == generation_.load(std::memory_order_acquire)) {
      fan_out.OfferAll(route->subscribers, now, to_wait_for);
    } else {  // Changed since the look: not worth a second try.
      RouteTable::Matched matched;
      bus_.routes_.Match(topic_, matched);
      fan_out.OfferAll(matched, now, to_wait_for);
    }
  }
  fan_out.OfferBlocking(to_wait_for);
  return fan_out.taken();
}

TopicInfo Publisher::Info() const {
  return {topic_, published_.load(std::memory_order_relaxed), /*retained=*/0,
          WallTimes(bus_.clock_).Of(MonoTime{last_ns_.load(std::memory_order_relaxed)})};
}

}  // namespace taskforge
