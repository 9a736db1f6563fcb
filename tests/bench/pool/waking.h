// How soon an idle pool starts a task that comes now and then, and what that costs.
#ifndef TASKFORGE_BENCH_POOL_WAKING_H_
#define TASKFORGE_BENCH_POOL_WAKING_H_

#include "harness.h"

namespace taskforge::bench {

void CompareWaking(const Options& options);

}  // namespace taskforge::bench

#endif  // TASKFORGE_BENCH_POOL_WAKING_H_
