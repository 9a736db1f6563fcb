#include "store/summary.h"

namespace taskforge {

TaskRecord Summary(const TaskRecord& record) {
  Ref<TaskSpec> spec = MakeRef<TaskSpec>(*record.spec);
  spec->input.data = SharedText();
  TaskRecord summary = record;
  summary.spec = std::move(spec);
  if (summary.history->output.has_value()) summary.history.Edit().output.reset();
  return summary;
}

TaskRecord WithOutputEvicted(const TaskRecord& record) {
  TaskRecord evicted = record;
  evicted.history.Edit().output.reset();
  evicted.output_evicted = true;
  ++evicted.revision;
  return evicted;
}

}  // namespace taskforge
