#include "queues/task_queues.h"

#include <algorithm>
#include <utility>

#include "queues/local_lane.h"
#include "queues/queue_table.h"
#include "queues/remote_lanes.h"
#include "task/task_types.h"

namespace taskforge {
namespace {

TaskQueuesOptions WithDefault(TaskQueuesOptions options) {
  for (const QueueOptions& queue : options.queues) {
    if (queue.name == kDefaultQueue) return options;
  }
  options.queues.insert(options.queues.begin(), QueueOptions{});
  return options;
}

}  // namespace

class TaskQueues::Core {
 public:
  Core(TaskQueuesOptions options, const Clock& clock, const LaneDirectory& lanes,
       ReleaseTarget& target)
      : clock(clock),
        lanes(lanes),
        table(std::move(options)),
        local(table.gates(), target),
        remote(table.gates()) {}

  static QueueStats StatsOf(const QueueLedger& ledger) {
    QueueStats stats;
    stats.options = ledger.options();
    stats.tasks = ledger.tasks();
    stats.bytes = ledger.bytes();
    return stats;
  }

  // Constant after construction.
  const Clock& clock;
  const LaneDirectory& lanes;
  LaneListener listener;
  // Synchronize themselves.
  QueueTable table;
  LocalLane local;
  RemoteLanes remote;
};

TaskQueues::TaskQueues(TaskQueuesOptions options, const Clock& clock, const LaneDirectory& lanes,
                       ReleaseTarget& target)
    : core_(std::make_unique<Core>(WithDefault(std::move(options)), clock, lanes, target)) {}

TaskQueues::~TaskQueues() {
  // While the ledgers are there still: tasks that go give their places back.
  core_->local.TakeAll();
  core_->remote.TakeAll();
}

absl::StatusOr<Admission> TaskQueues::Admit(absl::string_view queue, size_t bytes) {
  {
    const QueueTable::Reader reader(core_->table);
    if (QueueLedger* const ledger = reader.Find(queue)) {
      const std::optional<absl::Status> taken = ledger->Take(bytes, core_->clock);
      if (taken.has_value()) {
        if (!taken->ok()) return *taken;
        return Admission(*this, ledger->index(), bytes);
      }
    }
  }
  return UnknownError(queue);
}

absl::StatusOr<Admission> TaskQueues::AdmitRecovered(absl::string_view queue, size_t bytes) {
  const QueueTable::Reader reader(core_->table);
  QueueLedger* const ledger = reader.Find(queue);
  if (ledger == nullptr) return UnknownError(queue);
  ledger->TakeAnyway(bytes);
  return Admission(*this, ledger->index(), bytes);
}

void TaskQueues::GiveBack(size_t queue_index, size_t bytes) {
  core_->table.At(queue_index).GiveBack(bytes);
}

std::optional<TaskQueues::Facts> TaskQueues::Look(absl::string_view queue) const {
  const QueueTable::Reader reader(core_->table);
  const QueueLedger* const ledger = reader.Find(queue);
  if (ledger == nullptr) return std::nullopt;
  return Facts{ledger->default_priority(), ledger->task_defaults(),
               std::min<size_t>(ledger->number(), kLabels)};
}

const SharedText& TaskQueues::NameOf(size_t queue_index) const {
  return core_->table.At(queue_index).name();
}

absl::Status TaskQueues::UnknownError(absl::string_view queue) const {
  return QueueUnknownError(queue, QueueTable::Reader(core_->table).Names());
}

std::vector<std::string> TaskQueues::Labels() const { return core_->table.FirstNames(kLabels); }

absl::Status TaskQueues::Create(QueueOptions options) {
  return core_->table.Create(std::move(options));
}

absl::Status TaskQueues::Restore(QueueOptions options) {
  return core_->table.Restore(std::move(options));
}

absl::Status TaskQueues::Update(absl::string_view queue, const QueueUpdate& update) {
  return core_->table.Update(queue, update);
}

absl::Status TaskQueues::Delete(absl::string_view queue) { return core_->table.Delete(queue); }

absl::Status TaskQueues::Pause(absl::string_view queue, absl::string_view reason) {
  return SetPaused(queue, true, reason);
}

absl::Status TaskQueues::Resume(absl::string_view queue, absl::string_view reason) {
  return SetPaused(queue, false, reason);
}

absl::Status TaskQueues::SetPaused(absl::string_view queue, bool is_paused,
                                   absl::string_view reason) {
  const QueueAct act{core_->clock.Now(), std::string(reason)};
  const absl::StatusOr<QueueTable::GateChange> changed =
      core_->table.SetPaused(queue, is_paused, act);
  if (!changed.ok()) return changed.status();
  core_->local.Sync(changed->queue);
  for (const std::string& handler : core_->remote.Sync(changed->queue)) {
    if (core_->listener) core_->listener(handler);
  }
  if (!is_paused) core_->table.Open(*changed);
  return absl::OkStatus();
}

absl::Status TaskQueues::NotePurge(absl::string_view queue, absl::string_view reason,
                                   uint64_t tasks) {
  return core_->table.NotePurge(queue, {core_->clock.Now(), std::string(reason)}, tasks);
}

absl::StatusOr<QueueStats> TaskQueues::Get(absl::string_view queue) const {
  for (QueueStats& stats : Stats().queues) {
    if (stats.options.name == queue) return std::move(stats);
  }
  return UnknownError(queue);
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

WaitReason TaskQueues::WhyWaits(const Task& task) const {
  if (core_->table.gates().IsPaused(task.queue_index())) return WaitReason::kPaused;
  const bool is_remote = core_->lanes.IsRemote(task.spec().handler);
  const bool has_more_urgent =
      is_remote ? core_->remote.HasMoreUrgent(task) : core_->local.HasMoreUrgent(task);
  return has_more_urgent ? WaitReason::kPriority : WaitReason::kQueue;
}

TaskPlace TaskQueues::PlaceOf(const Task& task) const {
  const MonoTime now = core_->clock.Monotonic();
  return core_->lanes.IsRemote(task.spec().handler) ? core_->remote.PlaceOf(task, now)
                                                    : core_->local.PlaceOf(task, now);
}

bool TaskQueues::TakeBack(const TaskRef& task) {
  if (!core_->table.gates().IsPaused(task->queue_index())) return false;
  return core_->local.TakeBack(task);
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
  std::vector<size_t> indexes;  // Of stats.queues.
  {
    const QueueTable::Reader reader(core_->table);
    for (const QueueLedger* ledger : reader.All()) {
      stats.queues.push_back(Core::StatsOf(*ledger));
      indexes.push_back(ledger->index());
    }
  }
  const MonoTime now = core_->clock.Monotonic();
  // By index, as the lanes know them.
  std::vector<QueueStats> waiting(1 + *std::max_element(indexes.begin(), indexes.end()));
  core_->local.AddTo(waiting, stats.lanes.emplace_back(), now);
  core_->remote.AddTo(waiting, stats.lanes, now);
  for (size_t i = 0; i < indexes.size(); ++i) {
    stats.queues[i].waiting = waiting[indexes[i]].waiting;
    stats.queues[i].oldest_age = waiting[indexes[i]].oldest_age;
  }
  return stats;
}

}  // namespace taskforge
