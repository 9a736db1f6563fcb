#include "bus/subscription.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace taskforge {
namespace {

TEST(SubscribeOptions, AcceptsTheDefaultsWithAFilter) {
  SubscribeOptions options;
  options.filters = {"a.>"};
  std::vector<FieldViolation> violations;
  CheckSubscribeOptions(options, violations);
  EXPECT_TRUE(violations.empty());
}

TEST(SubscribeOptions, TellsEverythingThatIsWrong) {
  SubscribeOptions options;
  options.filters = {"ok", "a..b"};
  options.block_budget = absl::Seconds(2);
  options.max_events = (1 << 20) + 1;
  options.max_bytes = 0;
  options.max_batch = 65;
  options.label = std::string(65, 'x');
  std::vector<FieldViolation> violations;
  CheckSubscribeOptions(options, violations);
  std::vector<std::string> fields;
  for (const FieldViolation& violation : violations) fields.push_back(violation.field);
  EXPECT_EQ(fields, (std::vector<std::string>{"filters[1]", "block_budget", "max_events",
                                              "max_bytes", "max_batch", "label"}));
}

TEST(SubscribeOptions, WantsAtLeastOneFilterAndAtMost64) {
  for (const size_t n : {size_t{0}, size_t{65}}) {
    SubscribeOptions options;
    options.filters.assign(n, "a");
    std::vector<FieldViolation> violations;
    CheckSubscribeOptions(options, violations);
    EXPECT_EQ(violations.size(), 1u) << n;
  }
}

TEST(SubscribeOptions, TakeAKeyForConflatingOnly) {
  SubscribeOptions options;
  options.filters = {"a"};
  options.conflate_by = "subject";
  const auto violations = [&options] {
    std::vector<FieldViolation> found;
    CheckSubscribeOptions(options, found);
    return found;
  };
  ASSERT_EQ(violations().size(), 1u);
  EXPECT_EQ(violations()[0].field, "conflate_by");
  options.policy = SlowSubscriberPolicy::kConflate;
  EXPECT_TRUE(violations().empty());
  for (const std::string& name :
       {std::string("Subject"), std::string("a.b"), std::string(21, 'a')}) {
    options.conflate_by = name;
    ASSERT_EQ(violations().size(), 1u) << name;
    EXPECT_EQ(violations()[0].field, "conflate_by");
  }
}

TEST(DropReason, HasANameForEach) {
  EXPECT_EQ(Name(DropReason::kOldest), "oldest");
  EXPECT_EQ(Name(DropReason::kClosed), "closed");
  EXPECT_EQ(Name(DropReason::kConflated), "conflated");
}

}  // namespace
}  // namespace taskforge
