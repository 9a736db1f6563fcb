// A result that is set is seen whole, by those who wait for it and by continuations, each of which
// runs once, whether it came before or after; so is the ABORTED of a promise that was dropped.
#include <array>
#include <memory>
#include <optional>

#include "model/search.h"
#include "sync/async_result.h"
#include "sync/async_state_inl.h"

namespace taskforge::model {
namespace {

using Result = AsyncResult<int, RelacyAtomics>;
using Source = Promise<int, RelacyAtomics>;

enum class End { kSet, kDropped };

// One thread ends the promise; the others wait, or hang a continuation on the result; the last one
// to let go frees the state.
template <End kEnd, bool kWaits, int kContinuations>
struct Completion : rl::test_suite<Completion<kEnd, kWaits, kContinuations>,
                                   1 + (kWaits ? 1 : 0) + kContinuations> {
  std::optional<Source> source;
  std::array<std::optional<Result>, 3> results;
  int ran = 0;

  static bool IsRight(const Result::Outcome& outcome) {
    if (kEnd == End::kSet) return outcome.ok() && *outcome == 7;
    return outcome.status().code() == absl::StatusCode::kAborted;
  }
  void before() {
    source.emplace();
    for (auto& result : results) result = source->result();
  }
  void thread(unsigned index) {
    if (index == 0) {
      if (kEnd == End::kSet) source->Set(7);
      source.reset();
      return;
    }
    std::optional<Result>& mine = results[index];
    if (kWaits && index == 1) {
      RL_ASSERT(IsRight(mine->get()));
    } else {
      mine->OnReady([this](const Result::Outcome& outcome) {
        RL_ASSERT(IsRight(outcome));
        ++ran;
      });
    }
    mine.reset();
  }
  void after() {
    RL_ASSERT(ran == kContinuations);
    results = {};
  }
};

// A result that then() made of another.
struct Chain : rl::test_suite<Chain, 2> {
  std::optional<Source> source;
  std::optional<Result> first;
  std::optional<Result> second;

  void before() {
    source.emplace();
    first = source->result();
  }
  void thread(unsigned index) {
    if (index == 0) {
      source->Set(7);
    } else {
      second = first->then([](int value) { return value + 1; });
      RL_ASSERT(second->get().ok() && *second->get() == 8);
    }
  }
  void after() {
    source.reset();
    first.reset();
    second.reset();
  }
};

// Two threads complete one state, which Promise makes impossible for who keeps to its rules.
struct Twice : rl::test_suite<Twice, 2> {
  using State = async_internal::State<int, RelacyAtomics>;
  Ref<State> state;
  void before() { state = MakeRef<State>(); }
  void thread(unsigned index) { state->Complete(static_cast<int>(index), nullptr); }
  void after() { state = nullptr; }
};

using WaitForSet = Completion<End::kSet, true, 0>;
using ContinueSet = Completion<End::kSet, false, 1>;

TEST(AsyncModel, WaiterSeesTheResult) { ExpectHolds<WaitForSet>({}); }
TEST(AsyncModel, ContinuationRunsOnce) { ExpectHolds<ContinueSet>({}); }
TEST(AsyncModel, WaiterAndContinuation) {
  ExpectHolds<Completion<End::kSet, true, 1>>({.switches = 3});
}
TEST(AsyncModel, TwoContinuations) {
  ExpectHolds<Completion<End::kSet, false, 2>>({.switches = 3});
}
TEST(AsyncModel, DroppedPromise) {
  ExpectHolds<Completion<End::kDropped, true, 1>>({.switches = 3});
}
TEST(AsyncModel, Chain) { ExpectHolds<Chain>({.switches = 3}); }

TEST(AsyncModel, FindsTwoCompletions) { ExpectFound<Twice>(kUnordered); }
TEST(AsyncModel, FindsARelaxedLook) {
  ExpectFound<WaitForSet>(
      kUnordered,
      {.function = "::ready(", .access = Access::kLoad, .written = std::memory_order_acquire});
}
TEST(AsyncModel, FindsARelaxedPublication) {
  ExpectFound<ContinueSet>(kUnordered, {.function = "::Publish(",
                                        .access = Access::kExchange,
                                        .written = std::memory_order_acq_rel});
}
TEST(AsyncModel, FindsALostWakeUp) {
  ExpectFound<WaitForSet>(kAsleep, {.function = "::Notify(",
                                    .access = Access::kAdd,
                                    .made = std::memory_order_seq_cst,
                                    .only_loads = true});
}

}  // namespace
}  // namespace taskforge::model
