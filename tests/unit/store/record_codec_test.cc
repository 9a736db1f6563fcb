#include "store/record_codec.h"

#include "gtest/gtest.h"

namespace taskforge {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

// With something in every field.
TaskRecord Full() {
  Ref<TaskSpec> spec = MakeRef<TaskSpec>();
  spec->priority = Priority::kHigh;
  spec->requested_durability = Durability::kBuffered;
  spec->cancel_on_disconnect = true;
  spec->queue = "mail";
  spec->handler = "images.resize";
  spec->input = {"image/png", std::string("\0\xff bytes", 8), false};
  TaskTerms& terms = spec->terms.Edit();
  terms.schedule_time = kNow + absl::Seconds(1);
  terms.deadline = kNow + absl::Hours(1);
  terms.queue_timeout = absl::Minutes(3);
  terms.run_timeout = absl::Milliseconds(1500);
  terms.retry = {7, absl::Milliseconds(20), absl::Minutes(2), 1.5, 0.25, {"BAD", "WORSE"}};
  terms.result_topic = "done.mail";
  terms.result_ttl = absl::Minutes(10);
  terms.labels = {{"team", "blue"}, {"tier", "1"}};
  spec->origin =
      TaskOrigin{"default",     "letter-1", "request-1", "ann", "queues/mail/tasks/letter-0",
                 "00-11-22-01", "x-1",      {}};
  spec->origin.Edit().request_hash = {0x1122334455667788ULL, 0x99aabbccddeeff00ULL};
  TaskRecord record;
  record.state = TaskState::kFailed;
  record.wait_reason = WaitReason::kNone;
  record.effective_durability = Durability::kDurable;
  record.output_evicted = true;
  record.spec = std::move(spec);
  record.uid = {0x0123456789abcdefULL, 0xfedcba9876543210ULL};
  record.create_time = kNow;
  record.revision = 12;
  TaskHistory& history = record.history.Edit();
  AttemptRecord attempt;
  attempt.number = 1;
  attempt.queued_time = kNow;
  attempt.started_time = kNow + absl::Nanoseconds(5);
  attempt.ended_time = kNow + absl::Nanoseconds(7);
  attempt.executor = "pool/seat-3";
  attempt.error = TaskError{absl::StatusCode::kInternal, "BAD", "it broke", false};
  attempt.lost = true;
  history.attempts = {
      attempt, AttemptRecord{.number = 2, .queued_time = kNow, .executor = "w", .error = {}}};
  history.output = Payload{"text/plain", "output", true};
  history.error = TaskError{absl::StatusCode::kAborted, "POISONED", "twice", true};
  history.start_time = kNow + absl::Seconds(2);
  history.end_time = kNow + absl::Seconds(3);
  history.expire_time = kNow + absl::Hours(24);
  history.next_attempt_time = kNow + absl::Seconds(9);
  history.cancel_requested_time = kNow + absl::Seconds(4);
  history.queue_wait_ns = 17;
  history.run_ns = 23;
  return record;
}

void ExpectSame(const TaskSpec& a, const TaskSpec& b) {
  EXPECT_EQ(a.priority, b.priority);
  EXPECT_EQ(a.requested_durability, b.requested_durability);
  EXPECT_EQ(a.cancel_on_disconnect, b.cancel_on_disconnect);
  EXPECT_EQ(a.queue, b.queue);
  EXPECT_EQ(a.handler, b.handler);
  EXPECT_EQ(a.input, b.input);
  EXPECT_EQ(a.terms->schedule_time, b.terms->schedule_time);
  EXPECT_EQ(a.terms->deadline, b.terms->deadline);
  EXPECT_EQ(a.terms->queue_timeout, b.terms->queue_timeout);
  EXPECT_EQ(a.terms->run_timeout, b.terms->run_timeout);
  EXPECT_EQ(a.terms->retry, b.terms->retry);
  EXPECT_EQ(a.terms->result_topic, b.terms->result_topic);
  EXPECT_EQ(a.terms->result_ttl, b.terms->result_ttl);
  EXPECT_EQ(a.terms->labels, b.terms->labels);
  EXPECT_EQ(a.origin->ns, b.origin->ns);
  EXPECT_EQ(a.origin->task_id, b.origin->task_id);
  EXPECT_EQ(a.origin->request_id, b.origin->request_id);
  EXPECT_EQ(a.origin->principal, b.origin->principal);
  EXPECT_EQ(a.origin->retry_of, b.origin->retry_of);
  EXPECT_EQ(a.origin->traceparent, b.origin->traceparent);
  EXPECT_EQ(a.origin->x_request_id, b.origin->x_request_id);
  EXPECT_EQ(a.origin->request_hash, b.origin->request_hash);
  EXPECT_EQ(HashOf(a), HashOf(b));
}

void ExpectSame(const TaskHistory& a, const TaskHistory& b) {
  ASSERT_EQ(a.attempts.size(), b.attempts.size());
  for (size_t i = 0; i < a.attempts.size(); ++i) {
    EXPECT_EQ(a.attempts[i].number, b.attempts[i].number);
    EXPECT_EQ(a.attempts[i].queued_time, b.attempts[i].queued_time);
    EXPECT_EQ(a.attempts[i].started_time, b.attempts[i].started_time);
    EXPECT_EQ(a.attempts[i].ended_time, b.attempts[i].ended_time);
    EXPECT_EQ(a.attempts[i].executor, b.attempts[i].executor);
    EXPECT_EQ(a.attempts[i].error, b.attempts[i].error);
    EXPECT_EQ(a.attempts[i].lost, b.attempts[i].lost);
  }
  EXPECT_EQ(a.output, b.output);
  EXPECT_EQ(a.error, b.error);
  EXPECT_EQ(a.start_time, b.start_time);
  EXPECT_EQ(a.end_time, b.end_time);
  EXPECT_EQ(a.expire_time, b.expire_time);
  EXPECT_EQ(a.next_attempt_time, b.next_attempt_time);
  EXPECT_EQ(a.cancel_requested_time, b.cancel_requested_time);
  EXPECT_EQ(a.queue_wait_ns, b.queue_wait_ns);
  EXPECT_EQ(a.run_ns, b.run_ns);
}

void ExpectSame(const TaskRecord& a, const TaskRecord& b) {
  EXPECT_EQ(a.name(), b.name());
  EXPECT_EQ(a.state, b.state);
  EXPECT_EQ(a.wait_reason, b.wait_reason);
  EXPECT_EQ(a.effective_durability, b.effective_durability);
  EXPECT_EQ(a.output_evicted, b.output_evicted);
  EXPECT_EQ(a.uid, b.uid);
  EXPECT_EQ(a.create_time, b.create_time);
  EXPECT_EQ(a.revision, b.revision);
  ExpectSame(*a.spec, *b.spec);
  ExpectSame(*a.history, *b.history);
}

TEST(RecordCodecTest, EveryFieldComesBack) {
  const TaskRecord record = Full();
  const auto decoded = DecodeRecord(EncodeRecord(record));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  ExpectSame(record, **decoded);
}

TEST(RecordCodecTest, WhatIsNotSetStaysSo) {
  TaskRecord record;
  Ref<TaskSpec> spec = MakeRef<TaskSpec>();
  spec->handler = "echo";
  record.spec = std::move(spec);
  record.create_time = kNow;
  const std::string bytes = EncodeRecord(record);
  EXPECT_LT(bytes.size(), 80u);
  const auto decoded = DecodeRecord(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  ExpectSame(record, **decoded);
  EXPECT_FALSE((*decoded)->spec->terms.is_set());
  EXPECT_FALSE((*decoded)->spec->origin.is_set());
  EXPECT_FALSE((*decoded)->history.is_set());
}

TEST(RecordCodecTest, EveryStatePriorityAndWaitComesBack) {
  for (int state = 0; state < kTaskStateCount; ++state) {
    for (const Priority priority : kPriorities) {
      TaskRecord record = Full();
      record.state = static_cast<TaskState>(state);
      record.wait_reason = record.state == TaskState::kScheduled ? WaitReason::kRetryBackoff
                           : record.state == TaskState::kQueued  ? WaitReason::kQueue
                                                                 : WaitReason::kNone;
      Ref<TaskSpec> spec = MakeRef<TaskSpec>(*record.spec);
      spec->priority = priority;
      record.spec = std::move(spec);
      const auto decoded = DecodeRecord(EncodeRecord(record));
      ASSERT_TRUE(decoded.ok());
      ExpectSame(record, **decoded);
    }
  }
}

TEST(RecordCodecTest, ProgressGoesOverTheRecordThatItIsOf) {
  const TaskRecord later = Full();
  TaskRecord record = Full();
  record.state = TaskState::kQueued;
  record.revision = 1;
  record.history = TaskHistory();
  ASSERT_TRUE(DecodeProgress(EncodeProgress(later), record).ok());
  ExpectSame(later, record);
}

TEST(RecordCodecTest, DamageIsToldNotGuessed) {
  EXPECT_TRUE(absl::IsDataLoss(DecodeRecord("").status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeRecord("\xff\xff\xff").status()));
  TaskRecord record = Full();
  EXPECT_TRUE(absl::IsDataLoss(DecodeProgress("", record)));
  EXPECT_TRUE(absl::IsDataLoss(DecodeProgress("\xff", record)));
  EXPECT_TRUE(absl::IsDataLoss(DecodeRequest("\xff").status()));
  // No prefix of a record is taken for a whole one that says something else.
  const std::string bytes = EncodeRecord(record);
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto decoded = DecodeRecord(absl::string_view(bytes).substr(0, size));
    EXPECT_FALSE(decoded.ok()) << size;
  }
}

// No task is without them: it could not be put back where it waited.
TEST(RecordCodecTest, ARecordWithoutAQueueOrAHandlerIsDamaged) {
  for (const bool has_queue : {false, true}) {
    auto spec = MakeRef<TaskSpec>();
    spec->queue = has_queue ? "default" : "";
    spec->handler = has_queue ? "" : "echo";
    TaskRecord record;
    record.spec = std::move(spec);
    EXPECT_TRUE(absl::IsDataLoss(DecodeRecord(EncodeRecord(record)).status())) << has_queue;
  }
}

TEST(RecordCodecTest, ARequestComesBack) {
  const KnownRequest request{{1, ~uint64_t{2}}, "queues/default/tasks/a", {3, ~uint64_t{4}}};
  const auto decoded = DecodeRequest(EncodeRequest(request));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->hash, request.hash);
  EXPECT_EQ(decoded->task_name, request.task_name);
  EXPECT_EQ(decoded->uid, request.uid);
}

}  // namespace
}  // namespace taskforge
