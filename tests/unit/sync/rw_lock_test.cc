#include "sync/rw_lock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"
#include "stress/yield_hooks.h"
#include "stress/yielding_atomics.h"

namespace taskforge {
namespace {

static_assert(sizeof(RwLock) == 1088, "as its header says");

TEST(RwLock, ReadersShareAndWritersExclude) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  RwLock lock;
  ASSERT_TRUE(lock.TryLockRead());
  ASSERT_TRUE(lock.TryLockRead());
  EXPECT_FALSE(lock.TryLockWrite());
  lock.UnlockRead();
  EXPECT_FALSE(lock.TryLockWrite());
  lock.UnlockRead();
  ASSERT_TRUE(lock.TryLockWrite());
  EXPECT_FALSE(lock.TryLockRead());
  std::thread other([&lock]()
                        ABSL_NO_THREAD_SAFETY_ANALYSIS { EXPECT_FALSE(lock.TryLockWrite()); });
  other.join();
  lock.UnlockWrite();
  EXPECT_TRUE(lock.TryLockRead());
  lock.UnlockRead();
}

// The bound of the header: a waiting writer keeps new readers out.
TEST(RwLock, AWaitingWriterGoesBeforeNewReaders) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  RwLock lock;
  std::atomic<bool> written{false};
  lock.LockRead();
  std::thread writer([&] {
    WriteLock hold(lock);
    written.store(true);
  });
  // The writer has announced itself once a new reader is refused.
  while (lock.TryLockRead()) {
    lock.UnlockRead();
    std::this_thread::yield();
  }
  EXPECT_FALSE(written.load());
  std::thread reader([&] {
    ReadLock hold(lock);
    EXPECT_TRUE(written.load());
  });
  lock.UnlockRead();
  reader.join();
  writer.join();
}

// Dekker's argument at its critical steps. The writer's part is done by the reader's own thread,
// between two of its steps.
TEST(RwLockScripted, AWriterSeesAReaderThatHasNotYetLookedAgain) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  BasicRwLock<YieldingAtomics<ScriptedYield>> lock;
  bool written = true;
  ScriptedYield::Interrupt(3,
                           [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { written = lock.TryLockWrite(); });
  EXPECT_TRUE(lock.TryLockRead());
  EXPECT_TRUE(ScriptedYield::Done());
  EXPECT_FALSE(written);
  lock.UnlockRead();
  EXPECT_TRUE(lock.TryLockWrite());
  lock.UnlockWrite();
}
TEST(RwLockScripted, AReaderThatWasNotYetCountedSeesTheWriter) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  BasicRwLock<YieldingAtomics<ScriptedYield>> lock;
  bool written = false;
  ScriptedYield::Interrupt(2,
                           [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { written = lock.TryLockWrite(); });
  EXPECT_FALSE(lock.TryLockRead());
  EXPECT_TRUE(ScriptedYield::Done());
  EXPECT_TRUE(written);
  lock.UnlockWrite();
  EXPECT_TRUE(lock.TryLockRead());
  lock.UnlockRead();
}

// More threads than stripes: they share, and none is lost.
TEST(RwLock, AWriterWaitsForEachOfManyReaders) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  constexpr size_t kReaders = 3 * RwLock::kStripes + 1;
  RwLock lock;
  std::atomic<size_t> entered{0};
  std::vector<Notification> leave(kReaders);
  std::vector<std::thread> readers;
  for (size_t i = 0; i < kReaders; ++i) {
    readers.emplace_back([&, i] {
      ReadLock hold(lock);
      entered.fetch_add(1);
      leave[i].Wait();
    });
  }
  while (entered.load() < kReaders) std::this_thread::yield();
  for (size_t i = 0; i < kReaders; ++i) {
    EXPECT_FALSE(lock.TryLockWrite()) << i << " have left";
    leave[i].Notify();
    readers[i].join();
  }
  EXPECT_TRUE(lock.TryLockWrite());
  lock.UnlockWrite();
}

class RwLockThreads : public testing::TestWithParam<int> {};

TEST_P(RwLockThreads, ReadersNeverSeeHalfAWrite) {
  RwLock lock;
  int a = 0;  // Plain on purpose: ThreadSanitizer watches them.
  int b = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < GetParam(); ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        WriteLock hold(lock);
        ++a;
        ++b;
      }
    });
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        ReadLock hold(lock);
        ASSERT_EQ(a, b);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(a, 500 * GetParam());
}

// The same under many interleavings, with those who only try among them.
TEST_P(RwLockThreads, SectionsExcludeEachOtherAtEveryStep) {
  const uint64_t seed = EntropySeed() % 1'000'000;
  BasicRwLock<YieldingAtomics<SeededYield>> lock;
  int value = 0;  // Plain on purpose.
  std::vector<int> writes(static_cast<size_t>(GetParam()), 0);
  std::atomic<int> started{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < GetParam(); ++t) {
    threads.emplace_back([&, t]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      started.fetch_add(1);
      while (started.load() < GetParam()) std::this_thread::yield();
      for (int i = 0; i < 4000; ++i) {
        if (i % 500 == 0) SeededYield::Seed(seed * 64 + static_cast<uint64_t>(i + t));
        const bool writes_now = i % 4 == 0;
        if (i % 3 == 0) {
          if (!(writes_now ? lock.TryLockWrite() : lock.TryLockRead())) continue;
        } else if (writes_now) {
          lock.LockWrite();
        } else {
          lock.LockRead();
        }
        const int before = value;
        SeededYield::At();
        if (writes_now) {
          value = before + 1;
          ++writes[static_cast<size_t>(t)];
          lock.UnlockWrite();
        } else {
          EXPECT_EQ(value, before) << "seed " << seed;
          lock.UnlockRead();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(value, std::accumulate(writes.begin(), writes.end(), 0)) << "seed " << seed;
}

// The bound of the header, by counts: the readers relieve each other without a gap, and yet, once a
// writer has announced itself, each of them comes in at most once more (if it was on its way).
TEST_P(RwLockThreads, AWriterGetsInAlthoughReadersNeverStop) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  constexpr uint64_t kGiveUp = 100'000;  // A lock without the bound shall fail, and not hang.
  const uint64_t readers = static_cast<uint64_t>(GetParam());
  BasicRwLock<YieldingAtomics<ScriptedYield>> lock;
  std::atomic<int> inside{0};
  std::atomic<uint64_t> entered{0};
  std::atomic<uint64_t> before{0};  // `entered` when the writer announced itself.
  std::atomic<bool> announced{false};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < readers; ++t) {
    threads.emplace_back([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      while (!stop.load()) {
        if (announced.load() && entered.load() > before.load() + kGiveUp) stop.store(true);
        lock.LockRead();
        inside.fetch_add(1);
        const uint64_t mine = entered.fetch_add(1) + 1;
        while (entered.load() == mine && !announced.load()) {
          std::this_thread::yield();
        }
        inside.fetch_sub(1);
        lock.UnlockRead();
      }
    });
  }
  uint64_t most = 0;
  for (int i = 0; i < 200 && !stop.load(); ++i) {
    while (inside.load() == 0 && !stop.load()) std::this_thread::yield();
    ScriptedYield::Interrupt(2, [&] {  // The gate is closed.
      before.store(entered.load());
      announced.store(true);
    });
    lock.LockWrite();
    most = std::max(most, entered.load() - before.load());
    announced.store(false);
    lock.UnlockWrite();
  }
  announced.store(true);
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, readers);
}
INSTANTIATE_TEST_SUITE_P(Threads, RwLockThreads, testing::Values(1, 2, 8));

}  // namespace
}  // namespace taskforge
