#include "handlers/per_thread.h"

#include <atomic>
#include <deque>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "unit/pool/pool_fixture.h"

namespace taskforge {
namespace {

// Which states were made and destroyed, and on which threads. Thread-safe.
class Diary {
 public:
  struct Life {
    std::string name;
    std::thread::id made_on;
    std::thread::id ended_on;  // None: it lives.
  };

  size_t Begin(std::string name) {
    MutexLock lock(mu_);
    lives_.push_back({std::move(name), std::this_thread::get_id(), {}});
    return lives_.size() - 1;
  }
  void End(size_t number) {
    MutexLock lock(mu_);
    lives_[number].ended_on = std::this_thread::get_id();
    ended_ += lives_[number].name;
  }
  std::vector<Life> lives() const {
    MutexLock lock(mu_);
    return lives_;
  }
  // The names of those that ended, in their order.
  std::string ended() const {
    MutexLock lock(mu_);
    return ended_;
  }

 private:
  mutable Mutex mu_;
  std::vector<Life> lives_ ABSL_GUARDED_BY(mu_);
  std::string ended_ ABSL_GUARDED_BY(mu_);
};

struct State {
  State(Diary& in, std::string name) : diary(in), number(in.Begin(std::move(name))) {}
  ~State() { diary.End(number); }
  Diary& diary;
  const size_t number;
};

PerThread<State> StatesIn(Diary& diary, const std::string& name) {
  return PerThread<State>([&diary, name] { return std::make_unique<State>(diary, name); });
}

TEST(PerThreadTest, IsMadeOnceAThreadAndNeverShared) {
  Diary diary;
  const PerThread<State> states = StatesIn(diary, "s");
  std::vector<State*> seen(4);
  std::vector<std::thread> threads;
  Countdown all_have_one(4);
  for (State*& mine : seen) {
    threads.emplace_back([&] {
      mine = states.Get();
      all_have_one.Done();
      EXPECT_TRUE(all_have_one.WaitFor(kPatience));  // So that all live at once.
      const PerThread<State> copy = states;
      EXPECT_EQ(copy.Get(), mine);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<State*>(seen.begin(), seen.end()).size(), 4u);
  ASSERT_EQ(diary.lives().size(), 4u);
  for (const Diary::Life& life : diary.lives()) {
    EXPECT_EQ(life.ended_on, life.made_on) << "destroyed on its own thread";
  }
}

TEST(PerThreadTest, TheLastMadeGoesFirst) {
  Diary diary;
  const PerThread<State> a = StatesIn(diary, "a");
  const PerThread<State> b = StatesIn(diary, "b");
  const PerThread<State> c = StatesIn(diary, "c");
  std::thread([&] {
    b.Get();
    a.Get();
    c.Get();
    b.Get();
  }).join();
  EXPECT_EQ(diary.ended(), "cab");
}

// A handler may go while the threads that ran it stay: who comes after it gets no state of it.
TEST(PerThreadTest, OutlivesItsHandlerAndIsNobodyElses) {
  Diary diary;
  std::thread([&] {
    for (const char* name : {"a", "b", "c"}) {
      const PerThread<State> states = StatesIn(diary, name);
      State* const mine = states.Get();
      EXPECT_EQ(diary.lives().at(mine->number).name, name);
    }
    EXPECT_EQ(diary.ended(), "");
  }).join();
  EXPECT_EQ(diary.ended(), "cba");
}

TEST(PerThreadTest, AFailedMakeIsTriedAgain) {
  int calls = 0;
  const PerThread<int> states([&calls]() -> std::unique_ptr<int> {
    switch (++calls) {
      case 1:
        throw std::runtime_error("not today");
      case 2:
        return nullptr;
      default:
        return std::make_unique<int>(7);
    }
  });
  std::thread([&] {
    EXPECT_THROW(states.Get(), std::runtime_error);
    EXPECT_EQ(states.Get(), nullptr);
    ASSERT_NE(states.Get(), nullptr);
    EXPECT_EQ(*states.Get(), 7);
  }).join();
  EXPECT_EQ(calls, 3);
}

TEST(PerThreadTest, TheEndOfOneMayAskForAnother) {
  Diary diary;
  const PerThread<State> later = StatesIn(diary, "l");
  struct Asks {
    explicit Asks(const PerThread<State>& of) : other(of) {}
    ~Asks() { other.Get(); }
    const PerThread<State> other;
  };
  const PerThread<Asks> asks([&] { return std::make_unique<Asks>(later); });
  std::thread([&] { asks.Get(); }).join();
  EXPECT_EQ(diary.ended(), "l");
}

// The pool's threads: one state each, which goes when the thread does, be it that it is idle for
// too long, and nobody else's is touched by that.
TEST(PerThreadTest, AStateGoesWithItsThreadOfThePool) {
  Diary diary;
  const PerThread<State> states = StatesIn(diary, "s");
  PoolOptions options = OptionsWith(1, 3);
  options.idle_timeout = absl::Milliseconds(1);
  options.scaling.flip_hold = absl::ZeroDuration();
  const SystemClock clock;
  ThreadPool pool(options, clock);
  ASSERT_TRUE(pool.Start().ok());
  PoolUpdate all_there;
  all_there.min_threads = 3;
  ASSERT_TRUE(pool.UpdateOptions(all_there).ok());
  std::deque<CallWork> works;
  Countdown all_run(3);
  Countdown done(3);
  for (int i = 0; i < 3; ++i) {
    works.emplace_back(
        [&](const Dispatch&) {
          State* const mine = states.Get();
          all_run.Done();
          EXPECT_TRUE(all_run.WaitFor(kPatience));  // On three threads at once.
          EXPECT_EQ(states.Get(), mine);
          done.Done();
        },
        Priority::kHigh);
    ASSERT_TRUE(pool.TrySubmit(works.back()).ok());
  }
  ASSERT_TRUE(done.WaitFor(kPatience));
  EXPECT_EQ(diary.lives().size(), 3u);
  PoolUpdate fewer;
  fewer.min_threads = 1;
  ASSERT_TRUE(pool.UpdateOptions(fewer).ok());
  EXPECT_TRUE(Eventually([&] { return diary.ended() == "ss"; }));
  EXPECT_TRUE(Eventually([&] { return pool.live_threads() == 1; }));
  pool.Stop();
  EXPECT_EQ(diary.ended(), "sss");
  for (const Diary::Life& life : diary.lives()) EXPECT_EQ(life.ended_on, life.made_on);
}

}  // namespace
}  // namespace taskforge
