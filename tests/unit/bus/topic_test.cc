#include "bus/topic.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace taskforge {
namespace {

std::vector<FieldViolation> TopicErrors(absl::string_view topic) {
  std::vector<FieldViolation> violations;
  CheckTopic(topic, "topic", violations);
  return violations;
}

std::vector<FieldViolation> FilterErrors(absl::string_view filter) {
  std::vector<FieldViolation> violations;
  CheckFilter(filter, "filters[0]", violations);
  return violations;
}

TEST(Topic, AcceptsTokensOfPrintableAscii) {
  for (const char* topic : {"a", "orders.eu.paid", "A-b_c.9", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p",
                            "with/slash.and:colon@x"}) {
    EXPECT_TRUE(TopicErrors(topic).empty()) << topic;
    EXPECT_TRUE(FilterErrors(topic).empty()) << topic;
  }
  EXPECT_TRUE(TopicErrors(std::string(kMaxTopicBytes, 'a')).empty());
}

TEST(Topic, RefusesWhatTheGrammarDoesNotHave) {
  for (const char* topic : {"", ".", ".a", "a.", "a..b", "a b", "a\tb", "a.\x7f", "\xc3\xa9", "*",
                            "a.>", "a*", "a.b>c", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q"}) {
    EXPECT_FALSE(TopicErrors(topic).empty()) << topic;
  }
  EXPECT_FALSE(TopicErrors(std::string(kMaxTopicBytes + 1, 'a')).empty());
}

TEST(Topic, TakesWildcardsInFiltersOnlyAsWholeTokensAndTheRestOnlyLast) {
  for (const char* filter : {"*", ">", "a.*", "*.b", "a.*.c.>", "*.*.*", "a.>"}) {
    EXPECT_TRUE(FilterErrors(filter).empty()) << filter;
  }
  for (const char* filter : {">.a", "a.>.b", "a*", "*a", "a.b>", ">>", "**", "a..>", "*."}) {
    EXPECT_FALSE(FilterErrors(filter).empty()) << filter;
  }
}

TEST(Topic, TellsEveryErrorUnderItsField) {
  const std::vector<FieldViolation> violations =
      FilterErrors(absl::StrCat(">.a b..", std::string(200, 'x')));
  ASSERT_EQ(violations.size(), 4u);
  for (const FieldViolation& violation : violations) EXPECT_EQ(violation.field, "filters[0]");
  EXPECT_NE(violations[0].description.find("128"), std::string::npos);
  EXPECT_NE(violations[1].description.find("empty token"), std::string::npos);
  EXPECT_NE(violations[2].description.find("`>`"), std::string::npos);
  EXPECT_NE(violations[3].description.find("token 2"), std::string::npos);
}

TEST(Topic, ReservesWhatIsTheServersOwn) {
  for (const char* topic : {"task", "sys", "task.default.succeeded.echo", "sys.pool"}) {
    EXPECT_TRUE(IsReservedTopic(topic)) << topic;
  }
  for (const char* topic : {"tasks.a", "system", "a.task", "Task.a"}) {
    EXPECT_FALSE(IsReservedTopic(topic)) << topic;
  }
}

TEST(Topic, NamesWhereATaskIsPublished) {
  EXPECT_EQ(TaskTopic("default", TaskState::kSucceeded, "image.resize"),
            "task.default.succeeded.image.resize");
}

// The longest names that a task may have still give a topic that can be routed.
TEST(Topic, RoutesTasksWithTheLongestNames) {
  std::string handler = "h";
  while (handler.size() + 2 <= 63) handler += ".h";
  const std::string topic = TaskTopic(std::string(63, 'q'), TaskState::kSucceeded, handler);
  EXPECT_TRUE(Tokens(topic).is_complete());
}

TEST(Topic, MatchesAsTheTableSays) {
  const std::vector<std::tuple<const char*, const char*, bool>> table = {
      {"a", "a", true},         {"a", "b", false},
      {"a", "a.b", false},      {"a.b", "a", false},
      {"a.b", "a.b", true},     {"*", "a", true},
      {"*", "a.b", false},      {"a.*", "a", false},
      {"a.*", "a.b", true},     {"a.*", "a.b.c", false},
      {"*.b", "a.b", true},     {"*.b", "b", false},
      {">", "a", true},         {">", "a.b.c", true},
      {"a.>", "a", false},      {"a.>", "a.b", true},
      {"a.>", "a.b.c", true},   {"a.>", "b.a", false},
      {"a.*.c", "a.b.c", true}, {"a.*.c", "a.b.d", false},
      {"a.*.>", "a.b", false},  {"a.*.>", "a.b.c", true},
      {"*.*", "a.b", true},     {"task.*.failed.>", "task.q.failed.x", true},
      {"aa", "a", false},       {"a", "aa", false},
  };
  for (const auto& [filter, topic, matches] : table) {
    EXPECT_EQ(Matches(filter, topic), matches) << filter << " " << topic;
  }
}

TEST(Tokens, SplitsAtDotsAndTellsWhenThereAreTooMany) {
  const Tokens tokens("a.bc..d");
  ASSERT_EQ(tokens.size(), 4u);
  EXPECT_EQ(tokens[1], "bc");
  EXPECT_EQ(tokens[2], "");
  EXPECT_TRUE(tokens.is_complete());
  std::string many = "t";
  for (size_t i = 1; i < kMaxTokens; ++i) many += ".t";
  EXPECT_TRUE(Tokens(many).is_complete());
  EXPECT_FALSE(Tokens(many + ".t").is_complete());
}

TEST(Topic, FiltersOverlapWhereATopicIsOfBoth) {
  const std::vector<std::pair<std::string, std::string>> both = {
      {"a.b", "a.b"}, {"a.*", "*.b"}, {"a.>", "*.b.c"}, {">", "x"}, {"a.*.c", "a.b.>"}};
  const std::vector<std::pair<std::string, std::string>> neither = {
      {"a.b", "a.c"},     {"a.>", "a"}, {"a.*", "a.b.c"},
      {"a.b.>", "a.c.>"}, {"ab", "a"},  {"*", "a.>"}};
  for (const auto& [a, b] : both) {
    EXPECT_TRUE(Overlap(a, b)) << a << " " << b;
    EXPECT_TRUE(Overlap(b, a)) << a << " " << b;
  }
  for (const auto& [a, b] : neither) {
    EXPECT_FALSE(Overlap(a, b)) << a << " " << b;
    EXPECT_FALSE(Overlap(b, a)) << a << " " << b;
  }
}

}  // namespace
}  // namespace taskforge
