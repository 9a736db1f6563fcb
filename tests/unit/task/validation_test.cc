#include "task/validation.h"

#include <cmath>
#include <functional>
#include <ostream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1'767'225'600);

TaskSpec ValidSpec() {
  TaskSpec spec;
  spec.handler = "echo";
  return spec;
}

std::vector<FieldViolation> Check(TaskSpec& spec) {
  return ValidateAndComplete(spec, TaskDefaults(), TaskLimits(), kNow);
}

std::vector<std::string> Fields(TaskSpec spec) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : Check(spec)) fields.push_back(violation.field);
  return fields;
}

TEST(NamesTest, QueueNames) {
  for (const char* good : {"a", "default", "a-b_9"}) EXPECT_TRUE(IsQueueName(good)) << good;
  for (const char* bad : {"", "A", "9a", "a.b", "a b", "-a", "queues/a"}) {
    EXPECT_FALSE(IsQueueName(bad)) << bad;
  }
  EXPECT_TRUE(IsQueueName(std::string(63, 'a')));
  EXPECT_FALSE(IsQueueName(std::string(64, 'a')));
}

TEST(NamesTest, HandlerNamesMayHaveDots) {
  for (const char* good : {"echo", "a.b", "img.resize-2.fast"}) {
    EXPECT_TRUE(IsHandlerName(good)) << good;
  }
  for (const char* bad : {"", ".", "a.", ".a", "a..b", "a.9", "A"}) {
    EXPECT_FALSE(IsHandlerName(bad)) << bad;
  }
  const std::string part(63, 'a');
  EXPECT_TRUE(IsHandlerName(part + "." + part));
  EXPECT_FALSE(IsHandlerName(part + "." + part + ".b"));  // 129 bytes.
}

TEST(NamesTest, TaskIdsAndLabelKeys) {
  EXPECT_TRUE(IsTaskId("019b75d8-8a00-7000-8000-000000000000"));
  EXPECT_TRUE(IsTaskId("9a.b_c"));
  EXPECT_FALSE(IsTaskId("-a"));
  EXPECT_FALSE(IsTaskId("a/b"));
  EXPECT_FALSE(IsTaskId(""));
  EXPECT_TRUE(IsLabelKey("team/name"));
  EXPECT_FALSE(IsLabelKey("Team"));
}

TEST(NamesTest, ResultTopicsAreNoWildcardsAndNotTheServersOwn) {
  for (const char* good : {"a", "orders.eu.paid", "A_b-9", "tasks.a"}) {
    EXPECT_TRUE(IsResultTopic(good)) << good;
  }
  for (const char* bad : {"", ".", "a.", "a..b", "a.*", ">", "a b", "task.a", "task", "sys.x"}) {
    EXPECT_FALSE(IsResultTopic(bad)) << bad;
  }
  EXPECT_TRUE(IsResultTopic("1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16"));
  EXPECT_FALSE(IsResultTopic("1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17"));
  EXPECT_FALSE(IsResultTopic(std::string(129, 'a')));
}

TEST(ValidationTest, AcceptsTheLeastAndCompletesIt) {
  TaskSpec spec = ValidSpec();
  spec.terms.Edit().retry.max_attempts = 0;
  spec.terms.Edit().retry.multiplier = 0;
  EXPECT_THAT(Check(spec), IsEmpty());
  EXPECT_EQ(spec.terms->retry.max_attempts, 1);
  EXPECT_EQ(spec.terms->retry.multiplier, 2.0);
  EXPECT_EQ(spec.terms->run_timeout, TaskDefaults().run_timeout);
  EXPECT_EQ(spec.terms->queue_timeout, absl::InfiniteDuration());
}

TEST(ValidationTest, TheServersRunTimeoutIsForThoseWhoSetNone) {
  TaskDefaults defaults;
  defaults.run_timeout = absl::Minutes(7);
  TaskSpec spec = ValidSpec();
  ValidateAndComplete(spec, defaults, TaskLimits(), kNow);
  EXPECT_EQ(spec.terms->run_timeout, absl::Minutes(7));
  spec.terms.Edit().run_timeout = absl::Seconds(1);
  ValidateAndComplete(spec, defaults, TaskLimits(), kNow);
  EXPECT_EQ(spec.terms->run_timeout, absl::Seconds(1));
}

TEST(ValidationTest, KeepsWhatIsAskedFor) {
  TaskSpec spec = ValidSpec();
  spec.terms.Edit().run_timeout = absl::Seconds(3);
  spec.terms.Edit().retry.max_attempts = 7;
  EXPECT_THAT(Check(spec), IsEmpty());
  EXPECT_EQ(spec.terms->run_timeout, absl::Seconds(3));
  EXPECT_EQ(spec.terms->retry.max_attempts, 7);
}

TEST(ValidationTest, TellsAllViolationsAtOnce) {
  TaskSpec spec;
  spec.queue = "No";
  spec.origin.Edit().task_id = "?";
  spec.origin.Edit().request_id = std::string(129, 'r');
  spec.terms.Edit().retry.max_attempts = 101;
  spec.terms.Edit().deadline = kNow - absl::Seconds(1);
  EXPECT_THAT(Fields(spec), ElementsAre("parent", "task_id", "request_id", "task.handler",
                                        "task.deadline", "task.retry_policy.max_attempts"));
}

TEST(ValidationTest, AViolationSaysWhatLimitAndWayOut) {
  TaskSpec spec = ValidSpec();
  spec.input.data = std::string((1 << 20) + 1, 'x');
  const std::vector<FieldViolation> violations = Check(spec);
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].field, "task.input");
  EXPECT_THAT(violations[0].description, HasSubstr("1048577"));
  EXPECT_THAT(violations[0].description, HasSubstr("at most 1048576"));
  EXPECT_THAT(violations[0].description, HasSubstr("limits.max_payload_bytes"));
}

TEST(ValidationTest, ClientBytesInMessagesArePrintableAndShort) {
  TaskSpec spec = ValidSpec();
  spec.handler = "\x1b[31m" + std::string(1000, 'x');
  const std::vector<FieldViolation> violations = Check(spec);
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].description.find('\x1b'), std::string::npos);
  EXPECT_LT(violations[0].description.size(), 300u);
}

struct Case {
  const char* what;
  std::function<void(TaskSpec&)> change;
  const char* field;  // Null: valid.
};
// So that a test has the same name each time.
void PrintTo(const Case& one, std::ostream* out) { *out << one.what; }

class RangeTest : public ::testing::TestWithParam<Case> {};

TEST_P(RangeTest, IsHeld) {
  TaskSpec spec = ValidSpec();
  GetParam().change(spec);
  if (GetParam().field == nullptr) {
    EXPECT_THAT(Fields(spec), IsEmpty()) << GetParam().what;
  } else {
    EXPECT_THAT(Fields(spec), ElementsAre(GetParam().field)) << GetParam().what;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Validation, RangeTest,
    ::testing::Values(
        Case{"schedule far ahead",
             [](TaskSpec& s) { s.terms.Edit().schedule_time = kNow + absl::Hours(367 * 24); },
             "task.schedule_time"},
        Case{"schedule in the past",
             [](TaskSpec& s) { s.terms.Edit().schedule_time = kNow - absl::Hours(1); }, nullptr},
        Case{"deadline before schedule",
             [](TaskSpec& s) {
               s.terms.Edit().schedule_time = kNow + absl::Hours(2);
               s.terms.Edit().deadline = kNow + absl::Hours(1);
             },
             "task.deadline"},
        Case{"queue_timeout of zero",
             [](TaskSpec& s) { s.terms.Edit().queue_timeout = absl::ZeroDuration(); },
             "task.queue_timeout"},
        Case{"run_timeout below zero",
             [](TaskSpec& s) { s.terms.Edit().run_timeout = -absl::Seconds(1); },
             "task.run_timeout"},
        Case{"result_ttl of zero",
             [](TaskSpec& s) { s.terms.Edit().result_ttl = absl::ZeroDuration(); }, nullptr},
        Case{"result_ttl too long",
             [](TaskSpec& s) { s.terms.Edit().result_ttl = absl::Hours(31 * 24); },
             "task.result_ttl"},
        Case{"attempts below zero", [](TaskSpec& s) { s.terms.Edit().retry.max_attempts = -1; },
             "task.retry_policy.max_attempts"},
        Case{"100 attempts", [](TaskSpec& s) { s.terms.Edit().retry.max_attempts = 100; }, nullptr},
        Case{"min_backoff too short",
             [](TaskSpec& s) { s.terms.Edit().retry.min_backoff = absl::Microseconds(1); },
             "task.retry_policy.min_backoff"},
        Case{"max_backoff too long",
             [](TaskSpec& s) { s.terms.Edit().retry.max_backoff = absl::Hours(25); },
             "task.retry_policy.max_backoff"},
        Case{"min above max",
             [](TaskSpec& s) { s.terms.Edit().retry.min_backoff = absl::Hours(1); },
             "task.retry_policy.max_backoff"},
        Case{"multiplier below one", [](TaskSpec& s) { s.terms.Edit().retry.multiplier = 0.5; },
             "task.retry_policy.multiplier"},
        Case{"multiplier not a number",
             [](TaskSpec& s) { s.terms.Edit().retry.multiplier = std::nan(""); },
             "task.retry_policy.multiplier"},
        Case{"jitter above one", [](TaskSpec& s) { s.terms.Edit().retry.jitter = 1.5; },
             "task.retry_policy.jitter"},
        Case{"too many reasons",
             [](TaskSpec& s) { s.terms.Edit().retry.non_retryable_reasons.assign(17, "A"); },
             "task.retry_policy.non_retryable_reasons"},
        Case{"empty reason",
             [](TaskSpec& s) {
               s.terms.Edit().retry.non_retryable_reasons = {"A", ""};
             },
             "task.retry_policy.non_retryable_reasons[1]"},
        Case{"label key", [](TaskSpec& s) { s.terms.Edit().labels["Team"] = "a"; }, "task.labels"},
        Case{"label value", [](TaskSpec& s) { s.terms.Edit().labels["a"] = std::string(257, 'v'); },
             "task.labels[a]"},
        Case{"too many labels",
             [](TaskSpec& s) {
               for (int i = 0; i < 33; ++i) s.terms.Edit().labels["k" + std::to_string(i)] = "";
             },
             "task.labels"},
        Case{"content type", [](TaskSpec& s) { s.input.content_type = std::string(256, 'c'); },
             "task.input.content_type"},
        Case{"result topic", [](TaskSpec& s) { s.terms.Edit().result_topic = "task.mine"; },
             "task.result_topic"}));

TEST(DurabilityTest, BetterThanOfferedIsRefusedByName) {
  TaskSpec spec = ValidSpec();
  spec.requested_durability = Durability::kDurable;
  const absl::Status status = CheckDurability(spec, TaskLimits());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  ASSERT_EQ(DetailsOf(status).field_violations.size(), 1u);
  EXPECT_EQ(DetailsOf(status).field_violations[0].field, "task.durability");
}

TEST(DurabilityTest, WhatIsOfferedIsAccepted) {
  TaskSpec spec = ValidSpec();
  EXPECT_TRUE(CheckDurability(spec, TaskLimits()).ok());
  spec.requested_durability = Durability::kMemory;
  EXPECT_TRUE(CheckDurability(spec, TaskLimits()).ok());
}

}  // namespace
}  // namespace taskforge
