// Logging, injected: components say what happened and with which values; who writes it, how and
// where is decided by main.cc. Log only what an operator acts on, and never log *and* return the
// same error. A line about a task is written by LogTask (task/task_log.h).
#ifndef TASKFORGE_BASE_LOG_H_
#define TASKFORGE_BASE_LOG_H_

#include <cmath>
#include <initializer_list>
#include <string>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace taskforge {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// One value of a line: `{"task", id}`, `{"threads", 8}`, `{"wait", duration}`. Keys are ours
// (lower_snake_case literals); values may hold anything, since whoever writes them escapes and
// cuts them.
struct LogField {
  LogField(absl::string_view key, absl::string_view value) : key(key), value(value) {}
  LogField(absl::string_view key, const char* value) : key(key), value(value) {}
  LogField(absl::string_view key, const std::string& value) : key(key), value(value) {}
  LogField(absl::string_view key, bool value)
      : key(key), value(value ? "true" : "false"), is_literal(true) {}
  LogField(absl::string_view key, absl::Duration value)
      : key(key), value(absl::FormatDuration(value)) {}
  template <typename Number, typename = std::enable_if_t<std::is_arithmetic_v<Number> &&
                                                         !std::is_same_v<Number, bool>>>
  LogField(absl::string_view key, Number value)
      : key(key), value(absl::StrCat(value)), is_literal(std::isfinite(value)) {}

  absl::string_view key;
  std::string value;
  bool is_literal = false;  // A number or a boolean: needs no quotes.
};

// Thread-safe.
class Log {
 public:
  using Fields = std::initializer_list<LogField>;

  virtual ~Log() = default;

  void Debug(absl::string_view message, Fields fields = {}) {
    Write(LogLevel::kDebug, message, fields);
  }
  void Info(absl::string_view message, Fields fields = {}) {
    Write(LogLevel::kInfo, message, fields);
  }
  void Warn(absl::string_view message, Fields fields = {}) {
    Write(LogLevel::kWarning, message, fields);
  }
  void Error(absl::string_view message, Fields fields = {}) {
    Write(LogLevel::kError, message, fields);
  }

  // Never blocks and never fails: what cannot be written is dropped and counted.
  virtual void Write(LogLevel level, absl::string_view message,
                     absl::Span<const LogField> fields) = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_LOG_H_
