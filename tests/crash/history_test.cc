#include "crash/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "crash/plan.h"

namespace taskforge::crash {
namespace {

Event MakeEvent(Event::Kind kind, int64_t number, const std::string& text = "") {
  Event event;
  event.kind = kind;
  event.number = number;
  event.cycle = 3;
  event.base_us = 1'700'000'000'000'001;
  event.code = 14;
  event.value = 6;
  event.started = 2;
  event.text = text;
  return event;
}

class HistoryTest : public testing::Test {
 protected:
  HistoryTest() : path_(testing::TempDir() + "/history-" + std::to_string(EntropySeed())) {}
  ~HistoryTest() override { std::filesystem::remove(path_); }

  const std::string path_;
};

TEST_F(HistoryTest, WhatIsWrittenIsRead) {
  const std::vector<Event> events = {
      MakeEvent(Event::Kind::kSubmit, 1), MakeEvent(Event::Kind::kAccepted, 1, "queues/a/tasks/b"),
      MakeEvent(Event::Kind::kRefused, 2, "DRAINING"), MakeEvent(Event::Kind::kCancel, 3),
      MakeEvent(Event::Kind::kCancelAnswer, 3)};
  {
    HistoryWriter writer(path_);
    writer.Append({events[0], events[1]});
    writer.Append({events[2], events[3], events[4]});
    writer.Sync();
  }
  const auto read = ReadHistory(path_);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->size(), events.size());
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ((*read)[i].ToString(), events[i].ToString());
  }
  EXPECT_EQ((*read)[1].kind, Event::Kind::kAccepted);
  EXPECT_EQ((*read)[1].number, 1);
  EXPECT_EQ((*read)[1].cycle, 3);
  EXPECT_EQ((*read)[1].base_us, 1'700'000'000'000'001);
  EXPECT_EQ((*read)[1].code, 14);
  EXPECT_EQ((*read)[1].value, 6);
  EXPECT_EQ((*read)[1].started, 2);
  EXPECT_EQ((*read)[1].text, "queues/a/tasks/b");
  EXPECT_EQ((*read)[0].text, "");
}

TEST_F(HistoryTest, LinesOfSeveralThreadsStayWhole) {
  constexpr int kThreads = 8;
  constexpr int kEvents = 2'000;  // Together they are more than are synced at once.
  {
    HistoryWriter writer(path_);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&writer, thread] {
        for (int i = 0; i < kEvents; ++i) {
          writer.Append({MakeEvent(Event::Kind::kAccepted, thread * kEvents + i, "name")});
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  const auto read = ReadHistory(path_);
  ASSERT_TRUE(read.ok()) << read.status();
  std::vector<bool> seen(kThreads * kEvents);
  for (const Event& event : *read) seen.at(static_cast<size_t>(event.number)) = true;
  EXPECT_EQ(read->size(), seen.size());
  EXPECT_THAT(seen, testing::Each(true));
}

TEST_F(HistoryTest, WhatIsNoEventIsDataLoss) {
  const std::string good = MakeEvent(Event::Kind::kSubmit, 1).ToString() + "\n";
  EXPECT_TRUE(ParseHistory(good).ok());
  for (const std::string bad : {"S 1 2", "X 1 3 4 5 6 7 -", "S x 3 4 5 6 7 -",
                                "S 1 3 4 5 6 7 - more", "SA 1 3 4 5 6 7 -"}) {
    const auto read = ParseHistory(good + bad + "\n" + good);
    EXPECT_EQ(read.status().code(), absl::StatusCode::kDataLoss) << bad;
  }
  EXPECT_EQ(ReadHistory(path_ + "-missing").status().code(), absl::StatusCode::kDataLoss);
}

// A failed run is repeated from its seed, and a submission is sent again as it was.
TEST(PlanTest, IsTheSameForTheSameSeedAndNumber) {
  bool differs = false;
  for (int64_t number = 0; number < 1'000; ++number) {
    const Plan one = PlanOf(7, number);
    const Plan same = PlanOf(7, number);
    EXPECT_EQ(one.handler + one.input + one.output, same.handler + same.input + same.output);
    EXPECT_EQ(one.delay_ms, same.delay_ms);
    differs = differs || one.input != PlanOf(8, number).input;
  }
  EXPECT_TRUE(differs);
}

TEST(PlanTest, AsksForEverythingThatTheVerdictLooksAt) {
  int kinds[5] = {};
  int delayed = 0, timed = 0, cancelled = 0, twice = 0, unnamed = 0, unrequested = 0;
  for (int64_t number = 0; number < 2'000; ++number) {
    const Plan plan = PlanOf(1, number);
    ++kinds[static_cast<int>(plan.work)];
    delayed += plan.delay_ms > 0 ? 1 : 0;
    timed += plan.deadline_ms > 0 ? 1 : 0;
    cancelled += plan.is_cancelled ? 1 : 0;
    twice += plan.is_sent_twice ? 1 : 0;
    unnamed += plan.has_task_id ? 0 : 1;
    unrequested += plan.has_request_id ? 0 : 1;
    EXPECT_TRUE(plan.has_task_id || plan.has_request_id);
    EXPECT_TRUE(plan.has_request_id || !plan.is_sent_twice);
    EXPECT_TRUE(plan.deadline_ms == 0 || plan.deadline_ms > plan.delay_ms);
  }
  EXPECT_THAT(kinds, testing::Each(testing::Gt(20)));
  for (const int count : {delayed, timed, cancelled, twice, unnamed, unrequested}) {
    EXPECT_GT(count, 20);
  }
}

}  // namespace
}  // namespace taskforge::crash
