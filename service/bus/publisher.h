// A publisher's own end of one topic, for topics that are published on often.
#ifndef TASKFORGE_BUS_PUBLISHER_H_
#define TASKFORGE_BUS_PUBLISHER_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "base/clock.h"
#include "bus/bus.h"
#include "bus/event.h"

namespace taskforge {

// Remembers who gets the events of its topic until subscriptions to such topics change, so that an
// event is not routed again. With no subscriber, publishing costs some nanoseconds and the event is
// not even made. The bus must outlive it. Thread-safe.
class Publisher {
 public:
  // REQUIRES: a valid topic.
  Publisher(Bus& bus, std::string topic);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  const std::string& topic() const { return topic_; }

  // Whether anybody would get an event now, or later if it is retained: two loads or three, until
  // subscriptions change.
  bool HasSubscribers() {
    if (is_retained_) return true;
    // acquire: pairs with the increment in RouteTable; whose subscription had returned is seen.
    const uint64_t generation = generation_.load(std::memory_order_acquire);
    if (empty_at_.load(std::memory_order_relaxed) == generation) return false;
    return routed_at_.load(std::memory_order_relaxed) == generation || Refresh();
  }

  // Counts an event as published, and publishes what `make_event()` returns (an EventRef with this
  // topic and priority) if HasSubscribers(); otherwise does not call it.
  template <typename MakeEvent>
  Bus::PublishResult Publish(Priority priority, MakeEvent make_event) {
    if (!HasSubscribers()) {
      Count(priority, bus_.clock_.CoarseMonotonic());
      return {};
    }
    const MonoTime now = bus_.clock_.Monotonic();
    Count(priority, now);
    return {Send(make_event(), now)};
  }

  TopicInfo Info() const;

 private:
  struct CachedRoute;

  void Count(Priority priority, MonoTime now) {
    bus_.counters_.CountPublished(priority);
    // relaxed: figures for people.
    published_.fetch_add(1, std::memory_order_relaxed);
    last_ns_.store(now.ns, std::memory_order_relaxed);
  }
  // Makes the route anew if it is out of date; whether it leads to anybody.
  bool Refresh();
  // So that the next event need not look.
  bool Remember(uint64_t generation, bool leads_somewhere);
  uint32_t Send(EventRef event, MonoTime now);

  // Constant after construction.
  Bus& bus_;
  const std::string topic_;
  const std::atomic<uint64_t>& generation_;
  const bool is_retained_;

  // Synchronizes itself.
  std::atomic<CachedRoute*> route_{nullptr};     // Read inside a guard of the bus's epochs.
  std::atomic<uint64_t> empty_at_{UINT64_MAX};   // The generation at which nobody subscribed.
  std::atomic<uint64_t> routed_at_{UINT64_MAX};  // The generation at which somebody did.
  std::atomic<uint64_t> published_{0};
  std::atomic<int64_t> last_ns_{0};
};

}  // namespace taskforge

#endif  // TASKFORGE_BUS_PUBLISHER_H_
