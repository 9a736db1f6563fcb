// What becomes of a submission: the decision alone, without anything that carries it out.
#ifndef TASKFORGE_INTAKE_ADMISSION_POLICY_H_
#define TASKFORGE_INTAKE_ADMISSION_POLICY_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "task/priority.h"

namespace taskforge {

enum class Decision : uint8_t {
  kAccepted,
  kDuplicate,         // Its request_id stood for a task already: that one's answer.
  kRejectedFull,      // No place in the queue's count or bytes.
  kRejectedInvalid,   // Malformed, unknown queue or handler, or a name that is taken.
  kRejectedDraining,  // The server stops.
  kRejectedFailed,    // The store could not keep it.
  kRejectedOverload,  // The pool is overloaded, and what it has waits too long already.
};
inline constexpr size_t kDecisionCount = 7;

constexpr absl::string_view Name(Decision decision) {
  constexpr std::array<absl::string_view, kDecisionCount> kNames = {
      "accepted",          "duplicate",       "rejected_full",    "rejected_invalid",
      "rejected_draining", "rejected_failed", "rejected_overload"};
  return kNames[static_cast<size_t>(decision)];
}

// When new work is refused so that the work before it is done in time. High and Critical work never
// is.
struct SheddingOptions {
  // False: nothing is refused for this reason.
  bool is_on = true;
  // While the pool is overloaded: how long the oldest work of a priority, or of a more urgent one,
  // may have waited for new work of that priority to be accepted. Longer: fewer refusals; shorter:
  // less that waits. 10 ms to 1 h; Low at most as long as Normal.
  absl::Duration low_after = absl::Seconds(10);
  absl::Duration normal_after = absl::Minutes(1);

  // How long for `priority`; infinite: its work is never refused.
  absl::Duration LimitOf(Priority priority) const {
    if (!is_on || priority > Priority::kNormal) return absl::InfiniteDuration();
    return priority == Priority::kLow ? low_after : normal_after;
  }
  // INVALID_ARGUMENT with every violation at once, fields named as the configuration names them.
  absl::Status Validate() const;
};

// What is known of a submission when it is decided on.
struct SubmissionFacts {
  bool is_valid = false;
  // Of its request_id.
  enum class Request : uint8_t { kNew, kRepeated, kReused } request = Request::kNew;
  bool is_queue_known = false;
  bool is_handler_known = false;
  bool is_draining = false;
  // The pool would have to run it now, and cannot: it is overloaded, and work that comes first has
  // waited for longer than SheddingOptions::LimitOf() its priority.
  bool is_too_much = false;
};

// kAccepted: go on and reserve a place. The order matters: who repeats a submission gets the first
// one's answer whatever has changed since, and a caller's mistake is told before the server's
// state, so that he does not try again in vain.
constexpr Decision Decide(const SubmissionFacts& facts) {
  if (!facts.is_valid) return Decision::kRejectedInvalid;
  if (facts.request == SubmissionFacts::Request::kRepeated) return Decision::kDuplicate;
  if (facts.request == SubmissionFacts::Request::kReused) return Decision::kRejectedInvalid;
  if (!facts.is_queue_known || !facts.is_handler_known) return Decision::kRejectedInvalid;
  if (facts.is_draining) return Decision::kRejectedDraining;
  if (facts.is_too_much) return Decision::kRejectedOverload;
  return Decision::kAccepted;
}

}  // namespace taskforge

#endif  // TASKFORGE_INTAKE_ADMISSION_POLICY_H_
