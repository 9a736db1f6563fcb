#include "base/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <ctime>

namespace taskforge {

bool FutexWait(std::atomic<uint32_t>& word, uint32_t expected, MonoTime deadline) {
  timespec until;
  timespec* timeout = nullptr;
  if (deadline != MonoTime::Max()) {
    if (deadline.ns < 0) deadline.ns = 0;
    until.tv_sec = deadline.ns / 1'000'000'000LL;
    until.tv_nsec = deadline.ns % 1'000'000'000LL;
    timeout = &until;
  }
  // WAIT_BITSET takes an absolute deadline on CLOCK_MONOTONIC; plain WAIT takes a relative one.
  const long rc =
      syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG,
              expected, timeout, nullptr, FUTEX_BITSET_MATCH_ANY);
  return !(rc == -1 && errno == ETIMEDOUT);
}

int FutexWake(std::atomic<uint32_t>& word, int count) {
  const long rc = syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word),
                          FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, nullptr, nullptr, 0);
  return rc > 0 ? static_cast<int>(rc) : 0;
}

}  // namespace taskforge
