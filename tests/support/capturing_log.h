// A log that keeps its lines, for tests of what is said.
#ifndef TASKFORGE_SUPPORT_CAPTURING_LOG_H_
#define TASKFORGE_SUPPORT_CAPTURING_LOG_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/log.h"
#include "base/mutex.h"

namespace taskforge {

// Keeps what was logged, as `message key=value key=value`. Thread-safe.
class CapturingLog final : public Log {
 public:
  struct Line {
    LogLevel level;
    std::string text;
  };

  void Write(LogLevel level, absl::string_view message,
             absl::Span<const LogField> fields) override {
    std::string text(message);
    for (const LogField& field : fields) absl::StrAppend(&text, " ", field.key, "=", field.value);
    MutexLock lock(mu_);
    lines_.push_back(Line{level, std::move(text)});
  }

  std::vector<Line> lines() const {
    MutexLock lock(mu_);
    return lines_;
  }

 private:
  mutable Mutex mu_;
  std::vector<Line> lines_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_SUPPORT_CAPTURING_LOG_H_
