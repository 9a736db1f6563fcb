// What the tests of the bus share: a bus that delivers when they say so, and a sink that remembers.
#ifndef TASKFORGE_UNIT_BUS_BUS_FIXTURE_H_
#define TASKFORGE_UNIT_BUS_BUS_FIXTURE_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "bus/bus.h"
#include "support/drain_executor.h"
#include "support/fake_clock.h"
#include "support/recording_sink.h"

namespace taskforge {

// A bus, or its oracle, whose drains run when the test says so. Not thread-safe; guarded by the
// test.
template <typename BusType>
class BusFixture : public testing::Test {
 protected:
  auto Subscribe(SubscribeOptions options, EventSink& sink) {
    auto subscription = bus_.Subscribe(std::move(options), sink);
    EXPECT_TRUE(subscription.ok()) << subscription.status();
    return *std::move(subscription);
  }
  void Publish(const std::vector<std::string>& ids, Priority priority = Priority::kNormal,
               size_t bytes = 0) {
    for (const std::string& id : ids) bus_.Publish(EventOn("t", id, priority, bytes));
  }

  FakeClock clock_;
  ManualDrainExecutor executor_{clock_};
  RecordingSink sink_;
  BusType bus_{Bus::Options{}, executor_, clock_};
};

}  // namespace taskforge

#endif  // TASKFORGE_UNIT_BUS_BUS_FIXTURE_H_
