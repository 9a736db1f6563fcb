#include "bus/event.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace taskforge {
namespace {

TEST(Event, CountsEverythingThatItHoldsInItsBytes) {
  const size_t empty = MakeEvent(EventFields())->bytes();
  EXPECT_GE(empty, sizeof(Event));
  EventFields fields;
  fields.topic = std::string(100, 't');
  fields.data.data = std::string(1000, 'd');
  fields.attributes["name"] = std::string(500, 'v');
  auto record = std::make_shared<TaskRecord>();
  auto spec = std::make_shared<TaskSpec>();
  spec->input.data = std::string(5000, 'i');
  record->spec = spec;
  fields.record = record;
  const size_t full = MakeEvent(std::move(fields))->bytes();
  EXPECT_GE(full, empty + 6600);
  EXPECT_LE(full, empty + 10000);
}

TEST(Event, IsSharedByCounting) {
  auto record = std::make_shared<TaskRecord>();
  record->spec = std::make_shared<const TaskSpec>();
  const std::weak_ptr<const TaskRecord> alive = record;
  EventFields fields;
  fields.record = std::move(record);
  EventRef first = MakeEvent(std::move(fields));
  EventRef second = first;
  first = nullptr;
  EXPECT_FALSE(alive.expired());
  second = nullptr;
  EXPECT_TRUE(alive.expired());
}

}  // namespace
}  // namespace taskforge
