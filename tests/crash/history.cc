#include "crash/history.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace taskforge::crash {
namespace {

constexpr char kNothing[] = "-";

[[noreturn]] void Fail(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

bool ParseKind(absl::string_view word, Event::Kind& kind) {
  constexpr absl::string_view kKinds = "SARCK";
  if (word.size() != 1 || !absl::StrContains(kKinds, word)) return false;
  kind = static_cast<Event::Kind>(word[0]);
  return true;
}

}  // namespace

std::string Event::ToString() const {
  return absl::StrCat(std::string(1, static_cast<char>(kind)), " ", number, " ", cycle, " ",
                      base_us, " ", code, " ", value, " ", started, " ",
                      text.empty() ? kNothing : text);
}

HistoryWriter::HistoryWriter(const std::string& path)
    : path_(path),
      fd_(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600)) {
  if (fd_ < 0) Fail(path_);
}

HistoryWriter::~HistoryWriter() { close(fd_); }

void HistoryWriter::Append(const std::vector<Event>& events) {
  std::string lines;
  for (const Event& event : events) absl::StrAppend(&lines, event.ToString(), "\n");
  bool is_due = false;
  {
    MutexLock lock(mu_);
    for (size_t written = 0; written < lines.size();) {
      const ssize_t size = write(fd_, lines.data() + written, lines.size() - written);
      if (size < 0) Fail(path_);
      written += static_cast<size_t>(size);
    }
    unsynced_ += static_cast<int>(events.size());
    is_due = unsynced_ >= kSyncLines;
    if (is_due) unsynced_ = 0;
  }
  if (is_due && fdatasync(fd_) != 0) Fail(path_);
}

void HistoryWriter::Sync() {
  {
    MutexLock lock(mu_);
    unsynced_ = 0;
  }
  if (fdatasync(fd_) != 0) Fail(path_);
}

absl::StatusOr<std::vector<Event>> ReadHistory(const std::string& path) {
  std::ifstream in(path);
  // Not by `<<`, to which a file without a line is a failure.
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad()) return absl::DataLossError(absl::StrCat(path, ": cannot be read"));
  return ParseHistory(text);
}

absl::StatusOr<std::vector<Event>> ParseHistory(const std::string& text) {
  std::vector<Event> events;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    Event event;
    if (words.size() != 8 || !ParseKind(words[0], event.kind) ||
        !absl::SimpleAtoi(words[1], &event.number) || !absl::SimpleAtoi(words[2], &event.cycle) ||
        !absl::SimpleAtoi(words[3], &event.base_us) || !absl::SimpleAtoi(words[4], &event.code) ||
        !absl::SimpleAtoi(words[5], &event.value) || !absl::SimpleAtoi(words[6], &event.started)) {
      return absl::DataLossError(absl::StrCat("no event of a history: \"", line, "\""));
    }
    if (words[7] != kNothing) event.text = std::string(words[7]);
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace taskforge::crash
