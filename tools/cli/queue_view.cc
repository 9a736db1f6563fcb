#include "cli/queue_view.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "cli/format.h"

namespace taskforge::cli {
namespace {

constexpr size_t kReasonShown = 60;

std::string ShortQueue(const v1::Queue& queue) {
  return std::string(absl::StripPrefix(queue.name(), "queues/"));
}

uint64_t Waiting(const v1::Queue& queue) {
  uint64_t waiting = 0;
  for (const v1::QueuePriority& priority : queue.priorities()) waiting += priority.waiting();
  return waiting;
}

absl::Duration OldestAge(const v1::Queue& queue) {
  absl::Duration oldest;
  for (const v1::QueuePriority& priority : queue.priorities()) {
    oldest = std::max(oldest, ToDuration(priority.oldest_age()));
  }
  return oldest;
}

std::string OldestText(const v1::Queue& queue) {
  return Waiting(queue) == 0 ? "" : DurationText(OldestAge(queue));
}

// ` (the mail server is down)`, or nothing.
std::string Why(const v1::QueueAct& act, size_t max_bytes) {
  if (act.reason().empty()) return "";
  return absl::StrCat(" (", Printable(act.reason(), max_bytes), ")");
}

void AppendDefaults(const v1::Queue& queue, std::string& text) {
  if (queue.default_durability() != v1::DURABILITY_UNSPECIFIED) {
    absl::StrAppend(&text, "durability        ",
                    FormatEnum(v1::Durability_Name(queue.default_durability()), "DURABILITY_"),
                    " where a task names none\n");
  }
  if (queue.has_default_queue_timeout()) {
    absl::StrAppend(&text, "queue timeout     ",
                    DurationText(ToDuration(queue.default_queue_timeout())),
                    " where a task sets none\n");
  }
  if (queue.has_default_run_timeout()) {
    absl::StrAppend(&text, "run timeout       ",
                    DurationText(ToDuration(queue.default_run_timeout())),
                    " where a task sets none\n");
  }
  if (queue.has_default_retry_policy()) {
    absl::StrAppend(&text, "attempts          ", queue.default_retry_policy().max_attempts(),
                    " where a task sets none\n");
  }
}

void AppendAct(absl::string_view what, const v1::QueueAct& act, std::string& text) {
  absl::StrAppend(&text, what, FormatTime(act.time()), Why(act, SIZE_MAX), "\n");
}

}  // namespace

Table QueueTable() {
  return Table({"QUEUE", ">TASKS", ">LIMIT", ">BYTES", ">LIMIT", ">WAITING", ">OLDEST", "PRIORITY",
                "STATE"});
}

void AddQueueRow(const v1::Queue& queue, Table& table) {
  const std::string state =
      queue.paused() ? absl::StrCat("paused", Why(queue.last_pause(), kReasonShown)) : "open";
  table.Add({ShortQueue(queue), FormatCount(queue.tasks()), FormatCount(queue.max_tasks()),
             FormatBytes(queue.bytes()), FormatBytes(queue.max_bytes()),
             FormatCount(Waiting(queue)), OldestText(queue),
             FormatPriority(queue.default_priority()), state});
}

std::string DescribeQueue(const v1::Queue& queue) {
  std::string text = absl::StrCat("name              ", queue.name(), "\n");
  absl::StrAppend(&text, "state             ", queue.paused() ? "paused" : "open", "\n");
  absl::StrAppend(&text, "tasks             ", FormatCount(queue.tasks()), " of ",
                  FormatCount(queue.max_tasks()), "\n");
  absl::StrAppend(&text, "bytes             ", FormatBytes(queue.bytes()), " of ",
                  FormatBytes(queue.max_bytes()), "\n");
  absl::StrAppend(&text, "default priority  ",
                  queue.default_priority() == v1::PRIORITY_UNSPECIFIED
                      ? "the pool's"
                      : FormatPriority(queue.default_priority()),
                  "\n");
  AppendDefaults(queue, text);
  absl::StrAppend(&text, "waiting           ", FormatCount(Waiting(queue)));
  if (Waiting(queue) > 0) absl::StrAppend(&text, ", the oldest for ", OldestText(queue));
  absl::StrAppend(&text, "\n");
  for (auto it = queue.priorities().rbegin(); it != queue.priorities().rend(); ++it) {
    if (it->waiting() == 0) continue;
    absl::StrAppend(&text, "                  ", FormatCount(it->waiting()), " ",
                    FormatPriority(it->priority()), "\n");
  }
  if (queue.has_last_pause()) AppendAct("paused            ", queue.last_pause(), text);
  if (queue.has_last_resume()) AppendAct("resumed           ", queue.last_resume(), text);
  if (queue.has_last_purge()) {
    AppendAct(absl::StrCat("purged            ", FormatCount(queue.purged_tasks()), " at "),
              queue.last_purge(), text);
  }
  return text;
}

std::optional<uint64_t> ParseByteCount(absl::string_view text) {
  constexpr std::pair<absl::string_view, uint64_t> kUnits[] = {
      {"KiB", uint64_t{1} << 10}, {"MiB", uint64_t{1} << 20}, {"GiB", uint64_t{1} << 30}};
  uint64_t unit = 1;
  for (const auto& [name, size] : kUnits) {
    if (absl::ConsumeSuffix(&text, name)) {
      unit = size;
      break;
    }
  }
  uint64_t count = 0;
  if (!absl::SimpleAtoi(text, &count) || count == 0) return std::nullopt;
  if (count > std::numeric_limits<uint64_t>::max() / unit) return std::nullopt;
  return count * unit;
}

}  // namespace taskforge::cli
