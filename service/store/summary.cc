#include "store/summary.h"

#include <memory>
#include <optional>

namespace taskforge {
namespace {

// The bindings name every member: a new one does not compile until it is carried over here.
TaskSpec WithoutInput(const TaskSpec& spec) {
  const auto& [ns, queue, task_id, request_id, principal, handler, input, priority,
               requested_durability, schedule_time, deadline, queue_timeout, run_timeout, retry,
               result_topic, result_ttl, labels, cancel_on_disconnect, retry_of, traceparent,
               x_request_id] = spec;
  return TaskSpec{ns,
                  queue,
                  task_id,
                  request_id,
                  principal,
                  handler,
                  Payload{input.content_type, "", input.is_text},
                  priority,
                  requested_durability,
                  schedule_time,
                  deadline,
                  queue_timeout,
                  run_timeout,
                  retry,
                  result_topic,
                  result_ttl,
                  labels,
                  cancel_on_disconnect,
                  retry_of,
                  traceparent,
                  x_request_id};
}

TaskRecord WithoutOutput(const TaskRecord& record) {
  const auto& [spec, name, uid, state, wait_reason, progress, output, error, attempts,
               effective_durability, create_time, start_time, end_time, expire_time,
               next_attempt_time, cancel_requested_time, queue_wait_ns, run_ns, output_evicted,
               revision] = record;
  return TaskRecord{spec,
                    name,
                    uid,
                    state,
                    wait_reason,
                    progress,
                    std::nullopt,
                    error,
                    attempts,
                    effective_durability,
                    create_time,
                    start_time,
                    end_time,
                    expire_time,
                    next_attempt_time,
                    cancel_requested_time,
                    queue_wait_ns,
                    run_ns,
                    output_evicted,
                    revision};
}

}  // namespace

TaskRecord Summary(const TaskRecord& record) {
  TaskRecord summary = WithoutOutput(record);
  summary.spec = std::make_shared<const TaskSpec>(WithoutInput(*record.spec));
  return summary;
}

TaskRecord WithOutputEvicted(const TaskRecord& record) {
  TaskRecord evicted = WithoutOutput(record);
  evicted.output_evicted = true;
  ++evicted.revision;
  return evicted;
}

}  // namespace taskforge
