#include "rpc/task_service.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "lifecycle/bulk_tasks.h"
#include "rpc/arena_message.h"
#include "rpc/convert.h"
#include "rpc/list_filter.h"
#include "rpc/names.h"
#include "rpc/paging.h"
#include "rpc/submission.h"
#include "rpc/submit_stream.h"
#include "rpc/watch_cursor.h"

namespace taskforge {
namespace {

constexpr absl::Duration kMaxWait = absl::Hours(1);

using RecordOr = absl::StatusOr<TaskRecordPtr>;

absl::StatusOr<std::string> TaskNameFrom(const std::string& name) {
  const absl::Status known = CheckNamespaceOf(name);
  if (!known.ok()) return known;
  std::optional<std::string> full = ParseTaskName(name);
  if (full.has_value()) return *std::move(full);
  return InvalidArgument({{"name", "want queues/{queue}/tasks/{task} or {task}"}});
}

// A callback that sets an Eventual.
template <typename T>
auto Setter(const Ref<Eventual<T>>& eventual) {
  return [eventual](T value) { eventual->Set(std::move(value)); };
}

SubmissionContext ContextOf(const Call& call, const TaskServiceParts& parts) {
  return {parts.default_priority(), call.principal(), call.Trace()};
}

// RunTask waits for two things.
struct RunWait : RefCounted<RunWait> {
  // The client has gone, or the server stops.
  void EndCall(Call::End why) {
    if (why == Call::End::kCancelled && cancel_on_disconnect) {
      control->Cancel(name, [](RecordOr) {});
    }
    end.Set(absl::CancelledError("the call ended before its task"));
  }

  Eventual<absl::StatusOr<SubmitReceipt>> receipt;
  Eventual<RecordOr> end;
  // For EndCall.
  TaskControl* control = nullptr;
  std::string name;
  bool cancel_on_disconnect = false;
};

// Long polls and watches: what wakes them.
struct TaskWatch : RefCounted<TaskWatch> {
  Wakeup wakeup;
  std::atomic<bool> over{false};

  void End() {
    // release: pairs with the acquire below.
    over.store(true, std::memory_order_release);
    wakeup.Set();
  }
  bool is_over() const { return over.load(std::memory_order_acquire); }
};

// Wakes `watch` at each change of the task, while it lives.
class Watching {
 public:
  Watching(TaskRef task, const Ref<TaskWatch>& watch) : task_(std::move(task)) {
    id_ = task_->Watch(
        std::make_shared<absl::AnyInvocable<void()>>([watch] { watch->wakeup.Set(); }));
  }
  ~Watching() { task_->Unwatch(id_); }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;

 private:
  TaskRef task_;
  Task::WatchId id_ = 0;
};

void EndWith(Call& call, const Ref<TaskWatch>& watch) {
  call.OnEnd([watch](Call::End) { watch->End(); });
}

void FillWatched(const TaskRecord& record, uint64_t boot_epoch, v1::WatchTaskResponse& response) {
  response.Clear();
  ToProto(record, *response.mutable_task());
  response.set_cursor(WatchCursorOf(record, boot_epoch));
}

using SubmitTasksCall = BidiCall<v1::SubmitTasksRequest, v1::SubmitTasksResponse>;

// The reading half of SubmitTasks. It outlives the call's own coroutine by the read that is under
// way or just being begun, which ends when the call does.
Detached ReadSubmissions(Ref<SubmitTasksCall> call, Ref<SubmitStream> stream) {
  ArenaMessage<v1::SubmitTasksRequest> request;
  Wakeup& room = stream->room();
  while (!stream->is_over()) {
    auto read = call->Read(&request.Renew());
    if (!co_await read) break;
    stream->Take(*request);
    while (!stream->HasRoom()) co_await room;
  }
  stream->NoMoreRequests();
}

}  // namespace

void TaskService::AddTo(MethodList& methods) {
  constexpr bool kWaits = true;
  methods.Add(kName, "SubmitTask", generated_, &Generated::RequestSubmitTask, *this,
              &TaskService::SubmitTask);
  methods.Add(kName, "SubmitTasks", generated_, &Generated::RequestSubmitTasks, *this,
              &TaskService::SubmitTasks);
  methods.Add(kName, "RunTask", generated_, &Generated::RequestRunTask, *this,
              &TaskService::RunTask, kWaits);
  methods.Add(kName, "GetTask", generated_, &Generated::RequestGetTask, *this,
              &TaskService::GetTask);
  methods.Add(kName, "ListTasks", generated_, &Generated::RequestListTasks, *this,
              &TaskService::ListTasks);
  methods.Add(kName, "WaitTask", generated_, &Generated::RequestWaitTask, *this,
              &TaskService::WaitTask, kWaits);
  methods.Add(kName, "WatchTask", generated_, &Generated::RequestWatchTask, *this,
              &TaskService::WatchTask);
  methods.Add(kName, "CancelTask", generated_, &Generated::RequestCancelTask, *this,
              &TaskService::CancelTask, kWaits);
  methods.Add(kName, "RetryTask", generated_, &Generated::RequestRetryTask, *this,
              &TaskService::RetryTask);
  methods.Add(kName, "CancelTasks", generated_, &Generated::RequestCancelTasks, *this,
              &TaskService::CancelTasks, kWaits);
  methods.Add(kName, "RetryTasks", generated_, &Generated::RequestRetryTasks, *this,
              &TaskService::RetryTasks, kWaits);
  methods.Add(kName, "ExplainTask", generated_, &Generated::RequestExplainTask, *this,
              &TaskService::ExplainTask);
  methods.Add(kName, "DeleteTask", generated_, &Generated::RequestDeleteTask, *this,
              &TaskService::DeleteTask);
}

Reply TaskService::SubmitTask(UnaryCall<v1::SubmitTaskRequest, v1::Task>& call) {
  Submission submission = SubmissionFrom(call.request(), ContextOf(call, parts_));
  if (submission.spec.cancel_on_disconnect) {
    submission.violations.push_back(
        {"task.cancel_on_disconnect",
         "means nothing to SubmitTask, whose call ends at once: use RunTask or SubmitTasks, whose "
         "call or stream lasts, or leave it out"});
  }
  auto later = MakeRef<Eventual<absl::StatusOr<SubmitReceipt>>>();
  submission.on_receipt = Setter(later);
  parts_.submitter.Submit(std::move(submission));
  auto& receipt_later = *later;
  const absl::StatusOr<SubmitReceipt> receipt = co_await receipt_later;
  if (!receipt.ok()) co_return receipt.status();
  ToProto(*receipt->record, call.response());
  co_return absl::OkStatus();
}

Reply TaskService::SubmitTasks(SubmitTasksCall& call) {
  auto stream = MakeRef<SubmitStream>(parts_.submitter, parts_.control, parts_.max_batch_items,
                                      ContextOf(call, parts_));
  call.OnEnd([stream](Call::End end) { stream->End(EndStatus(end)); });
  ReadSubmissions(Ref<SubmitTasksCall>(&call), stream);
  ArenaMessage<v1::SubmitTasksResponse> response;
  Wakeup& more = stream->more();
  for (;;) {
    while (stream->Collect(response.Renew())) {
      auto write = call.Write(*response);
      if (!co_await write) stream->End(EndStatus(Call::End::kCancelled));
    }
    if (stream->is_over()) co_return stream->status();
    co_await more;
  }
}

Reply TaskService::RunTask(UnaryCall<v1::RunTaskRequest, v1::Task>& call) {
  Submission submission = SubmissionFrom(call.request(), ContextOf(call, parts_));
  auto wait = MakeRef<RunWait>();
  wait->control = &parts_.control;
  wait->cancel_on_disconnect = submission.spec.cancel_on_disconnect;
  submission.on_receipt = [wait](absl::StatusOr<SubmitReceipt> receipt) {
    wait->receipt.Set(std::move(receipt));
  };
  submission.on_finished = [wait](const TaskRecordPtr& record) { wait->end.Set(record); };
  parts_.submitter.Submit(std::move(submission));
  auto& receipt_later = wait->receipt;
  const absl::StatusOr<SubmitReceipt> receipt = co_await receipt_later;
  if (!receipt.ok()) co_return receipt.status();
  if (wait->cancel_on_disconnect) wait->name = receipt->record->name();
  call.OnEnd([wait](Call::End end) { wait->EndCall(end); });
  auto& end_later = wait->end;
  const RecordOr record = co_await end_later;
  if (!record.ok()) co_return record.status();
  ToProto(**record, call.response());
  call.AddTrailer("x-queue-us", absl::StrCat((*record)->history->queue_wait_ns / 1000));
  call.AddTrailer("x-run-us", absl::StrCat((*record)->history->run_ns / 1000));
  co_return absl::OkStatus();
}

Reply TaskService::GetTask(UnaryCall<v1::GetTaskRequest, v1::Task>& call) {
  const absl::StatusOr<std::string> name = TaskNameFrom(call.request().name());
  if (!name.ok()) co_return name.status();
  auto later = MakeRef<Eventual<RecordOr>>();
  parts_.control.Get(*name, Setter(later));
  Eventual<RecordOr>& record_later = *later;
  const RecordOr record = co_await record_later;
  if (!record.ok()) co_return record.status();
  ToProto(**record, call.response());
  co_return absl::OkStatus();
}

Reply TaskService::ListTasks(UnaryCall<v1::ListTasksRequest, v1::ListTasksResponse>& call) {
  const v1::ListTasksRequest& request = call.request();
  Violations violations;
  TaskFilter filter;
  const absl::Status known =
      ParseTaskSelection(request.parent(), request.filter(), filter, violations);
  if (!known.ok()) co_return known;
  const int page_size = PageSizeFrom(request.page_size(), violations);
  if (!violations.empty()) co_return violations.TakeStatus();
  auto later = MakeRef<Eventual<absl::StatusOr<TaskPage>>>();
  parts_.control.List(filter, page_size, request.page_token(), Setter(later));
  auto& page_later = *later;
  const absl::StatusOr<TaskPage> page = co_await page_later;
  if (!page.ok()) co_return page.status();
  for (const TaskRecord& record : page->records) {
    ToProto(record, *call.response().add_tasks(), {.input = false, .output = false});
  }
  call.response().set_next_page_token(page->next_page_token);
  co_return absl::OkStatus();
}

Reply TaskService::WaitTask(UnaryCall<v1::WaitTaskRequest, v1::Task>& call) {
  const absl::Status known = CheckNamespaceOf(call.request().name());
  if (!known.ok()) co_return known;
  Violations violations;
  const std::optional<std::string> name = ParseTaskName(call.request().name());
  if (!name.has_value()) violations.Add("name", "want queues/{queue}/tasks/{task} or {task}");
  std::optional<absl::Duration> timeout;
  if (call.request().has_timeout()) {
    timeout = DurationFromProto(call.request().timeout(), "timeout", violations);
    if (timeout.has_value() && (*timeout < absl::ZeroDuration() || *timeout > kMaxWait)) {
      violations.Add("timeout", "want 0 to 1 h");
    }
  }
  if (!violations.empty()) co_return violations.TakeStatus();
  if (const TaskRef task = parts_.control.FindLive(*name);
      task && timeout != absl::ZeroDuration()) {
    auto watch = MakeRef<TaskWatch>();
    const Watching watching(task, watch);
    EndWith(call, watch);
    TimerId timer = 0;
    if (timeout.has_value()) {
      timer =
          parts_.timer.ScheduleAt(parts_.clock.Monotonic() + *timeout, [watch] { watch->End(); });
    }
    Wakeup& wakeup = watch->wakeup;
    while (task->finished_record() == nullptr && !watch->is_over()) co_await wakeup;
    if (timer != 0) parts_.timer.Cancel(timer);
    call.DropOnEnd();
    if (call.HasEnded()) co_return absl::CancelledError("the call ended before its task");
    if (const TaskRecordPtr finished = task->finished_record()) {
      ToProto(*finished, call.response());
      co_return absl::OkStatus();
    }
  }
  auto later = MakeRef<Eventual<RecordOr>>();
  parts_.control.Get(*name, Setter(later));
  Eventual<RecordOr>& record_later = *later;
  const RecordOr record = co_await record_later;
  if (!record.ok()) co_return record.status();
  ToProto(**record, call.response());
  co_return absl::OkStatus();
}

Reply TaskService::WatchTask(ServerStreamCall<v1::WatchTaskRequest, v1::WatchTaskResponse>& call) {
  const absl::StatusOr<std::string> name = TaskNameFrom(call.request().name());
  if (!name.ok()) co_return name.status();
  v1::WatchTaskResponse response;
  if (const TaskRef task = parts_.control.FindLive(*name); task) {
    absl::StatusOr<uint64_t> seen =
        SeenRevision(call.request().cursor(), *task->Snapshot(), parts_.boot_epoch);
    if (!seen.ok()) co_return seen.status();
    auto watch = MakeRef<TaskWatch>();
    const Watching watching(task, watch);
    EndWith(call, watch);
    Wakeup& wakeup = watch->wakeup;
    for (;;) {
      if (watch->is_over()) co_return absl::CancelledError("the stream ended before its task");
      const TaskRecordPtr record = task->Snapshot();
      if (record->revision > *seen) {
        seen = record->revision;
        FillWatched(*record, parts_.boot_epoch, response);
        auto write = call.Write(response);
        if (!co_await write) co_return absl::CancelledError("the stream ended before its task");
      }
      if (IsTerminal(record->state)) co_return absl::OkStatus();
      co_await wakeup;
    }
  }
  auto later = MakeRef<Eventual<RecordOr>>();
  parts_.control.Get(*name, Setter(later));
  Eventual<RecordOr>& record_later = *later;
  const RecordOr record = co_await record_later;
  if (!record.ok()) co_return record.status();
  const absl::StatusOr<uint64_t> seen =
      SeenRevision(call.request().cursor(), **record, parts_.boot_epoch);
  if (!seen.ok()) co_return seen.status();
  if ((*record)->revision <= *seen) co_return absl::OkStatus();
  FillWatched(**record, parts_.boot_epoch, response);
  auto write = call.Write(response);
  co_await write;
  co_return absl::OkStatus();
}

Reply TaskService::CancelTask(UnaryCall<v1::CancelTaskRequest, v1::Task>& call) {
  const absl::StatusOr<std::string> name = TaskNameFrom(call.request().name());
  if (!name.ok()) co_return name.status();
  auto later = MakeRef<Eventual<RecordOr>>();
  // Its end may wait until the disk has room again: the client does not have to.
  call.OnEnd([later](Call::End) {
    later->Set(absl::CancelledError("the call ended before the task's end was kept"));
  });
  parts_.control.Cancel(*name, Setter(later));
  Eventual<RecordOr>& record_later = *later;
  const RecordOr record = co_await record_later;
  if (!record.ok()) co_return record.status();
  ToProto(**record, call.response());
  co_return absl::OkStatus();
}

Reply TaskService::RetryTask(UnaryCall<v1::RetryTaskRequest, v1::Task>& call) {
  const absl::StatusOr<std::string> name = TaskNameFrom(call.request().name());
  if (!name.ok()) co_return name.status();
  auto later = MakeRef<Eventual<RecordOr>>();
  parts_.control.Get(*name, Setter(later));
  Eventual<RecordOr>& record_later = *later;
  const RecordOr record = co_await record_later;
  if (!record.ok()) co_return record.status();
  if (!IsTerminal((*record)->state)) {
    co_return ReasonError(absl::StatusCode::kFailedPrecondition, "TASK_NOT_ENDED",
                          absl::StrCat(*name, " has not ended: it is ", Name((*record)->state)));
  }
  TaskSpec spec = SpecToRetry(**record, parts_.clock.Now());
  TaskOrigin& origin = spec.origin.Edit();
  origin.request_id = call.request().request_id();
  origin.principal = std::string(call.principal());
  origin.traceparent = std::string(call.Trace().traceparent);
  origin.x_request_id = std::string(call.Trace().x_request_id);
  auto receipt_ref = MakeRef<Eventual<absl::StatusOr<SubmitReceipt>>>();
  Submission submission;
  submission.spec = std::move(spec);
  submission.has_retry_policy = true;  // The first one's, whatever the queue gives by now.
  submission.on_receipt = Setter(receipt_ref);
  parts_.submitter.Submit(std::move(submission));
  auto& receipt_later = *receipt_ref;
  const absl::StatusOr<SubmitReceipt> receipt = co_await receipt_later;
  if (!receipt.ok()) co_return receipt.status();
  ToProto(*receipt->record, call.response());
  co_return absl::OkStatus();
}

Reply TaskService::DeleteTask(UnaryCall<v1::DeleteTaskRequest, google::protobuf::Empty>& call) {
  const absl::StatusOr<std::string> name = TaskNameFrom(call.request().name());
  if (!name.ok()) co_return name.status();
  auto later = MakeRef<Eventual<absl::Status>>();
  parts_.control.Delete(*name, Setter(later));
  Eventual<absl::Status>& status_later = *later;
  const absl::Status status = co_await status_later;
  co_return status;
}

}  // namespace taskforge
