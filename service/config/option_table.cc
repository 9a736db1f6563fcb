#include "config/option_table.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/edit_distance.h"

namespace taskforge {
namespace {

struct Unit {
  absl::string_view suffix;
  uint64_t factor;
};
constexpr std::array<Unit, 8> kUnits = {{{"GiB", uint64_t{1} << 30},
                                         {"MiB", uint64_t{1} << 20},
                                         {"KiB", uint64_t{1} << 10},
                                         {"GB", 1'000'000'000},
                                         {"MB", 1'000'000},
                                         {"kB", 1'000},
                                         {"KB", 1'000},
                                         {"B", 1}}};

}  // namespace

absl::string_view Name(OptionOrigin origin) {
  switch (origin) {
    case OptionOrigin::kDefault:
      return "default";
    case OptionOrigin::kMemoryLimit:
      return "memory limit";
    case OptionOrigin::kFile:
      return "file";
    case OptionOrigin::kEnvironment:
      return "environment";
    case OptionOrigin::kFlag:
      return "flag";
  }
  return "default";
}

absl::Status ParseOption(absl::string_view text, bool& out) {
  const std::string lower = absl::AsciiStrToLower(text);
  if (lower == "true" || lower == "yes" || lower == "on" || lower == "1") {
    out = true;
  } else if (lower == "false" || lower == "no" || lower == "off" || lower == "0") {
    out = false;
  } else {
    return absl::InvalidArgumentError("must be true or false");
  }
  return absl::OkStatus();
}

absl::Status ParseOption(absl::string_view text, int64_t& out) {
  if (!absl::SimpleAtoi(text, &out)) return absl::InvalidArgumentError("must be a whole number");
  return absl::OkStatus();
}

absl::Status ParseOption(absl::string_view text, double& out) {
  if (!absl::SimpleAtod(text, &out)) return absl::InvalidArgumentError("must be a number");
  return absl::OkStatus();
}

absl::Status ParseOption(absl::string_view text, std::string& out) {
  out = std::string(text);
  return absl::OkStatus();
}

absl::Status ParseOption(absl::string_view text, absl::Duration& out) {
  absl::Duration value;
  if (text == "none" || text == "unlimited") {
    out = absl::InfiniteDuration();
    return absl::OkStatus();
  }
  if (!absl::ParseDuration(text, &value)) {
    return absl::InvalidArgumentError("must be a duration such as 250ms, 30s or 1h30m");
  }
  if (value < absl::ZeroDuration()) return absl::InvalidArgumentError("must not be negative");
  out = value;
  return absl::OkStatus();
}

absl::Status ParseOption(absl::string_view text, ByteSize& out) {
  uint64_t factor = 1;
  for (const Unit& unit : kUnits) {
    if (absl::ConsumeSuffix(&text, unit.suffix)) {
      factor = unit.factor;
      break;
    }
  }
  uint64_t value = 0;
  if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(text), &value) || value > INT64_MAX / factor) {
    return absl::InvalidArgumentError("must be a size such as 4096, 512KiB or 64MiB");
  }
  out.bytes = value * factor;
  return absl::OkStatus();
}

absl::Status ParseOption(absl::string_view text, std::vector<std::string>& out) {
  out.clear();
  for (absl::string_view part : absl::StrSplit(text, ',', absl::SkipWhitespace())) {
    out.emplace_back(absl::StripAsciiWhitespace(part));
  }
  return absl::OkStatus();
}

std::string PrintOption(bool value) { return value ? "true" : "false"; }
std::string PrintOption(int64_t value) { return absl::StrCat(value); }
std::string PrintOption(double value) { return absl::StrCat(value); }
std::string PrintOption(const std::string& value) { return value; }
std::string PrintOption(absl::Duration value) {
  return value == absl::InfiniteDuration() ? "none" : absl::FormatDuration(value);
}
std::string PrintOption(ByteSize value) {
  for (const Unit& unit : kUnits) {
    if (unit.suffix.size() == 3 && value.bytes >= unit.factor && value.bytes % unit.factor == 0) {
      return absl::StrCat(value.bytes / unit.factor, unit.suffix);
    }
  }
  return absl::StrCat(value.bytes);
}
std::string PrintOption(const std::vector<std::string>& value) { return absl::StrJoin(value, ","); }

std::string OptionTable::Option::flag() const {
  return absl::StrCat("--", absl::StrReplaceAll(key, {{".", "-"}, {"_", "-"}}));
}

std::string OptionTable::Option::environment() const {
  return absl::StrCat("TASKFORGE_",
                      absl::AsciiStrToUpper(absl::StrReplaceAll(key, {{".", "_"}, {"-", "_"}})));
}

void OptionTable::AddCustom(std::string key, std::string description,
                            std::function<absl::Status(absl::string_view)> set,
                            std::function<std::string()> print) {
  Option option;
  option.key = std::move(key);
  option.description = std::move(description);
  option.set = std::move(set);
  option.print = std::move(print);
  option.default_text = option.print();
  options_.push_back(std::move(option));
}

void OptionTable::AddGroup(std::string group,
                           std::function<void(OptionTable&, const std::string&)> add) {
  groups_.push_back({std::move(group), std::move(add)});
}

OptionTable::Option* OptionTable::Find(absl::string_view key) {
  for (Option& option : options_) {
    if (option.key == key) return &option;
  }
  return nullptr;
}

absl::Status OptionTable::Set(absl::string_view key, absl::string_view text, OptionOrigin origin) {
  Option* option = Find(key);
  if (option == nullptr) {
    for (const Group& group : groups_) {
      absl::string_view rest = key;
      if (!absl::ConsumePrefix(&rest, absl::StrCat(group.name, "."))) continue;
      const std::vector<std::string> parts = absl::StrSplit(rest, absl::MaxSplits('.', 1));
      // A name whose options exist already has no such key: adding it again would double them.
      const std::string prefix = absl::StrCat(group.name, ".", parts[0], ".");
      const bool known = std::any_of(options_.begin(), options_.end(), [&](const Option& o) {
        return absl::StartsWith(o.key, prefix);
      });
      if (parts.size() != 2 || known) continue;
      const size_t old_size = options_.size();
      group.add(*this, parts[0]);
      // Beside the others of its group, so that a printed file has each group once.
      const std::string group_prefix = absl::StrCat(group.name, ".");
      size_t place = old_size;
      while (place > 0 && !absl::StartsWith(options_[place - 1].key, group_prefix)) --place;
      if (place > 0) {
        std::rotate(options_.begin() + static_cast<std::ptrdiff_t>(place),
                    options_.begin() + static_cast<std::ptrdiff_t>(old_size), options_.end());
      }
    }
    option = Find(key);
  }
  if (option == nullptr) {
    const std::string nearest = Nearest(key);
    return absl::NotFoundError(absl::StrCat("unknown option `", key, "`",
                                            nearest.empty() ? "" : "; did you mean `", nearest,
                                            nearest.empty() ? "" : "`?"));
  }
  if (origin < option->origin) return absl::OkStatus();
  absl::Status status = option->set(text);
  if (!status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(key, ": `", text, "` ", status.message()));
  }
  option->origin = origin;
  return absl::OkStatus();
}

absl::Status OptionTable::SetFromEnvironment(
    const std::function<const char*(const char*)>& getenv) {
  for (size_t i = 0; i < options_.size(); ++i) {
    const std::string name = options_[i].environment();
    const char* text = getenv(name.c_str());
    if (text == nullptr) continue;
    absl::Status status = Set(options_[i].key, text, OptionOrigin::kEnvironment);
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

std::string OptionTable::Nearest(absl::string_view key) const {
  std::string nearest;
  size_t least = std::max<size_t>(3, key.size() / 3) + 1;
  for (const Option& option : options_) {
    const size_t distance = EditDistance(key, option.key);
    if (distance < least) {
      least = distance;
      nearest = option.key;
    }
  }
  return nearest;
}

}  // namespace taskforge
