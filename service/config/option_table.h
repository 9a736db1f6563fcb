// One table of every option: its key, what it means, how its text becomes a value and where the
// value came from. Command-line flags, environment names, the YAML file, `print-config` and the
// example configuration are all made from it, so none can be forgotten.
#ifndef TASKFORGE_CONFIG_OPTION_TABLE_H_
#define TASKFORGE_CONFIG_OPTION_TABLE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace taskforge {

// Where a value came from; a later one wins over an earlier one.
enum class OptionOrigin {
  kDefault,
  kMemoryLimit,  // A default that was lowered (memory_budget.h).
  kFile,
  kEnvironment,
  kFlag,
};
absl::string_view Name(OptionOrigin origin);

// A number of bytes; text such as `64MiB`, `1GiB`, `4096`.
struct ByteSize {
  uint64_t bytes = 0;
};

// Text to value and back. Errors say what was expected.
absl::Status ParseOption(absl::string_view text, bool& out);
absl::Status ParseOption(absl::string_view text, int64_t& out);
absl::Status ParseOption(absl::string_view text, double& out);
absl::Status ParseOption(absl::string_view text, std::string& out);
absl::Status ParseOption(absl::string_view text, absl::Duration& out);
absl::Status ParseOption(absl::string_view text, ByteSize& out);
absl::Status ParseOption(absl::string_view text,
                         std::vector<std::string>& out);  // Comma-separated.
std::string PrintOption(bool value);
std::string PrintOption(int64_t value);
std::string PrintOption(double value);
std::string PrintOption(const std::string& value);
std::string PrintOption(absl::Duration value);
std::string PrintOption(ByteSize value);
std::string PrintOption(const std::vector<std::string>& value);

// Not thread-safe: used once, at the start.
class OptionTable {
 public:
  struct Option {
    std::string key;          // `pool.min_threads`
    std::string description;  // One sentence: meaning, unit, trade-off.
    std::function<absl::Status(absl::string_view)> set;
    std::function<std::string()> print;
    std::string default_text;
    OptionOrigin origin = OptionOrigin::kDefault;

    std::string flag() const;         // `--pool-min-threads`
    std::string environment() const;  // `TASKFORGE_POOL_MIN_THREADS`
  };

  // Binds `key` to `*target`, whose value now is the default. `target` must outlive the table.
  template <typename T>
  void Add(std::string key, std::string description, T* target) {
    Option option;
    option.key = std::move(key);
    option.description = std::move(description);
    option.set = [target](absl::string_view text) { return Assign(text, *target); };
    option.print = [target] { return Show(*target); };
    option.default_text = option.print();
    options_.push_back(std::move(option));
  }
  // The same for bytes kept in a plain integer.
  template <typename T>
  void AddBytes(std::string key, std::string description, T* target) {
    Option option;
    option.key = std::move(key);
    option.description = std::move(description);
    option.set = [target](absl::string_view text) {
      ByteSize size;
      absl::Status status = ParseOption(text, size);
      if (status.ok()) *target = static_cast<T>(size.bytes);
      return status;
    };
    option.print = [target] { return PrintOption(ByteSize{static_cast<uint64_t>(*target)}); };
    option.default_text = option.print();
    options_.push_back(std::move(option));
  }
  // An option with its own text form.
  void AddCustom(std::string key, std::string description,
                 std::function<absl::Status(absl::string_view)> set,
                 std::function<std::string()> print);

  // Calls `add(table, "NAME")` when a key `group.NAME.…` is first set: named things, as queues.
  void AddGroup(std::string group, std::function<void(OptionTable&, const std::string&)> add);

  // Sets a value. NOT_FOUND, with the nearest key, when there is no such option;
  // INVALID_ARGUMENT when the text is wrong. A lower origin never overrides a higher one.
  absl::Status Set(absl::string_view key, absl::string_view text, OptionOrigin origin);
  // Sets every option whose environment name is set.
  absl::Status SetFromEnvironment(const std::function<const char*(const char*)>& getenv);

  const std::vector<Option>& options() const { return options_; }
  // The key nearest to `key` by edit distance, or empty.
  std::string Nearest(absl::string_view key) const;

 private:
  template <typename T>
  static absl::Status Assign(absl::string_view text, T& target) {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      int64_t value = 0;
      absl::Status status = ParseOption(text, value);
      if (!status.ok()) return status;
      if (!std::in_range<T>(value)) {
        return absl::InvalidArgumentError("is out of range for a whole number");
      }
      target = static_cast<T>(value);
      return absl::OkStatus();
    } else {
      return ParseOption(text, target);
    }
  }
  template <typename T>
  static std::string Show(const T& value) {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      return PrintOption(static_cast<int64_t>(value));
    } else {
      return PrintOption(value);
    }
  }
  Option* Find(absl::string_view key);

  struct Group {
    std::string name;
    std::function<void(OptionTable&, const std::string&)> add;
  };
  std::vector<Option> options_;
  std::vector<Group> groups_;
};

}  // namespace taskforge

#endif  // TASKFORGE_CONFIG_OPTION_TABLE_H_
