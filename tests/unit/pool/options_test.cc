#include "pool/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> FieldsOf(const absl::Status& status) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : DetailsOf(status).field_violations) {
    fields.push_back(violation.field);
  }
  return fields;
}

// Each edge, from inside and from outside, and the name that the operator knows the option by.
TEST(PoolOptionsTest, EachOptionHasItsBounds) {
  struct Case {
    const char* field;
    std::function<void(PoolOptions&)> inside;
    std::function<void(PoolOptions&)> outside;
  };
  const Case cases[] = {
      {"pool.min_threads", [](auto& o) { o.min_threads = 1; }, [](auto& o) { o.min_threads = 0; }},
      {"pool.min_threads", [](auto& o) { o.min_threads = 16; },
       [](auto& o) { o.min_threads = 17; }},
      {"pool.max_threads", [](auto& o) { o.max_threads = 1024; },
       [](auto& o) { o.max_threads = 1025; }},
      {"pool.idle_timeout", [](auto& o) { o.idle_timeout = absl::Milliseconds(1); },
       [](auto& o) { o.idle_timeout = absl::Microseconds(999); }},
      {"pool.capacity", [](auto& o) { o.capacity = 1; }, [](auto& o) { o.capacity = 0; }},
      {"pool.capacity", [](auto& o) { o.capacity = 1 << 20; },
       [](auto& o) { o.capacity = (1 << 20) + 1; }},
      {"pool.reserved_capacity.critical", [](auto& o) { o.reserved_capacity.critical = 4095; },
       [](auto& o) { o.reserved_capacity.critical = 4096; }},
      {"pool.reserved_capacity.high",
       [](auto& o) {
         o.reserved_capacity = {4000, 95, 0};
       },
       [](auto& o) {
         o.reserved_capacity = {4000, 96, 0};
       }},
      {"pool.reserved_capacity.normal",
       [](auto& o) {
         o.reserved_capacity = {4000, 0, 95};
       },
       [](auto& o) {
         o.reserved_capacity = {4000, 0, 96};
       }},
      {"pool.reserved_capacity.normal", [](auto& o) { o.reserved_capacity.normal = 1; },
       [](auto& o) { o.reserved_capacity.normal = SIZE_MAX; }},
      {"pool.slots",
       [](auto& o) {
         o.weights = {8, 1, 1, 2};
       },
       [](auto& o) { o.weights.slots = 1025; }},
      {"pool.guaranteed_low", [](auto& o) { o.weights.low = 1; },
       [](auto& o) { o.weights.low = 0; }},
      {"pool.guaranteed_normal", [](auto& o) { o.weights.normal = 7; },
       [](auto& o) { o.weights.normal = 8; }},
      {"pool.guaranteed_high", [](auto& o) { o.weights.high = 8; },
       [](auto& o) { o.weights.high = 9; }},
      {"pool.tick", [](auto& o) { o.scaling.tick = absl::Seconds(1); },
       [](auto& o) { o.scaling.tick = absl::Seconds(2); }},
      {"pool.grow_after", [](auto& o) { o.scaling.queue_wait = absl::ZeroDuration(); },
       [](auto& o) { o.scaling.queue_wait = absl::Seconds(11); }},
      {"pool.stall_timeout", [](auto& o) { o.scaling.stall_timeout = absl::Milliseconds(10); },
       [](auto& o) { o.scaling.stall_timeout = absl::Milliseconds(9); }},
      {"pool.flip_hold", [](auto& o) { o.scaling.flip_hold = absl::Minutes(1); },
       [](auto& o) { o.scaling.flip_hold = absl::Minutes(2); }},
      {"pool.contention_limit", [](auto& o) { o.scaling.contention_limit = 1; },
       [](auto& o) { o.scaling.contention_limit = 0; }},
      {"pool.spin", [](auto& o) { o.scaling.spin = absl::Milliseconds(1); },
       [](auto& o) { o.scaling.spin = absl::Milliseconds(2); }},
      {"pool.affinity",
       [](auto& o) {
         o.affinity = {AffinityMode::kExplicit, {{0}, {1, 2}}};
       },
       [](auto& o) {
         o.affinity = {AffinityMode::kExplicit, {{0}, {}}};
       }},
  };
  for (const Case& each : cases) {
    PoolOptions options;
    each.inside(options);
    EXPECT_TRUE(options.Validate().ok()) << each.field << ": " << options.Validate();
    options = PoolOptions();
    each.outside(options);
    EXPECT_THAT(FieldsOf(options.Validate()), ElementsAre(each.field));
  }
}

TEST(PoolOptionsTest, TellsAllThatIsWrong) {
  PoolOptions options;
  options.min_threads = 0;
  options.weights.low = 0;
  options.scaling.tick = absl::ZeroDuration();
  EXPECT_THAT(FieldsOf(options.Validate()),
              ElementsAre("pool.min_threads", "pool.guaranteed_low", "pool.tick"));
}

TEST(PoolOptionsTest, RoomForACapacityThatWasChosen) {
  PoolOptions options;
  EXPECT_EQ(options.CapacityLimit(), 16384u);
  options.capacity = 100000;
  EXPECT_TRUE(options.Validate().ok());
  EXPECT_EQ(options.CapacityLimit(), 100000u);
  options.capacity_limit = 50000;
  const absl::Status refused = options.Validate();
  EXPECT_THAT(FieldsOf(refused), ElementsAre("pool.capacity"));
  EXPECT_THAT(DetailsOf(refused).field_violations[0].description, HasSubstr("1 to 50000"));
}

TEST(PoolOptionsTest, ByDefaultFourThreadsAProcessorButSixteen) {
  PoolOptions options;
  options.cpus = 2;
  EXPECT_EQ(options.MaxThreads(), 16);
  options.cpus = 8;
  EXPECT_EQ(options.MaxThreads(), 32);
  options.cpus = 1000;
  EXPECT_EQ(options.MaxThreads(), PoolOptions::kMaxThreads);
  EXPECT_THAT(FieldsOf(options.Validate()), IsEmpty());
}

}  // namespace
}  // namespace taskforge
