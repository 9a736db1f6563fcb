#include "intake/recovery.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace taskforge {
namespace {

// How an attempt ends that ended with the process.
AttemptEnd LostWithTheServer(MonoTime now) {
  TaskError error;
  error.code = absl::StatusCode::kAborted;
  error.reason = "LOST";
  error.message = "the server ended while the attempt ran";
  AttemptEnd end;
  end.result = std::move(error);
  end.lost = true;
  end.ended = now;
  return end;
}

}  // namespace

void Recovery::Add(Ref<TaskRecord> record) {
  parts_.uuids.StartAfter(record->uid);
  const std::string queue = record->spec->queue.str();
  absl::StatusOr<Admission> admission =
      parts_.queues.AdmitRecovered(queue, CostBytes(*record->spec));
  if (absl::IsNotFound(admission.status()) && MakeQueue(queue)) {
    admission = parts_.queues.AdmitRecovered(queue, CostBytes(*record->spec));
  }
  if (!admission.ok()) {
    ++unknown_queues_[queue];
    return;
  }
  // What tasks share, as those do that are accepted anew.
  Ref<TaskSpec> spec = MakeRef<TaskSpec>(*record->spec);
  spec->queue = parts_.queues.NameOf(admission->queue_index());
  spec->handler = handlers_.Share(std::move(spec->handler));
  record->spec = std::move(spec);
  const bool is_running = record->state == TaskState::kRunning;
  TaskRef task = MakeRef<Task>(std::move(record), *std::move(admission), parts_.runner);
  task->is_recovered = true;
  task->TryAdvance(TaskPhase::kAccepting, is_running ? TaskPhase::kRunning : TaskPhase::kQueued);
  parts_.live.Insert(task);
  (is_running ? running_ : waiting_).push_back(std::move(task));
}

bool Recovery::MakeQueue(const std::string& name) {
  QueueOptions options;
  options.name = name;
  if (!parts_.queues.Create(std::move(options)).ok()) return false;
  made_queues_.push_back(name);
  return true;
}

absl::Status Recovery::Check() const {
  if (unknown_queues_.empty()) return absl::OkStatus();
  std::vector<std::string> queues;
  for (const auto& [name, tasks] : unknown_queues_) {
    queues.push_back(absl::StrCat("\"", name, "\" (", tasks, " tasks)"));
  }
  std::sort(queues.begin(), queues.end());
  return absl::FailedPreconditionError(absl::StrCat(
      "the data directory has tasks of queues that there are not, and that could not be "
      "made: ",
      absl::StrJoin(queues, ", "), "; configure fewer others (queues)"));
}

RecoveryReport Recovery::Begin() {
  RecoveryReport report;
  report.made_queues = std::exchange(made_queues_, {});
  for (const TaskRef& task : std::exchange(waiting_, {})) {
    const bool is_scheduled = task->accepted_record()->state == TaskState::kScheduled;
    ++(is_scheduled ? report.scheduled : report.queued);
    parts_.waits.Start(task);
  }
  // A lost attempt's task goes before those that wait: the last first, so that they keep their
  // order.
  const MonoTime now = parts_.clock.Monotonic();
  for (auto it = running_.rbegin(); it != running_.rend(); ++it) {
    ++report.running;
    parts_.attempts.AttemptEnded(std::move(*it), LostWithTheServer(now));
  }
  running_.clear();
  return report;
}

}  // namespace taskforge
