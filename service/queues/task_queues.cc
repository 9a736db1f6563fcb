#include "queues/task_queues.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "queues/local_lane.h"
#include "queues/queue_ledger.h"
#include "queues/remote_lanes.h"
#include "task/validation.h"

namespace taskforge {
namespace {

constexpr size_t kMaxQueues = 64;

std::vector<QueueOptions> WithDefault(std::vector<QueueOptions> queues) {
  for (const QueueOptions& queue : queues) {
    if (queue.name == kDefaultQueue) return queues;
  }
  queues.insert(queues.begin(), QueueOptions{});
  return queues;
}

}  // namespace

std::vector<std::string> TaskQueuesOptions::Validate() const {
  std::vector<std::string> errors;
  std::set<std::string> names;
  if (queues.size() > kMaxQueues) {
    errors.push_back(absl::StrCat("queues: ", queues.size(), " queues; at most ", kMaxQueues));
  }
  for (const QueueOptions& queue : queues) {
    const std::string where = absl::StrCat("queues: \"", queue.name, "\"");
    if (!IsQueueName(queue.name)) {
      errors.push_back(absl::StrCat(where, " is not a queue's name: [a-z][a-z0-9_-]{0,62}"));
    }
    if (!names.insert(queue.name).second) errors.push_back(absl::StrCat(where, " stands twice"));
    if (queue.max_tasks == 0) errors.push_back(absl::StrCat(where, ": max_tasks is 0"));
    if (queue.max_bytes == 0) errors.push_back(absl::StrCat(where, ": max_bytes is 0"));
  }
  return errors;
}

class TaskQueues::Core {
 public:
  Core(std::vector<QueueOptions> queues, const Clock& clock, const LaneDirectory& lanes,
       ReleaseTarget& target)
      : clock(clock), lanes(lanes), local(queues.size(), target), remote(queues.size()) {
    for (QueueOptions& queue : queues) {
      index.emplace(queue.name, names.size());
      names.push_back(queue.name);
      shared_names.emplace_back(queue.name);
      ledgers.push_back(std::make_unique<QueueLedger>(std::move(queue)));
    }
  }

  std::optional<size_t> Find(absl::string_view queue) const {
    const auto it = index.find(queue);
    return it == index.end() ? std::nullopt : std::optional(it->second);
  }

  absl::Status Unknown(absl::string_view queue) const {
    return ReasonError(absl::StatusCode::kNotFound, "QUEUE_UNKNOWN",
                       absl::StrCat("there is no queue \"", queue,
                                    "\" (queues); there are: ", absl::StrJoin(names, ", ")));
  }

  // Constant after construction.
  const Clock& clock;
  const LaneDirectory& lanes;
  std::vector<std::string> names;
  std::vector<SharedText> shared_names;
  absl::flat_hash_map<std::string, size_t> index;
  LaneListener listener;
  // Synchronize themselves.
  std::vector<std::unique_ptr<QueueLedger>> ledgers;
  LocalLane local;
  RemoteLanes remote;
};

TaskQueues::TaskQueues(TaskQueuesOptions options, const Clock& clock, const LaneDirectory& lanes,
                       ReleaseTarget& target)
    : core_(std::make_unique<Core>(WithDefault(std::move(options.queues)), clock, lanes, target)) {}

TaskQueues::~TaskQueues() {
  // While the ledgers are there still: tasks that go give their places back.
  core_->local.TakeAll();
  core_->remote.TakeAll();
}

absl::StatusOr<Admission> TaskQueues::Admit(absl::string_view queue, size_t bytes) {
  const std::optional<size_t> index = core_->Find(queue);
  if (!index.has_value()) return core_->Unknown(queue);
  const absl::Status taken = core_->ledgers[*index]->Take(bytes, core_->clock);
  if (!taken.ok()) return taken;
  return Admission(*this, *index, bytes);
}

absl::StatusOr<Admission> TaskQueues::AdmitRecovered(absl::string_view queue, size_t bytes) {
  const std::optional<size_t> index = core_->Find(queue);
  if (!index.has_value()) return core_->Unknown(queue);
  core_->ledgers[*index]->TakeAnyway(bytes);
  return Admission(*this, *index, bytes);
}

void TaskQueues::GiveBack(size_t queue_index, size_t bytes) {
  core_->ledgers[queue_index]->GiveBack(bytes);
}

std::optional<Priority> TaskQueues::DefaultPriority(absl::string_view queue) const {
  const std::optional<size_t> index = core_->Find(queue);
  if (!index.has_value()) return std::nullopt;
  return core_->ledgers[*index]->options().default_priority;
}

const std::vector<std::string>& TaskQueues::names() const { return core_->names; }

const SharedText& TaskQueues::SharedName(size_t queue_index) const {
  return core_->shared_names[queue_index];
}

void TaskQueues::Enqueue(TaskRef task, Position position) {
  task->enqueued = core_->clock.Monotonic();
  if (!core_->lanes.IsRemote(task->spec().handler)) {
    core_->local.Enqueue(std::move(task), position);
    return;
  }
  const bool waits = core_->remote.Enqueue(task, position);
  if (waits && core_->listener) core_->listener(task->spec().handler);
}

bool TaskQueues::Remove(Task& task) {
  return core_->lanes.IsRemote(task.spec().handler) ? core_->remote.Remove(task)
                                                    : core_->local.Remove(task);
}

bool TaskQueues::HasMoreUrgent(const Task& task) const {
  return core_->lanes.IsRemote(task.spec().handler) ? core_->remote.HasMoreUrgent(task)
                                                    : core_->local.HasMoreUrgent(task);
}

size_t TaskQueues::Refill(Priority priority) { return core_->local.Refill(priority); }

std::vector<TaskRef> TaskQueues::Claim(const std::vector<std::string>& handlers, size_t max) {
  return core_->remote.Claim(handlers, max);
}

void TaskQueues::SetLaneListener(LaneListener listener) { core_->listener = std::move(listener); }

void TaskQueues::SetLaneServed(absl::string_view handler, bool is_served) {
  core_->remote.SetServed(handler, is_served);
}

absl::Duration TaskQueues::OldestLocalWait(Priority least) const {
  return core_->local.OldestWait(least, core_->clock.Monotonic());
}

TaskQueuesStats TaskQueues::Stats() const {
  TaskQueuesStats stats;
  for (const std::unique_ptr<QueueLedger>& ledger : core_->ledgers) {
    QueueStats& queue = stats.queues.emplace_back();
    queue.name = ledger->options().name;
    queue.tasks = ledger->tasks();
    queue.max_tasks = ledger->options().max_tasks;
    queue.bytes = ledger->bytes();
    queue.max_bytes = ledger->options().max_bytes;
  }
  const MonoTime now = core_->clock.Monotonic();
  core_->local.AddTo(stats.queues, stats.lanes.emplace_back(), now);
  core_->remote.AddTo(stats.queues, stats.lanes, now);
  return stats;
}

}  // namespace taskforge
