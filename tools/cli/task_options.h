// The options that `run` and `submit` share: what makes a task.
#ifndef TASKFORGE_CLI_TASK_OPTIONS_H_
#define TASKFORGE_CLI_TASK_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/session.h"
#include "taskforge/v1/task_service.pb.h"

namespace taskforge::cli {

// Not thread-safe.
struct TaskOptions {
  std::string handler;
  std::string input;
  bool as_text = false;
  std::string content_type;
  std::string priority;
  std::string run_timeout;
  std::string queue_timeout;
  std::string task_deadline;
  std::string schedule_in;
  std::string result_ttl;
  std::string result_topic;
  int max_attempts = 0;
  std::vector<std::string> labels;
  std::string queue;
  std::string task_id;
  std::string request_id;

  // `this` must outlive `command`.
  void AddTo(CLI::App& command, bool handler_required);
  // INVALID_ARGUMENT names the option that is wrong.
  absl::StatusOr<v1::SubmitTaskRequest> MakeRequest() const;
};

// Accepts what ParseDurationText accepts.
extern const CLI::Validator kDuration;

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_TASK_OPTIONS_H_
