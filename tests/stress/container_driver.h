// Checks of queues and stacks, the same for ours and for the wrong ones. A container has
// `void Push(uint64_t)` and `std::optional<uint64_t> TryPop()`. Each check returns what is wrong,
// or nothing.
#ifndef TASKFORGE_STRESS_CONTAINER_DRIVER_H_
#define TASKFORGE_STRESS_CONTAINER_DRIVER_H_

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <latch>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "stress/history.h"
#include "stress/linearizability.h"
#include "stress/patience.h"
#include "stress/sequential.h"
#include "stress/yield_hooks.h"

namespace taskforge {

// `pairs` producers and as many consumers: each item arrives once; and, of a queue, those of one
// producer in order at each consumer. Gives up when nothing has arrived for `patience`, which is an
// item lost.
template <typename Container>
std::string CheckDeliversOnce(Container& container, Order order, int pairs, uint64_t each,
                              uint64_t seed, absl::Duration patience = absl::Seconds(30)) {
  const size_t n = static_cast<size_t>(pairs);
  std::vector<std::vector<uint64_t>> taken(n);
  std::atomic<int64_t> left{static_cast<int64_t>(each * n)};
  std::vector<std::thread> threads;
  for (size_t p = 0; p < n; ++p) {
    threads.emplace_back([&container, p, each, seed] {
      SeededYield::Seed(seed * 64 + p);
      for (uint64_t i = 0; i < each; ++i) container.Push(uint64_t{p} << 32 | i);
    });
    threads.emplace_back([&container, &left, &mine = taken[p], p, seed, patience] {
      SeededYield::Seed(seed * 64 + 32 + p);
      Patience waiting(patience);
      int64_t now_left = 0;
      while ((now_left = left.load(std::memory_order_relaxed)) > 0) {
        const std::optional<uint64_t> item = container.TryPop();
        if (item.has_value()) {
          mine.push_back(*item);
          left.fetch_sub(1, std::memory_order_relaxed);
        } else {
          if (waiting.IsOver(now_left)) return;
          sched_yield();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  std::set<uint64_t> seen;
  for (const std::vector<uint64_t>& mine : taken) {
    std::vector<int64_t> last(n, -1);
    for (uint64_t item : mine) {
      const uint64_t producer = item >> 32;
      const int64_t index = static_cast<int64_t>(item & 0xffffffff);
      if (producer >= n || index >= static_cast<int64_t>(each)) {
        return absl::StrCat("item ", item, " was never pushed");
      }
      if (!seen.insert(item).second) return absl::StrCat("item ", item, " was delivered twice");
      if (order == Order::kFifo && index < last[producer]) {
        return absl::StrCat("item ", item, " overtook ", last[producer]);
      }
      last[producer] = index;
    }
  }
  if (seen.size() != each * n) return absl::StrCat("lost ", each * n - seen.size(), " items");
  return "";
}

// `threads_count` threads make `each` calls at once; `make` makes one and returns it, but for its
// times. It gets the thread, the number of the call and random numbers. Call: as the specification
// has it (stress/linearizability.h).
template <typename Call, typename Make>
std::vector<Call> RecordHistory(int threads_count, uint64_t each, uint64_t seed, Make make) {
  std::atomic<uint64_t> clock{0};
  std::latch start(threads_count);
  std::vector<std::vector<Call>> done(static_cast<size_t>(threads_count));
  std::vector<std::thread> threads;
  for (int t = 0; t < threads_count; ++t) {
    threads.emplace_back([&, t, &mine = done[static_cast<size_t>(t)]] {
      const uint64_t my_seed = seed * 64 + static_cast<uint64_t>(t);
      SeededYield::Seed(my_seed);
      SeededRandom random(my_seed);
      start.arrive_and_wait();
      for (uint64_t i = 0; i < each; ++i) {
        const uint64_t begin = clock.fetch_add(1);
        Call call = make(static_cast<uint64_t>(t), i, random);
        call.begin = begin;
        call.end = clock.fetch_add(1);
        mine.push_back(std::move(call));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<Call> history;
  for (const auto& mine : done) history.insert(history.end(), mine.begin(), mine.end());
  return history;
}

// How many calls the history of a case has, over all its threads: what is decided in no time.
inline constexpr uint64_t kCalls = 48;

// Short histories of random pushes and pops: what history.h finds, which says it plainly, and
// whether they are linearizable.
template <typename Container, Order kOrder>
std::string CheckHistories(int threads_count, uint64_t rounds, uint64_t seed) {
  for (uint64_t round = 0; round < rounds; ++round) {
    Container container;
    const uint64_t each = kCalls / static_cast<uint64_t>(threads_count);
    const auto history = RecordHistory<Operation>(threads_count, each, seed * 1000 + round,
                                                  [&](uint64_t thread, uint64_t i, Random& random) {
                                                    Operation op;
                                                    op.is_push = random.Next64() % 2 == 0;
                                                    if (op.is_push) {
                                                      op.item = thread << 32 | i;
                                                      container.Push(*op.item);
                                                    } else {
                                                      op.item = container.TryPop();
                                                    }
                                                    return op;
                                                  });
    std::string wrong = CheckHistory(kOrder, history);
    if (wrong.empty())
      wrong = CheckLinearizable<SequentialContainer<kOrder>>(WithDepartures(history));
    if (!wrong.empty()) return absl::StrCat("round ", round, ": ", wrong);
  }
  return "";
}

// The points at which CheckInterruptedPop() interrupts at most: more than a pop has.
inline constexpr int kMostPoints = 64;

// The history of a pop that is interrupted at its n-th point, while other pops and pushes do their
// worst: take what it has seen, and push again so that memory is used again. Nothing if it has
// fewer points.
template <typename Container>
std::vector<Operation> InterruptedPop(int point) {
  Container container;
  std::vector<Operation> history;
  uint64_t clock = 0;
  const auto push = [&](uint64_t item) {
    const uint64_t begin = clock++;
    container.Push(item);
    history.push_back({true, item, begin, clock++});
  };
  const auto pop = [&] {
    const uint64_t begin = clock++;
    const std::optional<uint64_t> item = container.TryPop();
    history.push_back({false, item, begin, clock++});
  };
  for (uint64_t item = 1; item <= 3; ++item) push(item);
  ScriptedYield::Interrupt(point, [&] {
    pop();
    pop();
    push(4);
  });
  pop();
  if (!ScriptedYield::Done()) return {};
  for (int i = 0; i < 8; ++i) pop();  // As many as a broken list could give; ends in any case.
  return history;
}

// Interrupts a pop at each of its points. Each item must come once, and in order.
template <typename Container, Order kOrder>
std::string CheckInterruptedPop() {
  for (int point = 1; point < kMostPoints; ++point) {
    const std::vector<Operation> history = InterruptedPop<Container>(point);
    if (history.empty()) return point > 1 ? "" : "it has no point";
    for (uint64_t item = 1; item <= 4; ++item) {
      const auto came = std::count_if(history.begin(), history.end(), [&](const Operation& op) {
        return !op.is_push && op.item == item;
      });
      if (came != 1)
        return absl::StrCat("point ", point, ": item ", item, " came ", came, " times");
    }
    const std::string wrong = CheckLinearizable<SequentialContainer<kOrder>>(history);
    if (!wrong.empty()) return absl::StrCat("point ", point, ": ", wrong);
  }
  return "it has more points than are tried";
}

}  // namespace taskforge

#endif  // TASKFORGE_STRESS_CONTAINER_DRIVER_H_
