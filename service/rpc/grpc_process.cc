#include "rpc/grpc_process.h"

#include <grpc/support/log.h>

#include <atomic>

#include "absl/synchronization/mutex.h"

namespace taskforge {
namespace {

std::atomic<Log*>& GrpcLog() {
  static std::atomic<Log*> log{nullptr};
  return log;
}

void WriteGrpcLog(gpr_log_func_args* args) {
  Log* log = GrpcLog().load(std::memory_order_acquire);
  if (log == nullptr) return;
  LogLevel level = LogLevel::kDebug;
  if (args->severity == GPR_LOG_SEVERITY_ERROR) level = LogLevel::kWarning;
  log->Write(level, "grpc", {{"text", args->message}, {"file", args->file}, {"line", args->line}});
}

}  // namespace

void RedirectGrpcLog(Log& log) {
  GrpcLog().store(&log, std::memory_order_release);  // release: pairs with WriteGrpcLog.
  gpr_set_log_function(&WriteGrpcLog);
}

void SkipGrpcLockChecks() { absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore); }

}  // namespace taskforge
