#include "crash/report.h"

#include <signal.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "crash/plan.h"

namespace taskforge::crash {
namespace {

double RateOf(int64_t acknowledged, absl::Duration duration) {
  const double seconds = absl::ToDoubleSeconds(duration);
  return seconds > 0 ? static_cast<double>(acknowledged) / seconds : 0;
}

}  // namespace

double CycleLoad::rate() const { return RateOf(acknowledged, duration); }

void Totals::Add(const CycleLoad& load) {
  acknowledged_ += load.acknowledged;
  load_ += load.duration;
  if (load.signal == SIGTERM) ++terminations_;
  if (load.signal != SIGKILL) return;
  if (bar_.has_floor && load.rate() < kLoadFloor) {
    ++kills_below_;
  } else {
    ++kills_;
  }
}

void Totals::AddStart(absl::Duration duration) {
  longest_start_ = std::max(longest_start_, duration);
}

void Totals::AddExit(absl::Duration duration) { longest_exit_ = std::max(longest_exit_, duration); }

void Totals::Add(const Verdict& verdict) {
  ++settlements_;
  sums_.submits += verdict.submits;
  sums_.acknowledged += verdict.acknowledged;
  sums_.sent_again += verdict.sent_again;
  sums_.cancelled += verdict.cancelled;
  sums_.timed += verdict.timed;
}

void Totals::Add(const Violation& violation) {
  ++counts_[static_cast<size_t>(violation.invariant)].wrong[static_cast<int>(violation.wrong)];
}

std::string Totals::Line(Invariant invariant, int cycles, const std::string& what) const {
  const Counts& counts = counts_[static_cast<size_t>(invariant)];
  std::string line = absl::StrCat(Name(invariant), " cycles=", cycles, " ", what);
  for (const Wrong wrong : {Wrong::kLost, Wrong::kDuplicated, Wrong::kUnexpected}) {
    absl::StrAppend(&line, " ", Name(wrong), "=", counts.wrong[static_cast<int>(wrong)]);
  }
  return line + "\n";
}

std::string Totals::ToString() const {
  return absl::StrCat(
      Line(Invariant::kI1, kills_,
           absl::StrCat("submits=", sums_.submits, " acknowledged=", sums_.acknowledged)),
      Line(Invariant::kI8, settlements_, absl::StrCat("ended=", ended_)),
      Line(Invariant::kI9, kills_, absl::StrCat("sent_again=", sums_.sent_again)),
      Line(Invariant::kI10, kills_, absl::StrCat("cancelled=", sums_.cancelled)),
      Line(Invariant::kI12, kills_, absl::StrCat("timed=", sums_.timed)),
      Line(Invariant::kI14, terminations_,
           absl::StrCat("longest_exit_ms=", absl::ToInt64Milliseconds(longest_exit_))),
      absl::StrFormat("load acknowledged_per_second=%.0f seconds=%.1f kills=%d kills_below_%.0f=%d "
                      "longest_start_ms=%d\n",
                      RateOf(acknowledged_, load_), absl::ToDoubleSeconds(load_),
                      kills_ + kills_below_, kLoadFloor, kills_below_,
                      absl::ToInt64Milliseconds(longest_start_)));
}

bool Totals::has_violations() const {
  return std::any_of(counts_.begin(), counts_.end(), [](const Counts& counts) {
    return std::any_of(std::begin(counts.wrong), std::end(counts.wrong),
                       [](int64_t count) { return count > 0; });
  });
}

int64_t Totals::lost() const {
  return counts_[static_cast<size_t>(Invariant::kI1)].wrong[static_cast<int>(Wrong::kLost)];
}

std::string Totals::WhyVoid() const {
  if (bar_.has_floor && RateOf(acknowledged_, load_) < kLoadFloor) {
    return absl::StrFormat("the load was %.0f acknowledged submissions a second, of at least %.0f",
                           RateOf(acknowledged_, load_), kLoadFloor);
  }
  if (kills_ < bar_.kills) {
    return absl::StrFormat("there were %d kills under load, of at least %d", kills_, bar_.kills);
  }
  return "";
}

std::string Explain(const Violation& violation, uint64_t seed, const std::vector<Event>& history,
                    const std::vector<Found>& found) {
  std::string text =
      absl::StrCat("VIOLATION ", Name(violation.invariant), " ", Name(violation.wrong), ": ",
                   violation.name.empty() ? "(no name)" : violation.name, ": ", violation.what,
                   "\n  seed ", seed);
  const Plan plan = PlanOf(seed, violation.number);
  int cycle = -1;
  std::string events;
  for (const Event& event : history) {
    if (event.number != violation.number) continue;
    if (cycle < 0) cycle = event.cycle;
    absl::StrAppend(&events, "  history: ", event.ToString(), "\n");
  }
  absl::StrAppend(&text, ", cycle ", cycle, ", number ", violation.number, ": ", plan.handler, "(",
                  plan.input.substr(0, 80), "), priority ", plan.priority, ", attempts ",
                  plan.attempts_max, ", delay ", plan.delay_ms, " ms, deadline ", plan.deadline_ms,
                  " ms\n", events);
  bool is_there = false;
  for (const Found& task : found) {
    if (task.name != violation.name && task.number != violation.number) continue;
    is_there = true;
    absl::StrAppend(&text, "  server: ", task.ToString(), "\n");
  }
  if (!is_there) absl::StrAppend(&text, "  server: NOT_FOUND\n");
  return text;
}

}  // namespace taskforge::crash
