// Reads a configuration file: YAML maps become keys joined by dots.
#ifndef TASKFORGE_CONFIG_YAML_FILE_H_
#define TASKFORGE_CONFIG_YAML_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace taskforge {

struct YamlEntry {
  std::string key;   // `pool.min_threads`
  std::string text;  // A list of scalars: joined by commas.
  int line = 0;      // From 1.
  int column = 0;    // From 1.
};

// INVALID_ARGUMENT with `path:line:column` when `text` is not YAML, has a key twice, or has a list
// of anything but scalars. `path` is for messages only.
absl::StatusOr<std::vector<YamlEntry>> ParseYaml(const std::string& path, absl::string_view text);

}  // namespace taskforge

#endif  // TASKFORGE_CONFIG_YAML_FILE_H_
