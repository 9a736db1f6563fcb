#include "handlers/worker_hub.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "handlers/built_in.h"
#include "support/capturing_log.h"
#include "support/fake_attempt.h"
#include "support/fake_clock.h"
#include "support/fake_task_parts.h"
#include "support/fake_timer.h"

namespace taskforge {
namespace {

constexpr uint64_t kBootEpoch = 7;  // As FakeAttempt has it.

// Tasks that wait, whatever their handler. Thread-safe.
class FakeSource final : public TaskSource {
 public:
  std::vector<TaskRef> Claim(const std::vector<std::string>&, size_t max) override {
    std::vector<TaskRef> claimed;
    for (TaskRef task; claimed.size() < max && (task = queue.Take());) {
      claimed.push_back(std::move(task));
    }
    return claimed;
  }
  void SetServed(const std::string& handler, bool is_served) override {
    MutexLock lock(mu_);
    served_[handler] = is_served;
  }
  bool served(const std::string& handler) {
    MutexLock lock(mu_);
    return served_[handler];
  }

  FakeQueue queue;

 private:
  Mutex mu_;
  std::map<std::string, bool> served_ ABSL_GUARDED_BY(mu_);
};

// Starts attempts and keeps them. Thread-safe.
class FakeStarter final : public RemoteStarter {
 public:
  // Called with each task whose attempt was lost, without a lock held. Set it before the first.
  std::function<void(TaskRef)> on_lost;

  std::optional<RemoteAttempt> StartRemote(TaskRef task, const std::string&) override {
    if (!task->TryAdvance(TaskPhase::kQueued, TaskPhase::kRunning)) return std::nullopt;
    MutexLock lock(mu_);
    auto attempt = MakeRef<FakeAttempt>("", ++numbers_[task->name()], task->name());
    attempt->on_lost = [this, task] {
      if (on_lost) on_lost(task);
    };
    attempts_.push_back(attempt);
    return RemoteAttempt{Attempt(attempt), Completion(attempt)};
  }
  std::vector<Ref<FakeAttempt>> attempts() {
    MutexLock lock(mu_);
    return attempts_;
  }

 private:
  Mutex mu_;
  std::map<std::string, int> numbers_ ABSL_GUARDED_BY(mu_);
  std::vector<Ref<FakeAttempt>> attempts_ ABSL_GUARDED_BY(mu_);
};

// Keeps what it is told. Thread-safe.
class FakeOutput final : public WorkerOutput {
 public:
  void Assign(std::vector<WorkerAssignment> batch) override {
    MutexLock lock(mu_);
    for (WorkerAssignment& each : batch) fences_.push_back(each.attempt.fence());
  }
  void CancelAttempt(Fence fence, StopReason) override {
    MutexLock lock(mu_);
    cancelled_.push_back(std::move(fence));
  }
  void Draining() override { draining.Notify(); }
  std::vector<Fence> fences() {
    MutexLock lock(mu_);
    return fences_;
  }
  std::vector<Fence> cancelled() {
    MutexLock lock(mu_);
    return cancelled_;
  }
  Notification draining;

 private:
  Mutex mu_;
  std::vector<Fence> fences_ ABSL_GUARDED_BY(mu_);
  std::vector<Fence> cancelled_ ABSL_GUARDED_BY(mu_);
};

class WorkerHubTest : public testing::Test {
 protected:
  void AddTasks(int n) {
    for (int i = 0; i < n; ++i) {
      TaskRef task = QueuedTask(SpecOf("resize"), runner_, clock_, absl::StrCat("t", ++tasks_));
      source_.queue.Enqueue(std::move(task), TaskSink::Position::kBack);
    }
    hub_.WorkArrived();
  }
  std::unique_ptr<WorkerSession> Connect(std::shared_ptr<FakeOutput> output,
                                         const std::string& id = "w") {
    auto session = hub_.Connect(Hello(id), std::move(output));
    EXPECT_TRUE(session.ok()) << session.status();
    return std::move(*session);
  }
  static WorkerHello Hello(const std::string& id, std::vector<std::string> handlers = {"resize"}) {
    WorkerHello hello;
    hello.worker_id = id;
    hello.handlers = std::move(handlers);
    return hello;
  }

  FakeClock clock_;
  FakeTimer timer_{clock_};
  CapturingLog log_;
  NoRunner runner_;
  HandlerRegistry registry_;
  FakeSource source_;
  FakeStarter starter_;
  int tasks_ = 0;
  WorkerHub hub_{
      WorkerHubOptions(), kBootEpoch, {registry_, source_, starter_, clock_, timer_, log_}};
  std::shared_ptr<FakeOutput> output_ = std::make_shared<FakeOutput>();
};

TEST_F(WorkerHubTest, NeverAssignsMoreThanTheCredit) {
  AddTasks(5);
  auto session = Connect(output_);
  EXPECT_TRUE(output_->fences().empty());
  EXPECT_TRUE(session->AddCredit(2).ok());
  EXPECT_EQ(output_->fences().size(), 2u);
  EXPECT_TRUE(session->AddCredit(10).ok());
  EXPECT_EQ(output_->fences().size(), 5u);
  EXPECT_EQ(hub_.List()[0].credit, 7u);
  EXPECT_EQ(hub_.List()[0].in_flight, 5u);
  AddTasks(20);
  EXPECT_EQ(output_->fences().size(), 12u);
  EXPECT_EQ(hub_.List()[0].credit, 0u);
}

TEST_F(WorkerHubTest, GivesCreditBackForTasksThatDidNotStart) {
  auto session = Connect(output_);
  EXPECT_TRUE(session->AddCredit(1).ok());
  TaskRef cancelled = QueuedTask(SpecOf("resize"), runner_, clock_, "c");
  cancelled->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling);
  source_.queue.Enqueue(cancelled, TaskSink::Position::kBack);
  AddTasks(1);
  ASSERT_EQ(output_->fences().size(), 1u);
  EXPECT_EQ(output_->fences()[0].task_name, "queues/default/tasks/t1");
}

TEST_F(WorkerHubTest, TakesAResultOnce) {
  auto session = Connect(output_);
  EXPECT_TRUE(session->AddCredit(1).ok());
  AddTasks(1);
  const Fence fence = output_->fences()[0];
  Payload output;
  output.data = "done";
  EXPECT_TRUE(session->Result(fence, output));
  EXPECT_EQ(starter_.attempts()[0]->output().data, "done");
  EXPECT_FALSE(session->Result(fence, output));
  EXPECT_EQ(hub_.stats().finished, 1u);
  EXPECT_EQ(hub_.stats().refused, 1u);
  EXPECT_EQ(hub_.List()[0].finished, 1u);
  EXPECT_EQ(hub_.List()[0].in_flight, 0u);
}

TEST_F(WorkerHubTest, RefusesResultsUnderAnotherFence) {
  auto session = Connect(output_);
  EXPECT_TRUE(session->AddCredit(1).ok());
  AddTasks(1);
  const Fence fence = output_->fences()[0];
  EXPECT_FALSE(session->Result({fence.task_name, fence.boot_epoch + 1, fence.attempt}, Payload()));
  EXPECT_FALSE(session->Result({fence.task_name, fence.boot_epoch, 2}, Payload()));
  EXPECT_FALSE(session->Result({"queues/default/tasks/x", fence.boot_epoch, 1}, Payload()));
  EXPECT_FALSE(starter_.attempts()[0]->has_ended());
  EXPECT_EQ(hub_.stats().refused, 3u);
}

TEST_F(WorkerHubTest, RefusesAResultThatCameAfterATimeOut) {
  auto session = Connect(output_);
  EXPECT_TRUE(session->AddCredit(1).ok());
  AddTasks(1);
  starter_.attempts()[0]->Finish({TaskError()});
  EXPECT_FALSE(session->Result(output_->fences()[0], Payload()));
}

TEST_F(WorkerHubTest, LosesWhatAClosedConnectionHadLastFirst) {
  auto session = Connect(output_);
  EXPECT_TRUE(session->AddCredit(3).ok());
  AddTasks(3);
  EXPECT_TRUE(session->Result(output_->fences()[0], Payload()));
  session->Close();
  EXPECT_FALSE(starter_.attempts()[0]->lost());
  EXPECT_TRUE(starter_.attempts()[1]->lost());
  EXPECT_TRUE(starter_.attempts()[2]->lost());
  EXPECT_EQ(hub_.stats().lost, 2u);
  EXPECT_FALSE(session->Result(output_->fences()[1], Payload()));
  EXPECT_TRUE(hub_.List().empty());
}

TEST_F(WorkerHubTest, GivesLostTasksToAnotherWorkerAtOnce) {
  // As the server does it: before those that wait, and the hub is told.
  starter_.on_lost = [this](TaskRef task) {
    task->TryAdvance(TaskPhase::kRunning, TaskPhase::kQueued);
    source_.queue.Enqueue(std::move(task), TaskSink::Position::kFront);
    hub_.WorkArrived();
  };
  auto first = Connect(output_, "one");
  EXPECT_TRUE(first->AddCredit(5).ok());
  AddTasks(2);
  auto other = std::make_shared<FakeOutput>();
  auto second = Connect(other, "two");
  EXPECT_TRUE(second->AddCredit(5).ok());
  EXPECT_TRUE(other->fences().empty());
  first.reset();
  std::set<std::string> names;
  for (const Fence& fence : other->fences()) {
    names.insert(fence.task_name);
    EXPECT_EQ(fence.attempt, 2);
  }
  EXPECT_EQ(names, (std::set<std::string>{"queues/default/tasks/t1", "queues/default/tasks/t2"}));
  EXPECT_EQ(output_->fences().size(), 2u) << "not to the one that is going";
}

TEST_F(WorkerHubTest, SilentWorkersLoseTheirLease) {
  auto session = Connect(output_);
  EXPECT_TRUE(session->AddCredit(5).ok());
  AddTasks(1);
  clock_.Advance(absl::Seconds(14));
  session->Heartbeat();
  clock_.Advance(absl::Seconds(14));
  EXPECT_FALSE(starter_.attempts()[0]->has_ended());
  clock_.Advance(absl::Seconds(1));
  ASSERT_TRUE(starter_.attempts()[0]->has_ended());
  EXPECT_TRUE(starter_.attempts()[0]->lost());
  EXPECT_EQ(hub_.stats().lease_expirations, 1u);
  EXPECT_TRUE(hub_.List()[0].silent);
  AddTasks(1);
  EXPECT_EQ(output_->fences().size(), 1u) << "gets nothing while it is silent";
  EXPECT_FALSE(session->Result(output_->fences()[0], Payload())) << "too late";
  EXPECT_EQ(output_->fences().size(), 2u) << "but it is heard again";
  clock_.Advance(absl::Seconds(16));
  EXPECT_EQ(hub_.stats().lease_expirations, 2u);
}

TEST_F(WorkerHubTest, TellsTheWorkerToStop) {
  auto session = Connect(output_);
  EXPECT_TRUE(session->AddCredit(1).ok());
  AddTasks(1);
  starter_.attempts()[0]->RequestStop(StopReason::kCancelled);
  ASSERT_EQ(output_->cancelled().size(), 1u);
  EXPECT_EQ(output_->cancelled()[0], output_->fences()[0]);
}

TEST_F(WorkerHubTest, ADrainingWorkerGetsNoMore) {
  auto session = Connect(output_);
  EXPECT_TRUE(session->AddCredit(5).ok());
  AddTasks(1);
  session->Drain();
  AddTasks(1);
  EXPECT_EQ(output_->fences().size(), 1u);
  EXPECT_TRUE(session->Result(output_->fences()[0], Payload()));
  EXPECT_EQ(hub_.stats().draining, 1u);
}

TEST_F(WorkerHubTest, DrainsAllWorkers) {
  auto session = Connect(output_);
  EXPECT_TRUE(session->AddCredit(5).ok());
  hub_.Drain();
  EXPECT_TRUE(output_->draining.HasBeenNotified());
  AddTasks(1);
  EXPECT_TRUE(output_->fences().empty());
  const ErrorDetails details = DetailsOf(hub_.Connect(Hello("x"), output_).status());
  EXPECT_EQ(details.reason, "DRAINING");
  EXPECT_TRUE(details.retry_after.has_value());
}

TEST_F(WorkerHubTest, KeepsTheNamesOfItsHandlers) {
  EXPECT_FALSE(registry_.Knows("resize"));
  auto session = Connect(output_);
  EXPECT_TRUE(registry_.IsRemote("resize"));
  EXPECT_EQ(registry_.Get("resize")->workers, 1);
  EXPECT_TRUE(source_.served("resize"));
  session.reset();
  EXPECT_TRUE(registry_.Knows("resize"));
  EXPECT_EQ(registry_.Get("resize")->workers, 0);
  EXPECT_FALSE(source_.served("resize"));
}

TEST_F(WorkerHubTest, RefusesHandlersThatAreBuiltIn) {
  auto registration = registry_.Register(MakeEchoHandler());
  const auto session = hub_.Connect(Hello("w", {"another", "echo"}), output_);
  EXPECT_EQ(session.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(registry_.Knows("another")) << "all or none";
}

TEST_F(WorkerHubTest, RefusesASecondWorkerOfTheSameName) {
  auto session = Connect(output_);
  EXPECT_EQ(hub_.Connect(Hello("w"), output_).status().code(), absl::StatusCode::kAlreadyExists);
  session.reset();
  Connect(output_);
}

TEST_F(WorkerHubTest, MakesNamesForWorkersWithout) {
  auto one = Connect(output_, "");
  auto two = Connect(output_, "");
  EXPECT_EQ(one->name(), "workers/worker-1");
  EXPECT_EQ(two->name(), "workers/worker-2");
}

TEST_F(WorkerHubTest, SaysEverythingThatIsWrongWithAHello) {
  const auto session = hub_.Connect(Hello("W!", {"ok", "Not Ok", "9"}), output_);
  EXPECT_EQ(DetailsOf(session.status()).field_violations.size(), 3u);
  EXPECT_FALSE(hub_.Connect(Hello("w", {}), output_).ok());
}

TEST_F(WorkerHubTest, SaysWhatIsFullAndWhenToComeAgain) {
  WorkerHubOptions options;
  options.max_workers = 1;
  options.max_remote_handlers = 2;
  WorkerHub hub(options, kBootEpoch, {registry_, source_, starter_, clock_, timer_, log_});
  auto first = hub.Connect(Hello("first"), output_);
  ASSERT_TRUE(first.ok()) << first.status();
  const struct {
    std::vector<std::string> handlers;
    std::string reason;
    QuotaViolation quota;
  } kCases[] = {
      {{"resize"}, "WORKERS_FULL", {"workers", "1 of 1 workers"}},
      {{"a", "b"}, "HANDLERS_FULL", {"handlers", "1 of 2 handlers"}},
  };
  for (const auto& each : kCases) {
    const auto refused = hub.Connect(Hello("second", each.handlers), output_);
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
    const ErrorDetails details = DetailsOf(refused.status());
    EXPECT_EQ(details.reason, each.reason);
    EXPECT_EQ(details.quota_violations, std::vector<QuotaViolation>{each.quota});
    EXPECT_TRUE(details.retry_after.has_value());
  }
}

TEST_F(WorkerHubTest, RefusesTooMuchCredit) {
  auto session = Connect(output_);
  EXPECT_TRUE(session->AddCredit(65536).ok());
  EXPECT_EQ(session->AddCredit(1).code(), absl::StatusCode::kInvalidArgument);
}

// Results race closes and leases: every attempt ends once, and what is finished, refused and lost
// adds up.
TEST_F(WorkerHubTest, EachAssignmentEndsOnceWhateverRaces) {
  for (const int threads : {1, 2, 8}) {
    AddTasks(400);
    std::vector<std::thread> workers;
    for (int i = 0; i < threads; ++i) {
      workers.emplace_back([&, i] {
        for (int round = 0; round < 20; ++round) {
          auto output = std::make_shared<FakeOutput>();
          auto session = Connect(output, absl::StrCat("w", i));
          EXPECT_TRUE(session->AddCredit(10).ok());
          std::thread closer;
          if (round % 2 == 0) closer = std::thread([&] { session->Close(); });
          for (const Fence& fence : output->fences()) session->Result(fence, Payload());
          if (closer.joinable()) closer.join();
        }
      });
    }
    for (std::thread& worker : workers) worker.join();
  }
  const WorkerHubStats stats = hub_.stats();
  EXPECT_LE(stats.assigned, starter_.attempts().size());
  EXPECT_EQ(stats.finished + stats.lost, starter_.attempts().size());
  for (const auto& attempt : starter_.attempts()) EXPECT_TRUE(attempt->has_ended());
}

}  // namespace
}  // namespace taskforge
