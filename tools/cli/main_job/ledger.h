// The main job's book: what was asked for, what is still open, and what came back right or wrong.
#ifndef TASKFORGE_CLI_MAIN_JOB_LEDGER_H_
#define TASKFORGE_CLI_MAIN_JOB_LEDGER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "taskforge/v1/types.pb.h"

namespace taskforge::cli {

// Of the tasks of one handler and priority, those that ended.
struct TaskGroup {
  uint64_t succeeded = 0;
  uint64_t failed = 0;
  std::vector<absl::Duration> waits;
  std::vector<absl::Duration> runs;
};

struct JobFailure {
  std::string task;  // Its name.
  std::string file;
  std::string handler;
  std::string why;
};

using GroupKey = std::pair<std::string, v1::Priority>;  // Handler, priority.

// Thread-safe.
class Ledger {
 public:
  struct Entry {
    std::string file;
    std::string handler;
    v1::Priority priority = v1::PRIORITY_NORMAL;
    // Shared by the tasks of one file; never changed.
    std::shared_ptr<const std::string> content;
  };

  // Before the task with this number is submitted.
  void Open(uint64_t id, std::string name, Entry entry) ABSL_LOCKS_EXCLUDED(mu_);
  // A task ended: checks its output. False when it is not open (any more), or has not ended.
  bool Finish(const v1::Task& task, uint64_t* id) ABSL_LOCKS_EXCLUDED(mu_);
  // The task never ran, or nothing came of it. False when it is not open.
  bool Fail(uint64_t id, const std::string& why) ABSL_LOCKS_EXCLUDED(mu_);
  // Something failed that never became a task: a file that could not be read.
  void FailUnsubmitted(Entry entry, const std::string& why) ABSL_LOCKS_EXCLUDED(mu_);
  // The server has acknowledged it.
  void Accept(uint64_t id) ABSL_LOCKS_EXCLUDED(mu_);

  uint64_t closed() const ABSL_LOCKS_EXCLUDED(mu_);
  // Names of those that were accepted and are open.
  std::vector<std::string> OpenNames() const ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<uint64_t> OpenIds() const ABSL_LOCKS_EXCLUDED(mu_);
  std::map<GroupKey, TaskGroup> Groups() const ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<JobFailure> Failures() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct OpenTask {
    std::string name;
    Entry entry;
    bool is_accepted = false;
  };
  // Takes it out; false when it is not there.
  bool Take(uint64_t id, OpenTask& out) ABSL_LOCKS_EXCLUDED(mu_);
  void Close(const OpenTask& open, const v1::Task* task, const absl::Status& verdict)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Guarded by mu_.
  mutable Mutex mu_;
  std::unordered_map<uint64_t, OpenTask> open_ ABSL_GUARDED_BY(mu_);
  std::unordered_map<std::string, uint64_t> ids_ ABSL_GUARDED_BY(mu_);
  std::map<GroupKey, TaskGroup> groups_ ABSL_GUARDED_BY(mu_);
  std::vector<JobFailure> failures_ ABSL_GUARDED_BY(mu_);
  uint64_t closed_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_MAIN_JOB_LEDGER_H_
