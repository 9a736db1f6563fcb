#include "queues/remote_lanes.h"

#include <algorithm>
#include <utility>

namespace taskforge {
namespace {

void ShowWaitReason(Task& task, bool is_served) {
  const WaitReason reason = is_served ? WaitReason::kQueue : WaitReason::kNoWorker;
  task.Update([reason](TaskRecord& record) {
    // A task that has left the lane meanwhile shows something else by now.
    if (record.state == TaskState::kQueued) record.wait_reason = reason;
  });
}

}  // namespace

bool RemoteLanes::Lane::IsReady() const {
  return std::any_of(lists.begin(), lists.end(),
                     [](const FairList& list) { return list.ready() > 0; });
}

RemoteLanes::Lane& RemoteLanes::LaneOf(absl::string_view handler) {
  const auto it = lanes_.find(handler);
  if (it != lanes_.end()) return *it->second;
  return *lanes_.emplace(std::string(handler), std::make_unique<Lane>(gates_)).first->second;
}

bool RemoteLanes::Enqueue(const TaskRef& task, TaskSink::Position position) {
  const TaskSpec& spec = task->spec();
  task->enqueued_dispatch.store(Task::kUnknownDispatch, std::memory_order_relaxed);
  bool is_served = false;
  bool is_held = false;
  {
    MutexLock lock(mu_);
    // Under the lock: a cancel either comes before and is seen, or finds the task in the lane.
    if (task->phase() != TaskPhase::kQueued) return false;
    Lane& lane = LaneOf(spec.handler);
    FairList& list = lane.lists[Index(spec.priority)];
    task->ahead = static_cast<uint32_t>(list.Ahead(task->queue_index(), position));
    const size_t ready = list.ready();
    list.Push(task, position);
    is_held = list.ready() <= ready;
    is_served = lane.is_served;
  }
  if (!is_served) ShowWaitReason(*task, is_served);
  return !is_held;
}

bool RemoteLanes::Remove(Task& task) {
  TaskRef removed;  // Let go without the lock.
  MutexLock lock(mu_);
  if (!task.in_queue) return false;
  removed = LaneOf(task.spec().handler).lists[Index(task.spec().priority)].Remove(task);
  return true;
}

bool RemoteLanes::HasMoreUrgent(const Task& task) const {
  MutexLock lock(mu_);
  const auto it = lanes_.find(task.spec().handler);
  if (it == lanes_.end()) return false;
  const auto& lists = it->second->lists;
  return std::any_of(lists.begin() + static_cast<std::ptrdiff_t>(Index(task.spec().priority)) + 1,
                     lists.end(), [](const FairList& list) { return list.ready() > 0; });
}

TaskPlace RemoteLanes::PlaceOf(const Task& task, MonoTime now) const {
  TaskPlace place;
  MutexLock lock(mu_);
  const auto it = lanes_.find(task.spec().handler);
  if (it == lanes_.end() || !task.in_queue) return place;
  const auto& lists = it->second->lists;
  const size_t level = Index(task.spec().priority);
  lists[level].PlaceOf(task, place);
  place.waited = absl::Nanoseconds(now - task.enqueued);
  for (size_t i = level + 1; i < kPriorityCount; ++i) place.more_urgent += lists[i].ready();
  return place;
}

std::vector<TaskRef> RemoteLanes::Claim(const std::vector<std::string>& handlers, size_t max) {
  std::vector<TaskRef> claimed;
  std::vector<TaskRef> dropped;  // Let go without the lock.
  std::vector<Lane*> lanes;
  MutexLock lock(mu_);
  for (const std::string& handler : handlers) {
    const auto it = lanes_.find(handler);
    if (it != lanes_.end()) lanes.push_back(it->second.get());
  }
  const auto is_ready = [](const Lane* lane) { return lane->IsReady(); };
  while (claimed.size() < max && std::any_of(lanes.begin(), lanes.end(), is_ready)) {
    TaskRef task = Take(lanes);
    if (!task) continue;  // Its queue has just been paused, and is out of the way now.
    (task->phase() == TaskPhase::kQueued ? claimed : dropped).push_back(std::move(task));
  }
  return claimed;
}

TaskRef RemoteLanes::Take(const std::vector<Lane*>& lanes) {
  // The lanes with work lead in turns, and the leader's order says what is due. So in 32 times as
  // many takes as there are lanes, each lane's lower priorities get their share.
  Lane* leader = nullptr;
  for (Lane* lane : lanes) {
    if (lane->IsReady() && (leader == nullptr || lane->led < leader->led)) leader = lane;
  }
  leader->led = ++turn_;
  const std::optional<Priority> due = leader->order.due();
  leader->order.Advance();

  Lane* from = nullptr;
  Priority priority = due.value_or(Priority::kCritical);
  if (due.has_value()) {
    from = leader->lists[Index(*due)].ready() == 0 ? LaneWith(lanes, *due) : leader;
  }
  for (size_t i = kPriorityCount; from == nullptr && i > 0; --i) {
    priority = kPriorities[i - 1];
    from = LaneWith(lanes, priority);
  }
  from->served = turn_;
  return from->lists[Index(priority)].Pop();
}

RemoteLanes::Lane* RemoteLanes::LaneWith(const std::vector<Lane*>& lanes, Priority priority) {
  Lane* found = nullptr;
  for (Lane* lane : lanes) {
    if (lane->lists[Index(priority)].ready() == 0) continue;
    if (found == nullptr || lane->served < found->served) found = lane;
  }
  return found;
}

void RemoteLanes::SetServed(absl::string_view handler, bool is_served) {
  std::vector<TaskRef> waiting;
  {
    MutexLock lock(mu_);
    Lane& lane = LaneOf(handler);
    if (std::exchange(lane.is_served, is_served) == is_served) return;
    for (const FairList& list : lane.lists)
      list.ForEach([&](Task& task) { waiting.emplace_back(&task); });
  }
  for (const TaskRef& task : waiting) ShowWaitReason(*task, is_served);
}

std::vector<std::string> RemoteLanes::Sync(size_t queue) {
  std::vector<std::string> handlers;
  MutexLock lock(mu_);
  for (auto& [handler, lane] : lanes_) {
    // Not only what this call makes ready: a cancel may have come to the list since the gate was
    // changed, and it tells nobody.
    bool is_ready = false;
    for (FairList& list : lane->lists) is_ready |= list.Sync(queue);
    if (is_ready) handlers.push_back(handler);
  }
  return handlers;
}

std::vector<TaskRef> RemoteLanes::TakeAll() {
  std::vector<TaskRef> tasks;
  MutexLock lock(mu_);
  for (auto& [handler, lane] : lanes_) {
    for (FairList& list : lane->lists) {
      for (TaskRef& task : list.TakeAll()) tasks.push_back(std::move(task));
    }
  }
  return tasks;
}

void RemoteLanes::AddTo(std::vector<QueueStats>& queues, std::vector<LaneStats>& lanes,
                        MonoTime now) const {
  MutexLock lock(mu_);
  for (const auto& [handler, lane] : lanes_) {
    LaneStats stats;
    stats.handler = handler;
    stats.is_served = lane->is_served;
    for (Priority priority : kPriorities) {
      const FairList& list = lane->lists[Index(priority)];
      stats.waiting[priority] = list.size();
      stats.held[priority] = list.size() - list.ready();
      list.AddTo(queues, priority, now);
    }
    lanes.push_back(std::move(stats));
  }
}

}  // namespace taskforge
