#include "store/memory_store.h"

#include <algorithm>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "support/fake_timer.h"

namespace taskforge {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class MemoryStoreTest : public ::testing::Test {
 protected:
  void Open(size_t max_records, size_t max_bytes = size_t{1} << 30, size_t shards = 1) {
    options_.max_records = max_records;
    options_.max_bytes = max_bytes;
    options_.shards = shards;
    store_ = std::make_unique<MemoryStore>(options_, clock_, timer_);
  }
  static TaskSpecPtr SpecOf(const std::string& id) {
    Ref<TaskSpec> spec = MakeRef<TaskSpec>();
    spec->origin.Edit().task_id = id;
    return spec;
  }
  static std::string NameOf(const std::string& id) { return TaskName("default", id); }

  void Append(const std::string& id) {
    auto record = MakeRef<TaskRecord>();
    record->spec = SpecOf(id);
    TaskStore::Appending appending{record, [](absl::Status status) { ASSERT_TRUE(status.ok()); }};
    store_->Append(absl::MakeSpan(&appending, 1));
  }
  void Complete(const std::string& id, absl::Duration ttl = absl::Hours(1),
                size_t output_bytes = 0) {
    auto record = MakeRef<TaskRecord>();
    record->spec = SpecOf(id);
    record->state = TaskState::kSucceeded;
    record->history.Edit().end_time = clock_.Now();
    record->history.Edit().expire_time =
        ttl == absl::InfiniteDuration() ? absl::InfiniteFuture() : clock_.Now() + ttl;
    if (output_bytes > 0)
      record->history.Edit().output = Payload{"", std::string(output_bytes, 'o'), false};
    TaskStore::Completing completing{
        {record->name(), options_.boot_epoch, 1}, record, [](absl::Status) {}};
    store_->CompleteIf(absl::MakeSpan(&completing, 1));
  }
  void Finished(const std::string& id, absl::Duration ttl = absl::Hours(1),
                size_t output_bytes = 0) {
    Append(id);
    Complete(id, ttl, output_bytes);
  }
  TaskRecordPtr Read(const std::string& id) {
    TaskRecordPtr result;
    store_->Read(NameOf(id), [&](absl::StatusOr<TaskRecordPtr> record) {
      if (record.ok()) result = *record;
    });
    return result;
  }

  FakeClock clock_;
  FakeTimer timer_{clock_};
  MemoryStoreOptions options_;
  std::unique_ptr<MemoryStore> store_;
};

TEST_F(MemoryStoreTest, TheOldestFinishedRecordsGoOverTheCapOnCount) {
  Open(3);
  for (const char* id : {"a", "b", "c", "d"}) Finished(id);
  EXPECT_EQ(Read("a"), nullptr);
  for (const char* id : {"b", "c", "d"}) EXPECT_NE(Read(id), nullptr) << id;
  EXPECT_EQ(store_->Stats().records_evicted, 1u);
  EXPECT_EQ(store_->Stats().finished_records, 3u);
}

TEST_F(MemoryStoreTest, OldestMeansEndedFirst) {
  Open(2);
  for (const char* id : {"a", "b", "c"}) Append(id);
  for (const char* id : {"c", "a", "b"}) Complete(id);
  EXPECT_EQ(Read("c"), nullptr);
  EXPECT_NE(Read("a"), nullptr);
}

TEST_F(MemoryStoreTest, CapsDoNotTouchLivingTasks) {
  Open(2);
  for (int i = 0; i < 10; ++i) Append(absl::StrCat("live", i));
  for (int i = 0; i < 10; ++i) Finished(absl::StrCat("done", i));
  for (int i = 0; i < 10; ++i) EXPECT_NE(Read(absl::StrCat("live", i)), nullptr);
  EXPECT_EQ(store_->Stats().live_records, 10u);
}

TEST_F(MemoryStoreTest, OverTheCapOnBytesTheOldestOutputsGoFirst) {
  Open(1000, 10'000);
  for (const char* id : {"a", "b", "c"}) Finished(id, absl::Hours(1), 3000);
  const TaskRecordPtr a = Read("a");
  ASSERT_NE(a, nullptr);
  EXPECT_TRUE(a->output_evicted);
  EXPECT_FALSE(a->history->output.has_value());
  EXPECT_EQ(a->state, TaskState::kSucceeded);
  EXPECT_FALSE(Read("c")->output_evicted);
  EXPECT_EQ(Read("c")->history->output->data.size(), 3000u);
  EXPECT_EQ(store_->Stats().outputs_evicted, 1u);
  EXPECT_EQ(store_->Stats().records_evicted, 0u);
  EXPECT_LE(store_->Stats().finished_bytes, 10'000u);
}

TEST_F(MemoryStoreTest, WhoHoldsARecordKeepsItsOutput) {
  Open(1000, 10'000);
  Finished("a", absl::Hours(1), 3000);
  const TaskRecordPtr held = Read("a");
  for (const char* id : {"b", "c", "d"}) Finished(id, absl::Hours(1), 3000);
  EXPECT_EQ(held->history->output->data.size(), 3000u);
  EXPECT_TRUE(Read("a")->output_evicted);
}

TEST_F(MemoryStoreTest, WhenNoOutputIsLeftRecordsGo) {
  Open(1000, 10'000);
  for (int i = 0; i < 100; ++i) Finished(absl::StrCat(i), absl::Hours(1), i % 3 == 0 ? 500 : 0);
  const TaskStoreStats stats = store_->Stats();
  EXPECT_LE(stats.finished_bytes, 10'000u);
  EXPECT_GT(stats.records_evicted, 0u);
  EXPECT_GT(stats.outputs_evicted, 0u);
  EXPECT_NE(Read("99"), nullptr);
}

TEST_F(MemoryStoreTest, AnOutputGreaterThanTheCapIsEvictedAlone) {
  Open(1000, 10'000);
  Finished("a", absl::Hours(1), 50);
  Finished("big", absl::Hours(1), 50'000);
  ASSERT_NE(Read("big"), nullptr);
  EXPECT_TRUE(Read("big")->output_evicted);
  EXPECT_NE(Read("a"), nullptr);
}

TEST_F(MemoryStoreTest, SetsNoTimerWhileNothingCanExpire) {
  Open(1000);
  for (int i = 0; i < 10; ++i) Append(absl::StrCat(i));
  EXPECT_EQ(timer_.pending(), 0u);
  Complete("0", absl::InfiniteDuration());
  EXPECT_EQ(timer_.pending(), 0u);
  Complete("1");
  EXPECT_EQ(timer_.pending(), 1u);
  for (int i = 2; i < 10; ++i) Complete(absl::StrCat(i));
  EXPECT_EQ(timer_.pending(), 1u);
  clock_.Advance(absl::Hours(2));
  EXPECT_EQ(timer_.pending(), 0u);
  EXPECT_EQ(store_->Stats().expired, 9u);
  EXPECT_NE(Read("0"), nullptr);
}

TEST_F(MemoryStoreTest, ASoonerExpiryMovesTheTimer) {
  Open(1000);
  Finished("late", absl::Hours(1));
  Finished("soon", absl::Seconds(1));
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(store_->Stats().expired, 1u);
  EXPECT_NE(Read("late"), nullptr);
  clock_.Advance(absl::Hours(2));
  EXPECT_EQ(store_->Stats().expired, 2u);
}

TEST_F(MemoryStoreTest, SweepsInBulkAndSoon) {
  Open(100'000, size_t{1} << 30, 16);
  for (int i = 0; i < 20'000; ++i) Finished(absl::StrCat(i), absl::Seconds(1));
  EXPECT_LE(timer_.pending(), 1u);
  clock_.Advance(absl::Milliseconds(1100));
  EXPECT_EQ(store_->Stats().finished_records, 0u);
  EXPECT_EQ(store_->Stats().finished_bytes, 0u);
  EXPECT_EQ(store_->Stats().expired, 20'000u);
}

TEST_F(MemoryStoreTest, AJumpOfTheWallClockMovesNothing) {
  Open(1000);
  Finished("a", absl::Seconds(10));
  clock_.JumpWallClock(absl::Hours(1));
  clock_.Advance(absl::Seconds(9));
  EXPECT_NE(Read("a"), nullptr);
  clock_.JumpWallClock(-absl::Hours(3));
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(Read("a"), nullptr);
}

TEST_F(MemoryStoreTest, ATimerThatFiresAfterTheStoreIsGoneDoesNothing) {
  Open(1000);
  Finished("a", absl::Seconds(10));
  store_ = nullptr;
  clock_.Advance(absl::Seconds(20));
  EXPECT_EQ(timer_.pending(), 0u);
}

TEST_F(MemoryStoreTest, TheOrderSurvivesManyHoles) {
  Open(100'000, size_t{1} << 30, 2);
  for (int i = 0; i < 20'000; ++i) Finished(absl::StrCat(i));
  for (int i = 0; i < 20'000; ++i) {
    if (i % 100 != 0) store_->Delete(NameOf(absl::StrCat(i)), [](absl::Status) {});
  }
  std::vector<std::string> names;
  std::string token;
  do {
    store_->List({}, 30, token, [&](absl::StatusOr<TaskPage> page) {
      for (const TaskRecord& record : page->records) names.push_back(record.name());
      token = page->next_page_token;
    });
  } while (!token.empty());
  ASSERT_THAT(names, SizeIs(200));
  EXPECT_EQ(names.front(), NameOf("19900"));
  EXPECT_EQ(names.back(), NameOf("0"));
}

// Everything at once, against sums that must hold.
TEST_F(MemoryStoreTest, CountsAddUpUnderRaces) {
  for (int threads : {1, 2, 8}) {
    Open(500, size_t{1} << 20, 4);
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([&, t] {
        SeededRandom random(static_cast<uint64_t>(t) + 1);
        for (int i = 0; i < 1000; ++i) {
          const std::string id = absl::StrCat(t, "-", i);
          Finished(id, absl::Seconds(1 + random.Next64() % 10), random.Next64() % 2000);
          if (random.Next64() % 4 == 0) store_->Delete(NameOf(id), [](absl::Status) {});
          if (random.Next64() % 16 == 0) {
            store_->List({}, 10, "", [](absl::StatusOr<TaskPage> page) { EXPECT_TRUE(page.ok()); });
          }
        }
      });
    }
    for (std::thread& worker : workers) worker.join();
    TaskStoreStats stats = store_->Stats();
    EXPECT_EQ(stats.appended, threads * 1000u);
    EXPECT_EQ(stats.completed, stats.appended);
    EXPECT_EQ(stats.completed,
              stats.finished_records + stats.deleted + stats.expired + stats.records_evicted);
    clock_.Advance(absl::Seconds(20));
    stats = store_->Stats();
    EXPECT_EQ(stats.finished_records, 0u);
    EXPECT_EQ(stats.finished_bytes, 0u);
  }
}

TEST(MemoryStoreOptionsTest, ReportsEveryErrorAtOnce) {
  EXPECT_THAT(MemoryStoreOptions().Validate(), IsEmpty());
  MemoryStoreOptions options;
  options.shards = 300;
  options.max_records = 1;
  options.max_bytes = 1;
  EXPECT_THAT(options.Validate(), SizeIs(3));
}

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
size_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  size_t total = 0;
  size_t resident = 0;
  statm >> total >> resident;
  return resident * 4096;
}

// Sanitizers keep what is freed, so this is for plain builds.
TEST_F(MemoryStoreTest, MemoryGoesBackAfterAnOverload) {
  Open(1'000'000, size_t{4} << 30, 16);
  const size_t before = ResidentBytes();
  for (int i = 0; i < 200'000; ++i) Finished(absl::StrCat(i), absl::Seconds(1), 100);
  const size_t loaded = ResidentBytes();
  clock_.Advance(absl::Seconds(2));
  const size_t after = ResidentBytes();
  EXPECT_GT(loaded - before, size_t{100} << 20);
  EXPECT_LT(after - std::min(after, before), size_t{15} << 20)
      << before << " " << loaded << " " << after;
}

// A job's results are too few to count, but when the last have gone nothing else will come for
// their memory.
TEST_F(MemoryStoreTest, MemoryGoesBackWhenTheLastResultsHaveGone) {
  Open(1'000'000, size_t{4} << 30, 16);
  const size_t before = ResidentBytes();
  for (int i = 0; i < 3'000; ++i) Finished(absl::StrCat(i), absl::Seconds(1), 20'000);
  // What lies behind them in memory stays, so that the allocator gives nothing back by itself.
  Finished("stays", absl::InfiniteDuration(), 20'000);
  const size_t loaded = ResidentBytes();
  clock_.Advance(absl::Seconds(2));
  const size_t after = ResidentBytes();
  EXPECT_GT(loaded - before, size_t{50} << 20);
  EXPECT_LT(after - std::min(after, before), size_t{15} << 20)
      << before << " " << loaded << " " << after;
}
#endif

}  // namespace
}  // namespace taskforge
