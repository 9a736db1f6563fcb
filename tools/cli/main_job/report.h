// What the main job tells at its end.
#ifndef TASKFORGE_CLI_MAIN_JOB_REPORT_H_
#define TASKFORGE_CLI_MAIN_JOB_REPORT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/main_job/ledger.h"
#include "cli/main_job/pool_watch.h"

namespace taskforge::cli {

struct JobReport {
  std::string directory;
  uint64_t files = 0;
  std::vector<std::string> too_large;
  std::vector<std::string> unreadable;
  std::vector<std::string> no_input;
  std::map<GroupKey, TaskGroup> groups;
  std::vector<JobFailure> failures;
  PoolStory pool;
  absl::Time start;
  absl::Duration duration;
  uint64_t over_bus = 0;
  uint64_t read_later = 0;
  uint64_t missed = 0;

  uint64_t succeeded() const;
  uint64_t failed() const;
  // 0 only if something was done and nothing failed.
  bool is_success() const { return failed() == 0 && succeeded() > 0; }
};

// Lines for people; the last is `main job: N tasks, N succeeded, N failed`.
std::string RenderReport(const JobReport& report, bool colour);
// The same as one JSON document.
std::string RenderReportJson(const JobReport& report);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_MAIN_JOB_REPORT_H_
