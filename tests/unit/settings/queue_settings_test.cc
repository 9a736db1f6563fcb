#include "settings/queue_settings.h"

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/durable_store.h"
#include "support/fake_clock.h"
#include "support/fake_handlers.h"
#include "support/fake_release_target.h"
#include "support/sim_engine.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

QueueOptions Named(const std::string& name, size_t max_tasks = 100) {
  QueueOptions options;
  options.name = name;
  options.max_tasks = max_tasks;
  return options;
}

// Lives of a server over one disk, which loses what was not synced.
class QueueSettingsTest : public ::testing::Test {
 protected:
  QueueSettingsTest() { Begin(); }
  ~QueueSettingsTest() override { End(); }

  void End() {
    store_ = nullptr;
    settings_ = nullptr;
    queues_ = nullptr;
  }
  // A life of which the store is as the crash left it.
  void Begin() {
    disk_.Crash(0);
    auto store = DurableStore::Open({}, {engine_, clock_, {}, {}});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    queues_ = std::make_unique<TaskQueues>(TaskQueuesOptions{configured_, Durability::kDurable},
                                           clock_, handlers_, target_);
    settings_ = std::make_unique<QueueSettings>(*queues_, configured_, store_.get());
    const absl::StatusOr<QueueSettings::Report> report = settings_->Recover();
    ASSERT_TRUE(report.ok()) << report.status();
    report_ = *report;
    ASSERT_TRUE(store_->Recover([](const Ref<TaskRecord>&) {}).ok());
  }
  void CrashAndBegin() {
    End();
    Begin();
  }
  absl::Status Keep(const std::string& queue) {
    absl::Status kept;
    Notification done;
    settings_->Keep(queue, [&](absl::Status status) {
      kept = std::move(status);
      done.Notify();
    });
    done.Wait();
    return kept;
  }
  QueueOptions OptionsOf(const std::string& queue) { return queues_->Get(queue)->options; }
  void SetMaxTasks(const std::string& queue, size_t max_tasks) {
    QueueUpdate update;
    update.max_tasks = max_tasks;
    ASSERT_TRUE(queues_->Update(queue, update).ok());
    ASSERT_TRUE(Keep(queue).ok());
  }

  FakeClock clock_;
  FakeHandlers handlers_;
  FakeReleaseTarget target_{4};
  SimDisk disk_;
  SimEngine engine_{disk_};
  std::vector<QueueOptions> configured_ = {Named("default"), Named("reports", 50)};
  std::unique_ptr<DurableStore> store_;
  std::unique_ptr<TaskQueues> queues_;
  std::unique_ptr<QueueSettings> settings_;
  QueueSettings::Report report_;
};

TEST_F(QueueSettingsTest, AQueueThatWasMadeIsThereAgain) {
  QueueOptions mail = Named("mail", 7);
  mail.task_defaults.durability = Durability::kBuffered;
  mail.task_defaults.retry.max_attempts = 3;
  ASSERT_TRUE(queues_->Create(mail).ok());
  ASSERT_TRUE(Keep("mail").ok());
  CrashAndBegin();
  EXPECT_EQ(OptionsOf("mail"), mail);
  EXPECT_THAT(report_.restored, ElementsAre("mail"));
  ASSERT_TRUE(queues_->Delete("mail").ok());
  ASSERT_TRUE(Keep("mail").ok());
  CrashAndBegin();
  EXPECT_TRUE(absl::IsNotFound(queues_->Get("mail").status()));
  EXPECT_THAT(report_.restored, IsEmpty());
}

TEST_F(QueueSettingsTest, APauseHoldsWithItsReason) {
  ASSERT_TRUE(queues_->Pause("default", "the mail server is down").ok());
  ASSERT_TRUE(queues_->NotePurge("default", "too old", 3).ok());
  ASSERT_TRUE(Keep("default").ok());
  const QueueOptions before = OptionsOf("default");
  CrashAndBegin();
  EXPECT_EQ(OptionsOf("default"), before);
  EXPECT_TRUE(OptionsOf("default").is_paused);
  EXPECT_THAT(report_.paused, ElementsAre("default"));
  EXPECT_THAT(report_.reconfigured, IsEmpty());
  ASSERT_TRUE(queues_->Resume("default", "it is back").ok());
  ASSERT_TRUE(Keep("default").ok());
  CrashAndBegin();
  EXPECT_FALSE(OptionsOf("default").is_paused);
  EXPECT_EQ(OptionsOf("default").resumed.reason, "it is back");
  EXPECT_THAT(report_.paused, IsEmpty());
}

TEST_F(QueueSettingsTest, WhatWasSetHoldsWhileTheConfigurationStays) {
  SetMaxTasks("reports", 9);
  CrashAndBegin();
  EXPECT_EQ(OptionsOf("reports").max_tasks, 9u);
  EXPECT_THAT(report_.reconfigured, IsEmpty());
}

TEST_F(QueueSettingsTest, AConfigurationThatHasChangedCountsButForThePause) {
  ASSERT_TRUE(queues_->Pause("reports", "why").ok());
  SetMaxTasks("reports", 9);
  configured_[1].max_tasks = 60;
  CrashAndBegin();
  EXPECT_EQ(OptionsOf("reports").max_tasks, 60u);
  EXPECT_TRUE(OptionsOf("reports").is_paused);
  EXPECT_THAT(report_.reconfigured, ElementsAre("reports"));
  // As its owner does with what was reported: then a change back brings nothing back.
  ASSERT_TRUE(Keep("reports").ok());
  configured_[1].max_tasks = 50;
  CrashAndBegin();
  EXPECT_EQ(OptionsOf("reports").max_tasks, 50u);
}

TEST_F(QueueSettingsTest, AQueueThatIsConfiguredOnlyNowIsAsConfigured) {
  ASSERT_TRUE(queues_->Create(Named("mail", 7)).ok());
  ASSERT_TRUE(Keep("mail").ok());
  configured_.push_back(Named("mail", 70));
  CrashAndBegin();
  EXPECT_EQ(OptionsOf("mail").max_tasks, 70u);
  EXPECT_THAT(report_.reconfigured, ElementsAre("mail"));
}

TEST_F(QueueSettingsTest, SaysWhatCouldNotBeKept) {
  disk_.FailFrom(1, ReasonError(absl::StatusCode::kResourceExhausted, "STORE_FULL", "full"));
  const absl::Status status = Keep("default");
  EXPECT_EQ(DetailsOf(status).reason, "STORE_FULL");
  EXPECT_THAT(status.message(), HasSubstr("queue \"default\" is changed, but"));
  disk_.FailFrom(0, absl::OkStatus());
  EXPECT_TRUE(Keep("default").ok());
}

TEST_F(QueueSettingsTest, DamageIsToldBeforeAnythingIsServed) {
  End();
  const auto batch = engine_.NewBatch();
  batch->Put(StoreTable::kMeta, "queue/mail", "no queue");
  ASSERT_TRUE(engine_.Write(*batch, true).ok());
  auto store = DurableStore::Open({}, {engine_, clock_, {}, {}});
  ASSERT_TRUE(store.ok());
  TaskQueues queues({configured_, Durability::kDurable}, clock_, handlers_, target_);
  QueueSettings settings(queues, configured_, store->get());
  const absl::Status status = settings.Recover().status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("\"mail\""));
}

TEST(QueueSettingsInMemoryTest, AreKeptByNobody) {
  FakeClock clock;
  FakeHandlers handlers;
  FakeReleaseTarget target(4);
  TaskQueues queues({}, clock, handlers, target);
  QueueSettings settings(queues, {}, nullptr);
  EXPECT_THAT(settings.Recover()->restored, IsEmpty());
  bool was_called = false;
  settings.Keep("default", [&](const absl::Status& status) { was_called = status.ok(); });
  EXPECT_TRUE(was_called);
}

}  // namespace
}  // namespace taskforge
