#include "rpc/convert.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

std::vector<std::string> FieldsOf(Violations& violations) {
  std::vector<std::string> fields;
  for (const auto& violation : DetailsOf(violations.TakeStatus()).field_violations) {
    fields.push_back(violation.field);
  }
  return fields;
}

TEST(PriorityConversion, IsATable) {
  const std::vector<std::pair<v1::Priority, Priority>> table = {
      {v1::PRIORITY_LOW, Priority::kLow},
      {v1::PRIORITY_NORMAL, Priority::kNormal},
      {v1::PRIORITY_HIGH, Priority::kHigh},
      {v1::PRIORITY_CRITICAL, Priority::kCritical},
  };
  for (const auto& [wire, core] : table) {
    Violations violations;
    EXPECT_EQ(PriorityFromProto(wire, "priority", violations), core);
    EXPECT_EQ(ToProto(core), wire);
    EXPECT_TRUE(violations.empty());
  }
}

TEST(PriorityConversion, RefusesUnknownValues) {
  for (int value : {1, 15, 50, -1}) {
    Violations violations;
    EXPECT_EQ(PriorityFromProto(static_cast<v1::Priority>(value), "p", violations), std::nullopt);
    EXPECT_THAT(FieldsOf(violations), testing::ElementsAre("p")) << value;
  }
}

TEST(StateConversion, IsATable) {
  EXPECT_EQ(ToProto(TaskState::kScheduled), v1::TASK_STATE_SCHEDULED);
  EXPECT_EQ(ToProto(TaskState::kQueued), v1::TASK_STATE_QUEUED);
  EXPECT_EQ(ToProto(TaskState::kRunning), v1::TASK_STATE_RUNNING);
  EXPECT_EQ(ToProto(TaskState::kSucceeded), v1::TASK_STATE_SUCCEEDED);
  EXPECT_EQ(ToProto(TaskState::kFailed), v1::TASK_STATE_FAILED);
  EXPECT_EQ(ToProto(TaskState::kCancelled), v1::TASK_STATE_CANCELLED);
  EXPECT_EQ(ToProto(TaskState::kExpired), v1::TASK_STATE_EXPIRED);
  EXPECT_EQ(ToProto(WaitReason::kNone), v1::WAIT_REASON_UNSPECIFIED);
  EXPECT_EQ(ToProto(WaitReason::kQueue), v1::WAIT_REASON_QUEUE);
  EXPECT_EQ(ToProto(WaitReason::kPriority), v1::WAIT_REASON_PRIORITY);
  EXPECT_EQ(ToProto(WaitReason::kSchedule), v1::WAIT_REASON_SCHEDULE);
  EXPECT_EQ(ToProto(WaitReason::kRetryBackoff), v1::WAIT_REASON_RETRY_BACKOFF);
  EXPECT_EQ(ToProto(WaitReason::kPaused), v1::WAIT_REASON_PAUSED);
  EXPECT_EQ(ToProto(Durability::kMemory), v1::DURABILITY_MEMORY);
}

TEST(DurationConversion, KeepsTheValue) {
  for (absl::Duration value :
       {absl::ZeroDuration(), absl::Nanoseconds(1), absl::Milliseconds(-1500), absl::Hours(100)}) {
    google::protobuf::Duration proto;
    ToProto(value, proto);
    Violations violations;
    EXPECT_EQ(DurationFromProto(proto, "d", violations), value);
  }
}

TEST(DurationConversion, CutsTheInfinite) {
  google::protobuf::Duration proto;
  ToProto(absl::InfiniteDuration(), proto);
  EXPECT_EQ(proto.seconds(), 315576000000);
}

TEST(DurationConversion, RefusesWhatIsNotADuration) {
  const std::vector<std::pair<int64_t, int32_t>> cases = {{315576000001, 0},
                                                          {-315576000001, 0},
                                                          {0, 1'000'000'000},
                                                          {1, -1},
                                                          {-1, 1},
                                                          {std::numeric_limits<int64_t>::max(), 0},
                                                          {std::numeric_limits<int64_t>::min(), 0}};
  for (const auto& [seconds, nanos] : cases) {
    google::protobuf::Duration proto;
    proto.set_seconds(seconds);
    proto.set_nanos(nanos);
    Violations violations;
    EXPECT_EQ(DurationFromProto(proto, "d", violations), std::nullopt);
    EXPECT_FALSE(violations.empty()) << seconds << " " << nanos;
  }
}

TEST(TimeConversion, RefusesWhatIsNotATime) {
  const std::vector<std::pair<int64_t, int32_t>> cases = {
      {253402300800, 0}, {-62135596801, 0}, {0, -1}, {0, 1'000'000'000}};
  for (const auto& [seconds, nanos] : cases) {
    google::protobuf::Timestamp proto;
    proto.set_seconds(seconds);
    proto.set_nanos(nanos);
    Violations violations;
    EXPECT_EQ(TimeFromProto(proto, "t", violations), std::nullopt);
    EXPECT_FALSE(violations.empty()) << seconds << " " << nanos;
  }
}

TEST(PayloadConversion, KeepsTextAndBytesApart) {
  for (bool is_text : {false, true}) {
    const Payload payload{"application/json", "{}", is_text};
    v1::Payload proto;
    ToProto(payload, proto);
    EXPECT_EQ(proto.data_case(), is_text ? v1::Payload::kTextData : v1::Payload::kBinaryData);
    EXPECT_EQ(PayloadFromProto(proto), payload);
  }
}

TEST(ErrorConversion, KeepsTheError) {
  const TaskError error{absl::StatusCode::kDeadlineExceeded, "TIMEOUT", "too long", true};
  v1::TaskError proto;
  ToProto(error, proto);
  EXPECT_EQ(ErrorFromProto(proto), error);
}

// One byte that is not UTF-8 in any string makes a whole message unreadable for clients.
TEST(Conversion, NeverPutsBytesIntoText) {
  for (const char* bytes :
       {"\xFF", "a\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\x80"}) {
    v1::TaskError error;
    ToProto(TaskError{absl::StatusCode::kInternal, "R", bytes, false}, error);
    v1::TaskError parsed;
    EXPECT_TRUE(parsed.ParseFromString(error.SerializeAsString())) << error.message();
    EXPECT_THAT(error.message(), testing::HasSubstr("\\x"));
    v1::Payload payload;
    ToProto(Payload{"", bytes, true}, payload);
    EXPECT_EQ(payload.binary_data(), bytes);
  }
  for (const char* text : {"plain", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", ""}) {
    v1::TaskError error;
    ToProto(TaskError{absl::StatusCode::kInternal, "R", text, false}, error);
    EXPECT_EQ(error.message(), text);
  }
}

TEST(ErrorConversion, AnUnknownCodeIsUnknown) {
  for (int code : {0, 17, -1, 1000}) {
    v1::TaskError proto;
    proto.set_code(code);
    EXPECT_EQ(ErrorFromProto(proto).code, absl::StatusCode::kUnknown) << code;
  }
}

TEST(SpecFromProto, TakesEveryField) {
  v1::Task task;
  task.set_handler("echo");
  task.mutable_input()->set_text_data("hi");
  task.set_priority(v1::PRIORITY_CRITICAL);
  task.mutable_schedule_time()->set_seconds(100);
  task.mutable_deadline()->set_seconds(200);
  task.mutable_queue_timeout()->set_seconds(3);
  task.mutable_run_timeout()->set_seconds(4);
  task.mutable_retry_policy()->set_max_attempts(5);
  task.mutable_retry_policy()->set_jitter(0);
  task.set_result_topic("done");
  task.mutable_result_ttl()->set_seconds(6);
  (*task.mutable_labels())["team"] = "a";
  task.set_cancel_on_disconnect(true);
  task.set_durability(v1::DURABILITY_MEMORY);
  Violations violations;
  const TaskSpec spec = SpecFromProto(task, Priority::kLow, "task", violations);
  EXPECT_TRUE(violations.empty());
  EXPECT_EQ(spec.handler, "echo");
  EXPECT_EQ(spec.input.data, "hi");
  EXPECT_TRUE(spec.input.is_text);
  EXPECT_EQ(spec.priority, Priority::kCritical);
  EXPECT_EQ(spec.terms->schedule_time, absl::FromUnixSeconds(100));
  EXPECT_EQ(spec.terms->deadline, absl::FromUnixSeconds(200));
  EXPECT_EQ(spec.terms->queue_timeout, absl::Seconds(3));
  EXPECT_EQ(spec.terms->run_timeout, absl::Seconds(4));
  EXPECT_EQ(spec.terms->retry.max_attempts, 5);
  EXPECT_EQ(spec.terms->retry.jitter, 0);
  EXPECT_EQ(spec.terms->retry.multiplier, 2);
  EXPECT_EQ(spec.terms->result_topic, "done");
  EXPECT_EQ(spec.terms->result_ttl, absl::Seconds(6));
  EXPECT_EQ(spec.terms->labels.at("team"), "a");
  EXPECT_TRUE(spec.cancel_on_disconnect);
  EXPECT_EQ(spec.requested_durability, Durability::kMemory);
}

// Sets a field of any type to something.
void SetSomething(v1::Task& task, const google::protobuf::FieldDescriptor& field) {
  using Field = google::protobuf::FieldDescriptor;
  const google::protobuf::Reflection& reflection = *task.GetReflection();
  if (field.is_repeated()) {
    reflection.AddMessage(&task, &field);
    return;
  }
  switch (field.cpp_type()) {
    case Field::CPPTYPE_STRING:
      reflection.SetString(&task, &field, "x");
      break;
    case Field::CPPTYPE_ENUM:
      reflection.SetEnumValue(&task, &field, 1);
      break;
    case Field::CPPTYPE_BOOL:
      reflection.SetBool(&task, &field, true);
      break;
    case Field::CPPTYPE_MESSAGE:
      reflection.MutableMessage(&task, &field);
      break;
    default:
      FAIL() << field.name() << " is of a type that this test does not know yet";
  }
}

// Every field that is not an input: also those that will be added.
TEST(SpecFromProto, RefusesWhatOnlyTheServerSets) {
  const google::protobuf::Descriptor& descriptor = *v1::Task::descriptor();
  int output_only = 0;
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const google::protobuf::FieldDescriptor& field = *descriptor.field(i);
    const bool is_input = field.number() >= v1::Task::kHandlerFieldNumber &&
                          field.number() <= v1::Task::kDurabilityFieldNumber;
    if (is_input) continue;
    ++output_only;
    v1::Task task;
    SetSomething(task, field);
    Violations violations;
    SpecFromProto(task, Priority::kLow, "task", violations);
    const std::vector<FieldViolation> found = violations.Take();
    ASSERT_EQ(found.size(), 1U) << field.name();
    EXPECT_EQ(found[0].field, "task." + field.name());
  }
  EXPECT_EQ(output_only, 20);
}

TEST(SpecFromProto, LeavesItToTheCoreToRefuseABetterDurability) {
  v1::Task task;
  Violations violations;
  task.set_durability(v1::DURABILITY_BUFFERED);
  EXPECT_EQ(SpecFromProto(task, Priority::kLow, "task", violations).requested_durability,
            Durability::kBuffered);
  task.set_durability(v1::DURABILITY_DURABLE);
  EXPECT_EQ(SpecFromProto(task, Priority::kLow, "task", violations).requested_durability,
            Durability::kDurable);
  EXPECT_TRUE(violations.empty());
}

TEST(SpecFromProto, NamesUnknownEnumValuesWithTheirPath) {
  v1::Task task;
  task.set_priority(static_cast<v1::Priority>(99));
  task.set_durability(static_cast<v1::Durability>(99));
  task.mutable_retry_policy()->mutable_min_backoff()->set_nanos(-5);
  task.mutable_retry_policy()->mutable_min_backoff()->set_seconds(5);
  Violations violations;
  SpecFromProto(task, Priority::kLow, "task", violations);
  EXPECT_THAT(FieldsOf(violations),
              testing::UnorderedElementsAre("task.priority", "task.durability",
                                            "task.retry_policy.min_backoff"));
}

TaskRecord FinishedRecord() {
  TaskSpec spec;
  spec.handler = "echo";
  spec.input.data = "in";
  spec.origin.Edit().task_id = "t";
  spec.terms.Edit().labels["team"] = "a";
  TaskRecord record;
  record.spec = MakeRef<TaskSpec>(spec);
  record.state = TaskState::kSucceeded;
  record.history.Edit().output = Payload{"", "out", true};
  record.create_time = absl::FromUnixSeconds(1);
  record.history.Edit().start_time = absl::FromUnixSeconds(2);
  record.history.Edit().end_time = absl::FromUnixSeconds(3);
  record.history.Edit().queue_wait_ns = 80'000;
  record.history.Edit().run_ns = 40'000;
  AttemptRecord attempt;
  attempt.number = 1;
  attempt.queued_time = record.create_time;
  attempt.started_time = record.history->start_time;
  attempt.executor = "pool/seat-3";
  attempt.started_dispatch = 12;
  record.history.Edit().attempts.push_back(attempt);
  return record;
}

TEST(TaskToProto, ShowsTheRecord) {
  v1::Task task;
  ToProto(FinishedRecord(), task);
  EXPECT_EQ(task.name(), "queues/default/tasks/t");
  EXPECT_EQ(task.state(), v1::TASK_STATE_SUCCEEDED);
  EXPECT_EQ(task.wait_reason(), v1::WAIT_REASON_UNSPECIFIED);
  EXPECT_EQ(task.output().text_data(), "out");
  EXPECT_EQ(task.input().binary_data(), "in");
  EXPECT_EQ(task.end_time().seconds(), 3);
  EXPECT_FALSE(task.has_schedule_time());
  EXPECT_FALSE(task.has_deadline());
  EXPECT_FALSE(task.has_run_timeout());
  EXPECT_FALSE(task.has_expire_time());
  EXPECT_FALSE(task.has_cancel_requested_time());
  EXPECT_EQ(task.queue_duration().nanos(), 80'000);
  EXPECT_EQ(task.run_duration().nanos(), 40'000);
  ASSERT_EQ(task.attempts_size(), 1);
  EXPECT_EQ(task.attempts(0).executor(), "pool/seat-3");
  EXPECT_EQ(task.attempts(0).dispatch().started(), 12U);
  EXPECT_FALSE(task.attempts(0).has_end_time());
  EXPECT_NE(task.etag(), "");
}

TEST(TaskToProto, LeavesPartsOut) {
  v1::Task task;
  ToProto(FinishedRecord(), task, {.input = false, .output = false, .labels = false});
  EXPECT_FALSE(task.has_input());
  EXPECT_FALSE(task.has_output());
  EXPECT_EQ(task.labels_size(), 0);
}

TEST(TaskToProto, ShowsAnError) {
  TaskRecord record = FinishedRecord();
  record.state = TaskState::kFailed;
  record.history.Edit().output.reset();
  record.history.Edit().error = TaskError{absl::StatusCode::kInternal, "EXCEPTION", "boom", false};
  v1::Task task;
  ToProto(record, task);
  EXPECT_EQ(task.error().reason(), "EXCEPTION");
  EXPECT_EQ(task.error().code(), 13);
  EXPECT_EQ(task.result_case(), v1::Task::kError);
}

TEST(Etag, ChangesWithTheRecord) {
  TaskRecord record = FinishedRecord();
  const std::string before = EtagOf(record);
  ++record.revision;
  EXPECT_NE(EtagOf(record), before);
}

}  // namespace
}  // namespace taskforge
