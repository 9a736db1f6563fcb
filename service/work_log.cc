#include "work_log.h"

#include <utility>
#include <vector>

namespace taskforge {

WorkLog::WorkLog(AttemptSink& next, const Clock& clock, Timer& timer, Log& log, Read read,
                 absl::Duration period)
    : next_(next),
      clock_(clock),
      timer_(timer),
      log_(log),
      read_(std::move(read)),
      period_(period) {}

void WorkLog::NoticeWork() {
  if (!has_worked_.load()) has_worked_.store(true);
  if (!is_timed_.load() && !is_timed_.exchange(true)) SetTimer();
}

void WorkLog::SetTimer() {
  timer_.ScheduleAt(clock_.Monotonic() + period_, [this] { EndPeriod(); });
}

void WorkLog::EndPeriod() {
  const bool has_worked = has_worked_.exchange(false);
  WorkTotals totals = read_();
  if (has_worked || totals.running > 0 || totals.ended != told_.ended) {
    Write(totals);
    told_ = std::move(totals);
    SetTimer();
    return;
  }
  is_timed_.store(false);
  if (has_worked_.load() && !is_timed_.exchange(true)) SetTimer();
}

void WorkLog::Write(const WorkTotals& totals) {
  std::vector<LogField> fields = {{"done", totals.ended - told_.ended},
                                  {"waiting", totals.waiting},
                                  {"running", totals.running},
                                  {"threads", totals.threads}};
  const HistogramSnapshot waits = totals.waits.Since(told_.waits);
  if (waits.count > 0) {
    fields.emplace_back("wait_p50", absl::Nanoseconds(waits.Quantile(0.5)));
    fields.emplace_back("wait_p99", absl::Nanoseconds(waits.Quantile(0.99)));
  }
  log_.Write(LogLevel::kInfo, "work since the last such line", fields);
}

}  // namespace taskforge
