#include "rpc/convert.h"

#include <cstdint>
#include <utility>

#include "absl/strings/escaping.h"
#include "base/utf8.h"

namespace taskforge {
namespace {

// The ranges of google/protobuf/duration.proto and timestamp.proto.
constexpr int64_t kMaxDurationSeconds = 315576000000;
constexpr int64_t kMinTimeSeconds = -62135596800;
constexpr int64_t kMaxTimeSeconds = 253402300799;
constexpr int32_t kMaxNanos = 999999999;

// Joins a path; empty parts fall away.
std::string At(absl::string_view prefix, absl::string_view field) {
  return prefix.empty() ? std::string(field) : absl::StrCat(prefix, ".", field);
}

void SetIfSet(absl::Time time, google::protobuf::Timestamp* (v1::Task::*mutable_field)(),
              v1::Task& out) {
  if (time == absl::InfinitePast() || time == absl::InfiniteFuture()) return;
  ToProto(time, *(out.*mutable_field)());
}

// Text of a handler, for people: bytes that are not UTF-8 become escapes.
std::string ForPeople(const std::string& text) {
  return IsUtf8(text) ? text : absl::CHexEscape(text);
}

// Each field that only the server sets is a violation.
void CheckOutputOnly(const v1::Task& task, absl::string_view prefix, Violations& violations) {
  const auto refuse = [&](bool is_set, absl::string_view field) {
    if (is_set) violations.Add(At(prefix, field), "is output only: leave it out");
  };
  refuse(!task.name().empty(), "name");
  refuse(!task.uid().empty(), "uid");
  refuse(task.state() != v1::TASK_STATE_UNSPECIFIED, "state");
  refuse(task.wait_reason() != v1::WAIT_REASON_UNSPECIFIED, "wait_reason");
  refuse(task.has_progress(), "progress");
  refuse(task.has_output(), "output");
  refuse(task.has_error(), "error");
  refuse(task.attempts_size() > 0, "attempts");
  refuse(task.effective_durability() != v1::DURABILITY_UNSPECIFIED, "effective_durability");
  refuse(task.has_create_time(), "create_time");
  refuse(task.has_start_time(), "start_time");
  refuse(task.has_end_time(), "end_time");
  refuse(task.has_expire_time(), "expire_time");
  refuse(task.has_next_attempt_time(), "next_attempt_time");
  refuse(task.has_cancel_requested_time(), "cancel_requested_time");
  refuse(!task.retry_of().empty(), "retry_of");
  refuse(!task.etag().empty(), "etag");
  refuse(task.has_queue_duration(), "queue_duration");
  refuse(task.has_run_duration(), "run_duration");
  refuse(task.output_evicted(), "output_evicted");
}

void AttemptToProto(const AttemptRecord& attempt, v1::Attempt& out) {
  out.set_number(attempt.number);
  ToProto(attempt.queued_time, *out.mutable_queued_time());
  if (attempt.started_time != absl::InfinitePast()) {
    ToProto(attempt.started_time, *out.mutable_start_time());
  }
  if (attempt.ended_time != absl::InfiniteFuture()) {
    ToProto(attempt.ended_time, *out.mutable_end_time());
  }
  out.set_executor(attempt.executor);
  if (attempt.error.has_value()) ToProto(*attempt.error, *out.mutable_error());
  out.set_lost(attempt.lost);
  if (attempt.started_dispatch != 0) {
    v1::Dispatch& dispatch = *out.mutable_dispatch();
    dispatch.set_enqueued(attempt.enqueued_dispatch);
    dispatch.set_started(attempt.started_dispatch);
    dispatch.set_ahead(attempt.ahead);
    dispatch.set_seats(attempt.seats);
  }
}

}  // namespace

std::optional<Priority> PriorityFromProto(v1::Priority priority, absl::string_view field,
                                          Violations& violations) {
  switch (priority) {
    case v1::PRIORITY_UNSPECIFIED:
      return std::nullopt;
    case v1::PRIORITY_LOW:
      return Priority::kLow;
    case v1::PRIORITY_NORMAL:
      return Priority::kNormal;
    case v1::PRIORITY_HIGH:
      return Priority::kHigh;
    case v1::PRIORITY_CRITICAL:
      return Priority::kCritical;
    default:
      violations.Add(field, absl::StrCat("unknown priority ", static_cast<int>(priority),
                                         "; want PRIORITY_LOW (10), PRIORITY_NORMAL (20), "
                                         "PRIORITY_HIGH (30) or PRIORITY_CRITICAL (40)"));
      return std::nullopt;
  }
}

v1::Priority ToProto(Priority priority) {
  return static_cast<v1::Priority>((Index(priority) + 1) * 10);
}

v1::TaskState ToProto(TaskState state) {
  return static_cast<v1::TaskState>(static_cast<int>(state) + 1);
}

v1::WaitReason ToProto(WaitReason reason) {
  return static_cast<v1::WaitReason>(static_cast<int>(reason));
}

v1::Durability ToProto(Durability durability) {
  return static_cast<v1::Durability>(static_cast<int>(durability));
}

static_assert(static_cast<int>(TaskState::kExpired) + 1 == v1::TASK_STATE_EXPIRED);
static_assert(static_cast<int>(WaitReason::kNoWorker) == v1::WAIT_REASON_NO_WORKER);
static_assert(static_cast<int>(WaitReason::kPaused) == v1::WAIT_REASON_PAUSED);
static_assert(static_cast<int>(Durability::kDurable) == v1::DURABILITY_DURABLE);

std::optional<absl::Duration> DurationFromProto(const google::protobuf::Duration& duration,
                                                absl::string_view field, Violations& violations) {
  const int64_t seconds = duration.seconds();
  const int32_t nanos = duration.nanos();
  const bool in_range = seconds >= -kMaxDurationSeconds && seconds <= kMaxDurationSeconds &&
                        nanos >= -kMaxNanos && nanos <= kMaxNanos;
  const bool same_sign = !(seconds > 0 && nanos < 0) && !(seconds < 0 && nanos > 0);
  if (!in_range || !same_sign) {
    violations.Add(field, "not a valid google.protobuf.Duration");
    return std::nullopt;
  }
  return absl::Seconds(seconds) + absl::Nanoseconds(nanos);
}

std::optional<absl::Time> TimeFromProto(const google::protobuf::Timestamp& time,
                                        absl::string_view field, Violations& violations) {
  if (time.seconds() < kMinTimeSeconds || time.seconds() > kMaxTimeSeconds || time.nanos() < 0 ||
      time.nanos() > kMaxNanos) {
    violations.Add(field, "not a valid google.protobuf.Timestamp");
    return std::nullopt;
  }
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

void ToProto(absl::Duration duration, google::protobuf::Duration& out) {
  const absl::Duration limit = absl::Seconds(kMaxDurationSeconds);
  if (duration > limit) duration = limit;
  if (duration < -limit) duration = -limit;
  out.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  out.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
}

void ToProto(absl::Time time, google::protobuf::Timestamp& out) {
  const timespec parts = absl::ToTimespec(time);
  out.set_seconds(parts.tv_sec);
  out.set_nanos(static_cast<int32_t>(parts.tv_nsec));
}

Payload PayloadFromProto(const v1::Payload& payload) {
  Payload out;
  out.content_type = payload.content_type();
  out.is_text = payload.data_case() == v1::Payload::kTextData;
  if (out.is_text) {
    out.data = payload.text_data();
  } else if (payload.data_case() == v1::Payload::kBinaryData) {
    out.data = payload.binary_data();
  }
  return out;
}

void ToProto(const Payload& payload, v1::Payload& out) {
  if (!payload.content_type.empty()) out.set_content_type(payload.content_type.str());
  const absl::string_view data = payload.data;
  if (payload.is_text && IsUtf8(data)) {
    out.set_text_data(data.data(), data.size());
  } else {
    out.set_binary_data(data.data(), data.size());
  }
}

TaskError ErrorFromProto(const v1::TaskError& error) {
  TaskError out;
  const bool known = error.code() > 0 && error.code() <= 16;
  out.code = known ? static_cast<absl::StatusCode>(error.code()) : absl::StatusCode::kUnknown;
  out.reason = error.reason();
  out.message = error.message();
  out.retryable = error.retryable();
  return out;
}

void ToProto(const TaskError& error, v1::TaskError& out) {
  out.set_code(static_cast<int>(error.code));
  out.set_reason(ForPeople(error.reason));
  out.set_message(ForPeople(error.message));
  out.set_retryable(error.retryable);
}

RetryPolicy RetryFromProto(const v1::RetryPolicy& policy, absl::string_view prefix,
                           Violations& violations) {
  RetryPolicy out;
  if (policy.max_attempts() != 0) out.max_attempts = policy.max_attempts();
  if (policy.has_min_backoff()) {
    const auto value =
        DurationFromProto(policy.min_backoff(), At(prefix, "min_backoff"), violations);
    if (value.has_value()) out.min_backoff = *value;
  }
  if (policy.has_max_backoff()) {
    const auto value =
        DurationFromProto(policy.max_backoff(), At(prefix, "max_backoff"), violations);
    if (value.has_value()) out.max_backoff = *value;
  }
  if (policy.multiplier() != 0) out.multiplier = policy.multiplier();
  if (policy.has_jitter()) out.jitter = policy.jitter();
  out.non_retryable_reasons.assign(policy.non_retryable_reasons().begin(),
                                   policy.non_retryable_reasons().end());
  return out;
}

Durability DurabilityFromProto(v1::Durability durability, absl::string_view field,
                               Violations& violations) {
  switch (durability) {
    case v1::DURABILITY_UNSPECIFIED:
      return Durability::kUnspecified;
    case v1::DURABILITY_MEMORY:
      return Durability::kMemory;
    case v1::DURABILITY_BUFFERED:
      return Durability::kBuffered;
    case v1::DURABILITY_DURABLE:
      return Durability::kDurable;
    default:
      violations.Add(field, absl::StrCat("unknown value ", static_cast<int>(durability)));
      return Durability::kUnspecified;
  }
}

void ToProto(const RetryPolicy& policy, v1::RetryPolicy& out) {
  out.set_max_attempts(policy.max_attempts);
  ToProto(policy.min_backoff, *out.mutable_min_backoff());
  ToProto(policy.max_backoff, *out.mutable_max_backoff());
  out.set_multiplier(policy.multiplier);
  out.set_jitter(policy.jitter);
  for (const std::string& reason : policy.non_retryable_reasons) {
    out.add_non_retryable_reasons(reason);
  }
}

TaskSpec SpecFromProto(const v1::Task& task, Priority default_priority, absl::string_view prefix,
                       Violations& violations) {
  CheckOutputOnly(task, prefix, violations);
  TaskSpec spec;
  spec.handler = task.handler();
  if (task.has_input()) spec.input = PayloadFromProto(task.input());
  spec.priority = task.priority() == v1::PRIORITY_UNSPECIFIED
                      ? default_priority
                      : PriorityFromProto(task.priority(), At(prefix, "priority"), violations)
                            .value_or(default_priority);
  if (task.has_schedule_time()) {
    const auto time = TimeFromProto(task.schedule_time(), At(prefix, "schedule_time"), violations);
    if (time.has_value()) spec.terms.Edit().schedule_time = *time;
  }
  if (task.has_deadline()) {
    const auto time = TimeFromProto(task.deadline(), At(prefix, "deadline"), violations);
    if (time.has_value()) spec.terms.Edit().deadline = *time;
  }
  if (task.has_queue_timeout()) {
    const auto value =
        DurationFromProto(task.queue_timeout(), At(prefix, "queue_timeout"), violations);
    if (value.has_value()) spec.terms.Edit().queue_timeout = *value;
  }
  if (task.has_run_timeout()) {
    const auto value = DurationFromProto(task.run_timeout(), At(prefix, "run_timeout"), violations);
    if (value.has_value()) spec.terms.Edit().run_timeout = *value;
  }
  if (task.has_retry_policy()) {
    spec.terms.Edit().retry =
        RetryFromProto(task.retry_policy(), At(prefix, "retry_policy"), violations);
  }
  if (!task.result_topic().empty()) spec.terms.Edit().result_topic = task.result_topic();
  if (task.has_result_ttl()) {
    spec.terms.Edit().result_ttl =
        DurationFromProto(task.result_ttl(), At(prefix, "result_ttl"), violations);
  }
  for (const auto& [key, value] : task.labels()) spec.terms.Edit().labels.emplace(key, value);
  spec.cancel_on_disconnect = task.cancel_on_disconnect();
  if (task.durability() != v1::DURABILITY_UNSPECIFIED) {
    spec.requested_durability =
        DurabilityFromProto(task.durability(), At(prefix, "durability"), violations);
  }
  return spec;
}

void ToProto(const TaskSpec& spec, v1::Task& out, TaskParts parts) {
  const TaskTerms& terms = *spec.terms;
  out.set_handler(spec.handler.str());
  if (parts.input) ToProto(spec.input, *out.mutable_input());
  out.set_priority(ToProto(spec.priority));
  SetIfSet(terms.schedule_time, &v1::Task::mutable_schedule_time, out);
  SetIfSet(terms.deadline, &v1::Task::mutable_deadline, out);
  if (terms.queue_timeout != absl::InfiniteDuration()) {
    ToProto(terms.queue_timeout, *out.mutable_queue_timeout());
  }
  if (terms.run_timeout != absl::InfiniteDuration()) {
    ToProto(terms.run_timeout, *out.mutable_run_timeout());
  }
  if (terms.retry.max_attempts > 1) ToProto(terms.retry, *out.mutable_retry_policy());
  out.set_result_topic(terms.result_topic);
  if (terms.result_ttl.has_value()) ToProto(*terms.result_ttl, *out.mutable_result_ttl());
  if (parts.labels) {
    for (const auto& [key, value] : terms.labels) (*out.mutable_labels())[key] = value;
  }
  out.set_cancel_on_disconnect(spec.cancel_on_disconnect);
  out.set_durability(ToProto(spec.requested_durability));
  out.set_retry_of(spec.origin->retry_of);
}

void ToProto(const TaskRecord& record, v1::Task& out, TaskParts parts) {
  const TaskHistory& history = *record.history;
  ToProto(*record.spec, out, parts);
  out.set_name(record.name());
  out.set_uid(record.uid.ToString());
  out.set_state(ToProto(record.state));
  const bool waits = record.state == TaskState::kQueued || record.state == TaskState::kScheduled;
  if (waits) out.set_wait_reason(ToProto(record.wait_reason));
  if (history.progress.has_value()) {
    out.mutable_progress()->set_fraction(history.progress->fraction);
    out.mutable_progress()->set_message(ForPeople(history.progress->message));
  }
  if (history.error.has_value()) {
    ToProto(*history.error, *out.mutable_error());
  } else if (history.output.has_value() && parts.output) {
    ToProto(*history.output, *out.mutable_output());
  }
  for (const AttemptRecord& attempt : history.attempts)
    AttemptToProto(attempt, *out.add_attempts());
  out.set_effective_durability(ToProto(record.effective_durability));
  ToProto(record.create_time, *out.mutable_create_time());
  SetIfSet(history.start_time, &v1::Task::mutable_start_time, out);
  SetIfSet(history.end_time, &v1::Task::mutable_end_time, out);
  SetIfSet(history.expire_time, &v1::Task::mutable_expire_time, out);
  SetIfSet(history.next_attempt_time, &v1::Task::mutable_next_attempt_time, out);
  if (history.cancel_requested_time.has_value()) {
    ToProto(*history.cancel_requested_time, *out.mutable_cancel_requested_time());
  }
  out.set_etag(EtagOf(record));
  if (history.start_time != absl::InfinitePast()) {
    ToProto(absl::Nanoseconds(history.queue_wait_ns), *out.mutable_queue_duration());
  }
  if (!history.attempts.empty() && IsTerminal(record.state)) {
    ToProto(absl::Nanoseconds(history.run_ns), *out.mutable_run_duration());
  }
  out.set_output_evicted(record.output_evicted);
}

std::string EtagOf(const TaskRecord& record) {
  return absl::StrCat(absl::Hex(record.revision), "-", record.uid.ToString());
}

}  // namespace taskforge
