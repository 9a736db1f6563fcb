// TaskService: submit tasks, read them, wait for them, end them.
#ifndef TASKFORGE_RPC_TASK_SERVICE_H_
#define TASKFORGE_RPC_TASK_SERVICE_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "base/timer.h"
#include "lifecycle/bulk_tasks.h"
#include "lifecycle/task_explainer.h"
#include "rpc/methods.h"
#include "task/task_api.h"
#include "taskforge/v1/task_service.grpc.pb.h"

namespace taskforge {

// What TaskService stands on. All of it must outlive the service.
struct TaskServiceParts {
  Submitter& submitter;
  TaskControl& control;
  const Clock& clock;
  Timer& timer;
  TaskExplainer& explainer;
  // The priority of tasks that name none; may change while the server runs.
  std::function<Priority()> default_priority;
  // Items of one message of SubmitTasks.
  size_t max_batch_items = 1000;
  // Of the store's life: cursors of another one are refused.
  uint64_t boot_epoch = 1;
};

// Each method is a coroutine; see rpc/call.h. Thread-safe.
class TaskService {
 public:
  static constexpr char kName[] = "taskforge.v1.TaskService";

  explicit TaskService(TaskServiceParts parts)
      : parts_(std::move(parts)), bulk_(parts_.control, parts_.submitter, parts_.clock) {}

  // Adds all methods to `methods`; the server serves `generated()`.
  void AddTo(MethodList& methods);
  grpc::Service& generated() { return generated_; }

 private:
  using Generated = v1::TaskService::AsyncService;

  Reply SubmitTask(UnaryCall<v1::SubmitTaskRequest, v1::Task>& call);
  using SubmitTasksCall = BidiCall<v1::SubmitTasksRequest, v1::SubmitTasksResponse>;

  Reply SubmitTasks(SubmitTasksCall& call);
  Reply RunTask(UnaryCall<v1::RunTaskRequest, v1::Task>& call);
  Reply GetTask(UnaryCall<v1::GetTaskRequest, v1::Task>& call);
  Reply ListTasks(UnaryCall<v1::ListTasksRequest, v1::ListTasksResponse>& call);
  Reply WaitTask(UnaryCall<v1::WaitTaskRequest, v1::Task>& call);
  Reply WatchTask(ServerStreamCall<v1::WatchTaskRequest, v1::WatchTaskResponse>& call);
  Reply CancelTask(UnaryCall<v1::CancelTaskRequest, v1::Task>& call);
  Reply RetryTask(UnaryCall<v1::RetryTaskRequest, v1::Task>& call);
  Reply CancelTasks(UnaryCall<v1::CancelTasksRequest, v1::CancelTasksResponse>& call);
  Reply RetryTasks(UnaryCall<v1::RetryTasksRequest, v1::RetryTasksResponse>& call);
  Reply ExplainTask(UnaryCall<v1::ExplainTaskRequest, v1::ExplainTaskResponse>& call);
  Reply DeleteTask(UnaryCall<v1::DeleteTaskRequest, google::protobuf::Empty>& call);

  TaskServiceParts parts_;
  const BulkTasks bulk_;
  Generated generated_;
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_TASK_SERVICE_H_
