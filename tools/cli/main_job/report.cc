#include "cli/main_job/report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/json.h"
#include "cli/format.h"
#include "cli/pool_view.h"
#include "cli/table.h"

namespace taskforge::cli {
namespace {

constexpr size_t kFailuresShown = 10;
constexpr size_t kNamesShown = 3;

void Append(const std::vector<absl::Duration>& from, std::vector<absl::Duration>& to) {
  to.insert(to.end(), from.begin(), from.end());
}

void AddRow(const std::string& handler, const std::string& priority, const TaskGroup& group,
            Table& table) {
  table.Add({handler, priority, FormatCount(group.succeeded + group.failed),
             FormatCount(group.succeeded), FormatCount(group.failed),
             DurationText(Percentile(group.waits, 0.5)),
             DurationText(Percentile(group.waits, 0.99)), DurationText(Percentile(group.runs, 0.5)),
             DurationText(Percentile(group.runs, 0.99))});
}

TaskGroup SumOf(const std::map<GroupKey, TaskGroup>& groups) {
  TaskGroup sum;
  for (const auto& [key, group] : groups) {
    sum.succeeded += group.succeeded;
    sum.failed += group.failed;
    Append(group.waits, sum.waits);
    Append(group.runs, sum.runs);
  }
  return sum;
}

std::string SomeOf(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kNamesShown); ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ", ", Printable(names[i], 200));
  }
  if (names.size() > kNamesShown) absl::StrAppend(&text, ", …");
  return text;
}

void AppendThreads(const JobReport& report, std::string& text) {
  absl::StrAppendFormat(&text, "threads: %d before, %d at peak, %d after\n",
                        report.pool.threads_before, report.pool.threads_at_peak,
                        report.pool.threads_after);
  for (const v1::PoolResize& resize : report.pool.resizes) {
    absl::StrAppendFormat(
        &text, "resize: %d → %d  %s  (+%s)\n", resize.from_threads(), resize.to_threads(),
        FormatReason(resize.reason()),
        DurationText(std::max(absl::ZeroDuration(), ToTime(resize.time()) - report.start)));
  }
  if (report.pool.resizes.empty()) text += "resize: none\n";
}

void WriteGroup(const std::string& handler, const std::string& priority, const TaskGroup& group,
                JsonWriter& json) {
  const auto us = [](absl::Duration duration) { return absl::ToDoubleMicroseconds(duration); };
  json.BeginObject().Key("handler").String(handler).Key("priority").String(priority);
  json.Key("succeeded").Uint(group.succeeded).Key("failed").Uint(group.failed);
  json.Key("wait_p50_us").Double(us(Percentile(group.waits, 0.5)));
  json.Key("wait_p99_us").Double(us(Percentile(group.waits, 0.99)));
  json.Key("run_p50_us").Double(us(Percentile(group.runs, 0.5)));
  json.Key("run_p99_us").Double(us(Percentile(group.runs, 0.99))).EndObject();
}

}  // namespace

uint64_t JobReport::succeeded() const { return SumOf(groups).succeeded; }
uint64_t JobReport::failed() const { return SumOf(groups).failed; }

std::string RenderReport(const JobReport& report, bool colour) {
  Table table({"HANDLER", "PRIORITY", ">TASKS", ">SUCCEEDED", ">FAILED", ">WAIT p50", ">WAIT p99",
               ">RUN p50", ">RUN p99"});
  std::map<GroupKey, TaskGroup> groups = report.groups;
  for (const auto& [key, group] : groups)
    AddRow(key.first, FormatPriority(key.second), group, table);
  AddRow("all", "", SumOf(report.groups), table);
  std::string text = table.Render(colour);
  text += "\n";
  AppendThreads(report, text);
  absl::StrAppend(&text, "results: ", FormatCount(report.over_bus), " over the bus");
  if (report.read_later > 0 || report.missed > 0) {
    absl::StrAppend(&text, ", ", FormatCount(report.missed), " missed, ",
                    FormatCount(report.read_later), " read later");
  }
  const double seconds = absl::ToDoubleSeconds(report.duration);
  absl::StrAppendFormat(
      &text, "; %s files in %s, %.0f tasks/s\n", FormatCount(report.files),
      DurationText(report.duration),
      seconds > 0 ? static_cast<double>(report.succeeded() + report.failed()) / seconds : 0);
  if (!report.no_input.empty()) {
    absl::StrAppend(&text, "left out as no input, by name: ", FormatCount(report.no_input.size()),
                    " (", SomeOf(report.no_input), ")\n");
  }
  if (!report.too_large.empty()) {
    absl::StrAppend(&text, "left out as too large: ", FormatCount(report.too_large.size()), " (",
                    SomeOf(report.too_large), ")\n");
  }
  if (!report.unreadable.empty()) {
    absl::StrAppend(&text, "left out as unreadable: ", FormatCount(report.unreadable.size()), " (",
                    SomeOf(report.unreadable), ")\n");
  }
  for (size_t i = 0; i < std::min(report.failures.size(), kFailuresShown); ++i) {
    const JobFailure& failure = report.failures[i];
    absl::StrAppend(&text, "failed: ", failure.handler, " of ", Printable(failure.file, 300), ": ",
                    Printable(failure.why, 500), "\n");
  }
  absl::StrAppend(&text, "main job: ", report.succeeded() + report.failed(), " tasks, ",
                  report.succeeded(), " succeeded, ", report.failed(), " failed\n");
  return text;
}

std::string RenderReportJson(const JobReport& report) {
  JsonWriter json;
  json.BeginObject().Key("directory").String(report.directory).Key("files").Uint(report.files);
  json.Key("tasks").Uint(report.succeeded() + report.failed());
  json.Key("succeeded").Uint(report.succeeded()).Key("failed").Uint(report.failed());
  json.Key("duration_s").Double(absl::ToDoubleSeconds(report.duration));
  json.Key("over_bus").Uint(report.over_bus).Key("missed").Uint(report.missed);
  json.Key("read_later").Uint(report.read_later);
  json.Key("left_out").Uint(report.too_large.size() + report.unreadable.size());
  json.Key("no_input").Uint(report.no_input.size());
  json.Key("threads").BeginObject().Key("before").Int(report.pool.threads_before);
  json.Key("peak").Int(report.pool.threads_at_peak).Key("after").Int(report.pool.threads_after);
  json.EndObject().Key("resizes").BeginArray();
  for (const v1::PoolResize& resize : report.pool.resizes) {
    json.BeginObject().Key("from").Int(resize.from_threads()).Key("to").Int(resize.to_threads());
    json.Key("reason").String(FormatReason(resize.reason())).EndObject();
  }
  json.EndArray().Key("groups").BeginArray();
  for (const auto& [key, group] : report.groups) {
    WriteGroup(key.first, FormatPriority(key.second), group, json);
  }
  WriteGroup("all", "", SumOf(report.groups), json);
  json.EndArray().Key("failures").BeginArray();
  for (const JobFailure& failure : report.failures) {
    json.BeginObject().Key("task").String(failure.task).Key("file").String(failure.file);
    json.Key("handler").String(failure.handler).Key("why").String(failure.why).EndObject();
  }
  json.EndArray().EndObject();
  return json.text() + "\n";
}

}  // namespace taskforge::cli
