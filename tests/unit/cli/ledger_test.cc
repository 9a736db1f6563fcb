#include "cli/main_job/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "cli/main_job/checks.h"

namespace taskforge::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Ledger::Entry EntryOf(const std::string& content) {
  return {"file", "sha256", v1::PRIORITY_HIGH, std::make_shared<const std::string>(content)};
}

v1::Task Finished(const std::string& name, const std::string& output) {
  v1::Task task;
  task.set_name(name);
  task.set_state(v1::TASK_STATE_SUCCEEDED);
  task.mutable_output()->set_text_data(output);
  task.mutable_queue_duration()->set_nanos(1000);
  task.mutable_run_duration()->set_nanos(2000);
  return task;
}

TEST(Ledger, CountsARightOutputAsSuccess) {
  Ledger ledger;
  ledger.Open(7, "t7", EntryOf("abc"));
  uint64_t id = 0;
  EXPECT_TRUE(ledger.Finish(Finished("t7", Sha256Hex("abc")), &id));
  EXPECT_EQ(id, 7u);
  const auto groups = ledger.Groups();
  ASSERT_EQ(groups.size(), 1u);
  const TaskGroup& group = groups.at({"sha256", v1::PRIORITY_HIGH});
  EXPECT_EQ(group.succeeded, 1u);
  EXPECT_EQ(group.failed, 0u);
  EXPECT_THAT(group.waits, ElementsAre(absl::Microseconds(1)));
  EXPECT_THAT(group.runs, ElementsAre(absl::Microseconds(2)));
}

TEST(Ledger, CountsAWrongOutputAsFailure) {
  Ledger ledger;
  ledger.Open(1, "t1", EntryOf("abc"));
  uint64_t id;
  EXPECT_TRUE(ledger.Finish(Finished("t1", Sha256Hex("abd")), &id));
  ASSERT_EQ(ledger.Failures().size(), 1u);
  EXPECT_EQ(ledger.Failures()[0].task, "t1");
}

TEST(Ledger, CountsAFailedTaskAndAnEvictedOutputAsFailure) {
  Ledger ledger;
  ledger.Open(1, "t1", EntryOf("abc"));
  ledger.Open(2, "t2", EntryOf("abc"));
  v1::Task failed = Finished("t1", "");
  failed.set_state(v1::TASK_STATE_FAILED);
  v1::Task evicted = Finished("t2", "");
  evicted.set_output_evicted(true);
  uint64_t id;
  EXPECT_TRUE(ledger.Finish(failed, &id));
  EXPECT_TRUE(ledger.Finish(evicted, &id));
  EXPECT_EQ(ledger.Failures().size(), 2u);
}

TEST(Ledger, CountsEachTaskOnce) {
  Ledger ledger;
  ledger.Open(1, "t1", EntryOf("abc"));
  const v1::Task task = Finished("t1", Sha256Hex("abc"));
  uint64_t id;
  EXPECT_TRUE(ledger.Finish(task, &id));
  EXPECT_FALSE(ledger.Finish(task, &id));
  EXPECT_FALSE(ledger.Fail(1, "late"));
  EXPECT_FALSE(ledger.Finish(Finished("other", ""), &id));
  EXPECT_EQ(ledger.closed(), 1u);
}

TEST(Ledger, WaitsForTheEnd) {
  Ledger ledger;
  ledger.Open(1, "t1", EntryOf("abc"));
  v1::Task running;
  running.set_name("t1");
  running.set_state(v1::TASK_STATE_RUNNING);
  uint64_t id;
  EXPECT_FALSE(ledger.Finish(running, &id));
  EXPECT_EQ(ledger.closed(), 0u);
}

TEST(Ledger, NamesAcceptedTasksThatAreOpen) {
  Ledger ledger;
  ledger.Open(1, "t1", EntryOf(""));
  ledger.Open(2, "t2", EntryOf(""));
  EXPECT_THAT(ledger.OpenNames(), IsEmpty());
  ledger.Accept(2);
  EXPECT_THAT(ledger.OpenNames(), ElementsAre("t2"));
  EXPECT_TRUE(ledger.Fail(2, "lost"));
  EXPECT_THAT(ledger.OpenNames(), IsEmpty());
  EXPECT_THAT(ledger.OpenIds(), ElementsAre(1u));
}

TEST(Ledger, CountsRightFromManyThreads) {
  constexpr int kThreads = 8;
  constexpr int kTasks = 200;
  Ledger ledger;
  for (int i = 0; i < kTasks; ++i) {
    ledger.Open(static_cast<uint64_t>(i), absl::StrCat("t", i), EntryOf("abc"));
  }
  const std::string right = Sha256Hex("abc");
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    // All of them finish all tasks: one each time is the first.
    threads.emplace_back([&] {
      uint64_t id;
      for (int i = 0; i < kTasks; ++i) ledger.Finish(Finished(absl::StrCat("t", i), right), &id);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ledger.closed(), static_cast<uint64_t>(kTasks));
  EXPECT_EQ(ledger.Groups().begin()->second.succeeded, static_cast<uint64_t>(kTasks));
}

}  // namespace
}  // namespace taskforge::cli
