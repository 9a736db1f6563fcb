// The options that select tasks: of `task ls`, `task cancel` and `task retry`.
#ifndef TASKFORGE_CLI_TASK_FILTER_H_
#define TASKFORGE_CLI_TASK_FILTER_H_

#include <CLI/CLI.hpp>
#include <string>

namespace taskforge::cli {

// Not thread-safe.
struct TaskFilterOptions {
  std::string state;
  std::string handler;
  std::string queue;
  bool dead = false;

  // `this` must outlive `command`.
  void AddTo(CLI::App& command, bool with_dead);
  bool empty() const { return state.empty() && handler.empty() && queue.empty() && !dead; }

  // ListTasksRequest.parent and .filter, and those of its like.
  std::string Parent() const;
  std::string Filter() const;
};

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_TASK_FILTER_H_
