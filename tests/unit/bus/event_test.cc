#include "bus/event.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

namespace taskforge {
namespace {

TEST(Event, CountsEverythingThatItHoldsInItsBytes) {
  const size_t empty = MakeEvent(EventFields())->bytes();
  EXPECT_GE(empty, sizeof(Event) + sizeof(EventFields));
  EventFields fields;
  fields.topic = std::string(100, 't');
  fields.data.data = std::string(1000, 'd');
  fields.attributes["name"] = std::string(500, 'v');
  const size_t full = MakeEvent(std::move(fields))->bytes();
  EXPECT_GE(full, empty + 1600);
  EXPECT_LE(full, empty + 2000);
}

TEST(Event, OfATaskCountsItsRecordInItsBytes) {
  auto record = MakeRef<TaskRecord>();
  auto spec = MakeRef<TaskSpec>();
  spec->input.data = std::string(5000, 'i');
  record->spec = spec;
  const size_t bytes = MakeTaskEvent(std::string(100, 't'), record)->bytes();
  EXPECT_GE(bytes, sizeof(Event) + 5100);
  EXPECT_LE(bytes, sizeof(Event) + 8000);
}

TEST(Event, TellsWhatItWasGiven) {
  EventFields fields;
  fields.id = "1";
  fields.source = "shop";
  fields.type = "order";
  fields.subject = "orders/7";
  fields.time = absl::FromUnixSeconds(5);
  fields.topic = "orders.eu";
  fields.priority = Priority::kHigh;
  fields.attributes["name"] = "value";
  const EventFields told = MakeEvent(fields)->Attributes();
  EXPECT_EQ(told.id, fields.id);
  EXPECT_EQ(told.source, fields.source);
  EXPECT_EQ(told.type, fields.type);
  EXPECT_EQ(told.subject, fields.subject);
  EXPECT_EQ(told.time, fields.time);
  EXPECT_EQ(told.topic, fields.topic);
  EXPECT_EQ(told.priority, fields.priority);
  EXPECT_EQ(told.attributes, fields.attributes);
}

// It keeps the record only, and says on demand what the record says.
TEST(Event, OfATaskTellsWhatItsRecordSays) {
  auto spec = MakeRef<TaskSpec>();
  spec->priority = Priority::kCritical;
  spec->origin.Edit().traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  auto record = MakeRef<TaskRecord>();
  record->spec = spec;
  spec->origin.Edit().task_id = "t";
  record->revision = 3;
  record->state = TaskState::kFailed;
  record->history.Edit().start_time = absl::FromUnixSeconds(1);
  record->history.Edit().end_time = absl::FromUnixSeconds(2);
  const EventRef event = MakeTaskEvent("task.default.failed.echo", record);
  EXPECT_EQ(event->priority(), Priority::kCritical);
  EXPECT_EQ(event->topic(), "task.default.failed.echo");
  EXPECT_EQ(event->record(), record);
  const EventFields told = event->Attributes();
  EXPECT_EQ(told.id, record->uid.ToString() + "/3");
  EXPECT_EQ(told.source, "taskforge");
  EXPECT_EQ(told.type, "taskforge.task.failed");
  EXPECT_EQ(told.subject, "queues/default/tasks/t");
  EXPECT_EQ(told.time, absl::FromUnixSeconds(2));
  EXPECT_EQ(told.attributes,
            (std::map<std::string, std::string>{{"traceparent", spec->origin->traceparent}}));
  auto running = MakeRef<TaskRecord>(*record);
  running->state = TaskState::kRunning;
  EXPECT_EQ(MakeTaskEvent("t", running)->Attributes().time, absl::FromUnixSeconds(1));
}

TEST(Event, IsSharedByCounting) {
  auto record = MakeRef<TaskRecord>();
  record->spec = MakeRef<TaskSpec>();
  const TaskRecord* const shown = record.get();
  EventRef first = MakeTaskEvent("t", std::move(record));
  const EventRef second = first;
  first = nullptr;
  EXPECT_EQ(second->record().get(), shown);  // That it goes, ASan's leak check says.
}

TEST(Event, KeepsAFormOfItselfForAllWhoHaveIt) {
  const EventRef event = MakeEvent(EventFields());
  const EventRef other = event;
  int made = 0;
  const auto make = [&] { return "form " + std::to_string(++made); };
  const std::string* whole = event->Form(EventForm::kWhole, make);
  ASSERT_NE(whole, nullptr);
  EXPECT_EQ(*whole, "form 1");
  EXPECT_EQ(other->Form(EventForm::kWhole, make), whole);
  EXPECT_EQ(*event->Form(EventForm::kWithoutPayloads, make), "form 2");
  EXPECT_EQ(made, 2);
}

TEST(Event, MakesNoFormForWhoHasItAlone) {
  EventRef event = MakeEvent(EventFields());
  int made = 0;
  const auto make = [&] { return std::to_string(++made); };
  EXPECT_EQ(event->Form(EventForm::kWhole, make), nullptr);
  EXPECT_EQ(made, 0);
  EventRef other = event;
  const std::string* form = event->Form(EventForm::kWhole, make);
  other = nullptr;
  EXPECT_EQ(event->Form(EventForm::kWhole, make), form);  // What was made is there.
}

}  // namespace
}  // namespace taskforge
