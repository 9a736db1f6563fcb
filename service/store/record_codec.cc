#include "store/record_codec.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "store/stored_values.h"
#include "stored.pb.h"

namespace taskforge {
namespace {

using store::StoredAttempt;
using store::StoredError;
using store::StoredHistory;
using store::StoredOrigin;
using store::StoredPayload;
using store::StoredProgress;
using store::StoredRecord;
using store::StoredRequest;
using store::StoredSpec;
using store::StoredTerms;
using ::taskforge::Decode;  // The overloads here would hide them.
using ::taskforge::Encode;

// Stored numbers are the API's, so that the core's enumerations may be put in another order.
constexpr int kStateOffset = 1;
constexpr int kPriorityStep = 10;

absl::Status Corrupt(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the store holds a damaged ", what));
}

template <typename Text>
void SetText(const Text& text, std::string* out) {
  const absl::string_view view(text);
  out->assign(view.data(), view.size());
}

void Encode(const Payload& payload, StoredPayload& out) {
  SetText(payload.content_type, out.mutable_content_type());
  SetText(payload.data, out.mutable_data());
  out.set_is_text(payload.is_text);
}
Payload Decode(const StoredPayload& stored) {
  return {stored.content_type(), stored.data(), stored.is_text()};
}

void Encode(const TaskError& error, StoredError& out) {
  out.set_code(static_cast<int>(error.code));
  out.set_reason(error.reason);
  out.set_message(error.message);
  out.set_retryable(error.retryable);
}
TaskError Decode(const StoredError& stored) {
  return {static_cast<absl::StatusCode>(stored.code()), stored.reason(), stored.message(),
          stored.retryable()};
}

void Encode(const TaskTerms& terms, StoredTerms& out) {
  SetFinite(terms.schedule_time, out, &StoredTerms::set_schedule_time);
  SetFinite(terms.deadline, out, &StoredTerms::set_deadline);
  SetFinite(terms.queue_timeout, out, &StoredTerms::set_queue_timeout_ns);
  SetFinite(terms.run_timeout, out, &StoredTerms::set_run_timeout_ns);
  Encode(terms.retry, *out.mutable_retry());
  out.set_result_topic(terms.result_topic);
  if (terms.result_ttl.has_value()) out.set_result_ttl_ns(Stored(*terms.result_ttl));
  for (const auto& [key, value] : terms.labels) (*out.mutable_labels())[key] = value;
}
TaskTerms Decode(const StoredTerms& stored) {
  TaskTerms terms;
  terms.schedule_time =
      TimeOr(stored.has_schedule_time(), stored.schedule_time(), absl::InfinitePast());
  terms.deadline = TimeOr(stored.has_deadline(), stored.deadline(), absl::InfiniteFuture());
  terms.queue_timeout = DurationOr(stored.has_queue_timeout_ns(), stored.queue_timeout_ns(),
                                   absl::InfiniteDuration());
  terms.run_timeout =
      DurationOr(stored.has_run_timeout_ns(), stored.run_timeout_ns(), absl::InfiniteDuration());
  terms.retry = Decode(stored.retry());
  terms.result_topic = stored.result_topic();
  if (stored.has_result_ttl_ns()) terms.result_ttl = absl::Nanoseconds(stored.result_ttl_ns());
  for (const auto& [key, value] : stored.labels()) terms.labels.emplace(key, value);
  return terms;
}

void Encode(const TaskOrigin& origin, StoredOrigin& out) {
  out.set_ns(origin.ns);
  out.set_task_id(origin.task_id);
  out.set_request_id(origin.request_id);
  out.set_principal(origin.principal);
  out.set_retry_of(origin.retry_of);
  out.set_traceparent(origin.traceparent);
  out.set_x_request_id(origin.x_request_id);
  out.set_request_hash_high(origin.request_hash.high);
  out.set_request_hash_low(origin.request_hash.low);
}
TaskOrigin Decode(const StoredOrigin& stored) {
  return {stored.ns(),           stored.task_id(),
          stored.request_id(),   stored.principal(),
          stored.retry_of(),     stored.traceparent(),
          stored.x_request_id(), {stored.request_hash_high(), stored.request_hash_low()}};
}

void Encode(const TaskSpec& spec, StoredSpec& out) {
  out.set_priority((static_cast<int>(Index(spec.priority)) + 1) * kPriorityStep);
  out.set_requested_durability(static_cast<int>(spec.requested_durability));
  out.set_cancel_on_disconnect(spec.cancel_on_disconnect);
  SetText(spec.queue, out.mutable_queue());
  SetText(spec.handler, out.mutable_handler());
  Encode(spec.input, *out.mutable_input());
  if (spec.terms.is_set()) Encode(*spec.terms, *out.mutable_terms());
  if (spec.origin.is_set()) Encode(*spec.origin, *out.mutable_origin());
}

bool Decode(const StoredSpec& stored, TaskSpec& spec) {
  const int priority = stored.priority() / kPriorityStep - 1;
  if (priority < 0 || priority >= static_cast<int>(kPriorityCount)) return false;
  if (stored.queue().empty() || stored.handler().empty()) return false;
  spec.priority = static_cast<Priority>(priority);
  spec.requested_durability = static_cast<Durability>(stored.requested_durability());
  spec.cancel_on_disconnect = stored.cancel_on_disconnect();
  spec.queue = stored.queue();
  spec.handler = stored.handler();
  spec.input = Decode(stored.input());
  if (stored.has_terms()) spec.terms = Decode(stored.terms());
  if (stored.has_origin()) spec.origin = Decode(stored.origin());
  return true;
}

void Encode(const AttemptRecord& attempt, StoredAttempt& out) {
  out.set_number(attempt.number);
  SetFinite(attempt.queued_time, out, &StoredAttempt::set_queued_time);
  SetFinite(attempt.started_time, out, &StoredAttempt::set_started_time);
  SetFinite(attempt.ended_time, out, &StoredAttempt::set_ended_time);
  out.set_executor(attempt.executor);
  if (attempt.error.has_value()) Encode(*attempt.error, *out.mutable_error());
  out.set_lost(attempt.lost);
}
AttemptRecord Decode(const StoredAttempt& stored) {
  AttemptRecord attempt;
  attempt.number = stored.number();
  attempt.queued_time = TimeOr(stored.has_queued_time(), stored.queued_time(), absl::UnixEpoch());
  attempt.started_time =
      TimeOr(stored.has_started_time(), stored.started_time(), absl::InfinitePast());
  attempt.ended_time = TimeOr(stored.has_ended_time(), stored.ended_time(), absl::InfiniteFuture());
  attempt.executor = stored.executor();
  if (stored.has_error()) attempt.error = Decode(stored.error());
  attempt.lost = stored.lost();
  return attempt;
}

void Encode(const TaskHistory& history, StoredHistory& out) {
  for (const AttemptRecord& attempt : history.attempts) Encode(attempt, *out.add_attempts());
  if (history.output.has_value()) Encode(*history.output, *out.mutable_output());
  if (history.error.has_value()) Encode(*history.error, *out.mutable_error());
  SetFinite(history.start_time, out, &StoredHistory::set_start_time);
  SetFinite(history.end_time, out, &StoredHistory::set_end_time);
  SetFinite(history.expire_time, out, &StoredHistory::set_expire_time);
  SetFinite(history.next_attempt_time, out, &StoredHistory::set_next_attempt_time);
  if (history.cancel_requested_time.has_value()) {
    out.set_cancel_requested_time(Stored(*history.cancel_requested_time));
  }
  out.set_queue_wait_ns(history.queue_wait_ns);
  out.set_run_ns(history.run_ns);
}
TaskHistory Decode(const StoredHistory& stored) {
  TaskHistory history;
  for (const StoredAttempt& attempt : stored.attempts()) {
    history.attempts.push_back(Decode(attempt));
  }
  if (stored.has_output()) history.output = Decode(stored.output());
  if (stored.has_error()) history.error = Decode(stored.error());
  history.start_time = TimeOr(stored.has_start_time(), stored.start_time(), absl::InfinitePast());
  history.end_time = TimeOr(stored.has_end_time(), stored.end_time(), absl::InfiniteFuture());
  history.expire_time =
      TimeOr(stored.has_expire_time(), stored.expire_time(), absl::InfiniteFuture());
  history.next_attempt_time =
      TimeOr(stored.has_next_attempt_time(), stored.next_attempt_time(), absl::InfinitePast());
  if (stored.has_cancel_requested_time()) {
    history.cancel_requested_time = absl::FromUnixNanos(stored.cancel_requested_time());
  }
  history.queue_wait_ns = stored.queue_wait_ns();
  history.run_ns = stored.run_ns();
  return history;
}

void EncodeInto(const TaskRecord& record, StoredProgress& out) {
  out.set_state(static_cast<int>(record.state) + kStateOffset);
  out.set_wait_reason(static_cast<int>(record.wait_reason));
  out.set_revision(record.revision);
  if (record.history.is_set()) Encode(*record.history, *out.mutable_history());
}

// Why a task waits is known anew when it waits anew, but for those that wait for a time.
WaitReason DecodeWaitReason(int stored, TaskState state) {
  const auto reason = static_cast<WaitReason>(stored);
  if (state == TaskState::kScheduled) {
    return reason == WaitReason::kRetryBackoff ? reason : WaitReason::kSchedule;
  }
  return state == TaskState::kQueued ? WaitReason::kQueue : WaitReason::kNone;
}

bool DecodeInto(const StoredProgress& stored, TaskRecord& record) {
  const int state = stored.state() - kStateOffset;
  if (state < 0 || state >= kTaskStateCount) return false;
  record.state = static_cast<TaskState>(state);
  record.wait_reason = DecodeWaitReason(stored.wait_reason(), record.state);
  record.revision = stored.revision();
  if (stored.has_history()) record.history = Decode(stored.history());
  return true;
}

}  // namespace

std::string EncodeRecord(const TaskRecord& record) {
  StoredRecord out;
  out.set_uid_high(record.uid.high);
  out.set_uid_low(record.uid.low);
  SetFinite(record.create_time, out, &StoredRecord::set_create_time);
  out.set_effective_durability(static_cast<int>(record.effective_durability));
  out.set_output_evicted(record.output_evicted);
  EncodeInto(record, *out.mutable_progress());
  Encode(*record.spec, *out.mutable_spec());
  return out.SerializeAsString();
}

absl::StatusOr<Ref<TaskRecord>> DecodeRecord(absl::string_view bytes) {
  StoredRecord stored;
  if (!stored.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Corrupt("task");
  }
  Ref<TaskRecord> record = MakeRef<TaskRecord>();
  Ref<TaskSpec> spec = MakeRef<TaskSpec>();
  if (!DecodeInto(stored.progress(), *record) || !Decode(stored.spec(), *spec)) {
    return Corrupt("task");
  }
  record->uid = {stored.uid_high(), stored.uid_low()};
  record->create_time = TimeOr(stored.has_create_time(), stored.create_time(), absl::UnixEpoch());
  record->effective_durability = static_cast<Durability>(stored.effective_durability());
  record->output_evicted = stored.output_evicted();
  record->spec = std::move(spec);
  return record;
}

std::string EncodeProgress(const TaskRecord& record) {
  StoredProgress out;
  EncodeInto(record, out);
  return out.SerializeAsString();
}

absl::Status DecodeProgress(absl::string_view bytes, TaskRecord& record) {
  StoredProgress stored;
  if (!stored.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      !DecodeInto(stored, record)) {
    return Corrupt("note of a task's progress");
  }
  return absl::OkStatus();
}

std::string EncodeRequest(const KnownRequest& request) {
  StoredRequest out;
  out.set_hash_high(request.hash.high);
  out.set_hash_low(request.hash.low);
  out.set_uid_high(request.uid.high);
  out.set_uid_low(request.uid.low);
  out.set_task_name(request.task_name);
  return out.SerializeAsString();
}

absl::StatusOr<KnownRequest> DecodeRequest(absl::string_view bytes) {
  StoredRequest stored;
  if (!stored.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Corrupt("request_id");
  }
  return KnownRequest{{stored.hash_high(), stored.hash_low()},
                      stored.task_name(),
                      {stored.uid_high(), stored.uid_low()}};
}

}  // namespace taskforge
