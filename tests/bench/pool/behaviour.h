// What the pool does when the load changes, and what a task costs it besides time.
#ifndef TASKFORGE_BENCH_POOL_BEHAVIOUR_H_
#define TASKFORGE_BENCH_POOL_BEHAVIOUR_H_

#include "harness.h"

namespace taskforge::bench {

// Lines `figure NAME VALUE UNIT` and `ratio NAME VALUE`:
// - blocking_step_90_percent: from the first of many tasks that block for 10 ms each until the pool
//   (2 to 64 threads) has 90 % of 64; cpu_step_peak_threads: the most that tasks without a wait
//   make it, and its changes of direction in both.
// - critical_alone_vs_saturated_p99: how much later a critical task starts when every thread has
//   other work all the time than when the pool has nothing else to do (1: no later; 0.5: twice).
// - allocations_per_task, in steady state; idle_wakeups, of a pool that has nothing to do.
void ShowBehaviour(const Options& options);

}  // namespace taskforge::bench

#endif  // TASKFORGE_BENCH_POOL_BEHAVIOUR_H_
