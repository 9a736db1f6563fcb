#include "base/mutex.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace taskforge {
namespace {

class MutexThreads : public testing::TestWithParam<int> {};

TEST_P(MutexThreads, Excludes) {
  Mutex mutex;
  int count = 0;  // Plain: ThreadSanitizer watches it.
  std::vector<std::thread> threads;
  for (int t = 0; t < GetParam(); ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        MutexLock lock(mutex);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 2000 * GetParam());
}

// A lost signal hangs this.
TEST_P(MutexThreads, ASignalAfterTheChangeIsNeverLost) {
  Mutex mutex;
  CondVar changed;
  int tokens = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < GetParam(); ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        MutexLock lock(mutex);
        while (tokens == 0) changed.Wait(mutex);
        --tokens;
      }
    });
  }
  for (int i = 0; i < 1000 * GetParam(); ++i) {
    {
      MutexLock lock(mutex);
      ++tokens;
    }
    changed.Signal();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(tokens, 0);
}
INSTANTIATE_TEST_SUITE_P(Threads, MutexThreads, testing::Values(1, 2, 8));

TEST(Mutex, TryLockDoesNotWait) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  Mutex mutex;
  mutex.Lock();
  std::thread([&mutex]() ABSL_NO_THREAD_SAFETY_ANALYSIS { EXPECT_FALSE(mutex.TryLock()); }).join();
  mutex.Unlock();
  EXPECT_TRUE(mutex.TryLock());
  mutex.Unlock();
}

TEST(CondVar, ReturnsFalseAtTheDeadlineWithTheMutexHeld) {
  Mutex mutex;
  CondVar never;
  MutexLock lock(mutex);
  EXPECT_FALSE(never.WaitUntil(mutex, SystemClock().Monotonic() + absl::Milliseconds(1)));
  EXPECT_FALSE(never.WaitUntil(mutex, MonoTime{-5}));
}

TEST(CondVar, SignalAllWakesEverybody) {
  Mutex mutex;
  CondVar opened;
  bool open = false;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      MutexLock lock(mutex);
      while (!open) opened.Wait(mutex);
    });
  }
  {
    MutexLock lock(mutex);
    open = true;
  }
  opened.SignalAll();
  for (std::thread& thread : threads) thread.join();
}

TEST(Notification, StaysNotified) {
  Notification notification;
  EXPECT_FALSE(notification.HasBeenNotified());
  EXPECT_FALSE(notification.WaitFor(absl::Milliseconds(1)));
  notification.Notify();
  EXPECT_TRUE(notification.HasBeenNotified());
  notification.Wait();
  EXPECT_TRUE(notification.WaitFor(absl::ZeroDuration()));
  EXPECT_TRUE(notification.WaitUntil(MonoTime{0}));
}

TEST(Notification, PublishesWhatCameBefore) {
  for (int i = 0; i < 100; ++i) {
    Notification notification;
    int value = 0;
    std::thread writer([&] {
      value = 42;
      notification.Notify();
    });
    notification.Wait();
    EXPECT_EQ(value, 42);
    writer.join();
  }
}

}  // namespace
}  // namespace taskforge
