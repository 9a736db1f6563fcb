// The parts of the suite `queue`, which compares what is in service/sync with its peers.
#ifndef TASKFORGE_BENCH_QUEUE_SUITE_H_
#define TASKFORGE_BENCH_QUEUE_SUITE_H_

#include <functional>
#include <string>
#include <vector>

#include "harness.h"

namespace taskforge::bench {

// What nothing on this machine can be faster than: a clock read, an atomic addition, a futex's way.
// Prints `figure floor_NAME VALUE ns` for each.
void MeasureFloors(const Options& options);
void MeasureRwLock(const Options& options);
void MeasureCache(const Options& options);
void MeasureAsyncResult(const Options& options);

// Prints `ratio NAME_vs_PEER VALUE` for each contender after the first, ours over theirs: the lower
// quartile of the rounds' ratios.
void PrintLowRatios(const std::string& name, const std::vector<Contender>& contenders,
                    const std::vector<std::vector<Sample>>& samples);

// The processors that this process may use.
const std::vector<int>& AllowedProcessors();
// The calling thread stays on one processor.
void StayOn(int processor);

// Runs `work(i)` on `threads` threads, which begin together. `items` are done by all of them. The
// threads are dealt out over the processors, so that they meet; on a machine that has other work
// the scheduler would run them one after the other.
Sample RunTogether(int threads, double items, const std::function<void(int)>& work);

// Ends the benchmark if a contender did not do what it should: a figure would say nothing.
void Expect(bool holds, const char* what);

}  // namespace taskforge::bench

#endif  // TASKFORGE_BENCH_QUEUE_SUITE_H_
