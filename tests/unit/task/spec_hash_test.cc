#include "task/spec_hash.h"

#include <functional>
#include <vector>

#include "gtest/gtest.h"

namespace taskforge {
namespace {

TaskSpec Spec() {
  TaskSpec spec;
  spec.handler = "echo";
  spec.input = {"text/plain", "hello", true};
  return spec;
}

TEST(SpecHashTest, EqualContentIsEqual) { EXPECT_EQ(HashOf(Spec()), HashOf(Spec())); }

// Stored hashes must stay valid: whoever changes the function changes what is stored. The values
// were computed by another program.
TEST(SpecHashTest, IsTheSameInEveryRunAndOnEveryMachine) {
  constexpr SpecHash kPlain = {0xe72b691cf0a47c73ULL, 0x60c7fb68d12b1246ULL};
  constexpr SpecHash kFull = {0x57264c1591b752abULL, 0xbe1130b5a99d48c2ULL};
  EXPECT_EQ(HashOf(Spec()), kPlain);
  TaskSpec spec = Spec();
  spec.origin.Edit().task_id = "mine";
  spec.priority = Priority::kHigh;
  spec.requested_durability = Durability::kMemory;
  spec.terms.Edit().schedule_time = absl::FromUnixSeconds(1);
  spec.terms.Edit().deadline = absl::FromUnixSeconds(2);
  spec.terms.Edit().queue_timeout = absl::Seconds(3);
  spec.terms.Edit().run_timeout = absl::Seconds(4);
  spec.terms.Edit().retry.max_attempts = 5;
  spec.terms.Edit().retry.min_backoff = absl::Seconds(6);
  spec.terms.Edit().retry.max_backoff = absl::Seconds(7);
  spec.terms.Edit().retry.multiplier = 1.5;
  spec.terms.Edit().retry.jitter = 0.25;
  spec.terms.Edit().retry.non_retryable_reasons = {"A", "B"};
  spec.terms.Edit().result_topic = "jobs.42";
  spec.terms.Edit().result_ttl = absl::Seconds(8);
  spec.terms.Edit().labels["a"] = "b";
  spec.cancel_on_disconnect = true;
  spec.origin.Edit().retry_of = "queues/default/tasks/first";
  EXPECT_EQ(HashOf(spec), kFull);
}

TEST(SpecHashTest, ScopeAndTraceDoNotCount) {
  TaskSpec spec = Spec();
  spec.queue = "other";
  spec.origin.Edit().principal = "somebody";
  spec.origin.Edit().request_id = "r";
  spec.origin.Edit().traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  EXPECT_EQ(HashOf(spec), HashOf(Spec()));
}

TEST(SpecHashTest, EverythingElseCounts) {
  const std::vector<std::function<void(TaskSpec&)>> changes = {
      [](TaskSpec& s) { s.origin.Edit().task_id = "t"; },
      [](TaskSpec& s) { s.handler = "echo2"; },
      [](TaskSpec& s) { s.input.content_type = "text/html"; },
      [](TaskSpec& s) { s.input.data = "hellp"; },
      [](TaskSpec& s) { s.input.data = "hello!!!!!"; },
      [](TaskSpec& s) { s.input.is_text = false; },
      [](TaskSpec& s) { s.priority = Priority::kHigh; },
      [](TaskSpec& s) { s.requested_durability = Durability::kMemory; },
      [](TaskSpec& s) { s.terms.Edit().schedule_time = absl::UnixEpoch(); },
      [](TaskSpec& s) { s.terms.Edit().deadline = absl::UnixEpoch(); },
      [](TaskSpec& s) { s.terms.Edit().queue_timeout = absl::Seconds(1); },
      [](TaskSpec& s) { s.terms.Edit().run_timeout = absl::Seconds(1); },
      [](TaskSpec& s) { s.terms.Edit().retry.max_attempts = 2; },
      [](TaskSpec& s) { s.terms.Edit().retry.min_backoff = absl::Seconds(2); },
      [](TaskSpec& s) { s.terms.Edit().retry.max_backoff = absl::Seconds(9); },
      [](TaskSpec& s) { s.terms.Edit().retry.multiplier = 3; },
      [](TaskSpec& s) { s.terms.Edit().retry.jitter = 0.1; },
      [](TaskSpec& s) { s.terms.Edit().retry.non_retryable_reasons = {"A"}; },
      [](TaskSpec& s) { s.terms.Edit().result_topic = "a"; },
      [](TaskSpec& s) { s.terms.Edit().result_ttl = absl::ZeroDuration(); },
      [](TaskSpec& s) { s.terms.Edit().labels["a"] = "b"; },
      [](TaskSpec& s) { s.cancel_on_disconnect = true; },
      [](TaskSpec& s) { s.origin.Edit().retry_of = "queues/default/tasks/a"; },
  };
  std::vector<SpecHash> seen = {HashOf(Spec())};
  for (size_t i = 0; i < changes.size(); ++i) {
    TaskSpec spec = Spec();
    changes[i](spec);
    const SpecHash hash = HashOf(spec);
    for (const SpecHash& other : seen) EXPECT_FALSE(hash == other) << "change " << i;
    seen.push_back(hash);
  }
}

TEST(SpecHashTest, FieldsDoNotFlowIntoEachOther) {
  TaskSpec a = Spec();
  a.input = {"ab", "c", true};
  TaskSpec b = Spec();
  b.input = {"a", "bc", true};
  EXPECT_FALSE(HashOf(a) == HashOf(b));
}

TEST(SpecHashTest, EveryBitOfALongInputCounts) {
  TaskSpec spec = Spec();
  std::string input(1000, 'x');
  spec.input.data = input;
  const SpecHash before = HashOf(spec);
  for (size_t i = 0; i < input.size(); ++i) {
    input[i] ^= 1;
    spec.input.data = input;
    EXPECT_FALSE(HashOf(spec) == before) << i;
    input[i] ^= 1;
  }
}

}  // namespace
}  // namespace taskforge
