#include "cli/task_filter.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace taskforge::cli {

void TaskFilterOptions::AddTo(CLI::App& command, bool with_dead) {
  CLI::Option* in_state = command.add_option("--state", state, "Only those in this state")
                              ->check(CLI::IsMember({"scheduled", "queued", "running", "succeeded",
                                                     "failed", "cancelled", "expired"},
                                                    CLI::ignore_case));
  command.add_option("--handler", handler, "Only those of this handler");
  command.add_option("--queue", queue, "Only those of this queue");
  if (with_dead) {
    command.add_flag("--dead", dead, "Only those that failed for good")->excludes(in_state);
  }
}

std::string TaskFilterOptions::Parent() const {
  return absl::StrCat("queues/", queue.empty() ? "-" : queue);
}

std::string TaskFilterOptions::Filter() const {
  std::vector<std::string> terms;
  if (dead) terms.push_back("state = FAILED");
  if (!state.empty()) terms.push_back(absl::StrCat("state = ", absl::AsciiStrToUpper(state)));
  if (!handler.empty()) terms.push_back(absl::StrCat("handler = \"", handler, "\""));
  return absl::StrJoin(terms, " AND ");
}

}  // namespace taskforge::cli
