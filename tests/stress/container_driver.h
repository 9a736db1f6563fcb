// Checks of queues and stacks, the same for ours and for the wrong ones. A container has
// `void Push(uint64_t)` and `std::optional<uint64_t> TryPop()`. Each check returns what is wrong,
// or nothing.
#ifndef TASKFORGE_STRESS_CONTAINER_DRIVER_H_
#define TASKFORGE_STRESS_CONTAINER_DRIVER_H_

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "stress/history.h"
#include "stress/patience.h"
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

// Short histories of random operations, each checked as history.h says.
template <typename Container>
std::string CheckHistories(Order order, int threads_count, int rounds, uint64_t seed) {
  for (int round = 0; round < rounds; ++round) {
    Container container;
    std::atomic<uint64_t> clock{0};
    std::vector<std::vector<Operation>> done(static_cast<size_t>(threads_count));
    std::vector<std::thread> threads;
    for (int t = 0; t < threads_count; ++t) {
      threads.emplace_back([&, t, &mine = done[static_cast<size_t>(t)]] {
        const uint64_t my_seed =
            (seed * 1000 + static_cast<uint64_t>(round)) * 64 + static_cast<uint64_t>(t);
        SeededYield::Seed(my_seed);
        SeededRandom random(my_seed);
        for (uint64_t i = 0; i < 24; ++i) {
          Operation op;
          op.is_push = random.Next64() % 2 == 0;
          op.begin = clock.fetch_add(1);
          if (op.is_push) {
            op.item = static_cast<uint64_t>(t) << 32 | i;
            container.Push(*op.item);
          } else {
            op.item = container.TryPop();
          }
          op.end = clock.fetch_add(1);
          mine.push_back(op);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::vector<Operation> history;
    for (const auto& mine : done) history.insert(history.end(), mine.begin(), mine.end());
    std::string wrong = CheckHistory(order, history);
    if (!wrong.empty()) return absl::StrCat("round ", round, ": ", wrong);
  }
  return "";
}

// A pop is interrupted at its k-th point, for every k, while other pops and pushes do their worst:
// take what it has seen, and push again so that memory is used again. Each item must come once.
template <typename Container>
std::string CheckInterruptedPop() {
  for (int point = 1; point < 10; ++point) {
    Container container;
    std::multiset<uint64_t> popped;
    const auto pop = [&] {
      const std::optional<uint64_t> item = container.TryPop();
      if (item.has_value()) popped.insert(*item);
      return item.has_value();
    };
    for (uint64_t item = 1; item <= 3; ++item) container.Push(item);
    ScriptedYield::Interrupt(point, [&] {
      pop();
      pop();
      container.Push(4);
    });
    pop();
    if (!ScriptedYield::Done()) return "";  // It has fewer points.
    for (int i = 0; i < 8; ++i) pop();  // As many as a broken list could give; ends in any case.
    for (uint64_t item = 1; item <= 4; ++item) {
      if (popped.count(item) != 1) {
        return absl::StrCat("point ", point, ": item ", item, " came ", popped.count(item),
                            " times");
      }
    }
  }
  return "";
}

}  // namespace taskforge

#endif  // TASKFORGE_STRESS_CONTAINER_DRIVER_H_
