// How the pool asks the queues for more.
#ifndef TASKFORGE_POOL_REFILLER_H_
#define TASKFORGE_POOL_REFILLER_H_

#include <cstddef>

#include "task/priority.h"

namespace taskforge {

// Thread-safe.
class Refiller {
 public:
  virtual ~Refiller() = default;
  // Releases waiting work of `priority` with ThreadPool::TryRelease() until it is refused or none
  // is left; returns how much was released. Called by workers, without a lock, whenever the ring of
  // that priority holds less than half of what it may: so it must be cheap when nothing waits (one
  // atomic load), and one short lock otherwise.
  virtual size_t Refill(Priority priority) = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_POOL_REFILLER_H_
