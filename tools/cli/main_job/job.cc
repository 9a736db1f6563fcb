#include "cli/main_job/job.h"

#include <array>
#include <atomic>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/format.h"

namespace taskforge::cli {
namespace {

constexpr std::array<const char*, 3> kHandlers = {"sha256", "wordcount", "compress"};
constexpr std::array<v1::Priority, 4> kPriorities = {v1::PRIORITY_NORMAL, v1::PRIORITY_HIGH,
                                                     v1::PRIORITY_LOW, v1::PRIORITY_CRITICAL};
// What may be under way fits twice into the subscription's buffers, so nothing need be lost.
constexpr size_t kMaxTasks = 4096;
constexpr size_t kMaxBytes = size_t{48} << 20;
constexpr uint32_t kBufferEvents = 16384;
constexpr uint64_t kBufferBytes = uint64_t{256} << 20;

constexpr absl::Duration kTick = absl::Milliseconds(20);
// Silence after which the open tasks are read one by one, and after which they are given up.
constexpr absl::Duration kReconcileAfter = absl::Seconds(3);
constexpr absl::Duration kGiveUpAfter = absl::Minutes(5);

std::string MakeJobId() {
  std::random_device random;
  return absl::StrFormat("%08x%08x", random(), random());
}

}  // namespace

MainJob::MainJob(Session& session, const FileList& files, uint64_t max_bytes)
    : session_(session),
      files_(files),
      max_bytes_(max_bytes),
      job_id_(MakeJobId()),
      total_(files.paths.size() * kHandlers.size()),
      tasks_(v1::TaskService::NewStub(session.Channel())),
      bus_(v1::BusService::NewStub(session.Channel())),
      submit_(
          session, {BulkSubmit::DoneWhen::kReleased, kMaxTasks, kMaxBytes, 1000},
          [this](const v1::SubmitAck& ack) { OnAck(ack); }, nullptr),
      subscription_call_(session, kNoDeadline),
      progress_(session.stderr_is_terminal()) {}

MainJob::~MainJob() = default;

grpc::Status MainJob::Subscribe() {
  v1::SubscribeRequest request;
  request.add_filters(absl::StrCat("jobs.", job_id_));
  request.set_policy(v1::SLOW_SUBSCRIBER_POLICY_DROP_OLDEST);
  request.set_max_events(kBufferEvents);
  request.set_max_bytes(kBufferBytes);
  request.set_label(absl::StrCat("main job ", job_id_));
  subscription_ = bus_->Subscribe(subscription_call_.context(), request);
  v1::SubscribeResponse first;
  if (subscription_->Read(&first) && !first.subscription().empty()) return grpc::Status::OK;
  const grpc::Status status = subscription_->Finish();
  if (!status.ok()) return status;
  return grpc::Status(grpc::StatusCode::INTERNAL, "the subscription ended before it began");
}

bool MainJob::NextRequest(v1::SubmitTaskRequest& request) {
  while (next_ < total_) {
    const uint64_t number = next_++;
    const size_t handler = number % kHandlers.size();
    Ledger::Entry entry{files_.paths[number / kHandlers.size()], kHandlers[handler],
                        kPriorities[number % kPriorities.size()], nullptr};
    if (handler == 0) {
      absl::StatusOr<std::string> content = ReadFile(entry.file, max_bytes_);
      if (!content.ok()) {
        // Its three tasks fail; a file that is gone must not look like one that was done.
        for (const char* name : kHandlers) {
          ledger_.FailUnsubmitted({entry.file, name, entry.priority, nullptr},
                                  std::string(content.status().message()));
        }
        next_ += kHandlers.size() - 1;
        continue;
      }
      content_ = std::make_shared<const std::string>(*std::move(content));
    }
    entry.content = content_;
    const std::string id = absl::StrCat("job-", job_id_, "-", number);
    request.set_task_id(id);
    request.set_request_id(id);
    v1::Task& task = *request.mutable_task();
    task.set_handler(entry.handler);
    task.set_priority(entry.priority);
    task.mutable_input()->set_binary_data(*content_);
    task.set_result_topic(absl::StrCat("jobs.", job_id_));
    ledger_.Open(number, absl::StrCat("queues/default/tasks/", id), std::move(entry));
    return true;
  }
  return false;
}

void MainJob::OnAck(const v1::SubmitAck& ack) {
  if (ack.code() == 0) {
    ledger_.Accept(ack.correlation_id());
  } else {
    ledger_.Fail(ack.correlation_id(), absl::StrCat("refused: ", ack.reason(), " ", ack.message()));
  }
}

void MainJob::TakeFinished(const v1::Task& task, uint64_t& count) {
  uint64_t id;
  if (!ledger_.Finish(task, &id)) return;
  ++count;
  submit_.Release(id);
}

void MainJob::ReadEvents() {
  v1::SubscribeResponse response;
  while (subscription_->Read(&response)) {
    for (const v1::Delivery& delivery : response.deliveries()) {
      if (delivery.has_missed()) {
        missed_.fetch_add(delivery.missed().count(), std::memory_order_relaxed);
      } else if (delivery.event().has_task()) {
        TakeFinished(delivery.event().task(), trail_.over_bus);
      }
    }
  }
}

void MainJob::Reconcile() {
  for (const std::string& name : ledger_.OpenNames()) {
    Call call(session_);
    v1::GetTaskRequest request;
    request.set_name(name);
    v1::Task task;
    const grpc::Status status = tasks_->GetTask(call.context(), request, &task);
    if (status.ok()) {
      TakeFinished(task, trail_.read_later);
    } else if (status.error_code() != grpc::StatusCode::NOT_FOUND) {
      return;  // The server does not answer: later.
    }
  }
}

void MainJob::WaitForResults(const Notification& submitted) {
  absl::Time last_change = absl::Now();
  absl::Time last_read = absl::InfinitePast();
  uint64_t seen = 0;
  uint64_t seen_missed = 0;
  while (!submitted.HasBeenNotified() && session_.Sleep(kTick)) {
    const uint64_t closed = ledger_.closed();
    const uint64_t missed = missed_.load(std::memory_order_relaxed);
    progress_.Update(closed, total_, "");
    const absl::Time now = absl::Now();
    if (closed != seen) last_change = now;
    seen = closed;
    const bool is_silent = now - std::max(last_change, last_read) > kReconcileAfter;
    if (missed != seen_missed || is_silent) {
      seen_missed = missed;
      Reconcile();
      last_read = absl::Now();
    }
    if (now - last_change > kGiveUpAfter) submit_.Cancel();
  }
}

grpc::Status MainJob::Run() {
  const grpc::Status subscribed = Subscribe();
  if (!subscribed.ok()) return subscribed;
  Notification submitted;
  std::thread events([this] { ReadEvents(); });
  std::thread submitting([this, &submitted] {
    trail_.submit_status =
        submit_.Run([this](v1::SubmitTaskRequest& request) { return NextRequest(request); });
    submitted.Notify();
  });
  WaitForResults(submitted);
  submitting.join();
  Reconcile();
  subscription_call_.context()->TryCancel();
  events.join();
  subscription_->Finish();
  trail_.missed = missed_.load(std::memory_order_relaxed);
  const std::string why = trail_.submit_status.ok()
                              ? "no result came"
                              : absl::StrCat("no result came; the stream ended with ",
                                             trail_.submit_status.error_message());
  for (const uint64_t id : ledger_.OpenIds()) ledger_.Fail(id, why);
  // What the broken stream did not take was not done either.
  v1::SubmitTaskRequest unsent;
  while (NextRequest(unsent)) {
    for (const uint64_t id : ledger_.OpenIds()) ledger_.Fail(id, "not submitted");
  }
  progress_.Clear();
  return grpc::Status::OK;
}

}  // namespace taskforge::cli
