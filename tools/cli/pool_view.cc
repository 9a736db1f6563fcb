#include "cli/pool_view.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/format.h"
#include "cli/table.h"

namespace taskforge::cli {

std::string FormatReason(v1::ResizeReason reason) {
  return FormatEnum(v1::ResizeReason_Name(reason), "RESIZE_REASON_");
}

std::string DescribeThreads(const v1::Pool& pool) {
  std::string text = absl::StrFormat(
      "%d threads (%d busy, %d idle, %d blocked), target %d, %d to %d, peak %d", pool.threads(),
      pool.busy_threads(), pool.idle_threads(), pool.blocked_threads(), pool.target_threads(),
      pool.settings().min_threads(), pool.settings().max_threads(), pool.peak_threads());
  if (pool.abandoned_threads() > 0) {
    absl::StrAppend(&text, ", ", pool.abandoned_threads(), " abandoned");
  }
  return text;
}

std::string PriorityTable(const v1::Pool& pool, bool colour) {
  Table table({"PRIORITY", ">QUEUED", ">RUNNING", ">COMPLETED", ">WAIT mean", ">p50", ">p99",
               ">RUN mean", ">p50", ">p99", ">SLOTS"});
  for (auto it = pool.priorities().rbegin(); it != pool.priorities().rend(); ++it) {
    const auto shown = [](const google::protobuf::Duration& duration) {
      return DurationText(ToDuration(duration));
    };
    table.Add({FormatPriority(it->priority()), FormatCount(it->queued()),
               FormatCount(it->running()), FormatCount(it->completed()), shown(it->wait_mean()),
               shown(it->wait_p50()), shown(it->wait_p99()), shown(it->run_mean()),
               shown(it->run_p50()), shown(it->run_p99()), absl::StrCat(it->guaranteed_slots())});
  }
  return table.Render(colour);
}

std::string ThreadTable(const v1::Pool& pool, bool colour) {
  Table table({">SEAT", ">TID", "STATE", ">SINCE", "PRIORITY", ">DISPATCHES", "CPUS"});
  for (const v1::PoolThread& thread : pool.thread_list()) {
    const bool runs = thread.priority() != v1::PRIORITY_UNSPECIFIED;
    table.Add({absl::StrCat(thread.seat()), absl::StrCat(thread.tid()),
               FormatEnum(v1::ThreadState_Name(thread.state()), "THREAD_STATE_"),
               DurationText(ToDuration(thread.since())),
               runs ? FormatPriority(thread.priority()) : "", FormatCount(thread.dispatches()),
               absl::StrJoin(thread.cpus(), ",")});
  }
  return table.Render(colour);
}

std::string DescribePool(const v1::Pool& pool, bool colour) {
  const v1::PoolSettings& settings = pool.settings();
  std::string text = absl::StrCat("threads   ", DescribeThreads(pool), "\n");
  absl::StrAppendFormat(
      &text, "settings  idle timeout %s, growth %s, default priority %s, capacity %s\n",
      DurationText(ToDuration(settings.idle_timeout())), settings.allow_growth() ? "on" : "off",
      FormatPriority(settings.default_priority()), FormatCount(settings.capacity()));
  const v1::ReservedCapacity& reserved = settings.reserved_capacity();
  if (reserved.critical() + reserved.high() + reserved.normal() > 0) {
    absl::StrAppendFormat(&text, "reserved  %s places for critical, %s for high, %s for normal\n",
                          FormatCount(reserved.critical()), FormatCount(reserved.high()),
                          FormatCount(reserved.normal()));
  }
  absl::StrAppendFormat(&text, "work      %s submitted, %s completed, %s dispatches, %s resizes\n",
                        FormatCount(pool.submitted()), FormatCount(pool.completed()),
                        FormatCount(pool.dispatches()), FormatCount(pool.resizes()));
  absl::StrAppendFormat(
      &text, "bound     a task with n ahead starts within %d * (n / SLOTS + %d) dispatches\n",
      pool.slots(), pool.seats());
  absl::StrAppendFormat(&text, "cpu       %.2f cores%s\n", pool.cpu_limit_cores(),
                        pool.overloaded() ? ", overloaded" : "");
  if (pool.thread_creation_failures() > 0) {
    absl::StrAppend(&text, "failures  ", FormatCount(pool.thread_creation_failures()),
                    " threads could not be created\n");
  }
  if (pool.exceptions() > 0) {
    absl::StrAppend(&text, "failures  ", FormatCount(pool.exceptions()), " exceptions\n");
  }
  absl::StrAppend(&text, "\n", PriorityTable(pool, colour), "\n", ThreadTable(pool, colour));
  return text;
}

}  // namespace taskforge::cli
