#include "handlers/connected_worker.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace taskforge {

ConnectedWorker::ConnectedWorker(std::shared_ptr<WorkerContext> context, WorkerHello hello,
                                 std::vector<HandlerRef> handlers,
                                 std::shared_ptr<WorkerOutput> output)
    : context_(std::move(context)),
      hello_(std::move(hello)),
      name_(absl::StrCat("workers/", hello_.worker_id)),
      handlers_(std::move(handlers)),
      output_(std::move(output)),
      connect_time_(context_->parts.clock.Now()),
      heard_(context_->parts.clock.Monotonic()) {}

void ConnectedWorker::Open() {
  CountForHandlers(1);
  MonoTime heard;
  {
    MutexLock lock(mu_);
    heard = heard_;
  }
  ScheduleLease(heard + context_->options.lease_duration);
}

bool ConnectedWorker::Close() {
  std::vector<Assignment> taken;
  TimerId timer = 0;
  {
    MutexLock lock(mu_);
    if (closed_) return false;
    closed_ = true;
    timer = std::exchange(lease_timer_, 0);
    taken = TakeAssignments();
  }
  if (timer != 0) context_->parts.timer.Cancel(timer);
  CountForHandlers(-1);
  Lose(std::move(taken), "its connection ended");
  return true;
}

absl::Status ConnectedWorker::AddCredit(uint32_t n) {
  Touch();
  {
    MutexLock lock(mu_);
    if (credit_ + n > kMaxCredit) {
      return InvalidArgument({{"credit", absl::StrCat(n, " more than ", credit_, " is more than ",
                                                      kMaxCredit, " in sum")}});
    }
    credit_ += n;
  }
  if (n > 0) context_->give_work();
  return absl::OkStatus();
}

bool ConnectedWorker::Result(const Fence& fence, HandlerResult result) {
  Touch();
  Completion done;
  if (fence.boot_epoch == context_->boot_epoch) {
    MutexLock lock(mu_);
    const auto found = assignments_.find(Key(fence.task_name, fence.attempt));
    if (found != assignments_.end()) {
      done = std::move(found->second.done);
      assignments_.erase(found);
    }
  }
  // Without the lock: what follows a result calls into the rest of the server.
  if (!done.owns() || !done.Finish(std::move(result))) {
    context_->refused.Add();
    return false;
  }
  context_->finished.Add();
  MutexLock lock(mu_);
  ++finished_;
  return true;
}

void ConnectedWorker::ReportProgress(const Fence& fence, Progress progress) {
  Touch();
  if (fence.boot_epoch != context_->boot_epoch) return;
  std::vector<Attempt> attempts;  // One, or none.
  {
    MutexLock lock(mu_);
    const auto found = assignments_.find(Key(fence.task_name, fence.attempt));
    if (found != assignments_.end()) attempts.push_back(found->second.attempt);
  }
  for (const Attempt& attempt : attempts) attempt.ReportProgress(progress);
}

void ConnectedWorker::Drain() {
  Touch();
  MutexLock lock(mu_);
  draining_ = true;
}

size_t ConnectedWorker::TakeWork() {
  const size_t reserved = ReserveCredit();
  if (reserved == 0) return 0;
  std::vector<TaskRef> tasks = context_->parts.source.Claim(hello_.handlers, reserved);
  std::vector<Attempt> kept;
  kept.reserve(tasks.size());
  for (TaskRef& task : tasks) {
    std::optional<RemoteAttempt> remote = context_->parts.starter.StartRemote(task, name_);
    if (!remote.has_value()) continue;
    if (Keep(*remote)) {
      kept.push_back(std::move(remote->attempt));
    } else {
      context_->lost.Add();
      remote->done.Lose(absl::StrCat(name_, " went before it got the task"));
    }
  }
  {
    MutexLock lock(mu_);
    credit_ += reserved - kept.size();
  }
  if (!kept.empty()) Send(std::move(kept));
  return tasks.size();
}

size_t ConnectedWorker::ReserveCredit() {
  MutexLock lock(mu_);
  if (closed_ || draining_ || silent_) return 0;
  const size_t reserved = std::min(static_cast<size_t>(credit_), context_->options.max_batch);
  credit_ -= reserved;
  return reserved;
}

bool ConnectedWorker::Keep(RemoteAttempt& remote) {
  MutexLock lock(mu_);
  if (closed_ || silent_) return false;
  assignments_.emplace(Key(remote.attempt.task_name(), remote.attempt.number()),
                       Assignment{++last_order_, remote.attempt, std::move(remote.done)});
  return true;
}

void ConnectedWorker::Send(std::vector<Attempt> attempts) {
  context_->assigned.Add(attempts.size());
  const MonoTime now = context_->parts.clock.Monotonic();
  const absl::Time wall = context_->parts.clock.Now();
  std::vector<WorkerAssignment> batch;
  batch.reserve(attempts.size());
  for (const Attempt& attempt : attempts) {
    WorkerAssignment assignment{attempt};
    if (attempt.stop_time() != MonoTime::Max()) {
      assignment.deadline = wall + absl::Nanoseconds(attempt.stop_time() - now);
    }
    batch.push_back(std::move(assignment));
  }
  output_->Assign(std::move(batch));
  // After the assignment, so that the worker knows what it is told to stop.
  for (const Attempt& attempt : attempts) {
    attempt.stop().OnStop([output = output_, fence = attempt.fence()](StopReason reason) {
      output->CancelAttempt(fence, reason);
    });
  }
}

void ConnectedWorker::CountForHandlers(int change) {
  for (const HandlerRef& handler : handlers_) {
    handler->AddWorkers(change);
    bool is_served = false;
    do {  // Whoever of several comes last has told what is true.
      is_served = handler->workers() > 0;
      context_->parts.source.SetServed(handler->info().name, is_served);
    } while (is_served != (handler->workers() > 0));
  }
}

void ConnectedWorker::Touch() {
  const MonoTime now = context_->parts.clock.Monotonic();
  bool back = false;
  {
    MutexLock lock(mu_);
    heard_ = now;
    if (closed_) return;
    back = std::exchange(silent_, false);
  }
  if (!back) return;
  ScheduleLease(now + context_->options.lease_duration);
  context_->give_work();
}

void ConnectedWorker::ScheduleLease(MonoTime when) {
  const TimerId id = context_->parts.timer.ScheduleAt(when, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->CheckLease();
  });
  {
    MutexLock lock(mu_);
    if (!closed_) {
      lease_timer_ = id;
      return;
    }
  }
  context_->parts.timer.Cancel(id);
}

void ConnectedWorker::CheckLease() {
  const MonoTime now = context_->parts.clock.Monotonic();
  std::vector<Assignment> taken;
  MonoTime end;
  {
    MutexLock lock(mu_);
    if (closed_) return;
    end = heard_ + context_->options.lease_duration;
    if (now >= end) {
      silent_ = true;
      taken = TakeAssignments();
    }
  }
  if (now < end) {
    ScheduleLease(end);
    return;
  }
  context_->lease_expirations.Add();
  context_->parts.log.Warn("a worker was silent for longer than its lease",
                           {{"worker", name_},
                            {"lease", context_->options.lease_duration},
                            {"assignments", taken.size()}});
  Lose(std::move(taken), absl::StrCat("it was silent for longer than ",
                                      absl::FormatDuration(context_->options.lease_duration)));
}

std::vector<ConnectedWorker::Assignment> ConnectedWorker::TakeAssignments() {
  std::vector<Assignment> taken;
  taken.reserve(assignments_.size());
  for (auto& [key, assignment] : assignments_) taken.push_back(std::move(assignment));
  assignments_.clear();
  // The last first: each goes back to the front of its queue, so the first ends up before the rest.
  std::sort(taken.begin(), taken.end(),
            [](const Assignment& a, const Assignment& b) { return a.order > b.order; });
  return taken;
}

void ConnectedWorker::Lose(std::vector<Assignment> assignments, absl::string_view why) {
  for (Assignment& assignment : assignments) {
    if (assignment.done.Lose(absl::StrCat(name_, " was lost: ", why))) context_->lost.Add();
  }
}

bool ConnectedWorker::is_silent() const {
  MutexLock lock(mu_);
  return silent_;
}

WorkerStatus ConnectedWorker::status() const {
  const MonoTime now = context_->parts.clock.Monotonic();
  const absl::Time wall = context_->parts.clock.Now();
  WorkerStatus status;
  status.name = name_;
  status.handlers = hello_.handlers;
  status.version = hello_.version;
  status.peer = hello_.peer;
  status.principal = hello_.principal;
  status.connect_time = connect_time_;
  MutexLock lock(mu_);
  status.in_flight = static_cast<uint32_t>(assignments_.size());
  status.credit = static_cast<uint32_t>(credit_);
  status.finished = finished_;
  status.heartbeat_time = wall - absl::Nanoseconds(now - heard_);
  status.draining = draining_;
  status.silent = silent_;
  return status;
}

}  // namespace taskforge
