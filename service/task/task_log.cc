#include "task/task_log.h"

#include <string>
#include <vector>

#include "task/trace.h"

namespace taskforge {
namespace {

void Write(Log& log, LogLevel level, absl::string_view message, const std::string& name,
           const TaskSpec& spec, Log::Fields fields) {
  std::vector<LogField> all = {{"task", name}};
  const TaskOrigin& origin = *spec.origin;
  const std::string& request_id =
      origin.x_request_id.empty() ? origin.request_id : origin.x_request_id;
  if (!request_id.empty()) all.emplace_back("request_id", request_id);
  if (!origin.traceparent.empty()) all.emplace_back("trace_id", TraceIdOf(origin.traceparent));
  all.insert(all.end(), fields.begin(), fields.end());
  log.Write(level, message, all);
}

}  // namespace

void LogTask(Log& log, LogLevel level, absl::string_view message, const Task& task,
             Log::Fields fields) {
  Write(log, level, message, task.name(), task.spec(), fields);
}

void LogTask(Log& log, LogLevel level, absl::string_view message, const TaskRecord& record,
             Log::Fields fields) {
  Write(log, level, message, record.name(), *record.spec, fields);
}

}  // namespace taskforge
