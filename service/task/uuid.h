// UUIDs of version 7 (RFC 9562, 5.7): 48 bits of Unix time in milliseconds, then random bits.
#ifndef TASKFORGE_TASK_UUID_H_
#define TASKFORGE_TASK_UUID_H_

#include <string>

#include "absl/time/time.h"
#include "base/random.h"

namespace taskforge {

// In the canonical lower-case form of 36 characters. UUIDs of different milliseconds sort by time.
std::string MakeUuidV7(absl::Time now, Random& random);

}  // namespace taskforge

#endif  // TASKFORGE_TASK_UUID_H_
