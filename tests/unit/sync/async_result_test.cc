#include "sync/async_result.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "support/inline_executor.h"

namespace taskforge {
namespace {

// Each piece of work on a thread of its own, joined at the end.
class ThreadExecutor final : public Executor {
 public:
  ~ThreadExecutor() override {
    for (;;) {
      std::vector<std::thread> threads;
      {
        MutexLock lock(mu_);
        threads.swap(threads_);
      }
      if (threads.empty()) return;
      for (std::thread& thread : threads) thread.join();
    }
  }
  void Execute(absl::AnyInvocable<void() &&> work) override {
    MutexLock lock(mu_);
    threads_.emplace_back([work = std::move(work)]() mutable { std::move(work)(); });
  }

 private:
  Mutex mu_;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mu_);
};

class DroppingExecutor final : public Executor {
 public:
  void Execute(absl::AnyInvocable<void() &&>) override {}
};

// The source guide's example, in the house's names.
struct RawData {
  std::string content;
};
struct ProcessedData {
  std::string content;
};
class DataProcessor {
 public:
  explicit DataProcessor(Executor& executor) : executor_(executor) {}
  AsyncResult<ProcessedData> ProcessDataAsync(const RawData& data) {
    return Async(executor_, [data] { return ProcessedData{"Processed: " + data.content}; });
  }
  AsyncResult<void> SaveDataAsync(const ProcessedData& data) {
    return Async(executor_, [this, data] { saved = data.content; });
  }
  AsyncResult<void> ProcessAndSaveAsync(const RawData& data) {
    return ProcessDataAsync(data).then(
        [this](ProcessedData processed) { return SaveDataAsync(processed); });
  }
  std::string saved;

 private:
  Executor& executor_;
};

TEST(AsyncResult, RunsTheGuidesExampleAndFlattens) {
  ThreadExecutor executor;
  DataProcessor processor(executor);
  const AsyncResult<void> done = processor.ProcessAndSaveAsync({"abc"});
  EXPECT_TRUE(done.get().ok());  // Ready means saved, not only that saving has begun.
  EXPECT_EQ(processor.saved, "Processed: abc");
}

TEST(AsyncResult, IsReadyOnceSet) {
  Promise<int> promise;
  AsyncResult<int> result = promise.result();
  EXPECT_FALSE(result.ready());
  EXPECT_FALSE(result.WaitFor(absl::ZeroDuration()));
  EXPECT_FALSE(result.WaitFor(absl::Milliseconds(1)));
  promise.Set(7);
  EXPECT_TRUE(result.ready());
  EXPECT_TRUE(result.WaitFor(absl::ZeroDuration()));
  EXPECT_EQ(*result.get(), 7);
  EXPECT_EQ(*AsyncResult<int>(result).get(), 7);
  EXPECT_EQ(result.exception(), nullptr);
}

TEST(AsyncResult, CarriesErrors) {
  Promise<int> promise;
  AsyncResult<int> result = promise.result();
  promise.Set(absl::NotFoundError("no"));
  EXPECT_EQ(result.get().status(), absl::NotFoundError("no"));
}

TEST(AsyncResult, CapturesExceptions) {
  InlineExecutor executor;
  const auto result = Async(executor, []() -> int { throw std::runtime_error("boom"); });
  EXPECT_EQ(result.get().status(), absl::UnknownError("exception: boom"));
  EXPECT_THROW(std::rethrow_exception(result.exception()), std::runtime_error);
  const auto odd = Async(executor, []() -> int { throw 5; });
  EXPECT_EQ(odd.get().status().code(), absl::StatusCode::kUnknown);
}

TEST(AsyncResult, VoidHasAStatus) {
  Promise<void> promise;
  AsyncResult<void> result = promise.result();
  int ran = 0;
  const AsyncResult<int> next = result.then([&ran] { return ++ran; });
  EXPECT_EQ(ran, 0);
  promise.Set(absl::OkStatus());
  EXPECT_TRUE(result.get().ok());
  EXPECT_EQ(*next.get(), 1);
}

TEST(AsyncResult, ABrokenPromiseIsAborted) {
  auto promise = std::make_unique<Promise<int>>();
  const AsyncResult<int> result = promise->result();
  const AsyncResult<int> next = result.then([](int v) { return v + 1; });
  promise.reset();
  EXPECT_EQ(result.get().status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(next.get().status().code(), absl::StatusCode::kAborted);
}

TEST(AsyncResult, AnAssignedPromiseBreaksTheOldOne) {
  Promise<int> promise;
  const AsyncResult<int> result = promise.result();
  promise = Promise<int>();
  EXPECT_EQ(result.get().status().code(), absl::StatusCode::kAborted);
}

TEST(AsyncResult, AnExecutorThatDropsTheWorkLeavesAborted) {
  DroppingExecutor dropping;
  EXPECT_EQ(Async(dropping, [] { return 1; }).get().status().code(), absl::StatusCode::kAborted);
  const auto next = MakeReady<int>(1).then(dropping, [](int v) { return v; });
  EXPECT_EQ(next.get().status().code(), absl::StatusCode::kAborted);
}

TEST(AsyncResult, ThenPassesErrorsOnWithoutCalling) {
  bool called = false;
  const auto next =
      MakeReady<int>(absl::DataLossError("x")).then([&called](int) { called = true; });
  EXPECT_EQ(next.get(), absl::DataLossError("x"));
  EXPECT_FALSE(called);
}

TEST(AsyncResult, ThenPassesTheExceptionItselfOn) {
  InlineExecutor executor;
  const auto first = Async(executor, []() -> int { throw std::logic_error("deep"); });
  const auto last = first.then([](int v) { return v; }).then([](int) {});
  EXPECT_THROW(std::rethrow_exception(last.exception()), std::logic_error);
}

TEST(AsyncResult, ThenCapturesAnExceptionOfTheContinuation) {
  const auto next = MakeReady<int>(1).then([](int) -> int { throw std::runtime_error("late"); });
  EXPECT_EQ(next.get().status(), absl::UnknownError("exception: late"));
}

TEST(AsyncResult, ThenFlattensStatusAndStatusOr) {
  const AsyncResult<int> from_status_or =
      MakeReady<int>(1).then([](int v) -> absl::StatusOr<int> { return v + 1; });
  EXPECT_EQ(*from_status_or.get(), 2);
  const AsyncResult<void> from_status =
      MakeReady<int>(1).then([](int) { return absl::CancelledError("c"); });
  EXPECT_EQ(from_status.get(), absl::CancelledError("c"));
}

TEST(AsyncResult, AFlattenedResultFailsAsTheInnerOneDoes) {
  Promise<int> inner;
  const AsyncResult<int> outer = MakeReady<int>(1).then([r = inner.result()](int) { return r; });
  EXPECT_FALSE(outer.ready());
  inner.SetException(std::make_exception_ptr(std::runtime_error("inner")));
  EXPECT_EQ(outer.get().status(), absl::UnknownError("exception: inner"));
  EXPECT_THROW(std::rethrow_exception(outer.exception()), std::runtime_error);
}

// As a string may, for want of memory.
struct CannotBeCopied {
  CannotBeCopied() = default;
  CannotBeCopied(CannotBeCopied&&) = default;
  CannotBeCopied& operator=(CannotBeCopied&&) = default;
  CannotBeCopied(const CannotBeCopied&) { throw std::runtime_error("no memory"); }
};

TEST(AsyncResult, AFlattenedResultThatCannotBeCopiedFails) {
  Promise<CannotBeCopied> inner;
  const auto outer = MakeReady<int>(1).then([r = inner.result()](int) { return r; });
  EXPECT_NO_THROW(inner.Set(CannotBeCopied()));
  ASSERT_TRUE(outer.ready());
  EXPECT_EQ(outer.get().status(), absl::UnknownError("exception: no memory"));
  EXPECT_THROW(std::rethrow_exception(outer.exception()), std::runtime_error);
}

TEST(AsyncResult, ContinuationsRunInTheOrderInWhichTheyCame) {
  Promise<int> promise;
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) {
    static_cast<void>(promise.result().then([&order, i](int) { order.push_back(i); }));
  }
  promise.Set(0);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(AsyncResult, OnReadySeesValueAndError) {
  int value = 0;
  MakeReady<int>(3).OnReady([&value](const absl::StatusOr<int>& v) { value = *v; });
  EXPECT_EQ(value, 3);
  absl::Status status;
  MakeReady<void>(absl::CancelledError("c")).OnReady([&](const absl::Status& s) { status = s; });
  EXPECT_EQ(status, absl::CancelledError("c"));
}

TEST(AsyncResult, HoldsWhatCanOnlyMove) {
  Promise<std::unique_ptr<int>> promise;
  const AsyncResult<std::unique_ptr<int>> result = promise.result();
  const AsyncResult<int> next = result.then([](const std::unique_ptr<int>& v) { return *v; });
  promise.Set(std::make_unique<int>(9));
  EXPECT_EQ(**result.get(), 9);
  EXPECT_EQ(*next.get(), 9);
}

// A chain far longer than the stack could nest.
TEST(AsyncResult, LongChainsDoNotOverflowTheStack) {
  Promise<int> promise;
  AsyncResult<int> last = promise.result();
  for (int i = 0; i < 100'000; ++i) last = last.then([](int v) { return v + 1; });
  promise.Set(0);
  EXPECT_EQ(*last.get(), 100'000);
}

// So too where each link is made by the one before. On a small stack, to be short.
TEST(AsyncResult, AChainThatGoesOnByItselfDoesNotOverflowTheStack) {
  struct Chain {
    int left = 1'500'000;
    void GoOn() {
      if (--left == 0) return;
      MakeReady<int>(1).OnReady([this](const absl::StatusOr<int>&) { GoOn(); });
    }
  };
  Chain chain;
  pthread_attr_t small;
  ASSERT_EQ(pthread_attr_init(&small), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&small, 1 << 20), 0);
  const auto go_on = [](void* first) -> void* {
    static_cast<Chain*>(first)->GoOn();
    return nullptr;
  };
  pthread_t thread;
  ASSERT_EQ(pthread_create(&thread, &small, go_on, &chain), 0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
  pthread_attr_destroy(&small);
  EXPECT_EQ(chain.left, 0);
}

class AsyncResultThreads : public testing::TestWithParam<int> {};

// Continuations race with the setting: each runs once, and each waiter wakes.
TEST_P(AsyncResultThreads, EachContinuationRunsOnceAndEachWaiterWakes) {
  for (int round = 0; round < 100; ++round) {
    Promise<int> promise;
    std::atomic<int> ran{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < GetParam(); ++t) {
      threads.emplace_back([&ran, result = promise.result()] {
        for (int i = 0; i < 10; ++i) {
          static_cast<void>(result.then([&ran](int v) { ran.fetch_add(v); }));
        }
        EXPECT_EQ(*result.get(), 1);
      });
    }
    promise.Set(1);
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(ran.load(), 10 * GetParam());
  }
}
INSTANTIATE_TEST_SUITE_P(Threads, AsyncResultThreads, testing::Values(1, 2, 8));

}  // namespace
}  // namespace taskforge
