#include "simulation/oracle.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace taskforge {
namespace {

// How long after its time a flush may come: the step of the simulated time.
constexpr absl::Duration kFlushSlack = absl::Milliseconds(100);
// No record of an ended task goes sooner.
constexpr absl::Duration kLeastTtl = absl::Hours(1);

std::string OutputOf(const TaskRecord& record) {
  return record.history->output.has_value() ? record.history->output->data.str() : std::string();
}

}  // namespace

void Oracle::Complain(size_t i, absl::string_view what) {
  violations_.push_back(
      absl::StrCat("intent ", i, " (", intents_[i].name, ") in life ", life_, ": ", what));
}

void Oracle::Complain(absl::string_view what) {
  violations_.push_back(absl::StrCat("life ", life_, ": ", what));
}

size_t Oracle::Add() {
  intents_.emplace_back().asked_in = life_;
  may_be_lost_.push_back(false);
  result_may_be_lost_.push_back(false);
  return intents_.size() - 1;
}

void Oracle::Accepted(size_t i, const TaskRecord& record, bool is_duplicate) {
  Intent& intent = intents_[i];
  --intent.in_flight;
  const std::string name = record.name();
  if (!intent.name.empty() && intent.name != name) {
    Complain(i, absl::StrCat("I9: is a second task, ", name));
  }
  if (record.spec->input.data.view() != intent.spec.input.data.view()) {
    Complain(i, "I9: the receipt is of another one's task");
  }
  intent.name = name;
  if (!intent.accepted) {
    intent.accepted = true;
    intent.durability = record.effective_durability;
    intent.accepted_at = Now();
  }
  if (is_duplicate) {
    Shown(i, record);
  } else if (IsTerminal(record.state)) {
    Complain(i, "was accepted as one that has ended");
  }
}

void Oracle::Refused(size_t i, bool was_accepted, const absl::Status& status) {
  Intent& intent = intents_[i];
  --intent.in_flight;
  const std::string reason = DetailsOf(status).reason;
  if (reason == "STORE_FAILED") {
    intent.unknown = true;
  } else if (reason == "TASK_GONE") {
    if (!MayBeGone(intent)) Complain(i, "I1: its task is said to be gone");
  } else if (was_accepted && intent.accepted) {
    Complain(i, absl::StrCat("I9: is refused, and was accepted before: ", status.ToString()));
  } else {
    intent.refused = true;
  }
}

void Oracle::SetResult(size_t i, const TaskRecord& record) {
  Intent& intent = intents_[i];
  const Intent::Result result{record.state, record.history->attempts.size(), OutputOf(record),
                              record.history->expire_time};
  if (record.state == TaskState::kSucceeded &&
      result.output != absl::StrCat(i, "/", result.attempts)) {
    Complain(i, absl::StrCat("I7: attempt ", result.attempts, " has the output ", result.output));
  }
  if (!intent.result.has_value()) {
    intent.result = result;
    intent.result_at = Now();
    return;
  }
  const Intent::Result& known = *intent.result;
  if (known.state != result.state || known.attempts != result.attempts ||
      known.output != result.output) {
    Complain(
        i, absl::StrCat("I7: ended as ", Name(known.state), " (attempt ", known.attempts,
                        "), and is now ", Name(result.state), " (attempt ", result.attempts, ")"));
  }
}

void Oracle::Shown(size_t i, const TaskRecord& record) {
  Intent& intent = intents_[i];
  if (IsTerminal(record.state)) return SetResult(i, record);
  if (!intent.result.has_value()) return;
  if (result_may_be_lost_[i]) {
    intent.result.reset();
    return;
  }
  Complain(i, absl::StrCat("I8: had ended as ", Name(intent.result->state), ", and is ",
                           Name(record.state)));
}

void Oracle::EndTold(size_t i, const TaskRecord& record) {
  Intent& intent = intents_[i];
  ++intent.ends_told;
  if (!IsTerminal(record.state)) Complain(i, "an end was told that is none");
  SetResult(i, record);
}

bool Oracle::MayBeGone(const Intent& intent) const {
  if (intent.deleted) return true;
  // It may have ended when the wall clock was back, and nobody was told.
  if (!intent.result.has_value()) return latest_wall_ >= earliest_wall_ + kLeastTtl;
  // In memory it is its distance that counts, whatever the wall clock does meanwhile.
  if (intent.durability == Durability::kMemory) {
    return clock_.Monotonic() >= intent.result_at.at + kLeastTtl;
  }
  return latest_wall_ >= intent.result->expires;
}

void Oracle::NoteWallClock() {
  latest_wall_ = std::max(latest_wall_, clock_.Now());
  earliest_wall_ = std::min(earliest_wall_, clock_.Now());
}

void Oracle::NotFound(size_t i) {
  Intent& intent = intents_[i];
  if (may_be_lost_[i]) return Forget(intent);
  if (MayBeGone(intent)) return;
  Complain(i, absl::StrCat("I1: was acknowledged (", Name(intent.durability), "), ",
                           intent.result ? "has ended" : "has not ended", ", and is not found"));
}

void Oracle::CancelAcknowledged(size_t i, const TaskRecord& record) {
  Intent& intent = intents_[i];
  if (IsTerminal(record.state)) return SetResult(i, record);
  intent.stop_at = Now();
}

bool Oracle::HasUnanswered() const {
  return std::any_of(intents_.begin(), intents_.end(),
                     [](const Intent& intent) { return intent.in_flight > 0; });
}

void Oracle::DeleteAnswered(size_t i, const absl::Status& status) {
  Intent& intent = intents_[i];
  const std::string reason = DetailsOf(status).reason;
  if (reason != "TASK_NOT_ENDED") return;
  intent.deleted = false;
  if (intent.result.has_value()) Complain(i, "I8: had ended, and its delete says that it has not");
}

void Oracle::Started(size_t i, const std::string& name, int attempt, absl::Time wall) {
  Intent& intent = intents_[i];
  if (!intent.accepted && !intent.unknown) {
    Complain(i, intent.refused && intent.in_flight == 0 ? "I10: was refused, and starts"
                                                        : "I1: starts before it is acknowledged");
  }
  if (!intent.name.empty() && intent.name != name) {
    Complain(i, absl::StrCat("I9: a second task of it starts, ", name));
  }
  intent.name = name;
  if (intent.result.has_value()) {
    Complain(i, absl::StrCat("I10: starts, and had ended as ", Name(intent.result->state)));
  }
  if (intent.never_again) Complain(i, "I10: starts again after an acknowledged cancel");
  if (attempt <= intent.last_attempt) {
    Complain(i, absl::StrCat("I7: attempt ", attempt, " starts after ", intent.last_attempt));
  }
  intent.last_attempt = attempt;
  const TaskTerms& terms = *intent.spec.terms;
  if (wall != absl::InfinitePast() && wall >= terms.deadline) {
    Complain(i, "I12: starts after its deadline");
  }
}

bool Oracle::Outlives(const Intent& intent, const Intent::Told& told, LifeEnd end) const {
  switch (intent.durability) {
    case Durability::kDurable:
      return true;
    case Durability::kBuffered:
      return end != LifeEnd::kNoPower || disk_.syncs() > told.syncs ||
             clock_.Monotonic() >= told.at + (flush_interval_ + kFlushSlack);
    default:
      return false;
  }
}

void Oracle::Forget(Intent& intent) {
  intent.accepted = false;
  intent.name.clear();
  intent.result.reset();
  intent.deleted = false;
  intent.never_again = false;
  intent.stop_at.reset();
}

void Oracle::Recovered() {
  may_be_lost_.assign(intents_.size(), false);
  result_may_be_lost_.assign(intents_.size(), false);
}

void Oracle::LifeEnded(LifeEnd end) {
  ++life_;
  for (size_t i = 0; i < intents_.size(); ++i) {
    Intent& intent = intents_[i];
    intent.unknown = intent.unknown || intent.in_flight > 0;
    intent.in_flight = 0;
    intent.last_attempt = 0;
    intent.ends_told = 0;
    if (!intent.accepted) {
      intent.name.clear();  // It may be gone, and come again as another.
      continue;
    }
    if (intent.durability == Durability::kMemory) {
      Forget(intent);
      continue;
    }
    // Of a life that ended before anybody looked, what the one before it left is not known yet.
    may_be_lost_[i] = may_be_lost_[i] || !Outlives(intent, intent.accepted_at, end);
    result_may_be_lost_[i] =
        intent.result && (result_may_be_lost_[i] || !Outlives(intent, intent.result_at, end));
    if (intent.stop_at.has_value()) {
      // It was written before it was acknowledged, and not synced.
      intent.never_again = end != LifeEnd::kNoPower || disk_.syncs() > intent.stop_at->syncs;
      intent.stop_at.reset();
    }
  }
}

void Oracle::Finished(size_t i) {
  const Intent& intent = intents_[i];
  if (!intent.accepted || MayBeGone(intent)) return;
  if (!intent.result.has_value()) Complain(i, "never ended");
}

}  // namespace taskforge
