// LockFreeStack and LockFreeQueue give each item once, and nothing else; a queue in order. No node
// is read after it was freed, or taken for another at the same address (ABA).
#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "model/no_epochs.h"
#include "model/search.h"
#include "sync/epoch_inl.h"
#include "sync/lock_free_queue.h"
#include "sync/lock_free_stack.h"

namespace taskforge::model {
namespace {

// Nothing is freed before the end, so that the search is about the container's own accesses.
struct FreesAtTheEnd : RelacyAtomics {
  static constexpr uint64_t kRetiresPerLook = 1'000'000;
};

// Holds 1 and 2; one thread pops, while another pops, pops and pushes 3, which is what takes a
// container for ABA.
template <template <typename, typename> class Container, typename Atomics>
struct Shuffle : rl::test_suite<Shuffle<Container, Atomics>, 2> {
  std::unique_ptr<Container<uint64_t, Atomics>> container;
  std::array<int, 4> came{};

  bool Pop() {
    const std::optional<uint64_t> item = container->TryPop();
    if (!item.has_value()) return false;
    RL_ASSERT(*item >= 1 && *item <= 3);
    ++came[*item];
    return true;
  }
  void before() {
    container = std::make_unique<Container<uint64_t, Atomics>>();
    container->Push(1);
    container->Push(2);
  }
  void thread(unsigned index) {
    if (index == 0) {
      Pop();
    } else {
      Pop();
      Pop();
      container->Push(3);
    }
  }
  void after() {
    while (Pop()) {
    }
    for (int item = 1; item <= 3; ++item) RL_ASSERT(came[item] == 1);
    container.reset();
  }
};

// One thread pushes what another pops.
template <template <typename, typename> class Container, typename Atomics>
struct Handover : rl::test_suite<Handover<Container, Atomics>, 2> {
  std::unique_ptr<Container<uint64_t, Atomics>> container;
  uint64_t sum = 0;

  bool Pop() {
    const std::optional<uint64_t> item = container->TryPop();
    sum += item.value_or(0);
    return item.has_value();
  }
  void before() { container = std::make_unique<Container<uint64_t, Atomics>>(); }
  void thread(unsigned index) {
    if (index == 0) {
      container->Push(1);
      container->Push(2);
    } else {
      Pop();
    }
  }
  void after() {
    while (Pop()) {
    }
    RL_ASSERT(sum == 3);
    container.reset();
  }
};

// Two producers push, one of them twice, and a consumer pops: the items of each producer come in
// order, and what is found empty was.
template <typename Atomics>
struct InOrder : rl::test_suite<InOrder<Atomics>, 3> {
  std::unique_ptr<LockFreeQueue<uint64_t, Atomics>> queue;
  std::array<uint64_t, 2> last{};
  RelacyAtomic<uint32_t> pushed{0};

  bool Pop() {
    const uint32_t there = pushed.load(std::memory_order_acquire);
    const std::optional<uint64_t> item = queue->TryPop();
    if (!item.has_value()) {
      RL_ASSERT(there <= last[0] + last[1]);
      return false;
    }
    const uint64_t producer = *item / 10;
    RL_ASSERT(*item % 10 == last[producer] + 1);
    last[producer] = *item % 10;
    return true;
  }
  void before() { queue = std::make_unique<LockFreeQueue<uint64_t, Atomics>>(); }
  void thread(unsigned index) {
    for (uint64_t i = 1; i <= (index == 0 ? 2 : 1); ++i) {
      if (index == 2) {
        Pop();
      } else {
        queue->Push(index * 10 + i);
        pushed.fetch_add(1, std::memory_order_release);
      }
    }
  }
  void after() {
    while (Pop()) {
    }
    RL_ASSERT(last[0] == 2 && last[1] == 1);
    queue.reset();
  }
};

template <typename Atomics>
using StackShuffle = Shuffle<LockFreeStack, Atomics>;
template <typename Atomics>
using QueueShuffle = Shuffle<LockFreeQueue, Atomics>;

template <typename Atomics>
using StackHandover = Handover<LockFreeStack, Atomics>;
template <typename Atomics>
using QueueHandover = Handover<LockFreeQueue, Atomics>;

TEST(StackModel, PassesItemsOn) { ExpectHolds<StackHandover<FreesAtTheEnd>>({}); }
TEST(StackModel, GivesEachItemOnce) { ExpectHolds<StackShuffle<FreesAtTheEnd>>({.switches = 2}); }
TEST(StackModel, GivesEachItemOnceAndFrees) {
  ExpectHolds<StackShuffle<RelacyAtomics>>({.switches = 1});
}
TEST(StackModel, FindsThatThereAreNoEpochs) { ExpectFound<StackShuffle<NoEpochs>>(kUsedAfterFree); }
TEST(StackModel, FindsARelaxedPush) {
  ExpectFound<StackHandover<RelacyAtomics>>(
      kUnordered, {.function = "::Push(", .access = Access::kCompareExchange});
}

TEST(QueueModel, PassesItemsOn) { ExpectHolds<QueueHandover<FreesAtTheEnd>>({.switches = 3}); }
TEST(QueueModel, GivesEachItemOnce) { ExpectHolds<QueueShuffle<FreesAtTheEnd>>({.switches = 2}); }
TEST(QueueModel, GivesEachItemOnceAndFrees) {
  ExpectHolds<QueueShuffle<RelacyAtomics>>({.switches = 1});
}
TEST(QueueModel, KeepsTheOrderOfEachProducer) {
  ExpectHolds<InOrder<FreesAtTheEnd>>({.switches = 1});
}
TEST(QueueModel, FindsThatThereAreNoEpochs) { ExpectFound<QueueShuffle<NoEpochs>>(kUsedAfterFree); }
TEST(QueueModel, FindsARelaxedPush) {
  ExpectFound<QueueHandover<RelacyAtomics>>(
      kUnordered, {.function = "::Push(", .access = Access::kCompareExchange});
}

}  // namespace
}  // namespace taskforge::model
