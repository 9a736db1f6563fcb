#include "base/ref.h"

#include <gtest/gtest.h>

#include <thread>
#include <utility>
#include <vector>

namespace taskforge {
namespace {

class Thing : public RefCounted<Thing> {
 public:
  explicit Thing(int& deaths) : deaths_(deaths) {}
  ~Thing() { ++deaths_; }

 private:
  int& deaths_;
};

TEST(Ref, DestroysWithTheLast) {
  int deaths = 0;
  {
    Ref<Thing> a = MakeRef<Thing>(deaths);
    const Ref<Thing> b = a;
    a = nullptr;
    EXPECT_FALSE(a);
    EXPECT_TRUE(b);
    EXPECT_EQ(deaths, 0);
  }
  EXPECT_EQ(deaths, 1);
}

TEST(Ref, MovesWithoutCounting) {
  int deaths = 0;
  Ref<Thing> a = MakeRef<Thing>(deaths);
  Thing* const raw = a.get();
  const Ref<Thing> b = std::move(a);
  EXPECT_EQ(b.get(), raw);
  EXPECT_EQ(deaths, 0);
}

TEST(Ref, AssignsToItself) {
  int deaths = 0;
  Ref<Thing> a = MakeRef<Thing>(deaths);
  const Ref<Thing>& same = a;
  a = same;
  EXPECT_TRUE(a);
  EXPECT_EQ(deaths, 0);
}

TEST(Ref, LeaksAndAdopts) {
  int deaths = 0;
  Thing* raw = MakeRef<Thing>(deaths).Leak();
  EXPECT_EQ(deaths, 0);
  { const Ref<Thing> again = Ref<Thing>::Adopt(raw); }
  EXPECT_EQ(deaths, 1);
}

TEST(Ref, CountsMany) {
  int deaths = 0;
  const Ref<Thing> a = MakeRef<Thing>(deaths);
  a->AddRef(10);
  a->Release(9);
  EXPECT_EQ(deaths, 0);
  a->Release();
  EXPECT_EQ(deaths, 0);
}

TEST(Ref, IsSharedByThreads) {
  for (int threads_count : {1, 2, 8}) {
    int deaths = 0;
    {
      const Ref<Thing> shared = MakeRef<Thing>(deaths);
      std::vector<std::thread> threads;
      for (int t = 0; t < threads_count; ++t) {
        threads.emplace_back([mine = shared] {
          for (int i = 0; i < 1000; ++i) const Ref<Thing> another = mine;
        });
      }
      for (std::thread& thread : threads) thread.join();
    }
    EXPECT_EQ(deaths, 1);
  }
}

}  // namespace
}  // namespace taskforge
