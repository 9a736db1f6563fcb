// The standard process_* metrics, from /proc.
#ifndef TASKFORGE_METRICS_PROCESS_METRICS_H_
#define TASKFORGE_METRICS_PROCESS_METRICS_H_

#include "metrics/families.h"

namespace taskforge {

// Adds process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes,
// process_open_fds, process_max_fds and process_start_time_seconds. What /proc does not tell is
// left out.
void CollectProcess(Families& families);

}  // namespace taskforge

#endif  // TASKFORGE_METRICS_PROCESS_METRICS_H_
