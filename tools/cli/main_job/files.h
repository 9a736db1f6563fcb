// The files of the main job: every regular file below a directory that a person would call input.
#ifndef TASKFORGE_CLI_MAIN_JOB_FILES_H_
#define TASKFORGE_CLI_MAIN_JOB_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace taskforge::cli {

struct FileList {
  std::vector<std::string> paths;      // In the order of their names.
  std::vector<std::string> too_large;  // Above the limit, left out.
  std::vector<std::string> unreadable;
  std::vector<std::string> no_input;  // What is called .git, build or node_modules, left out.
};

// Walks `directory`. Names, and does not walk or read, what is called .git, build or node_modules,
// files above `max_bytes` and those that it may not read. Symbolic links, and what else is no
// regular file, are passed over. NOT_FOUND when `directory` is none.
absl::StatusOr<FileList> ListFiles(const std::string& directory, uint64_t max_bytes);

// The content, at most `max_bytes` of it: a file may grow while the job runs.
absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_MAIN_JOB_FILES_H_
