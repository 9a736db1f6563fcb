// A no-op submitted and run, as ns a task, with 1, 2, 4 and 8 producers, in an open burst (submit
// all, then wait for all) and in a closed loop (64 outstanding for each producer). Also what the
// way of a task through the queues costs beside the pool alone.
#ifndef TASKFORGE_BENCH_POOL_THROUGHPUT_H_
#define TASKFORGE_BENCH_POOL_THROUGHPUT_H_

#include "harness.h"

namespace taskforge::bench {

void CompareThroughput(const Options& options);

}  // namespace taskforge::bench

#endif  // TASKFORGE_BENCH_POOL_THROUGHPUT_H_
