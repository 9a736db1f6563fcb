// MpmcRing and RingCells: each element is taken once, in the order of its producer, with all that
// came before its push; a cell that was read and then overwritten is never used; a ring refuses
// only when it is full, says that it is empty only when it is, and misses nobody who looks the
// other way.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "model/search.h"
#include "sync/mpmc_ring.h"

namespace taskforge::model {
namespace {

using Ring = MpmcRing<uint32_t, RelacyAtomics>;
constexpr size_t kCapacity = 2;  // The least: each third element uses a cell again.

// What threads have pushed and taken. An element says who pushed it and which of his it is; its
// cargo is plain memory that the ring must order. Otherwise guarded by being used by one thread.
class Ledger {
 public:
  static constexpr uint32_t kProducers = 3;
  static constexpr uint32_t kEach = 4;

  // The next element of `producer`, which is about to be pushed.
  uint32_t Load(uint32_t producer) {
    const uint32_t element = producer * kEach + pushed_[producer];
    cargo_[element] = static_cast<int>(element) + 100;
    return element;
  }
  void NotePush(uint32_t producer) { ++pushed_[producer]; }
  void NoteTaken(uint32_t element, uint32_t consumer) {
    RL_ASSERT(element < cargo_.size());
    RL_ASSERT(cargo_[element] == static_cast<int>(element) + 100);
    RL_ASSERT(++taken_[element] == 1);
    uint32_t& next = next_[consumer][element / kEach];
    RL_ASSERT(element % kEach >= next);
    next = element % kEach + 1;
  }
  // All that was pushed was taken, and nothing else.
  void Close() const {
    for (uint32_t element = 0; element < taken_.size(); ++element) {
      const bool was_pushed = element % kEach < pushed_[element / kEach];
      RL_ASSERT(taken_[element] == (was_pushed ? 1 : 0));
    }
  }

 private:
  std::array<uint32_t, kProducers> pushed_{};
  std::array<RelacyPlain<int>, size_t{kProducers} * kEach> cargo_;
  std::array<int, size_t{kProducers} * kEach> taken_{};
  // By consumer, the least element of each producer that may come next.
  std::array<std::array<uint32_t, kProducers>, 4> next_{};
};

// Producers push kPushes each and consumers look kPops times each at a ring that holds kHeld
// elements when they start and has gone round by kMoved. The order is looked at by consumer.
template <unsigned kProducers, unsigned kConsumers, int kPushes, int kPops, int kHeld,
          int kMoved = 0>
struct Traffic : rl::test_suite<Traffic<kProducers, kConsumers, kPushes, kPops, kHeld, kMoved>,
                                kProducers + kConsumers> {
  std::unique_ptr<Ring> ring;
  Ledger ledger;

  void Push(uint32_t producer) {
    if (ring->TryPush(ledger.Load(producer))) ledger.NotePush(producer);
  }
  bool Pop(uint32_t consumer) {
    uint32_t element = ~0u;
    if (ring->TryPop(element) != PopResult::kTaken) {
      RL_ASSERT(element == ~0u);
      return false;
    }
    ledger.NoteTaken(element, consumer);
    return true;
  }
  void before() {
    ring = std::make_unique<Ring>(kCapacity);
    for (int i = 0; i < kMoved; ++i) {
      uint32_t element = 0;
      RL_ASSERT(ring->TryPush(0));
      RL_ASSERT(ring->TryPop(element) == PopResult::kTaken);
    }
    for (int i = 0; i < kHeld; ++i) Push(kProducers);
  }
  void thread(unsigned index) {
    if (index < kProducers) {
      for (int i = 0; i < kPushes; ++i) Push(index);
    } else {
      for (int i = 0; i < kPops; ++i) Pop(index - kProducers);
    }
  }
  void after() {
    while (Pop(kConsumers)) {
    }
    ledger.Close();
    ring.reset();
  }
};

// Nobody holds more than one element at a time of a ring with a cell for each, so nobody is
// refused; and each takes again as many as he pushed, whoever's they are.
struct Counted : rl::test_suite<Counted, kCapacity> {
  std::unique_ptr<Ring> ring;
  Ledger ledger;

  void before() { ring = std::make_unique<Ring>(kCapacity); }
  void thread(unsigned index) {
    for (int i = 0; i < 2; ++i) {
      RL_ASSERT(ring->TryPush(ledger.Load(index)));
      ledger.NotePush(index);
      uint32_t element = 0;
      PopResult popped = PopResult::kContended;
      while ((popped = ring->TryPop(element)) == PopResult::kContended) RelacyAtomics::Yield();
      RL_ASSERT(popped == PopResult::kTaken);
      ledger.NoteTaken(element, index);
    }
  }
  void after() {
    ledger.Close();
    ring.reset();
  }
};

// What is said of the ends is true. Who is refused knows of so few pops that the ring can have been
// full, and who finds it empty knows of no push that nobody can have taken.
template <unsigned kProducers, unsigned kConsumers, int kHeld>
struct Edges : rl::test_suite<Edges<kProducers, kConsumers, kHeld>, kProducers + kConsumers> {
  std::unique_ptr<Ring> ring;
  // Lower bounds, known to whoever acquires them.
  RelacyAtomic<int> pushed{kHeld};
  RelacyAtomic<int> taken{0};
  // Upper bounds: with the calls that have begun. Guarded by being used by one thread.
  int pushes_begun = kHeld;
  int pops_begun = 0;

  void Push() {
    const int were_taken = taken.load(std::memory_order_acquire);
    ++pushes_begun;
    if (ring->TryPush(7)) {
      pushed.fetch_add(1, std::memory_order_release);
    } else {
      --pushes_begun;
      RL_ASSERT(pushes_begun - were_taken >= static_cast<int>(kCapacity));
    }
  }
  void Pop() {
    const int were_pushed = pushed.load(std::memory_order_acquire);
    ++pops_begun;
    uint32_t element = 0;
    const PopResult popped = ring->TryPop(element);
    if (popped == PopResult::kTaken) {
      taken.fetch_add(1, std::memory_order_release);
      return;
    }
    --pops_begun;
    if (popped == PopResult::kEmpty) RL_ASSERT(were_pushed <= pops_begun);
  }
  void before() {
    ring = std::make_unique<Ring>(kCapacity);
    for (int i = 0; i < kHeld; ++i) RL_ASSERT(ring->TryPush(7));
  }
  void thread(unsigned index) {
    for (int i = 0; i < (kProducers + kConsumers == 2 ? 2 : 1); ++i) {
      if (index < kProducers) {
        Push();
      } else {
        Pop();
      }
    }
  }
  void after() { ring.reset(); }
};

// A word as the pool's wake list is one: a producer pushes and then reads it, a consumer changes it
// and then pops. One of the two sees the other, though a second producer may be in between. A
// consumer to whom contended is as good as empty goes to sleep on work.
enum class Sleeps { kWhenEmpty, kWhenContended };

template <unsigned kProducers, Sleeps kSleeps = Sleeps::kWhenEmpty>
struct Dekker : rl::test_suite<Dekker<kProducers, kSleeps>, kProducers + 1> {
  std::unique_ptr<Ring> ring;
  RelacyAtomic<uint32_t> word{0};
  std::array<bool, kProducers> saw_sleeper{};
  bool sleeps = false;

  void before() { ring = std::make_unique<Ring>(kCapacity); }
  void thread(unsigned index) {
    if (index < kProducers) {
      RL_ASSERT(ring->TryPush(index));
      saw_sleeper[index] = word.load() != 0;
      return;
    }
    word.store(1);
    uint32_t element = 0;
    const PopResult popped = ring->TryPop(element);
    sleeps = popped == PopResult::kEmpty ||
             (kSleeps == Sleeps::kWhenContended && popped == PopResult::kContended);
  }
  void after() {
    if (sleeps) {
      for (const bool saw : saw_sleeper) RL_ASSERT(saw);
    }
    ring.reset();
  }
};

// What came before a pop has happened when a cell is used again, whoever learnt of the pop: the
// ring's own values stand on it.
struct UsedAgain : rl::test_suite<UsedAgain, 3> {
  std::unique_ptr<Ring> ring;
  RelacyPlain<int> before_the_pops = 0;

  void before() {
    ring = std::make_unique<Ring>(kCapacity);
    for (size_t i = 0; i < kCapacity; ++i) RL_ASSERT(ring->TryPush(7));
  }
  void thread(unsigned index) {
    if (index < 2) {
      if (ring->TryPush(8)) RL_ASSERT(before_the_pops == 1);
      return;
    }
    before_the_pops = 1;
    for (size_t i = 0; i < kCapacity; ++i) {
      uint32_t element = 0;
      RL_ASSERT(ring->TryPop(element) == PopResult::kTaken);
      RL_ASSERT(element == 7);
    }
  }
  void after() { ring.reset(); }
};

// The cells alone, whose owner keeps the ends, as the pool's rings do: positions for pushes are
// taken by an addition, by who knows that there is room.
enum class Reads { kBeforeItClaims, kAfterItClaimed };

template <Reads kReads = Reads::kBeforeItClaims>
struct OwnEnds : rl::test_suite<OwnEnds<kReads>, 3> {
  std::unique_ptr<RingCells<uint32_t, RelacyAtomics>> cells;
  RelacyAtomic<size_t> tail{0};
  RelacyAtomic<size_t> head{0};
  Ledger ledger;

  void Push(uint32_t producer) {
    // There is one producer, so nobody takes the place that he has seen.
    if (tail.load() - head.load() == kCapacity) return;
    const uint32_t element = ledger.Load(producer);
    cells->Publish(tail.fetch_add(1), element);
    ledger.NotePush(producer);
  }
  bool Pop(uint32_t consumer) {
    size_t position = head.load();
    uint32_t element = 0;
    do {
      if (!cells->Peek(position, element)) return false;
    } while (!head.compare_exchange_weak(position, position + 1));
    if (kReads == Reads::kAfterItClaimed && !cells->Peek(position, element)) return false;
    ledger.NoteTaken(element, consumer);
    return true;
  }
  void before() {
    cells = std::make_unique<RingCells<uint32_t, RelacyAtomics>>(kCapacity);
    Push(1);
    Push(1);
  }
  void thread(unsigned index) {
    if (index == 0) {
      Push(0);
      Push(0);
    } else {
      Pop(index);
    }
  }
  void after() {
    while (Pop(3)) {
    }
    ledger.Close();
    cells.reset();
  }
};

using OneOnFull = Traffic<1, 1, 1, 1, 2>;
using OneToOne = Traffic<1, 1, 3, 2, 0>;
using FullOneToOne = Traffic<1, 1, 2, 3, 2>;
using TwoProducers = Traffic<2, 1, 1, 2, 1, 1>;
using TwoConsumers = Traffic<1, 2, 2, 1, 2>;
using TwoEmptyConsumers = Traffic<1, 2, 2, 1, 0, 1>;

TEST(RingModel, PassesOneOnWhenFull) { ExpectHolds<OneOnFull>({}); }
TEST(RingModel, PassesElementsOnOverLaps) { ExpectHolds<OneToOne>({.switches = 3}); }
TEST(RingModel, UsesTheCellsOfAFullRingAgain) { ExpectHolds<FullOneToOne>({.switches = 3}); }
TEST(RingModel, TakesFromTwoProducers) { ExpectHolds<TwoProducers>({.switches = 2}); }
TEST(RingModel, GivesToTwoConsumers) { ExpectHolds<TwoConsumers>({.switches = 3}); }
TEST(RingModel, GivesToTwoConsumersWhoWait) { ExpectHolds<TwoEmptyConsumers>({.switches = 2}); }
TEST(RingModel, NeverRefusesWhoCounts) { ExpectHolds<Counted>({.switches = 2}); }
TEST(RingModel, RefusesOnlyWhenFull) { ExpectHolds<Edges<1, 1, 2>>({.switches = 3}); }
TEST(RingModel, RefusesTwoOnlyWhenFull) { ExpectHolds<Edges<2, 1, 1>>({.switches = 3}); }
TEST(RingModel, IsEmptyOnlyWhenItIs) { ExpectHolds<Edges<1, 2, 0>>({.switches = 3}); }
TEST(RingModel, MissesNoSleeper) { ExpectHolds<Dekker<1>>({}); }
TEST(RingModel, MissesNoSleeperOfTwo) { ExpectHolds<Dekker<2>>({.switches = 3}); }
TEST(RingModel, OrdersThePopBeforeTheNextLap) { ExpectHolds<UsedAgain>({.switches = 3}); }
TEST(RingModel, CellsServeOwnersWhoKeepTheEnds) { ExpectHolds<OwnEnds<>>({.switches = 3}); }

TEST(RingModel, FindsARelaxedPublication) {
  ExpectFound<OneToOne>(
      {rl::test_result_user_assert_failed, rl::test_result_data_race},
      {.function = "::Publish(", .access = Access::kStore, .written = std::memory_order_release});
}
TEST(RingModel, FindsARelaxedPeek) {
  ExpectFound<OneToOne>(
      {rl::test_result_user_assert_failed, rl::test_result_data_race},
      {.function = "::Peek(", .access = Access::kLoad, .written = std::memory_order_acquire});
}
TEST(RingModel, FindsARelaxedCopyOfTheHead) {
  ExpectFound<UsedAgain>(
      kUnordered,
      {.function = "::TryPush(", .access = Access::kStore, .written = std::memory_order_release});
}
TEST(RingModel, FindsARelaxedLookAtTheCopyOfTheHead) {
  ExpectFound<UsedAgain>(
      kUnordered,
      {.function = "::TryPush(", .access = Access::kLoad, .written = std::memory_order_acquire});
}
TEST(RingModel, FindsARelaxedClaimOfAPop) {
  ExpectFound<UsedAgain>(kUnordered, {.function = "::TryPop(", .access = Access::kCompareExchange});
}
// The ring would overwrite what nobody has taken.
TEST(RingModel, FindsACopyOfTheHeadThatIsAhead) {
  ExpectFound<FullOneToOne>({rl::test_result_user_assert_failed},
                            {.function = "::TryPush(",
                             .access = Access::kStore,
                             .written = std::memory_order_release,
                             .made = std::memory_order_release,
                             .more = 1});
}
TEST(RingModel, FindsAClaimThatDoesNotCompare) {
  ExpectFound<TwoConsumers>({rl::test_result_user_assert_failed},
                            {.function = "::TryPop(",
                             .access = Access::kCompareExchange,
                             .made = std::memory_order_seq_cst,
                             .only_stores = true});
}
TEST(RingModel, FindsAPushThatDoesNotCompare) {
  ExpectFound<TwoProducers>({rl::test_result_user_assert_failed, rl::test_result_data_race},
                            {.function = "::TryPush(",
                             .access = Access::kCompareExchange,
                             .made = std::memory_order_seq_cst,
                             .only_stores = true});
}
TEST(RingModel, FindsThatContendedIsTakenForEmpty) {
  ExpectFound<Dekker<1, Sleeps::kWhenContended>>({rl::test_result_user_assert_failed});
}
TEST(RingModel, FindsALookForWorkThatMayBeOld) {
  ExpectFound<Dekker<1>>(
      {rl::test_result_user_assert_failed},
      {.function = "::TryPop(", .access = Access::kLoad, .made = std::memory_order_acquire});
}
TEST(RingModel, FindsAClaimOfAPushThatMayBeLate) {
  ExpectFound<Dekker<1>>({rl::test_result_user_assert_failed}, {.function = "::TryPush(",
                                                                .access = Access::kCompareExchange,
                                                                .made = std::memory_order_acq_rel});
}
TEST(RingModel, FindsAPeekAfterTheClaim) {
  ExpectFound<OwnEnds<Reads::kAfterItClaimed>>({rl::test_result_user_assert_failed});
}

}  // namespace
}  // namespace taskforge::model
