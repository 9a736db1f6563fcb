// What the lock-free structures of this folder are made of.
//
// Each takes a policy as its last template argument: the type of its atomic words, the type of the
// memory that these order, and how a thread sleeps on a word. Production has StdAtomics and pays
// nothing for it. The tests have two more: one that puts a yield point before each atomic access
// (tests/stress/yielding_atomics.h), and one that lets a model checker choose every order of the
// accesses and every value that a load may return (tests/model/relacy_atomics.h). So what is
// searched is the code that ships.
#ifndef TASKFORGE_SYNC_ATOMICS_H_
#define TASKFORGE_SYNC_ATOMICS_H_

#include <sched.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "base/futex.h"
#include "base/mutex.h"
#include "base/thread_slot.h"

namespace taskforge {

// The policy of production. Thread-safe.
struct StdAtomics {
  // A word that threads share. Has the members of std::atomic, except its operators.
  template <typename T>
  using Atomic = std::atomic<T>;

  // Memory that is not atomic and that more than one thread uses: some atomic word must order the
  // accesses, and the model checker checks that one does. A value can be assigned to it, and it
  // converts to one.
  template <typename T>
  using Plain = T;
  // What is in it, without a copy.
  template <typename T>
  static const T& Read(const T& plain) {
    return plain;
  }

  using Mutex = taskforge::Mutex;

  // See base/futex.h.
  static bool Wait(Atomic<uint32_t>& word, uint32_t expected, MonoTime deadline) {
    return FutexWait(word, expected, deadline);
  }
  static void Wake(Atomic<uint32_t>& word, int count) { FutexWake(word, count); }

  // Gives the processor to a thread that this one waits for.
  static void Yield() { sched_yield(); }

  // A number below kEpochRecords, if it can be had: different for different threads.
  static size_t ThreadSlot() { return taskforge::ThreadSlot(); }

  // See sync/epoch.h: guards at once without an allocation, and retired objects between two looks
  // at what can be freed.
  static constexpr size_t kEpochRecords = 64;
  static constexpr uint64_t kRetiresPerLook = 64;
};

}  // namespace taskforge

#endif  // TASKFORGE_SYNC_ATOMICS_H_
