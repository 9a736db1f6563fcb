#include "rpc/method_table.h"

#include "absl/strings/str_cat.h"

namespace taskforge {

const std::vector<MethodRule>& MethodTable() {
  constexpr absl::string_view kTasks = "taskforge.v1.TaskService";
  constexpr absl::string_view kBus = "taskforge.v1.BusService";
  constexpr absl::string_view kHandlers = "taskforge.v1.HandlerService";
  constexpr absl::string_view kWorkers = "taskforge.v1.WorkerService";
  constexpr absl::string_view kPool = "taskforge.v1.PoolService";
  constexpr absl::string_view kQueues = "taskforge.v1.QueueService";
  constexpr absl::string_view kSchedules = "taskforge.v1.ScheduleService";
  constexpr absl::string_view kServer = "taskforge.v1.ServerService";
  constexpr absl::string_view kHealth = "grpc.health.v1.Health";
  constexpr RpcType kUnary = RpcType::kUnary;
  static const auto& table = *new std::vector<MethodRule>{
      {kTasks, "SubmitTask", kUnary, AccessRule::kClient},
      {kTasks, "SubmitTasks", RpcType::kBidiStream, AccessRule::kClient},
      {kTasks, "RunTask", kUnary, AccessRule::kClient},
      {kTasks, "GetTask", kUnary, AccessRule::kClient},
      {kTasks, "ListTasks", kUnary, AccessRule::kClient},
      {kTasks, "WaitTask", kUnary, AccessRule::kClient},
      {kTasks, "WatchTask", RpcType::kServerStream, AccessRule::kClient},
      {kTasks, "CancelTask", kUnary, AccessRule::kClient},
      {kTasks, "RetryTask", kUnary, AccessRule::kClient},
      {kTasks, "CancelTasks", kUnary, AccessRule::kClient},
      {kTasks, "RetryTasks", kUnary, AccessRule::kClient},
      {kTasks, "ExplainTask", kUnary, AccessRule::kClient},
      {kTasks, "DeleteTask", kUnary, AccessRule::kClient},
      {kBus, "Publish", kUnary, AccessRule::kClient},
      {kBus, "Subscribe", RpcType::kServerStream, AccessRule::kClient},
      {kBus, "ListTopics", kUnary, AccessRule::kClient},
      {kBus, "ListSubscriptions", kUnary, AccessRule::kClient},
      {kHandlers, "ListHandlers", kUnary, AccessRule::kClient},
      {kHandlers, "GetHandler", kUnary, AccessRule::kClient},
      {kWorkers, "Work", RpcType::kBidiStream, AccessRule::kClient},
      {kWorkers, "ListWorkers", kUnary, AccessRule::kClient},
      {kPool, "GetPool", kUnary, AccessRule::kClient},
      {kPool, "WatchPool", RpcType::kServerStream, AccessRule::kClient},
      {kPool, "UpdatePool", kUnary, AccessRule::kAdmin},
      {kPool, "SetThreadAffinity", kUnary, AccessRule::kAdmin},
      {kPool, "ListPoolResizes", kUnary, AccessRule::kClient},
      {kQueues, "CreateQueue", kUnary, AccessRule::kAdmin},
      {kQueues, "GetQueue", kUnary, AccessRule::kClient},
      {kQueues, "ListQueues", kUnary, AccessRule::kClient},
      {kQueues, "UpdateQueue", kUnary, AccessRule::kAdmin},
      {kQueues, "DeleteQueue", kUnary, AccessRule::kAdmin},
      {kQueues, "PauseQueue", kUnary, AccessRule::kAdmin},
      {kQueues, "ResumeQueue", kUnary, AccessRule::kAdmin},
      {kQueues, "PurgeQueue", kUnary, AccessRule::kAdmin},
      {kSchedules, "CreateSchedule", kUnary, AccessRule::kClient},
      {kSchedules, "GetSchedule", kUnary, AccessRule::kClient},
      {kSchedules, "ListSchedules", kUnary, AccessRule::kClient},
      {kSchedules, "UpdateSchedule", kUnary, AccessRule::kClient},
      {kSchedules, "PauseSchedule", kUnary, AccessRule::kClient},
      {kSchedules, "ResumeSchedule", kUnary, AccessRule::kClient},
      {kSchedules, "DeleteSchedule", kUnary, AccessRule::kClient},
      {kServer, "GetServerInfo", kUnary, AccessRule::kClient},
      {kServer, "Drain", kUnary, AccessRule::kAdmin},
      {kServer, "GetGuarantees", kUnary, AccessRule::kClient},
      {kServer, "BackupStore", kUnary, AccessRule::kAdmin},
      {kHealth, "Check", kUnary, AccessRule::kOpen, /*outlives_drain=*/true},
      {kHealth, "Watch", RpcType::kServerStream, AccessRule::kOpen, /*outlives_drain=*/true},
      {"grpc.reflection.v1.ServerReflection", "ServerReflectionInfo", RpcType::kBidiStream,
       AccessRule::kClient},
      {"grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo", RpcType::kBidiStream,
       AccessRule::kClient},
  };
  return table;
}

size_t FindMethod(absl::string_view service, absl::string_view method) {
  const std::vector<MethodRule>& table = MethodTable();
  for (size_t i = 0; i < table.size(); ++i) {
    if (table[i].service == service && table[i].method == method) return i;
  }
  return table.size();
}

std::string FullName(const MethodRule& rule) {
  return absl::StrCat("/", rule.service, "/", rule.method);
}

}  // namespace taskforge
