// A hash of what a client asked for, to tell a repeated submission from another one.
#ifndef TASKFORGE_TASK_SPEC_HASH_H_
#define TASKFORGE_TASK_SPEC_HASH_H_

#include <cstdint>
#include <string>

#include "task/task_types.h"

namespace taskforge {

// Of a spec. Covers everything that changes what is run or kept; not
// request_id, principal, namespace and queue, which are the scope of the comparison, and not
// traceparent and x_request_id, which differ each time a call is repeated.
SpecHash HashOf(const TaskSpec& spec);

// What a repetition is compared with: the hash of the submission as it came, before anything was
// filled in. REQUIRES: the spec has a request_id.
SpecHash RequestHashOf(const TaskSpec& spec);

// The spec's request_id with what it is unique within: namespace, queue and principal. Different
// ones have different keys. REQUIRES: the spec has a request_id.
std::string RequestKeyOf(const TaskSpec& spec);

}  // namespace taskforge

#endif  // TASKFORGE_TASK_SPEC_HASH_H_
