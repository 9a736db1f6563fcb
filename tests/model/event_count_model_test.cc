// EventCount loses no wake-up: who waits for a condition is woken after it has become true.
#include <cstdint>
#include <memory>

#include "model/search.h"
#include "sync/event_count.h"

namespace taskforge::model {
namespace {

using Event = BasicEventCount<RelacyAtomics>;

enum class Look { kAgain, kOnlyOnce };

// kWaiters threads wait until as many items are there and each takes one; the last thread makes
// them. An item is a unit of a plain word that an atomic one publishes.
template <int kWaiters, Look kLook = Look::kAgain>
struct Waiting : rl::test_suite<Waiting<kWaiters, kLook>, kWaiters + 1> {
  Event event;
  RelacyAtomic<uint32_t> items{0};
  RelacyPlain<int> cargo = 0;

  bool Take() {
    uint32_t seen = items.load(std::memory_order_acquire);
    while (seen != 0) {
      if (items.compare_exchange_strong(seen, seen - 1, std::memory_order_acq_rel)) {
        RL_ASSERT(cargo == 7);
        return true;
      }
    }
    return false;
  }
  void Wait() {
    while (!Take()) {
      const Event::Key key = event.PrepareWait();
      if (kLook == Look::kAgain && Take()) {
        event.CancelWait();
        return;
      }
      event.CommitWait(key);
    }
  }
  void thread(unsigned index) {
    if (index < kWaiters) {
      Wait();
      return;
    }
    cargo = 7;
    for (int i = 0; i < kWaiters; ++i) {
      items.fetch_add(1, std::memory_order_release);
      event.NotifyOne();
    }
  }
};

TEST(EventCountModel, OneWaiterIsWoken) { ExpectHolds<Waiting<1>>({}); }
TEST(EventCountModel, TwoWaitersAreWoken) { ExpectHolds<Waiting<2>>({.switches = 3}); }

TEST(EventCountModel, FindsThatNobodyLooksAgain) {
  ExpectFound<Waiting<1, Look::kOnlyOnce>>(kAsleep);
}
// The comment in Notify() says why a load is not enough.
TEST(EventCountModel, FindsALoadForTheReadModifyWriteOfTheNotifier) {
  ExpectFound<Waiting<1>>(kAsleep, {.function = "::Notify(",
                                    .access = Access::kAdd,
                                    .made = std::memory_order_seq_cst,
                                    .only_loads = true});
}
TEST(EventCountModel, FindsARelaxedAnnouncement) {
  ExpectFound<Waiting<1>>(kAsleep, {.function = "::PrepareWait(", .access = Access::kAdd});
}

}  // namespace
}  // namespace taskforge::model
