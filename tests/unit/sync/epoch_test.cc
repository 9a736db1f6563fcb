#include "sync/epoch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace taskforge {
namespace {

struct Counted {
  explicit Counted(std::atomic<int>& alive) : alive(alive) { alive.fetch_add(1); }
  ~Counted() { alive.fetch_sub(1); }
  std::atomic<int>& alive;
};

TEST(EpochDomain, FreesEverythingWhenItIsDestroyed) {
  std::atomic<int> alive{0};
  {
    EpochDomain domain;
    for (int i = 0; i < 10; ++i) domain.Retire(new Counted(alive));
    EXPECT_EQ(domain.garbage(), 10u);
  }
  EXPECT_EQ(alive.load(), 0);
}

TEST(EpochDomain, FreesOnQuiesceWhenNobodyReads) {
  std::atomic<int> alive{0};
  EpochDomain domain;
  for (int i = 0; i < 10; ++i) domain.Retire(new Counted(alive));
  domain.Quiesce();
  EXPECT_EQ(alive.load(), 0);
  EXPECT_EQ(domain.garbage(), 0u);
}

TEST(EpochDomain, ReclaimFreesAtOnceWhatNobodyHoldsBack) {
  std::atomic<int> alive{0};
  EpochDomain domain;
  domain.Retire(new Counted(alive));
  domain.Reclaim();
  EXPECT_EQ(alive.load(), 0);
  {
    EpochDomain::Guard guard(domain);
    domain.Retire(new Counted(alive));
    domain.Reclaim();
    EXPECT_EQ(alive.load(), 1);
  }
  domain.Reclaim();
  EXPECT_EQ(alive.load(), 0);
}

TEST(EpochDomain, FreesNothingThatAGuardMaySee) {
  std::atomic<int> alive{0};
  EpochDomain domain;
  {
    EpochDomain::Guard guard(domain);
    for (int i = 0; i < 1000; ++i) domain.Retire(new Counted(alive));
    EXPECT_EQ(alive.load(), 1000);
  }
  domain.Quiesce();
  EXPECT_EQ(alive.load(), 0);
}

TEST(EpochDomain, FreesWhatWasRetiredBeforeAGuardThatStays) {
  std::atomic<int> alive{0};
  EpochDomain domain;
  for (int i = 0; i < 10; ++i) domain.Retire(new Counted(alive));
  domain.Quiesce();
  EpochDomain::Guard guard(domain);
  EXPECT_EQ(alive.load(), 0);
}

TEST(EpochDomain, KeepsGarbageSmallWithoutBeingAsked) {
  std::atomic<int> alive{0};
  EpochDomain domain;
  size_t most = 0;
  for (int i = 0; i < 10'000; ++i) {
    EpochDomain::Guard guard(domain);
    domain.Retire(new Counted(alive));
    most = std::max(most, domain.garbage());
  }
  EXPECT_LE(most, 1000u);
}

TEST(EpochDomain, GuardsNest) {
  std::atomic<int> alive{0};
  EpochDomain domain;
  {
    EpochDomain::Guard outer(domain);
    domain.Retire(new Counted(alive));
    { EpochDomain::Guard inner(domain); }
    for (int i = 0; i < 200; ++i) domain.Retire(new Counted(alive));
    EXPECT_EQ(alive.load(), 201);
  }
  domain.Quiesce();
  EXPECT_EQ(alive.load(), 0);
}

TEST(EpochDomain, HoldsMoreGuardsThanItHasRoomForAtFirst) {
  std::atomic<int> alive{0};
  EpochDomain domain;
  std::vector<std::unique_ptr<EpochDomain::Guard>> guards;
  for (int i = 0; i < 300; ++i) guards.push_back(std::make_unique<EpochDomain::Guard>(domain));
  for (int i = 0; i < 200; ++i) domain.Retire(new Counted(alive));
  // The last guard stands in a later chunk, and must still count.
  guards.erase(guards.begin(), guards.end() - 1);
  for (int i = 0; i < 200; ++i) domain.Retire(new Counted(alive));
  EXPECT_EQ(alive.load(), 400);
  guards.clear();
  domain.Quiesce();
  EXPECT_EQ(alive.load(), 0);
}

TEST(EpochDomain, TakesADeleterAndAnIntrusiveNode) {
  struct Node : EpochDomain::Retired {
    explicit Node(bool& f) : freed(f) {}
    bool& freed;
  };
  EpochDomain domain;
  bool freed = false;
  domain.Retire(new Node(freed), [](EpochDomain::Retired* retired) {
    Node* node = static_cast<Node*>(retired);
    node->freed = true;
    delete node;
  });
  int deleted = 0;
  domain.Retire(static_cast<void*>(&deleted), [](void* p) { ++*static_cast<int*>(p); });
  domain.Quiesce();
  EXPECT_TRUE(freed);
  EXPECT_EQ(deleted, 1);
}

class EpochThreads : public testing::TestWithParam<int> {};

// Readers check that what they see inside a guard is alive, while a writer replaces it.
TEST_P(EpochThreads, ReadersNeverSeeAFreedObject) {
  struct Box {
    std::atomic<int> canary{42};
    ~Box() { canary.store(-1); }
  };
  EpochDomain domain;
  std::atomic<Box*> current{new Box};
  std::atomic<bool> stop{false};
  std::atomic<int> dead{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < GetParam(); ++r) {
    readers.emplace_back([&] {
      while (!stop.load()) {
        EpochDomain::Guard guard(domain);
        Box* box = current.load(std::memory_order_acquire);
        if (box->canary.load() != 42) dead.fetch_add(1);
        std::this_thread::yield();
        if (box->canary.load() != 42) dead.fetch_add(1);
      }
    });
  }
  for (int i = 0; i < 3000; ++i) {
    domain.Retire(current.exchange(new Box, std::memory_order_acq_rel));
    if (i % 64 == 0) domain.Quiesce(256);
  }
  stop.store(true);
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(dead.load(), 0);
  delete current.load();
}
INSTANTIATE_TEST_SUITE_P(Threads, EpochThreads, testing::Values(1, 2, 8));

}  // namespace
}  // namespace taskforge
