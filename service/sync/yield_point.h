// Where a test may take the processor away from a lock-free algorithm.
#ifndef TASKFORGE_SYNC_YIELD_POINT_H_
#define TASKFORGE_SYNC_YIELD_POINT_H_

namespace taskforge {

// The policy of production: nothing. Lock-free structures take such a type as their last template
// argument and call At() between each two steps that another thread may come between; tests pass
// one that yields by a seed or that waits for another thread. Thread-safe.
struct NoYield {
  static void At() {}
};

}  // namespace taskforge

#endif  // TASKFORGE_SYNC_YIELD_POINT_H_
