#include "cli/schedule_view.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/format.h"

namespace taskforge::cli {
namespace {

constexpr size_t kReasonShown = 60;
constexpr size_t kMessageShown = 400;
// In the order of the enumerations, which begin at 1.
constexpr absl::string_view kOverlaps[] = {"skip", "queue-one", "allow"};
constexpr absl::string_view kMissed[] = {"skip", "run-once"};

template <size_t N>
std::string NameOf(const absl::string_view (&names)[N], int value) {
  return value >= 1 && value <= static_cast<int>(N)
             ? std::string(names[static_cast<size_t>(value) - 1])
             : absl::StrCat(value);
}

template <size_t N>
int ValueOf(const absl::string_view (&names)[N], absl::string_view text) {
  const auto it = std::find(std::begin(names), std::end(names), text);
  return it == std::end(names) ? 0 : static_cast<int>(it - std::begin(names)) + 1;
}

std::string ShortSchedule(const v1::Schedule& schedule) {
  return std::string(absl::StripPrefix(schedule.name(), "schedules/"));
}

std::string RecurrenceText(const v1::Schedule& schedule) {
  if (schedule.has_interval()) {
    return absl::StrCat("every ", absl::FormatDuration(ToDuration(schedule.interval())));
  }
  return absl::StrCat(
      Printable(schedule.cron(), SIZE_MAX), " ",
      schedule.time_zone().empty() ? "UTC" : Printable(schedule.time_zone(), SIZE_MAX));
}

std::string StateText(const v1::Schedule& schedule, size_t max_reason) {
  if (schedule.state() != v1::SCHEDULE_STATE_PAUSED) return "active";
  const std::string& reason = schedule.last_pause().reason();
  return reason.empty() ? "paused" : absl::StrCat("paused (", Printable(reason, max_reason), ")");
}

std::string NextText(const v1::Schedule& schedule) {
  return schedule.next_run_times().empty() ? "" : FormatTime(schedule.next_run_times(0));
}

void AppendAct(absl::string_view what, const v1::ScheduleAct& act, std::string& text) {
  absl::StrAppend(&text, what, FormatTime(act.time()));
  if (!act.reason().empty()) absl::StrAppend(&text, " (", Printable(act.reason(), SIZE_MAX), ")");
  absl::StrAppend(&text, "\n");
}

void AppendRuns(const v1::Schedule& schedule, std::string& text) {
  absl::string_view what = "next runs    ";
  for (const auto& time : schedule.next_run_times()) {
    absl::StrAppend(&text, what, FormatTime(time), "\n");
    what = "             ";
  }
  if (schedule.has_last_run_time()) {
    absl::StrAppend(&text, "last run     ", FormatTime(schedule.last_run_time()), " (",
                    schedule.last_task(), ")\n");
  }
  if (schedule.has_waiting_run_time()) {
    absl::StrAppend(&text, "waiting run  ", FormatTime(schedule.waiting_run_time()), "\n");
  }
  absl::StrAppend(&text, "runs         ", FormatCount(schedule.started_runs()), " started, ",
                  FormatCount(schedule.skipped_runs()), " skipped, ",
                  FormatCount(schedule.missed_runs()), " missed\n");
  if (schedule.has_last_refusal()) {
    absl::StrAppend(&text, "refused      ", FormatTime(schedule.last_refusal().time()), ": ",
                    Printable(schedule.last_refusal().message(), kMessageShown), "\n");
  }
}

}  // namespace

Table ScheduleTable() {
  return Table({"SCHEDULE", "WHEN", "HANDLER", "NEXT", ">STARTED", ">SKIPPED", ">MISSED", "STATE"});
}

void AddScheduleRow(const v1::Schedule& schedule, Table& table) {
  table.Add({ShortSchedule(schedule), RecurrenceText(schedule), schedule.task().handler(),
             NextText(schedule), FormatCount(schedule.started_runs()),
             FormatCount(schedule.skipped_runs()), FormatCount(schedule.missed_runs()),
             StateText(schedule, kReasonShown)});
}

std::string DescribeSchedule(const v1::Schedule& schedule) {
  std::string text = absl::StrCat("name         ", schedule.name(), "\n");
  absl::StrAppend(&text, "state        ", StateText(schedule, SIZE_MAX), "\n");
  absl::StrAppend(&text, "when         ", RecurrenceText(schedule), "\n");
  absl::StrAppend(&text, "task         ", schedule.task().handler(), ", in ", schedule.queue(),
                  "\n");
  absl::StrAppend(&text, "overlap      ", NameOf(kOverlaps, schedule.overlap_policy()), "\n");
  absl::StrAppend(&text, "missed runs  ", NameOf(kMissed, schedule.missed_run_policy()), "\n");
  AppendRuns(schedule, text);
  if (schedule.has_last_pause()) AppendAct("paused       ", schedule.last_pause(), text);
  if (schedule.has_last_resume()) AppendAct("resumed      ", schedule.last_resume(), text);
  absl::StrAppend(&text, "made         ", FormatTime(schedule.create_time()), "\n");
  absl::StrAppend(&text, "kept         ",
                  schedule.effective_durability() == v1::DURABILITY_DURABLE
                      ? "durable"
                      : "in memory: gone when the server ends",
                  "\n");
  return text;
}

std::optional<v1::OverlapPolicy> ParseOverlap(absl::string_view text) {
  const int value = ValueOf(kOverlaps, text);
  if (value == 0) return std::nullopt;
  return static_cast<v1::OverlapPolicy>(value);
}

std::optional<v1::MissedRunPolicy> ParseMissed(absl::string_view text) {
  const int value = ValueOf(kMissed, text);
  if (value == 0) return std::nullopt;
  return static_cast<v1::MissedRunPolicy>(value);
}

}  // namespace taskforge::cli
