#include "queues/queue_table.h"

#include <atomic>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "support/fake_clock.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

QueueOptions Named(const std::string& name) {
  QueueOptions options;
  options.name = name;
  return options;
}

class QueueTableTest : public ::testing::Test {
 protected:
  std::vector<std::string> Names() { return QueueTable::Reader(table_).Names(); }
  size_t IndexOf(const std::string& name) { return QueueTable::Reader(table_).Find(name)->index(); }
  QueueOptions OptionsOf(const std::string& name) {
    return QueueTable::Reader(table_).Find(name)->options();
  }
  static std::string ReasonOf(const absl::Status& status) { return DetailsOf(status).reason; }

  FakeClock clock_;
  QueueTable table_{{{Named("default")}}};
};

TEST_F(QueueTableTest, QueuesComeAndGo) {
  EXPECT_TRUE(table_.Create(Named("mail")).ok());
  EXPECT_TRUE(table_.Create(Named("a")).ok());
  EXPECT_THAT(Names(), ElementsAre("default", "mail", "a"));
  EXPECT_EQ(table_.gates().count(), 3u);
  EXPECT_TRUE(table_.Delete("mail").ok());
  EXPECT_THAT(Names(), ElementsAre("default", "a"));
  EXPECT_EQ(table_.gates().count(), 2u);
  EXPECT_EQ(QueueTable::Reader(table_).Find("mail"), nullptr);
}

TEST_F(QueueTableTest, RefusesANameThatIsTakenAndOptionsThatAreWrong) {
  const absl::Status exists = table_.Create(Named("default"));
  EXPECT_EQ(exists.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReasonOf(exists), "QUEUE_EXISTS");
  QueueOptions wrong = Named("Bad");
  wrong.max_tasks = 0;
  EXPECT_EQ(DetailsOf(table_.Create(wrong)).field_violations.size(), 2u);
  EXPECT_THAT(Names(), ElementsAre("default"));
}

TEST_F(QueueTableTest, HoldsAThousandQueues) {
  for (size_t i = 1; i < kMaxQueues; ++i) {
    ASSERT_TRUE(table_.Create(Named(absl::StrCat("q", i))).ok());
  }
  const absl::Status full = table_.Create(Named("more"));
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(full), "TOO_MANY_QUEUES");
  EXPECT_TRUE(table_.Delete("q5").ok());
  EXPECT_TRUE(table_.Create(Named("more")).ok());
}

TEST_F(QueueTableTest, DeletesOnlyWhatIsEmpty) {
  ASSERT_TRUE(table_.Create(Named("mail")).ok());
  const size_t index = IndexOf("mail");
  ASSERT_TRUE(table_.At(index).Take(10, clock_)->ok());
  const absl::Status not_empty = table_.Delete("mail");
  EXPECT_EQ(not_empty.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(not_empty), "QUEUE_NOT_EMPTY");
  EXPECT_THAT(not_empty.message(), HasSubstr("queue \"mail\" has 1 task that has not ended"));
  table_.At(index).GiveBack(10);
  EXPECT_TRUE(table_.Delete("mail").ok());
}

TEST_F(QueueTableTest, NeverDeletesTheDefaultQueue) {
  const absl::Status status = table_.Delete("default");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(status), "QUEUE_IS_DEFAULT");
  EXPECT_THAT(Names(), ElementsAre("default"));
}

TEST_F(QueueTableTest, ANewQueueWithAnOldIndexBeginsAnew) {
  ASSERT_TRUE(table_.Create(Named("mail")).ok());
  const size_t index = IndexOf("mail");
  EXPECT_EQ(table_.SetPaused("mail", true, {})->queue, index);
  ASSERT_TRUE(table_.Delete("mail").ok());
  ASSERT_TRUE(table_.Create(Named("other")).ok());
  EXPECT_EQ(IndexOf("other"), index);
  EXPECT_TRUE(table_.gates().IsOpen(index));
}

TEST_F(QueueTableTest, UpdatesAllThatIsAskedForOrNothing) {
  QueueUpdate update;
  update.max_tasks = 5;
  update.max_bytes = 0;
  EXPECT_EQ(table_.Update("default", update).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OptionsOf("default"), QueueOptions());
  update.max_bytes = 9;
  EXPECT_TRUE(table_.Update("default", update).ok());
  EXPECT_EQ(OptionsOf("default").max_tasks, 5u);
  EXPECT_EQ(OptionsOf("default").max_bytes, 9u);
}

TEST_F(QueueTableTest, NotesWhatWasDoneWhenAndWhy) {
  const QueueAct paused{clock_.Now(), "the mail server is down"};
  EXPECT_TRUE(table_.SetPaused("default", true, paused).ok());
  EXPECT_TRUE(table_.gates().IsPaused(0));
  EXPECT_TRUE(OptionsOf("default").is_paused);
  clock_.Advance(absl::Minutes(5));
  const QueueAct resumed{clock_.Now(), "it is back"};
  const auto opening = table_.SetPaused("default", false, resumed);
  ASSERT_TRUE(opening.ok());
  EXPECT_FALSE(table_.gates().IsPaused(0));
  EXPECT_FALSE(table_.gates().IsOpen(0));
  table_.Open(*opening);
  EXPECT_TRUE(table_.gates().IsOpen(0));
  const QueueAct purged{clock_.Now(), "too old"};
  EXPECT_TRUE(table_.NotePurge("default", purged, 12).ok());
  const QueueOptions options = OptionsOf("default");
  EXPECT_EQ(options.paused, paused);
  EXPECT_EQ(options.resumed, resumed);
  EXPECT_EQ(options.purged, purged);
  EXPECT_EQ(options.purged_tasks, 12u);
  EXPECT_FALSE(options.is_paused);
}

TEST_F(QueueTableTest, SetsAQueueAsItWasInAnotherLife) {
  QueueOptions mail = Named("mail");
  mail.is_paused = true;
  mail.paused = {clock_.Now(), "why"};
  ASSERT_TRUE(table_.Restore(mail).ok());
  EXPECT_EQ(OptionsOf("mail"), mail);
  EXPECT_TRUE(table_.gates().IsPaused(IndexOf("mail")));
  mail.is_paused = false;
  mail.max_tasks = 3;
  ASSERT_TRUE(table_.Restore(mail).ok());
  EXPECT_EQ(OptionsOf("mail"), mail);
  EXPECT_TRUE(table_.gates().IsOpen(IndexOf("mail")));
  mail.max_tasks = 0;
  EXPECT_TRUE(absl::IsInvalidArgument(table_.Restore(mail)));
  for (size_t i = 2; i < kMaxQueues; ++i) {
    ASSERT_TRUE(table_.Create(Named(absl::StrCat("q", i))).ok());
  }
  EXPECT_EQ(ReasonOf(table_.Restore(Named("more"))), "TOO_MANY_QUEUES");
}

TEST_F(QueueTableTest, PromisesNoMoreThanTheServer) {
  QueueTable table({{Named("default")}, Durability::kMemory});
  QueueUpdate update;
  update.default_durability = Durability::kBuffered;
  const absl::Status status = table.Update("default", update);
  ASSERT_EQ(DetailsOf(status).field_violations.size(), 1u) << status;
  EXPECT_EQ(DetailsOf(status).field_violations[0].field, "default_durability");
  update.default_durability = Durability::kMemory;
  EXPECT_TRUE(table.Update("default", update).ok());
}

// Who has found a queue's defaults keeps them while they are changed.
TEST_F(QueueTableTest, DefaultsAreReadWhileTheyAreChanged) {
  std::atomic<bool> is_done{false};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      while (!is_done.load()) {
        Ref<const SharedTaskDefaults> defaults;
        {
          const QueueTable::Reader reader(table_);
          defaults = reader.Find("default")->task_defaults();
        }
        if (!defaults) continue;
        const absl::Duration timeout = defaults->values.run_timeout;
        EXPECT_EQ(defaults->values.retry.max_attempts, timeout / absl::Seconds(1));
      }
    });
  }
  for (int i = 0; i < 3'000; ++i) {
    QueueUpdate update;
    const int number = i % 7 + 1;
    update.default_run_timeout = absl::Seconds(number);
    update.default_retry_policy.emplace().max_attempts = number;
    EXPECT_TRUE(table_.Update("default", update).ok());
    if (i % 100 == 0) {
      update.default_run_timeout = absl::InfiniteDuration();
      update.default_retry_policy = RetryPolicy();
      EXPECT_TRUE(table_.Update("default", update).ok());
      EXPECT_FALSE(QueueTable::Reader(table_).Find("default")->task_defaults());
    }
  }
  is_done.store(true);
  for (std::thread& reader : readers) reader.join();
}

// Of a resume that is overtaken by a pause, the end must not open the gate.
TEST_F(QueueTableTest, AnOldOpeningDoesNotOpenAGateThatHasChangedSince) {
  const auto first = table_.SetPaused("default", false, {});
  ASSERT_TRUE(table_.SetPaused("default", true, {}).ok());
  table_.Open(*first);
  EXPECT_TRUE(table_.gates().IsPaused(0));
  const auto second = table_.SetPaused("default", false, {});
  table_.Open(*first);
  EXPECT_FALSE(table_.gates().IsOpen(0)) << "the second has not told the lanes yet";
  table_.Open(*second);
  EXPECT_TRUE(table_.gates().IsOpen(0));
}

TEST_F(QueueTableTest, RefusesAReasonThatIsTooLong) {
  const absl::Status status =
      table_.SetPaused("default", true, {clock_.Now(), std::string(257, 'x')}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(table_.gates().IsPaused(0));
}

TEST_F(QueueTableTest, SaysWhichQueuesThereAreWhenOneIsUnknown) {
  for (const absl::Status& status :
       {table_.Delete("defualt"), table_.Update("defualt", {}), table_.NotePurge("defualt", {}, 0),
        table_.SetPaused("defualt", true, {}).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(ReasonOf(status), "QUEUE_UNKNOWN");
    EXPECT_THAT(status.message(), HasSubstr("did you mean \"default\"?"));
  }
}

TEST_F(QueueTableTest, RemembersTheFirstNamesForGood) {
  ASSERT_TRUE(table_.Create(Named("mail")).ok());
  ASSERT_TRUE(table_.Delete("mail").ok());
  ASSERT_TRUE(table_.Create(Named("other")).ok());
  EXPECT_THAT(table_.FirstNames(9), ElementsAre("default", "mail", "other"));
  EXPECT_THAT(table_.FirstNames(2), ElementsAre("default", "mail"));
}

// Readers never see a ledger that is gone, and no place is lost or given twice, while queues of few
// names come and go.
TEST_F(QueueTableTest, IsReadWhileQueuesComeAndGo) {
  constexpr uint64_t kNames = 16;
  for (const int threads : {1, 2, 8}) {
    std::atomic<bool> is_over{false};
    std::atomic<uint64_t> taken{0};
    std::vector<std::thread> takers;
    for (int t = 0; t < threads; ++t) {
      takers.emplace_back([&] {
        for (uint64_t i = 0; !is_over.load(); ++i) {
          if (i % kNames == 0) std::this_thread::yield();
          const std::string name = absl::StrCat("q", i % kNames);
          size_t index = kMaxQueues;
          {
            const QueueTable::Reader reader(table_);
            QueueLedger* const ledger = reader.Find(name);
            if (ledger == nullptr) continue;
            const std::optional<absl::Status> place = ledger->Take(1, clock_);
            if (!place.has_value()) continue;
            ASSERT_TRUE(place->ok());
            index = ledger->index();
          }
          ASSERT_EQ(table_.At(index).name().view(), name) << "while a place in it is held";
          table_.At(index).GiveBack(1);
          taken.fetch_add(1);
        }
      });
    }
    int deleted = 0;
    for (uint64_t i = 0; deleted < 100 || taken.load() == 0; ++i) {
      // About half of them are there at a time.
      const absl::Status created = table_.Create(Named(absl::StrCat("q", i % kNames)));
      ASSERT_TRUE(created.ok() || absl::IsAlreadyExists(created)) << created;
      if (table_.Delete(absl::StrCat("q", (i + kNames / 2) % kNames)).ok()) ++deleted;
      std::this_thread::yield();
    }
    is_over.store(true);
    for (std::thread& taker : takers) taker.join();
    for (uint64_t i = 0; i < kNames; ++i) {
      const absl::Status gone = table_.Delete(absl::StrCat("q", i));
      EXPECT_TRUE(gone.ok() || absl::IsNotFound(gone)) << gone;
    }
    EXPECT_THAT(Names(), ElementsAre("default"));
  }
}

}  // namespace
}  // namespace taskforge
