// Whether the end of one task is one that it may have.
#ifndef TASKFORGE_CRASH_FITTING_H_
#define TASKFORGE_CRASH_FITTING_H_

#include <cstdint>
#include <string>

#include "crash/plan.h"
#include "crash/verdict.h"

namespace taskforge::crash {

// What the history says of one task.
struct Life {
  int64_t base_us = 0;
  int sends = 0;
  int sends_again = 0;
  int acknowledged = 0;
  int first_acknowledged = 0;  // ... as no duplicate.
  int not_accepted = 0;        // Sends that were refused for want of room, or too late.
  std::string name;            // Of the first acknowledgement.
  int cancels = 0;             // Sent.
  bool is_cancel_answered = false;
  int cancel_code = 0;
  State cancel_state = State::kUnspecified;
  int cancel_started = 0;

  // The cancel was acknowledged before the task, or its next attempt, had started.
  bool was_cancelled_waiting() const;
};

// Why the task cannot be as it is found; empty: it can.
std::string WrongEnd(const Rules& rules, const Plan& plan, const Life& life, const Found& task);
// The same of its cancel alone.
std::string WrongCancel(const Life& life, const Found& task);
// The same of the times at which it started.
std::string WrongTime(const Rules& rules, const Plan& plan, const Life& life, const Found& task);

}  // namespace taskforge::crash

#endif  // TASKFORGE_CRASH_FITTING_H_
