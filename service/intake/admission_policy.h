// What becomes of a submission: the decision alone, without anything that carries it out.
#ifndef TASKFORGE_INTAKE_ADMISSION_POLICY_H_
#define TASKFORGE_INTAKE_ADMISSION_POLICY_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace taskforge {

enum class Decision : uint8_t {
  kAccepted,
  kDuplicate,         // Its request_id stood for a task already: that one's answer.
  kRejectedFull,      // No place in the queue's count or bytes.
  kRejectedInvalid,   // Malformed, unknown queue or handler, or a name that is taken.
  kRejectedDraining,  // The server stops.
  kRejectedFailed,    // The store could not keep it.
};
inline constexpr size_t kDecisionCount = 6;

constexpr absl::string_view Name(Decision decision) {
  constexpr std::array<absl::string_view, kDecisionCount> kNames = {
      "accepted",         "duplicate",         "rejected_full",
      "rejected_invalid", "rejected_draining", "rejected_failed"};
  return kNames[static_cast<size_t>(decision)];
}

// What is known of a submission when it is decided on.
struct SubmissionFacts {
  bool is_valid = false;
  // Of its request_id.
  enum class Request : uint8_t { kNew, kRepeated, kReused } request = Request::kNew;
  bool is_queue_known = false;
  bool is_handler_known = false;
  bool is_draining = false;
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
  return Decision::kAccepted;
}

}  // namespace taskforge

#endif  // TASKFORGE_INTAKE_ADMISSION_POLICY_H_
