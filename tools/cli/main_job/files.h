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
};

// Walks `directory`. Leaves out .git, build and node_modules, symbolic links, and what is no
// regular file; files above `max_bytes` are named, not read. NOT_FOUND when `directory` is none.
absl::StatusOr<FileList> ListFiles(const std::string& directory, uint64_t max_bytes);

// The content, at most `max_bytes` of it: a file may grow while the job runs.
absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_MAIN_JOB_FILES_H_
