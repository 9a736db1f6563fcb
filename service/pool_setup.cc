#include "pool_setup.h"

#include <algorithm>

#include "task/task.h"

namespace taskforge {

PoolOptions PoolOptionsOf(const Config& config) {
  PoolOptions options = config.pool;
  // Each subscription owns four nodes that the pool must always have room for.
  options.reserved_nodes = std::max(options.reserved_nodes, 4 * config.bus.max_subscriptions);
  return options;
}

PoolHooks PoolHooksFor(CpuWatch& cpu_watch, Log& log) {
  PoolHooks hooks;
  hooks.on_resize = [&log](const ResizeEvent& event) {
    log.Info("pool resized",
             {{"from", event.from}, {"to", event.to}, {"reason", Name(event.reason)}});
  };
  hooks.read_cpus = [&cpu_watch] { return cpu_watch.Cpus(); };
  hooks.on_affinity_failure = [&log](uint32_t seat, const absl::Status& why) {
    log.Warn("a thread cannot run where pool.affinity puts it; this is said once",
             {{"seat", seat}, {"why", why.message()}});
  };
  return hooks;
}

void TakeBack(Work& work, const Clock& clock) {
  if (Task::AdoptReleased(work)) return;
  Dispatch dispatch;
  dispatch.started = clock.Monotonic();
  (void)work.run(work, dispatch);  // Whether it was a dispatch matters to the pool alone.
}

}  // namespace taskforge
