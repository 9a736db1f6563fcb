// What a whole server does under load that is meant to break it. Each scenario starts servers of
// its own, prints figures (beside the bar that they are held against), and checks what must hold on
// any machine, however slow.
#ifndef TASKFORGE_BENCH_LOAD_SCENARIOS_H_
#define TASKFORGE_BENCH_LOAD_SCENARIOS_H_

#include <string>

namespace taskforge::bench {

struct LoadOptions {
  std::string taskforged;  // The binary.
  bool quick = false;      // Shorter and fewer rounds.
};

// Each returns whether what must hold did; if not, it has printed a line that begins with `WRONG`.

// 64 tasks that block for 100 ms on a pool of 2 to 64 threads, then tasks that keep processors
// busy.
bool RunBlockingStep(const LoadOptions& options);
// Low tasks while critical ones saturate two threads, of which normal tasks hold one now and then.
bool RunStarvation(const LoadOptions& options);
// Three times as many tasks as the server can do, one call each.
bool RunOverload(const LoadOptions& options);
// One subscriber of nine stops reading.
bool RunSlowSubscriber(const LoadOptions& options);

// Prints `WRONG: …` like printf; returns false.
[[gnu::format(printf, 1, 2)]] bool Wrong(const char* format, ...);

}  // namespace taskforge::bench

#endif  // TASKFORGE_BENCH_LOAD_SCENARIOS_H_
