// Checks of a bus, the same for ours and for the wrong one. A bus has
//   void Publish(const std::string& topic, uint64_t value);
//   void Subscribe(const std::string& topic, std::function<void(uint64_t)> callback);
//   size_t Drain(absl::Duration timeout);  // Delivers what is published; if that is nothing, waits
//                                          // for something first. Returns how many it delivered.
#ifndef TASKFORGE_STRESS_BUS_DRIVER_H_
#define TASKFORGE_STRESS_BUS_DRIVER_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "stress/patience.h"
#include "stress/yield_hooks.h"

namespace taskforge {

// An event is published at the k-th point of a drain that has found nothing, for every k: the drain
// must deliver it and not sleep beside it. The bus yields by ScriptedYield.
template <typename Bus>
std::string CheckNoLostWakeUp() {
  for (int point = 1; point < 10; ++point) {
    Bus bus;
    uint64_t got = 0;
    bus.Subscribe("a.b", [&got](uint64_t value) { got = value; });
    ScriptedYield::Interrupt(point, [&bus] { bus.Publish("a.b", 7); });
    const size_t delivered = bus.Drain(absl::Milliseconds(100));
    if (!ScriptedYield::Done()) return "";  // It has fewer points.
    if (delivered != 1 || got != 7) {
      return absl::StrCat("point ", point, ": a drain slept beside an event");
    }
  }
  return "";
}

// `threads_count` publishers and as many drains: each event reaches its subscriber once, and nobody
// else's. Gives up when nothing has arrived for `patience`. The bus yields by SeededYield.
template <typename Bus>
std::string CheckPublishesOnce(int threads_count, uint64_t each, uint64_t seed,
                               absl::Duration patience = absl::Seconds(30)) {
  const size_t n = static_cast<size_t>(threads_count);
  Bus bus;
  std::vector<std::atomic<uint64_t>> counts(n * each);
  std::atomic<bool> strayed{false};
  std::atomic<int64_t> left{static_cast<int64_t>(n * each)};
  for (size_t p = 0; p < n; ++p) {
    bus.Subscribe(absl::StrCat("topic.", p), [&, p](uint64_t value) {
      if (value / each != p) {
        strayed.store(true);
        return;
      }
      counts[value].fetch_add(1, std::memory_order_relaxed);
      left.fetch_sub(1, std::memory_order_relaxed);
    });
  }
  std::vector<std::thread> threads;
  for (size_t p = 0; p < n; ++p) {
    threads.emplace_back([&bus, p, each, seed] {
      SeededYield::Seed(seed * 64 + p);
      const std::string topic = absl::StrCat("topic.", p);
      for (uint64_t i = 0; i < each; ++i) bus.Publish(topic, p * each + i);
    });
    threads.emplace_back([&bus, &left, p, seed, patience] {
      SeededYield::Seed(seed * 64 + 32 + p);
      Patience waiting(patience);
      int64_t now_left = 0;
      while ((now_left = left.load(std::memory_order_relaxed)) > 0) {
        if (bus.Drain(absl::Milliseconds(10)) == 0 && waiting.IsOver(now_left)) return;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (strayed.load()) return "an event reached a subscriber of another topic";
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i].load() != 1) {
      return absl::StrCat("event ", i, " came ", counts[i].load(), " times");
    }
  }
  return "";
}

}  // namespace taskforge

#endif  // TASKFORGE_STRESS_BUS_DRIVER_H_
