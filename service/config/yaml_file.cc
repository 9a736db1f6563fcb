#include "config/yaml_file.h"

#include <yaml-cpp/yaml.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace taskforge {
namespace {

absl::Status At(const std::string& path, const YAML::Mark& mark, absl::string_view message) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ":", mark.line + 1, ":", mark.column + 1, ": ", message));
}

absl::Status Flatten(const std::string& path, const YAML::Node& node, const std::string& prefix,
                     std::vector<YamlEntry>& out) {
  std::set<std::string> seen;
  for (const auto& pair : node) {
    const std::string name = pair.first.as<std::string>();
    const YAML::Mark mark = pair.first.Mark();
    const std::string key = prefix.empty() ? name : absl::StrCat(prefix, ".", name);
    if (!seen.insert(name).second) {
      return At(path, mark, absl::StrCat("`", key, "` stands here twice"));
    }
    const YAML::Node& value = pair.second;
    if (value.IsMap()) {
      absl::Status status = Flatten(path, value, key, out);
      if (!status.ok()) return status;
    } else if (value.IsSequence()) {
      std::vector<std::string> items;
      for (const YAML::Node& item : value) {
        if (!item.IsScalar()) return At(path, item.Mark(), "a list may hold plain values only");
        items.push_back(item.Scalar());
      }
      out.push_back({key, absl::StrJoin(items, ","), mark.line + 1, mark.column + 1});
    } else if (value.IsScalar()) {
      out.push_back({key, value.Scalar(), mark.line + 1, mark.column + 1});
    }
    // A key with nothing behind it keeps its default.
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<YamlEntry>> ParseYaml(const std::string& path, absl::string_view text) {
  std::vector<YamlEntry> entries;
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    if (root.IsNull()) return entries;
    if (!root.IsMap()) return At(path, root.Mark(), "expected `key: value` lines");
    absl::Status status = Flatten(path, root, "", entries);
    if (!status.ok()) return status;
  } catch (const YAML::Exception& error) {
    return At(path, error.mark, error.msg);
  }
  return entries;
}

}  // namespace taskforge
