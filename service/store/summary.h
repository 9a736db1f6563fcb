// Records without their bulk.
#ifndef TASKFORGE_STORE_SUMMARY_H_
#define TASKFORGE_STORE_SUMMARY_H_

#include "task/task_types.h"

namespace taskforge {

// A copy without output, and with a spec without input; the payloads are not copied on the way.
TaskRecord Summary(const TaskRecord& record);

// A copy that shares the spec but has no output, and says that it was evicted.
TaskRecord WithOutputEvicted(const TaskRecord& record);

}  // namespace taskforge

#endif  // TASKFORGE_STORE_SUMMARY_H_
