// Between the wire's messages and the core's values, once, at the edge. From the wire: what cannot
// be converted goes to `violations`, with the path of the field below `prefix`; whether a converted
// value is within the limits is for the core to say.
#ifndef TASKFORGE_RPC_CONVERT_H_
#define TASKFORGE_RPC_CONVERT_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "rpc/violations.h"
#include "task/task_types.h"
#include "taskforge/v1/types.pb.h"

namespace taskforge {

// Nothing for UNSPECIFIED and for values that are unknown, which are a violation.
std::optional<Priority> PriorityFromProto(v1::Priority priority, absl::string_view field,
                                          Violations& violations);
v1::Priority ToProto(Priority priority);
v1::TaskState ToProto(TaskState state);
v1::WaitReason ToProto(WaitReason reason);
v1::Durability ToProto(Durability durability);
// kUnspecified for UNSPECIFIED and for values that are unknown, which are a violation.
Durability DurabilityFromProto(v1::Durability durability, absl::string_view field,
                               Violations& violations);

// Seconds and nanoseconds must be in the ranges of protobuf.
std::optional<absl::Duration> DurationFromProto(const google::protobuf::Duration& duration,
                                                absl::string_view field, Violations& violations);
std::optional<absl::Time> TimeFromProto(const google::protobuf::Timestamp& time,
                                        absl::string_view field, Violations& violations);
void ToProto(absl::Duration duration, google::protobuf::Duration& out);
void ToProto(absl::Time time, google::protobuf::Timestamp& out);

// What is not set gets its default; what is set is validated by the core.
RetryPolicy RetryFromProto(const v1::RetryPolicy& policy, absl::string_view prefix,
                           Violations& violations);
void ToProto(const RetryPolicy& policy, v1::RetryPolicy& out);

Payload PayloadFromProto(const v1::Payload& payload);
void ToProto(const Payload& payload, v1::Payload& out);

TaskError ErrorFromProto(const v1::TaskError& error);
void ToProto(const TaskError& error, v1::TaskError& out);

// What a client asks for. `default_priority` stands in for an unspecified one. Fields that only the
// server sets are violations. The caller fills in queue, ids and principal.
TaskSpec SpecFromProto(const v1::Task& task, Priority default_priority, absl::string_view prefix,
                       Violations& violations);

// Which parts of a task are left out.
struct TaskParts {
  bool input = true;
  bool output = true;
  bool labels = true;
};
void ToProto(const TaskRecord& record, v1::Task& out, TaskParts parts = {});
// What was asked for alone.
void ToProto(const TaskSpec& spec, v1::Task& out, TaskParts parts = {});

// Changes whenever the record does; opaque to clients.
std::string EtagOf(const TaskRecord& record);

}  // namespace taskforge

#endif  // TASKFORGE_RPC_CONVERT_H_
