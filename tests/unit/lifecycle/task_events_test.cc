#include "lifecycle/task_events.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/drain_executor.h"
#include "support/fake_clock.h"
#include "support/recording_sink.h"

namespace taskforge {
namespace {

TaskRecordPtr RecordOf(TaskState state, const std::string& result_topic = "") {
  auto spec = MakeRef<TaskSpec>();
  spec->handler = "image.resize";
  spec->priority = Priority::kHigh;
  spec->terms.Edit().result_topic = result_topic;
  spec->origin.Edit().task_id = "t";
  auto record = MakeRef<TaskRecord>();
  record->spec = std::move(spec);
  record->uid = {1, 2};
  record->state = state;
  return record;
}

// Keeps the events themselves. Not thread-safe: read it when no drain runs.
class KeepingSink final : public EventSink {
 public:
  SinkResult Deliver(absl::Span<const Delivery> batch) override {
    for (const Delivery& delivery : batch) events.push_back(delivery.event);
    return SinkResult::kContinue;
  }
  void OnClosed(const absl::Status&) override {}
  std::vector<EventRef> events;
};

class BusTaskEventsTest : public testing::Test {
 protected:
  FakeClock clock_;
  ManualDrainExecutor executor_{clock_};
  KeepingSink sink_;
  Bus bus_{Bus::Options{}, executor_, clock_};
  BusTaskEvents events_{bus_};
};

TEST_F(BusTaskEventsTest, PublishesWithTheRecordAttached) {
  auto subscription = bus_.Subscribe(SubscribeTo({"task.default.succeeded.>"}), sink_);
  ASSERT_TRUE(subscription.ok());
  const TaskRecordPtr record = RecordOf(TaskState::kSucceeded);
  EXPECT_TRUE(events_.Wanted(*record->spec, TaskState::kSucceeded));
  EXPECT_FALSE(events_.Wanted(*record->spec, TaskState::kFailed));
  events_.Publish(record);
  events_.Publish(RecordOf(TaskState::kFailed));
  executor_.RunAll();
  ASSERT_EQ(sink_.events.size(), 1u);
  const EventFields event = sink_.events[0]->Attributes();
  EXPECT_EQ(event.topic, "task.default.succeeded.image.resize");
  EXPECT_EQ(event.subject, "queues/default/tasks/t");
  EXPECT_EQ(event.type, "taskforge.task.succeeded");
  EXPECT_EQ(event.priority, Priority::kHigh);
  EXPECT_EQ(sink_.events[0]->record(), record);
}

TEST_F(BusTaskEventsTest, PublishesEndsOnTheResultTopicToo) {
  auto subscription = bus_.Subscribe(SubscribeTo({"my.results"}), sink_);
  ASSERT_TRUE(subscription.ok());
  events_.Publish(RecordOf(TaskState::kRunning, "my.results"));
  events_.Publish(RecordOf(TaskState::kFailed, "my.results"));
  executor_.RunAll();
  ASSERT_EQ(sink_.events.size(), 1u);
  EXPECT_EQ(sink_.events[0]->topic(), "my.results");
}

TEST_F(BusTaskEventsTest, CarriesTheTraceOfTheSubmittingCall) {
  auto subscription = bus_.Subscribe(SubscribeTo({"task.>"}), sink_);
  ASSERT_TRUE(subscription.ok());
  const TaskRecordPtr record = RecordOf(TaskState::kRunning);
  auto spec = MakeRef<TaskSpec>(*record->spec);
  spec->origin.Edit().traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  spec->origin.Edit().x_request_id = "r-17";
  auto traced = MakeRef<TaskRecord>(*record);
  traced->spec = spec;
  events_.Publish(traced);
  events_.Publish(record);
  executor_.RunAll();
  ASSERT_EQ(sink_.events.size(), 2u);
  EXPECT_EQ(sink_.events[0]->Attributes().attributes,
            (std::map<std::string, std::string>{{"traceparent", spec->origin->traceparent},
                                                {"xrequestid", "r-17"}}));
  EXPECT_TRUE(sink_.events[1]->Attributes().attributes.empty());
}

}  // namespace
}  // namespace taskforge
