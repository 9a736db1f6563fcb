// A hash of what a client asked for, to tell a repeated submission from another one.
#ifndef TASKFORGE_TASK_SPEC_HASH_H_
#define TASKFORGE_TASK_SPEC_HASH_H_

#include <cstdint>
#include <string>

#include "task/task_types.h"

namespace taskforge {

// 128 bits: equal for equal content. The same on every machine and in every run, so that it may be
// stored. Not for secrets, nor against somebody who seeks collisions (with his own requests).
struct SpecHash {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const SpecHash&) const = default;
};

// Of a validated and completed spec. Covers everything that changes what is run or kept; not
// request_id, principal, namespace and queue, which are the scope of the comparison, and not
// traceparent and x_request_id, which differ each time a call is repeated.
SpecHash HashOf(const TaskSpec& spec);

// The spec's request_id with what it is unique within: namespace, queue and principal. Different
// ones have different keys. REQUIRES: the spec has a request_id.
std::string RequestKeyOf(const TaskSpec& spec);

}  // namespace taskforge

#endif  // TASKFORGE_TASK_SPEC_HASH_H_
