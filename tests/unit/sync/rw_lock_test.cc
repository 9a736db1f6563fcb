#include "sync/rw_lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace taskforge {
namespace {

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

// Readers that overlap without a gap do not keep the writer out.
TEST_P(RwLockThreads, WritersAreNotStarved) {
  RwLock lock;
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int t = 0; t < GetParam(); ++t) {
    readers.emplace_back([&] {
      while (!stop.load()) ReadLock hold(lock);
    });
  }
  for (int i = 0; i < 200; ++i) WriteLock hold(lock);
  stop.store(true);
  for (std::thread& reader : readers) reader.join();
}
INSTANTIATE_TEST_SUITE_P(Threads, RwLockThreads, testing::Values(1, 2, 8));

}  // namespace
}  // namespace taskforge
