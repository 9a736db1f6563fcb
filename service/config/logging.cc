#include "config/logging.h"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/mutex.h"

namespace taskforge {
namespace {

absl::string_view NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

// `value`, cut to the limit.
std::string Cut(absl::string_view value, size_t bytes_max) {
  if (value.size() <= bytes_max) return std::string(value);
  return absl::StrCat(value.substr(0, bytes_max), "...(", value.size() - bytes_max, " bytes more)");
}

// Text needs quotes where a reader could not tell where the value ends.
bool NeedsQuotes(absl::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c)) || c == '"' || c == '\\' || c == '=') {
      return true;
    }
  }
  return false;
}

std::string FormatText(const LoggingOptions& options, absl::string_view time, LogLevel level,
                       absl::string_view message, absl::Span<const LogField> fields) {
  std::string name = level == LogLevel::kWarning ? "WARN" : absl::AsciiStrToUpper(NameOf(level));
  name.resize(5, ' ');
  std::string line = absl::StrCat(time, " ", name, " ");
  // The message without the quotes that escaping puts around it.
  std::string escaped;
  AppendJsonString(Cut(message, options.value_bytes_max), escaped);
  absl::StrAppend(&line, absl::string_view(escaped).substr(1, escaped.size() - 2));
  for (const LogField& field : fields) {
    absl::StrAppend(&line, " ", field.key, "=");
    const std::string value = Cut(field.value, options.value_bytes_max);
    if (NeedsQuotes(value)) {
      AppendJsonString(value, line);
    } else {
      line += value;
    }
  }
  return line;
}

std::string FormatJson(const LoggingOptions& options, absl::string_view time, LogLevel level,
                       absl::string_view message, absl::Span<const LogField> fields) {
  std::string line =
      absl::StrCat("{\"time\":\"", time, "\",\"level\":\"", NameOf(level), "\",\"message\":");
  AppendJsonString(Cut(message, options.value_bytes_max), line);
  for (const LogField& field : fields) {
    line += ',';
    AppendJsonString(field.key, line);
    line += ':';
    if (field.is_literal) {
      line += field.value;
    } else {
      AppendJsonString(Cut(field.value, options.value_bytes_max), line);
    }
  }
  line += '}';
  return line;
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

absl::StatusOr<LogFormat> ParseLogFormat(absl::string_view name) {
  if (name == "text") return LogFormat::kText;
  if (name == "json") return LogFormat::kJson;
  return absl::InvalidArgumentError(
      absl::StrCat("log format \"", name, "\" is not one of text, json (log.format)"));
}

absl::StatusOr<LogLevel> ParseLogLevel(absl::string_view name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "info") return LogLevel::kInfo;
  if (name == "warning") return LogLevel::kWarning;
  if (name == "error") return LogLevel::kError;
  return absl::InvalidArgumentError(absl::StrCat(
      "log level \"", name, "\" is not one of debug, info, warning, error (log.level)"));
}

std::string FormatLogLine(const LoggingOptions& options, absl::Time time, LogLevel level,
                          absl::string_view message, absl::Span<const LogField> fields) {
  const std::string stamp = absl::FormatTime("%Y-%m-%d%ET%H:%M:%E3SZ", time, absl::UTCTimeZone());
  return options.format == LogFormat::kJson ? FormatJson(options, stamp, level, message, fields)
                                            : FormatText(options, stamp, level, message, fields);
}

// spdlog, of which only the asynchronous queue and the writing are used: the line is ready when it
// gets there. The queue has a thread pool of its own, not spdlog's global one.
class StreamLog::Sink {
 public:
  Sink(const LoggingOptions& options, std::FILE* stream)
      : threads_(std::make_shared<spdlog::details::thread_pool>(options.queue_lines, 1)),
        logger_(std::make_shared<spdlog::async_logger>(
            "taskforge", std::make_shared<StreamSink>(stream), threads_,
            spdlog::async_overflow_policy::overrun_oldest)) {
    logger_->set_pattern("%v");
    logger_->set_level(ToSpdlog(options.level));
    // An operator who follows the log sees a line at once; what is idle has been flushed.
    logger_->flush_on(spdlog::level::debug);
  }

  void Write(LogLevel level, absl::string_view line) {
    logger_->log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
  }
  void SetLevel(LogLevel level) { logger_->set_level(ToSpdlog(level)); }
  bool Wants(LogLevel level) const { return logger_->should_log(ToSpdlog(level)); }
  uint64_t dropped() const { return threads_->overrun_counter(); }
  // The one writing thread takes messages in order: once it has taken the second flush, everything
  // before the first has been written.
  void Flush() {
    for (int i = 0; i < 2; ++i) {
      logger_->flush();
      Notification never;
      for (int waited = 0; waited < 1000 && threads_->queue_size() > 0; ++waited) {
        never.WaitFor(absl::Milliseconds(1));
      }
    }
  }

 private:
  // Any stream, not only spdlog's stdout and stderr.
  class StreamSink final : public spdlog::sinks::stdout_sink_base<spdlog::details::console_mutex> {
   public:
    explicit StreamSink(std::FILE* stream) : stdout_sink_base(stream) {}
  };

  std::shared_ptr<spdlog::details::thread_pool> threads_;
  std::shared_ptr<spdlog::async_logger> logger_;
};

StreamLog::StreamLog(const LoggingOptions& options, const Clock& clock, std::FILE* stream)
    : options_(options), clock_(clock), sink_(std::make_unique<Sink>(options, stream)) {}

StreamLog::~StreamLog() = default;

void StreamLog::SetLevel(LogLevel level) { sink_->SetLevel(level); }

void StreamLog::Flush() { sink_->Flush(); }

void StreamLog::Write(LogLevel level, absl::string_view message,
                      absl::Span<const LogField> fields) {
  if (!sink_->Wants(level)) return;
  sink_->Write(level, FormatLogLine(options_, clock_.Now(), level, message, fields));
}

uint64_t StreamLog::dropped_messages() const { return sink_->dropped(); }

}  // namespace taskforge
