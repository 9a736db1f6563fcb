#include "crash/fitting.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace taskforge::crash {
namespace {

constexpr int kOk = 0;
constexpr int kFailedPrecondition = 9;

std::string WrongSuccess(const Plan& plan, const Found& task) {
  if (plan.work == Work::kFail) return "succeeded, and must fail";
  if (plan.work != Work::kFlaky) {
    return task.output == plan.output ? "" : absl::StrCat("the output must be ", plan.output);
  }
  // A lost attempt has a number too, so fewer than asked for may have failed by themselves.
  if (task.failed > plan.failures || !absl::StartsWith(task.output, plan.output)) {
    return absl::StrCat("must fail ", plan.failures, " times at most and then succeed");
  }
  return "";
}

std::string WrongFailure(const Rules& rules, const Plan& plan, const Found& task) {
  if (task.reason == "POISONED") {
    return task.lost > rules.lost_attempts_max
               ? ""
               : absl::StrCat("poisoned, with ", task.lost, " attempts lost");
  }
  if (task.reason == "DEADLINE" && plan.deadline_ms > 0) return "";
  if (plan.work != Work::kFail || task.reason != kFailReason) {
    return absl::StrCat("failed by reason of ", task.reason);
  }
  return task.failed == plan.attempts_max
             ? ""
             : absl::StrCat("failed in ", task.failed, " attempts, of ", plan.attempts_max);
}

std::string WrongExpiry(const Rules& rules, const Plan& plan, const Life& life, const Found& task) {
  if (plan.deadline_ms == 0) return "expired, and has no deadline";
  if (task.started > task.lost) return "expired, and had run";
  if (task.ended_us + rules.slack_us < life.base_us + int64_t{1'000} * plan.deadline_ms) {
    return "expired before its deadline";
  }
  return "";
}

}  // namespace

bool Life::was_cancelled_waiting() const {
  if (!is_cancel_answered || cancel_code != kOk) return false;
  return cancel_state == State::kCancelled || cancel_state == State::kQueued ||
         cancel_state == State::kScheduled;
}

std::string WrongEnd(const Rules& rules, const Plan& plan, const Life& life, const Found& task) {
  switch (task.state) {
    case State::kSucceeded:
      return WrongSuccess(plan, task);
    case State::kFailed:
      return WrongFailure(rules, plan, task);
    case State::kExpired:
      return WrongExpiry(rules, plan, life, task);
    case State::kCancelled:  // WrongCancel() knows.
      return "";
    default:
      return "has not ended";
  }
}

std::string WrongCancel(const Life& life, const Found& task) {
  if (task.state == State::kCancelled && life.cancels == 0) return "nobody cancelled it";
  if (!life.is_cancel_answered) return "";
  if (life.cancel_code == kFailedPrecondition && task.state == State::kCancelled) {
    return "the cancel was refused, and it is cancelled";
  }
  if (life.cancel_code == kOk && HasEnded(life.cancel_state) && task.state != life.cancel_state) {
    return absl::StrCat("the cancel's answer said ", Name(life.cancel_state));
  }
  if (!life.was_cancelled_waiting()) return "";
  if (task.state != State::kCancelled) return "its cancel was acknowledged while it waited";
  if (task.started != life.cancel_started) return "it started after its cancel was acknowledged";
  return "";
}

std::string WrongTime(const Rules& rules, const Plan& plan, const Life& life, const Found& task) {
  if (task.started == 0) return "";
  const int64_t due_us = life.base_us + int64_t{1'000} * plan.delay_ms;
  if (plan.delay_ms > 0 && task.first_us + rules.slack_us < due_us) {
    return absl::StrCat("started ", due_us - task.first_us, " us before its time");
  }
  const int64_t deadline_us = life.base_us + int64_t{1'000} * plan.deadline_ms;
  if (plan.deadline_ms > 0 && task.last_us > deadline_us + rules.slack_us) {
    return absl::StrCat("started ", task.last_us - deadline_us, " us after its deadline");
  }
  return "";
}

}  // namespace taskforge::crash
