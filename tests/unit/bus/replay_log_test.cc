#include "bus/replay_log.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/recording_sink.h"

namespace taskforge {
namespace {

using Got = std::vector<std::string>;
using At = SubscribeStart::At;

ReplayOptions Retain(std::vector<std::string> filters, size_t max_events = 1024,
                     size_t max_bytes = size_t{1} << 30) {
  ReplayOptions options;
  options.filters = std::move(filters);
  options.max_events = max_events;
  options.max_bytes = max_bytes;
  return options;
}

// A subscription's place in a log, and what it read: the id of an event, `-n` for n missed, `?` in
// front where it may be more.
class Reading {
 public:
  Reading(ReplayLog& log, std::vector<std::string> filters)
      : log_(log), filters_(std::move(filters)) {}
  ~Reading() { log_.Detach(reader_); }

  ReplayPosition Start(SubscribeStart start) {
    const absl::StatusOr<ReplayPosition> position = log_.Attach(reader_, start);
    EXPECT_TRUE(position.ok()) << position.status();
    position_ = position.value_or(ReplayPosition());
    return position_;
  }
  // One call.
  Got Read(Priority priority, size_t max_events) {
    std::array<Delivery, 2 * 64 + 1> deliveries;
    const std::optional<ReplayLog::ReadResult> read =
        log_.Read(reader_, priority, max_events, absl::MakeSpan(deliveries),
                  [&] { return reader_.IsBehind(priority); });
    if (!read.has_value()) return {};
    const ReplayLog::ReadResult& result = *read;
    Got got;
    size_t events = 0;
    uint64_t missed = 0;
    for (const Delivery& each : absl::MakeConstSpan(deliveries.data(), result.deliveries)) {
      EXPECT_EQ(each.priority, priority);
      got.push_back(each.event ? each.event->fields().id
                               : (each.at_least ? "?-" : "-") + std::to_string(each.missed));
      EXPECT_TRUE(!each.event || each.position == each.event->position());
      events += each.event ? 1 : 0;
      missed += each.missed;
      EXPECT_GE(each.position, position_.through[Index(priority)]);
      position_.through[Index(priority)] = each.position;
    }
    EXPECT_EQ(events, result.events);
    EXPECT_EQ(missed, result.missed);
    return got;
  }
  // Until it is live.
  Got ReadAll(Priority priority = Priority::kNormal, size_t at_once = 64) {
    Got all;
    while (reader_.IsBehind(priority)) {
      for (std::string& each : Read(priority, at_once)) all.push_back(std::move(each));
    }
    return all;
  }
  // What a client has that handled all of this.
  const ReplayPosition& position() const { return position_; }
  ReplayReader& reader() { return reader_; }

 private:
  ReplayLog& log_;
  const std::vector<std::string> filters_;
  ReplayReader reader_{filters_};
  ReplayPosition position_;
};

SubscribeStart From(At at, uint32_t last = 0) { return {at, last, {}}; }
SubscribeStart Behind(const ReplayPosition& position) { return {At::kPosition, 0, position}; }

class ReplayLogTest : public testing::Test {
 protected:
  static void Append(ReplayLog& log, const std::string& topic, const Got& ids,
                     Priority priority = Priority::kNormal, size_t bytes = 0) {
    for (const std::string& id : ids) {
      log.Append(EventOn(topic, id, priority, bytes), [] { return ReplayLog::NoRoom(); });
    }
  }
  static Got ReadFrom(ReplayLog& log, std::vector<std::string> filters, SubscribeStart start,
                      Priority priority = Priority::kNormal) {
    Reading reading(log, std::move(filters));
    reading.Start(start);
    return reading.ReadAll(priority);
  }
  // Appends, one each, until what went before is forgotten.
  static void ForgetAll(ReplayLog& log, const std::string& topic, size_t max_events) {
    for (size_t i = 0; i < ReplayLog::kMostRemembered + max_events; ++i) Append(log, topic, {"x"});
  }
};

TEST_F(ReplayLogTest, RetainsWhatItsFiltersStandFor) {
  const ReplayLog log(Retain({"orders.*.paid", "task.>"}));
  EXPECT_TRUE(log.Retains("orders.eu.paid"));
  EXPECT_FALSE(log.Retains("orders.eu.sent"));
  EXPECT_TRUE(log.MayRetain({"x", "orders.>"}));
  EXPECT_TRUE(log.MayRetain({"*.default.failed"}));
  EXPECT_FALSE(log.MayRetain({"orders.*.sent", "orders.paid"}));
}

TEST_F(ReplayLogTest, SaysEveryErrorInItsOptions) {
  std::vector<FieldViolation> violations;
  Retain({"a..b", "x>"}, 0, 1).Validate(violations);
  ASSERT_EQ(violations.size(), 4u);
  EXPECT_EQ(violations[0].field, "bus.replay.filters");
  EXPECT_EQ(violations[2].field, "bus.replay.max_events");
  EXPECT_EQ(violations[3].field, "bus.replay.max_bytes");
  violations.clear();
  Retain({"a.>"}).Validate(violations);
  EXPECT_TRUE(violations.empty());
}

TEST_F(ReplayLogTest, KeepsTheLastEventsOfEachTopic) {
  ReplayLog log(Retain({">"}, 2));
  Append(log, "a", {"a1", "a2", "a3"});
  Append(log, "b", {"b1"});
  EXPECT_EQ(ReadFrom(log, {">"}, From(At::kEarliest)), (Got{"a2", "a3", "b1"}));
  EXPECT_EQ(log.EventsOf("a"), 2u);
  EXPECT_EQ(log.EventsOf("c"), 0u);
  const ReplayStats stats = log.Stats();
  EXPECT_EQ(stats.topics, 2u);
  EXPECT_EQ(stats.events, 3u);
  EXPECT_EQ(stats.appended, 4u);
  EXPECT_EQ(stats.trimmed, 1u);
  EXPECT_EQ(stats.replayed, 3u);
}

TEST_F(ReplayLogTest, TheOldestGoWhenThereAreTooManyBytes) {
  ReplayLog log(Retain({">"}, 1024, 64 << 10));
  Append(log, "a", {"old"}, Priority::kCritical);
  for (int i = 0; i < 100; ++i) {
    Append(log, "b", {std::to_string(i)}, Priority::kNormal, 1000);
    EXPECT_LE(log.Stats().bytes, 64u << 10);
  }
  EXPECT_EQ(ReadFrom(log, {">"}, From(At::kEarliest), Priority::kCritical), Got());
  const Got got = ReadFrom(log, {">"}, From(At::kEarliest));
  EXPECT_GT(got.size(), 15u);
  EXPECT_EQ(got.back(), "99");
  Append(log, "b", {"larger than all"}, Priority::kNormal, 1 << 20);
  EXPECT_EQ(log.Stats().events, 0u);
  EXPECT_EQ(log.Stats().bytes, 0u);
}

TEST_F(ReplayLogTest, ReadsEachPriorityInTheOrderOfPublication) {
  ReplayLog log(Retain({">"}));
  Append(log, "a", {"1"});
  Append(log, "b", {"2"}, Priority::kHigh);
  Append(log, "b", {"3"});
  Append(log, "a", {"4"});
  Append(log, "c", {"5"});
  EXPECT_EQ(ReadFrom(log, {"a", "b"}, From(At::kEarliest)), (Got{"1", "3", "4"}));
  EXPECT_EQ(ReadFrom(log, {"a", "b"}, From(At::kEarliest), Priority::kHigh), (Got{"2"}));
}

TEST_F(ReplayLogTest, TheLastOfEachTopicAreThoseOfAllItsPriorities) {
  ReplayLog log(Retain({">"}));
  Append(log, "a", {"a1", "a2"});
  Append(log, "a", {"a3"}, Priority::kHigh);
  Append(log, "b", {"b1", "b2", "b3"});
  Append(log, "a", {"a4"});
  Append(log, "c", {"c1"});
  EXPECT_EQ(ReadFrom(log, {"a", "b"}, From(At::kLast, 2)), (Got{"b2", "b3", "a4"}));
  EXPECT_EQ(ReadFrom(log, {"a", "b"}, From(At::kLast, 2), Priority::kHigh), (Got{"a3"}));
  EXPECT_EQ(ReadFrom(log, {"a"}, From(At::kLast, 100)), (Got{"a1", "a2", "a4"}));
}

TEST_F(ReplayLogTest, GoesOnWhereItWas) {
  ReplayLog log(Retain({">"}));
  Append(log, "a", {"1", "2", "3"});
  Append(log, "a", {"h"}, Priority::kHigh);
  Reading first(log, {">"});
  first.Start(From(At::kEarliest));
  EXPECT_EQ(first.Read(Priority::kNormal, 2), (Got{"1", "2"}));
  Append(log, "a", {"4"});
  EXPECT_EQ(ReadFrom(log, {">"}, Behind(first.position())), (Got{"3", "4"}));
  EXPECT_EQ(ReadFrom(log, {">"}, Behind(first.position()), Priority::kHigh), (Got{"h"}));
  EXPECT_EQ(first.ReadAll(), (Got{"3", "4"}));
  EXPECT_EQ(ReadFrom(log, {">"}, Behind(first.position())), Got());
}

TEST_F(ReplayLogTest, TellsWhatIsGoneWhereItStood) {
  ReplayLog log(Retain({">"}, 2));
  const ReplayPosition start = Reading(log, {">"}).Start(From(At::kLatest));
  Append(log, "other", {"o"});
  Append(log, "b", {"b1"});
  Append(log, "a", {"a1", "a2"});
  Append(log, "b", {"b2"});
  Append(log, "a", {"a3", "a4", "a5"});
  EXPECT_EQ(ReadFrom(log, {"a", "b"}, Behind(start)), (Got{"b1", "-2", "b2", "-1", "a4", "a5"}));
  EXPECT_EQ(ReadFrom(log, {"b"}, Behind(start)), (Got{"b1", "b2"}));
  // Nothing stands behind the gap.
  Append(log, "c", {"c1"}, Priority::kLow);
  Reading all(log, {">"});
  all.Start(Behind(start));
  Append(log, "a", {"a6", "a7"}, Priority::kHigh);
  EXPECT_EQ(all.ReadAll(), (Got{"o", "b1", "-2", "b2", "-3"}));
  EXPECT_EQ(ReadFrom(log, {"a"}, Behind(all.position())), Got());
}

// It never was its own.
TEST_F(ReplayLogTest, WhoBeginsWithTheEarliestIsNotToldWhatWentBefore) {
  ReplayLog log(Retain({">"}, 2));
  Append(log, "b", {"b1"});
  Append(log, "a", {"a1", "a2", "a3"});
  Reading reading(log, {">"});
  const ReplayPosition start = reading.Start(From(At::kEarliest));
  EXPECT_EQ(reading.Read(Priority::kNormal, 1), (Got{"b1"}));
  Append(log, "a", {"a4"});
  EXPECT_EQ(reading.ReadAll(), (Got{"-1", "a3", "a4"}));
  EXPECT_EQ(ReadFrom(log, {">"}, Behind(start)), (Got{"b1", "-1", "a3", "a4"}));
}

TEST_F(ReplayLogTest, CountsWhatIsForgottenForThoseWhoAreReading) {
  ReplayLog log(Retain({">"}, 4));
  Append(log, "a", {"1", "2"});
  Append(log, "quiet", {"q"});
  Reading reading(log, {"a", "quiet"});
  reading.Start(From(At::kEarliest));
  Append(log, "a", {"3"}, Priority::kLow);
  ForgetAll(log, "a", 4);
  const uint64_t lost = ReplayLog::kMostRemembered + 2;
  Got got = reading.ReadAll(Priority::kNormal, 1);
  uint64_t missed = 0;
  Got events;
  for (const std::string& each : got) {
    if (each.front() == '-') {
      missed += std::stoull(each.substr(1));
    } else {
      events.push_back(each);
    }
  }
  EXPECT_EQ(missed, lost);
  EXPECT_EQ(events, (Got{"q", "x", "x", "x", "x"}));
}

TEST_F(ReplayLogTest, ACursorThatIsTooOldLearnsAtLeastHowMuchIsGone) {
  ReplayLog log(Retain({">"}, 1));
  const ReplayPosition start = Reading(log, {">"}).Start(From(At::kLatest));
  Append(log, "quiet", {"q"});
  Append(log, "a", {"1"});
  ForgetAll(log, "a", 1);
  EXPECT_EQ(ReadFrom(log, {"quiet"}, Behind(start)), (Got{"q"}));
  const Got got = ReadFrom(log, {"a", "quiet"}, Behind(start));
  EXPECT_EQ(got.front(), "?-1");  // The last that is forgotten; what is remembered comes behind.
  EXPECT_EQ(got.back(), "x");
  // Of a topic that is not there any more nobody knows whose it was.
  ReplayLog small(Retain({">"}, 1, 128 << 10));
  const ReplayPosition before = Reading(small, {">"}).Start(From(At::kLatest));
  Append(small, "vanishing", {"v"}, Priority::kNormal, 5000);
  for (size_t i = 0; i < ReplayLog::kMostRemembered + 1; ++i) {
    Append(small, "large", {"l"}, Priority::kHigh, 60 << 10);
  }
  EXPECT_EQ(ReadFrom(small, {"quiet"}, Behind(before)), (Got{"?-0"}));
  EXPECT_EQ(ReadFrom(small, {"quiet"}, From(At::kEarliest)), Got());
}

TEST_F(ReplayLogTest, RefusesAPositionThatItNeverGave) {
  ReplayLog log(Retain({">"}));
  Append(log, "a", {"1"});
  Reading reading(log, {">"});
  ReplayPosition future;
  future.through[2] = 2;
  EXPECT_EQ(log.Attach(reading.reader(), Behind(future)).status().code(),
            absl::StatusCode::kInvalidArgument);
  ReplayPosition trims;
  trims.trims = 1;
  EXPECT_EQ(log.Attach(reading.reader(), Behind(trims)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ReplayLogTest, IsLiveOnlyWhereNothingIsLeftToRead) {
  ReplayLog log(Retain({">"}));
  Append(log, "a", {"1"}, Priority::kLow);
  Append(log, "a", {"2"});
  Reading reading(log, {">"});
  reading.Start(From(At::kLast, 1));
  log.StartLive(reading.reader());
  EXPECT_TRUE(reading.reader().IsBehind(Priority::kNormal));
  EXPECT_FALSE(reading.reader().IsBehind(Priority::kLow));
  EXPECT_FALSE(reading.reader().IsBehind(Priority::kCritical));
  EXPECT_EQ(reading.Read(Priority::kNormal, 1), (Got{"2"}));
  EXPECT_TRUE(reading.reader().IsBehind());
  EXPECT_EQ(reading.Read(Priority::kNormal, 1), Got());
  EXPECT_FALSE(reading.reader().IsBehind());
}

TEST_F(ReplayLogTest, FallsBehindWhereThereIsNoRoom) {
  ReplayLog log(Retain({">"}));
  Reading reading(log, {">"});
  reading.Start(From(At::kLatest));
  log.StartLive(reading.reader());
  Append(log, "a", {"pushed"});
  log.Append(EventOn("a", "no room"), [&] { return ReplayLog::NoRoom{&reading.reader()}; });
  EXPECT_TRUE(reading.reader().IsHeldUp(Priority::kNormal));
  EXPECT_FALSE(reading.reader().IsHeldUp(Priority::kHigh));
  Append(log, "a", {"next"});
  EXPECT_EQ(reading.ReadAll(), (Got{"no room", "next"}));
  EXPECT_FALSE(reading.reader().IsHeldUp(Priority::kNormal));
}

// One look takes the lock for so many entries only.
TEST_F(ReplayLogTest, ReadsALongWayInSteps) {
  ReplayLog log(Retain({">"}));
  for (size_t i = 0; i < 2 * ReplayLog::kMostVisits; ++i) Append(log, std::to_string(i), {"x"});
  Append(log, "wanted", {"w"});
  Reading reading(log, {"wanted"});
  reading.Start(From(At::kEarliest));
  EXPECT_EQ(reading.Read(Priority::kNormal, 64), Got());
  EXPECT_TRUE(reading.reader().IsBehind(Priority::kNormal));
  EXPECT_EQ(reading.ReadAll(), (Got{"w"}));
}

// Whoever reads may have looked before StartLive() made the reader live: what came since is pushed,
// and must not be read as well, nor what comes after it before it.
TEST_F(ReplayLogTest, AReaderThatIsLiveReadsNothing) {
  ReplayLog log(Retain({">"}));
  Reading reading(log, {"a"});
  reading.Start(From(At::kEarliest));
  log.StartLive(reading.reader());
  Append(log, "a", {"1"});
  EXPECT_EQ(reading.Read(Priority::kNormal, 64), Got());
}

}  // namespace
}  // namespace taskforge
