// The measures of the bus, each printed as lines `figure NAME VALUE UNIT` or `ratio NAME VALUE`.
#ifndef TASKFORGE_BENCH_BUS_BARS_H_
#define TASKFORGE_BENCH_BUS_BARS_H_

#include <string>
#include <vector>

#include "harness.h"

namespace taskforge::bench {

// What the machine takes for a reading of the clock and for additions to a shared word: below that
// no publish can be.
void MeasureFloors(const Options& options);
// What one publish takes on the publishing thread, its event made as the product makes it, with 0,
// 1 and more subscribers. Deliveries run on the pool.
void MeasurePublish(const Options& options);
// What finding the subscribers of a topic takes that no publisher remembers, among few filters and
// among many.
void MeasureResolve(const Options& options);
// How much later events reach 99 subscribers when the hundredth has stalled.
void MeasureStalled(const Options& options);
// Publishes to fast, slow and stalled subscribers under each policy, and accounts for every event.
// False if one is missing, or if BLOCK lost one.
bool CheckAccounts(const Options& options);

// Print a cost, of which less is better: the upper quartile of the rounds.
void PrintCost(const std::string& name, const std::vector<double>& rounds, const char* unit);
void PrintCostRatio(const std::string& name, const std::vector<double>& rounds);

// Processor time of the calling thread: a publisher that is preempted is not charged for it.
double ThreadCpuSeconds();

}  // namespace taskforge::bench

#endif  // TASKFORGE_BENCH_BUS_BARS_H_
