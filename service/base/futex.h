// The Linux futex: sleep while a 32-bit word has a value, wake who sleeps on it.
// See futex(2); only the process-private forms are used.
#ifndef TASKFORGE_BASE_FUTEX_H_
#define TASKFORGE_BASE_FUTEX_H_

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace taskforge {

// Sleeps while `word` holds `expected`, until woken or until `deadline` on CLOCK_MONOTONIC
// (MonoTime::Max(): no deadline). May return early for no reason: callers look again in a loop.
// Returns false only when the deadline has passed.
bool FutexWait(std::atomic<uint32_t>& word, uint32_t expected, MonoTime deadline = MonoTime::Max());

// Wakes at most `count` threads that sleep on `word`; returns how many it woke.
int FutexWake(std::atomic<uint32_t>& word, int count);

}  // namespace taskforge

#endif  // TASKFORGE_BASE_FUTEX_H_
