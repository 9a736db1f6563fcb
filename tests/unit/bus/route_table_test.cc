#include "bus/route_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "support/drain_executor.h"
#include "support/fake_clock.h"

namespace taskforge {
namespace {

class NoSink final : public EventSink {
 public:
  SinkResult Deliver(absl::Span<const Delivery>) override { return SinkResult::kContinue; }
  void OnClosed(const absl::Status&) override {}
};

class RouteTableTest : public testing::Test {
 protected:
  Ref<Subscriber> Make(std::vector<std::string> filters) {
    SubscribeOptions options;
    options.filters = std::move(filters);
    return MakeRef<Subscriber>(++last_id_, std::move(options), &sink_, nullptr, executor_, clock_,
                               counters_);
  }
  std::multiset<uint64_t> Match(absl::string_view topic) {
    const EpochDomain::Guard guard(epochs_);
    RouteTable::Matched matched;
    table_.Match(topic, matched);
    std::multiset<uint64_t> ids;
    for (const Subscriber* subscriber : matched) ids.insert(subscriber->id());
    return ids;
  }

  FakeClock clock_;
  ManualDrainExecutor executor_{clock_};
  BusCounters counters_;
  NoSink sink_;
  EpochDomain epochs_;
  RouteTable table_{epochs_};
  uint64_t last_id_ = 0;
};

TEST_F(RouteTableTest, GivesEachSubscriberOnceHoweverManyOfItsFiltersMatch) {
  table_.Add(Make({"a.b", "a.*", ">", "*.b"}));
  EXPECT_EQ(Match("a.b"), (std::multiset<uint64_t>{1}));
  EXPECT_EQ(Match("c"), (std::multiset<uint64_t>{1}));
}

TEST_F(RouteTableTest, ForgetsWhoIsRemoved) {
  const Ref<Subscriber> first = Make({"a.>", "b"});
  const Ref<Subscriber> second = Make({"a.>"});
  table_.Add(first);
  table_.Add(second);
  table_.Remove(*first);
  EXPECT_EQ(Match("a.x"), (std::multiset<uint64_t>{2}));
  EXPECT_TRUE(Match("b").empty());
  table_.Remove(*first);  // Again: nothing happens.
  table_.Remove(*second);
  EXPECT_TRUE(Match("a.x").empty());
}

TEST_F(RouteTableTest, IsEmptyWhileNobodySubscribes) {
  EXPECT_TRUE(table_.IsEmpty());
  const Ref<Subscriber> one = Make({"a", "b"});
  const Ref<Subscriber> other = Make({"c"});
  table_.Add(one);
  table_.Add(other);
  EXPECT_FALSE(table_.IsEmpty());
  table_.Remove(*one);
  table_.Remove(*one);  // Again: that says nothing of the other.
  EXPECT_FALSE(table_.IsEmpty());
  table_.Remove(*other);
  EXPECT_TRUE(table_.IsEmpty());
}

TEST_F(RouteTableTest, LetsGoOfWhoIsRemovedAtOnce) {
  const Ref<Subscriber> one = Make({"a"});
  table_.Add(one);
  table_.Remove(*one);
  EXPECT_EQ(epochs_.garbage(), 0u);
}

TEST_F(RouteTableTest, MovesTheGenerationOfTopicsThatAChangeMayTouch) {
  const auto generation = [&](const char* topic) { return table_.Generation(topic).load(); };
  const uint64_t a = generation("a.x");
  const Ref<Subscriber> named = Make({"a.b.c"});
  table_.Add(named);
  EXPECT_NE(generation("a.x"), a);
  const uint64_t q = generation("q");
  table_.Add(Make({"*.z"}));
  EXPECT_NE(generation("q"), q);
  const uint64_t before = generation("a.x");
  table_.Remove(*named);
  EXPECT_NE(generation("a.x"), before);
}

// The table against the definition, on random filters and topics.
TEST_F(RouteTableTest, MatchesAsTheDefinitionDoes) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const auto word = [&](bool is_filter, bool is_last) -> std::string {
    const auto dice = random() % 10;
    if (is_filter && dice == 0) return "*";
    if (is_filter && is_last && dice == 1) return ">";
    return std::string(1, static_cast<char>('a' + random() % 3));
  };
  const auto text = [&](bool is_filter) {
    std::vector<std::string> tokens;
    const size_t n = 1 + random() % 4;
    for (size_t i = 0; i < n; ++i) tokens.push_back(word(is_filter, i + 1 == n));
    return absl::StrJoin(tokens, ".");
  };
  std::vector<Ref<Subscriber>> present;
  for (int step = 0; step < 2000; ++step) {
    if (present.size() < 30 || random() % 2 == 0) {
      std::vector<std::string> filters;
      for (size_t i = 0, n = 1 + random() % 3; i < n; ++i) filters.push_back(text(true));
      present.push_back(Make(std::move(filters)));
      table_.Add(present.back());
    } else {
      const size_t leaves = random() % present.size();
      table_.Remove(*present[leaves]);
      present.erase(present.begin() + static_cast<ptrdiff_t>(leaves));
    }
    const std::string topic = text(false);
    std::multiset<uint64_t> expected;
    for (const auto& subscriber : present) {
      const auto& filters = subscriber->filters();
      if (std::any_of(filters.begin(), filters.end(),
                      [&](const std::string& filter) { return Matches(filter, topic); })) {
        expected.insert(subscriber->id());
      }
    }
    ASSERT_EQ(Match(topic), expected) << topic;
  }
}

}  // namespace
}  // namespace taskforge
