#include "cli/main_job/ledger.h"

#include "absl/strings/str_cat.h"
#include "cli/format.h"
#include "cli/main_job/checks.h"
#include "cli/payload_argument.h"

namespace taskforge::cli {
namespace {

absl::Status Judge(const Ledger::Entry& entry, const v1::Task& task) {
  if (task.state() != v1::TASK_STATE_SUCCEEDED) {
    return absl::UnknownError(absl::StrCat(FormatState(task.state()), " ", task.error().reason(),
                                           ": ", task.error().message()));
  }
  if (task.output_evicted()) return absl::DataLossError("its output was dropped before it came");
  return CheckOutput(entry.handler, *entry.content, PayloadBytes(task.output()));
}

}  // namespace

void Ledger::Open(uint64_t id, std::string name, Entry entry) {
  MutexLock lock(mu_);
  ids_.emplace(name, id);
  open_.emplace(id, OpenTask{std::move(name), std::move(entry), false});
}

void Ledger::Accept(uint64_t id) {
  MutexLock lock(mu_);
  const auto found = open_.find(id);
  if (found != open_.end()) found->second.is_accepted = true;
}

bool Ledger::Take(uint64_t id, OpenTask& out) {
  MutexLock lock(mu_);
  const auto found = open_.find(id);
  if (found == open_.end()) return false;
  out = std::move(found->second);
  open_.erase(found);
  ids_.erase(out.name);
  return true;
}

bool Ledger::Finish(const v1::Task& task, uint64_t* id) {
  if (!IsTerminal(task.state())) return false;
  {
    MutexLock lock(mu_);
    const auto found = ids_.find(task.name());
    if (found == ids_.end()) return false;
    *id = found->second;
  }
  OpenTask open;
  if (!Take(*id, open)) return false;
  // The costly part, without the mutex.
  Close(open, &task, Judge(open.entry, task));
  return true;
}

bool Ledger::Fail(uint64_t id, const std::string& why) {
  OpenTask open;
  if (!Take(id, open)) return false;
  Close(open, nullptr, absl::UnknownError(why));
  return true;
}

void Ledger::FailUnsubmitted(Entry entry, const std::string& why) {
  Close(OpenTask{"", std::move(entry), false}, nullptr, absl::UnknownError(why));
}

void Ledger::Close(const OpenTask& open, const v1::Task* task, const absl::Status& verdict) {
  MutexLock lock(mu_);
  ++closed_;
  TaskGroup& group = groups_[{open.entry.handler, open.entry.priority}];
  ++(verdict.ok() ? group.succeeded : group.failed);
  if (task != nullptr && task->has_queue_duration() && task->has_run_duration()) {
    group.waits.push_back(ToDuration(task->queue_duration()));
    group.runs.push_back(ToDuration(task->run_duration()));
  }
  if (!verdict.ok()) {
    failures_.push_back(
        {open.name, open.entry.file, open.entry.handler, std::string(verdict.message())});
  }
}

uint64_t Ledger::closed() const {
  MutexLock lock(mu_);
  return closed_;
}

std::vector<std::string> Ledger::OpenNames() const {
  MutexLock lock(mu_);
  std::vector<std::string> names;
  for (const auto& [id, open] : open_) {
    if (open.is_accepted) names.push_back(open.name);
  }
  return names;
}

std::vector<uint64_t> Ledger::OpenIds() const {
  MutexLock lock(mu_);
  std::vector<uint64_t> ids;
  for (const auto& [id, open] : open_) ids.push_back(id);
  return ids;
}

std::map<GroupKey, TaskGroup> Ledger::Groups() const {
  MutexLock lock(mu_);
  return groups_;
}

std::vector<JobFailure> Ledger::Failures() const {
  MutexLock lock(mu_);
  return failures_;
}

}  // namespace taskforge::cli
