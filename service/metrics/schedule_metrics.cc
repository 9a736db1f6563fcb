#include "metrics/component_metrics.h"

namespace taskforge {

void CollectSchedules(const SchedulesStats& stats, Families& families) {
  const auto schedules = [&](const char* state, size_t count) {
    families.Gauge("taskforge_schedules", "Schedules that there are.", {{"state", state}},
                   static_cast<double>(count));
  };
  schedules("active", stats.active);
  schedules("paused", stats.paused);
  const auto runs = [&](const char* outcome, uint64_t count) {
    families.Counter("taskforge_schedule_runs_total",
                     "Instants of schedules, by what became of them; `refused`: submissions that "
                     "are tried again or missed.",
                     {{"outcome", outcome}}, static_cast<double>(count));
  };
  runs("started", stats.started);
  runs("skipped", stats.skipped);
  runs("missed", stats.missed);
  runs("refused", stats.refused);
}

}  // namespace taskforge
