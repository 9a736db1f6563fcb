// How the server sets its pool up, and what it does with what the pool hands back.
#ifndef TASKFORGE_POOL_SETUP_H_
#define TASKFORGE_POOL_SETUP_H_

#include "base/clock.h"
#include "base/cpu_watch.h"
#include "base/log.h"
#include "config/config.h"
#include "pool/controller.h"
#include "pool/options.h"
#include "task/work.h"

namespace taskforge {

// The configured ones, with the nodes that the bus needs.
PoolOptions PoolOptionsOf(const Config& config);

// Log lines, and the processors as they are now. Both must outlive the pool.
PoolHooks PoolHooksFor(CpuWatch& cpu_watch, Log& log);

// Takes what the pool did not run. A task stays where it is known, waiting; anything else (a
// subscriber's delivery, an answer to a call) is seen to here.
void TakeBack(Work& work, const Clock& clock);

}  // namespace taskforge

#endif  // TASKFORGE_POOL_SETUP_H_
