#include "rpc/work_stream.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "rpc/convert.h"

namespace taskforge {
namespace {

using ::taskforge::ToProto;  // The overloads here would hide it.

constexpr size_t kMaxMessageBytes = size_t{1} << 20;

Fence FenceFromProto(const v1::Fence& fence) {
  return {fence.task(), fence.boot_epoch(), fence.attempt()};
}

void ToProto(const Fence& fence, v1::Fence& out) {
  out.set_task(fence.task_name);
  out.set_boot_epoch(fence.boot_epoch);
  out.set_attempt(fence.attempt);
}

void ToProto(const WorkerAssignment& assignment, v1::Assignment& out) {
  ToProto(assignment.attempt.fence(), *out.mutable_fence());
  ToProto(assignment.attempt.spec(), *out.mutable_task());
  out.mutable_task()->set_name(assignment.attempt.task_name());
  if (assignment.deadline != absl::InfiniteFuture()) {
    ToProto(assignment.deadline, *out.mutable_deadline());
  }
  out.set_traceparent(assignment.attempt.traceparent());
  out.set_x_request_id(assignment.attempt.x_request_id());
}

}  // namespace

template <typename Change>
void WorkStream::Tell(Change change) {
  bool wake = false;
  {
    MutexLock lock(mu_);
    if (over_) return;
    change(waiting_);
    wake = writer_waits_;
    writer_waits_ = false;
  }
  if (wake) more_.Set();
}

void WorkStream::Assign(std::vector<WorkerAssignment> batch) {
  Tell([&batch](Waiting& waiting) {
    for (WorkerAssignment& one : batch) waiting.assignments.push_back(std::move(one));
  });
}

void WorkStream::CancelAttempt(Fence fence, StopReason /*reason*/) {
  Tell([&fence](Waiting& waiting) { waiting.cancels.push_back(std::move(fence)); });
}

void WorkStream::Draining() {
  Tell([](Waiting& waiting) { waiting.draining = true; });
}

absl::Status WorkStream::CheckResults(const v1::WorkRequest& request) {
  Violations violations;
  for (int i = 0; i < request.results_size(); ++i) {
    if (request.results(i).result_case() != v1::AssignmentResult::RESULT_NOT_SET) continue;
    violations.Add(absl::StrCat("results[", i, "]"),
                   "has neither output nor error: set one, be it an empty output");
  }
  return violations.TakeStatus();
}

absl::Status WorkStream::Hello(const v1::WorkerHello& hello) {
  WorkerHello core;
  core.worker_id = hello.worker_id();
  core.handlers.assign(hello.handlers().begin(), hello.handlers().end());
  core.version = hello.version();
  core.peer = peer_;
  core.principal = principal_;
  auto session = hub_.Connect(std::move(core), shared_from_this());
  if (!session.ok()) return session.status();
  std::shared_ptr<WorkerSession> shared = *std::move(session);
  bool over = false;
  {
    MutexLock lock(mu_);
    over = over_;
    if (!over) session_ = shared;
  }
  if (over) shared->Close();
  Tell([&shared](Waiting& waiting) { waiting.welcome = shared->name(); });
  return absl::OkStatus();
}

void WorkStream::TakeResults(v1::WorkRequest& request, WorkerSession& session) {
  for (v1::AssignmentResult& result : *request.mutable_results()) {
    Fence fence = FenceFromProto(result.fence());
    HandlerResult outcome;
    if (result.result_case() == v1::AssignmentResult::kError) {
      outcome = ErrorFromProto(result.error());
    } else {
      outcome = PayloadFromProto(result.output());
    }
    const bool counts = session.Result(fence, std::move(outcome));
    Tell([&fence, counts](Waiting& waiting) {
      (counts ? waiting.recorded : waiting.refused).push_back(std::move(fence));
    });
  }
}

void WorkStream::Take(v1::WorkRequest& request) {
  std::shared_ptr<WorkerSession> session;
  {
    MutexLock lock(mu_);
    if (over_) return;
    session = session_;
  }
  if (request.has_hello() == (session != nullptr)) {
    End(InvalidArgument({{"hello", "wanted in the first message, and only there"}}));
    return;
  }
  if (const absl::Status results = CheckResults(request); !results.ok()) {
    End(results);
    return;
  }
  if (session == nullptr) {
    const absl::Status status = Hello(request.hello());
    if (!status.ok()) {
      End(status);
      return;
    }
    MutexLock lock(mu_);
    session = session_;
    if (session == nullptr) return;  // It ended meanwhile.
  }
  if (request.credit() != 0) {
    const absl::Status status = session->AddCredit(request.credit());
    if (!status.ok()) {
      End(status);
      return;
    }
  }
  TakeResults(request, *session);
  if (request.has_heartbeat()) {
    session->Heartbeat();
    for (const v1::AssignmentProgress& progress : request.heartbeat().progress()) {
      session->ReportProgress(FenceFromProto(progress.fence()),
                              {progress.progress().fraction(), progress.progress().message()});
    }
  }
  if (request.drain()) session->Drain();
}

void WorkStream::End(const absl::Status& status) {
  std::shared_ptr<WorkerSession> session;
  bool wake = false;
  {
    MutexLock lock(mu_);
    if (over_) return;
    over_ = true;
    status_ = status;
    session = std::move(session_);
    session_ = nullptr;
    wake = writer_waits_;
    writer_waits_ = false;
  }
  if (session != nullptr) session->Close();
  if (wake) more_.Set();
}

bool WorkStream::is_over() const {
  MutexLock lock(mu_);
  return over_;
}

absl::Status WorkStream::status() const {
  MutexLock lock(mu_);
  return status_;
}

bool WorkStream::Collect(v1::WorkResponse& response) {
  response.Clear();
  Waiting taken;
  {
    MutexLock lock(mu_);
    std::swap(taken, waiting_);
    writer_waits_ = taken.empty() && sent_of_left_ == left_.size() && !over_;
    if (writer_waits_) return false;
  }
  if (!taken.welcome.empty()) {
    response.mutable_welcome()->set_worker(taken.welcome);
    ToProto(hub_.lease_duration(), *response.mutable_welcome()->mutable_lease_duration());
  }
  for (const Fence& fence : taken.cancels) ToProto(fence, *response.add_cancels());
  for (const Fence& fence : taken.refused) ToProto(fence, *response.add_refused());
  for (const Fence& fence : taken.recorded) ToProto(fence, *response.add_recorded());
  response.set_draining(taken.draining);
  for (WorkerAssignment& one : taken.assignments) left_.push_back(std::move(one));
  for (size_t bytes = 0; sent_of_left_ < left_.size() && bytes < kMaxMessageBytes;) {
    const WorkerAssignment& assignment = left_[sent_of_left_++];
    bytes += CostBytes(assignment.attempt.spec());
    ToProto(assignment, *response.add_assignments());
  }
  if (sent_of_left_ == left_.size()) {
    left_.clear();
    sent_of_left_ = 0;
  }
  return response.ByteSizeLong() > 0;
}

}  // namespace taskforge
