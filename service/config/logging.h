// The server's log: one line a message, as text for people or JSON for machines, written by a
// thread of its own.
#ifndef TASKFORGE_CONFIG_LOGGING_H_
#define TASKFORGE_CONFIG_LOGGING_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/log.h"

namespace taskforge {

enum class LogFormat { kText, kJson };

struct LoggingOptions {
  // text: `2026-11-23T22:40:00.123Z INFO  message key=value`. json: one object a line.
  LogFormat format = LogFormat::kText;
  // Lines below it are not written.
  LogLevel level = LogLevel::kInfo;
  // Lines that may wait to be written. Over it the oldest is dropped and counted: logging never
  // makes a task wait.
  size_t queue_lines = 8192;
  // Longer messages and values are cut, and say by how much: clients choose their bytes.
  size_t value_bytes_max = 512;
};

// For flags and files: text|json, debug|info|warning|error. Anything else is INVALID_ARGUMENT.
absl::StatusOr<LogFormat> ParseLogFormat(absl::string_view name);
absl::StatusOr<LogLevel> ParseLogLevel(absl::string_view name);

// One line of the log, without its line break. Values are escaped: a line stays one line, whatever
// bytes a client sends.
std::string FormatLogLine(const LoggingOptions& options, absl::Time time, LogLevel level,
                          absl::string_view message, absl::Span<const LogField> fields);

// Writes lines to a stream asynchronously. The destructor writes what still waits.
// Thread-safe.
class StreamLog final : public Log {
 public:
  // `clock` and `stream` (usually stderr) must outlive the log.
  StreamLog(const LoggingOptions& options, const Clock& clock, std::FILE* stream);
  ~StreamLog() override;

  void Write(LogLevel level, absl::string_view message, absl::Span<const LogField> fields) override;

  // Lines below it are not written any more.
  void SetLevel(LogLevel level);

  // Returns when every line that was written before has reached the stream, or after two seconds:
  // for the end of a process that does not wait for destructors.
  void Flush();

  // Lines that were dropped because the queue was full.
  uint64_t dropped_messages() const;

 private:
  class Sink;

  // Constant after construction; what they point to synchronizes itself.
  const LoggingOptions options_;
  const Clock& clock_;
  std::unique_ptr<Sink> sink_;
};

}  // namespace taskforge

#endif  // TASKFORGE_CONFIG_LOGGING_H_
