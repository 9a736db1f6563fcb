#include "config/config.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/loopback.h"
#include "config/memory_budget.h"
#include "config/options.h"
#include "config/yaml_file.h"

namespace taskforge {
namespace {

void Append(const absl::Status& status, std::vector<std::string>& errors) {
  if (status.ok()) return;
  const std::vector<FieldViolation> violations = DetailsOf(status).field_violations;
  for (const FieldViolation& violation : violations) {
    errors.push_back(absl::StrCat(violation.field, ": ", violation.description));
  }
  if (violations.empty()) errors.emplace_back(status.message());
}

void Require(bool holds, std::string error, std::vector<std::string>& errors) {
  if (!holds) errors.push_back(std::move(error));
}

// As YAML needs it: quoted when a bare scalar would mean something else.
std::string YamlScalar(const std::string& text) {
  const bool plain =
      !text.empty() && text.find_first_of(":#{}[],&*!|>'\"%@`\\ ") == std::string::npos;
  if (plain) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

absl::Status Config::Validate() const {
  std::vector<std::string> errors;
  Append(pool.Validate(), errors);
  TaskQueuesOptions offered = queues;
  if (!persistence.is_on()) offered.best_durability = Durability::kMemory;
  for (const std::string& error : offered.Validate()) errors.push_back(error);
  for (const std::string& error : store.Validate()) errors.push_back(error);
  for (const std::string& error : persistence.Validate()) errors.push_back(error);
  std::vector<FieldViolation> violations;
  bus.Validate(violations);
  for (const FieldViolation& violation : violations) {
    errors.push_back(absl::StrCat(violation.field, ": ", violation.description));
  }
  Append(taskforge::Validate(admin), errors);
  Append(intake.shedding.Validate(), errors);
  Require(rpc.max_message_bytes > intake.limits.max_input_bytes + 65536,
          "grpc.max_message_bytes: must exceed limits.max_payload_bytes by 64 KiB, so that our own "
          "limit is the one that clients are told",
          errors);
  Require(cpus >= 0, "pool.cpus: must not be negative", errors);
  Require(workers.lease_duration >= absl::Milliseconds(100),
          "workers.lease: must be at least 100ms", errors);
  Require(lifecycle.max_lost_attempts >= 0, "tasks.max_lost_attempts: must not be negative",
          errors);
  Require(rpc.insecure_listen || IsLocalAddress(admin.listen),
          absl::StrCat("admin.listen: ", admin.listen,
                       " is reached by other machines, without TLS; say --insecure-listen if that "
                       "is meant"),
          errors);
  if (errors.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
}

LoadedConfig::LoadedConfig() {
  config_.persistence.data_dir = PersistenceOptions::kAuto;
  BindOptions(config_, table_);
}

absl::Status LoadedConfig::Load(FileSystem& files, const std::string& file, const Getenv& getenv,
                                const std::vector<std::pair<std::string, std::string>>& flags,
                                const CpuBudget& budget) {
  std::vector<std::string> errors;
  if (!file.empty()) {
    const absl::StatusOr<std::string> text = files.ReadFile(file);
    if (!text.ok()) return text.status();
    const absl::StatusOr<std::vector<YamlEntry>> entries = ParseYaml(file, *text);
    if (!entries.ok()) return entries.status();
    for (const YamlEntry& entry : *entries) {
      const absl::Status status = table_.Set(entry.key, entry.text, OptionOrigin::kFile);
      if (!status.ok()) {
        errors.push_back(
            absl::StrCat(file, ":", entry.line, ":", entry.column, ": ", status.message()));
      }
    }
  }
  const absl::Status environment = table_.SetFromEnvironment(getenv);
  if (!environment.ok()) errors.emplace_back(environment.message());
  for (const auto& [key, text] : flags) {
    const absl::Status status = table_.Set(key, text, OptionOrigin::kFlag);
    if (!status.ok()) errors.push_back(absl::StrCat("flag for ", status.message()));
  }
  if (!errors.empty()) return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
  config_.pool.cpus = config_.cpus > 0 ? config_.cpus : budget.cpus();
  for (const absl::Status& status :
       {FitMemory(budget.memory_limit_bytes, table_), config_.Validate()}) {
    if (!status.ok()) errors.emplace_back(status.message());
  }
  if (errors.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
}

std::string LoadedConfig::Print(bool show_origin) const {
  std::string out;
  std::vector<std::string> open;
  for (const OptionTable::Option& option : table_.options()) {
    std::vector<std::string> path = absl::StrSplit(option.key, '.');
    const std::string leaf = path.back();
    path.pop_back();
    size_t shared = 0;
    while (shared < path.size() && shared < open.size() && path[shared] == open[shared]) ++shared;
    for (size_t i = shared; i < path.size(); ++i) {
      absl::StrAppend(&out, std::string(2 * i, ' '), path[i], ":\n");
    }
    open = path;
    const std::string indent(2 * path.size(), ' ');
    absl::StrAppend(&out, indent, "# ", option.description, "\n", indent, leaf, ": ",
                    YamlScalar(option.print()));
    if (show_origin) absl::StrAppend(&out, "  # ", Name(option.origin));
    absl::StrAppend(&out, "\n");
  }
  return out;
}

std::string LoadedConfig::PrintMarkdown() const {
  std::string out = "| option | default | meaning |\n|---|---|---|\n";
  for (const OptionTable::Option& option : table_.options()) {
    absl::StrAppend(&out, "| `", option.key, "` | ",
                    option.default_text.empty() ? "" : absl::StrCat("`", option.default_text, "`"),
                    " | ", option.description, " |\n");
  }
  return out;
}

std::string StateDirectory(const LoadedConfig::Getenv& getenv) {
  const auto value = [&](const char* name) {
    const char* const text = getenv(name);
    return std::string(text == nullptr ? "" : text);
  };
  const std::string systemd = value("STATE_DIRECTORY");
  if (!systemd.empty()) return systemd.substr(0, systemd.find(':'));
  const std::string xdg = value("XDG_STATE_HOME");
  if (!xdg.empty() && xdg.front() == '/') return xdg + "/taskforge";
  const std::string home = value("HOME");
  if (!home.empty() && home != "/") return home + "/.local/state/taskforge";
  return "/var/lib/taskforge";
}

bool IsLocalAddress(const std::string& address) {
  if (absl::StartsWith(address, "unix:")) return true;
  return IsLoopbackHost(address);
}

}  // namespace taskforge
