// What the pool does to a running server: growth for blocked work, none for busy work, the waiting
// bound, overload.
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <tuple>

#include "integration/server_fixture.h"
#include "support/waiting_bound.h"

namespace taskforge {
namespace {

class ServerPoolTest : public ServerFixture {
 protected:
  // Runs `count` tasks at once from as many threads; returns how many succeeded.
  int RunMany(int count, const v1::Task& task) {
    std::atomic<int> succeeded{0};
    grpc::CompletionQueue queue;
    struct Call {
      grpc::ClientContext context;
      v1::Task out;
      grpc::Status status;
      std::unique_ptr<grpc::ClientAsyncResponseReader<v1::Task>> reader;
    };
    std::vector<Call> calls(static_cast<size_t>(count));
    v1::RunTaskRequest request;
    *request.mutable_task() = task;
    for (Call& call : calls) {
      call.reader = tasks_->AsyncRunTask(&call.context, request, &queue);
      call.reader->Finish(&call.out, &call.status, &call);
    }
    for (int i = 0; i < count; ++i) {
      void* tag = nullptr;
      bool ok = false;
      queue.Next(&tag, &ok);
      const Call& call = *static_cast<Call*>(tag);
      if (call.status.ok() && call.out.state() == v1::TASK_STATE_SUCCEEDED) ++succeeded;
    }
    return succeeded.load();
  }

  // The pool, once each of its `count` threads runs and has said which it is: a seat has its
  // thread, and counts as idle, before.
  v1::Pool AwaitThreads(int count) {
    const auto all_run = [&](const v1::Pool& pool) {
      return pool.idle_threads() >= count &&
             std::all_of(pool.thread_list().begin(), pool.thread_list().end(),
                         [](const v1::PoolThread& thread) { return thread.tid() > 0; });
    };
    v1::Pool pool = GetPool();
    const absl::Time give_up = absl::Now() + absl::Seconds(10);
    while (!all_run(pool) && absl::Now() < give_up) pool = GetPool();
    return pool;
  }
};

TEST_F(ServerPoolTest, GrowsForBlockedWorkAndComesBack) {
  Start({{"pool.min_threads", "2"}, {"pool.max_threads", "64"}, {"pool.idle_timeout", "200ms"}});
  EXPECT_EQ(RunMany(64, MakeTask("sleep", R"({"duration":"1s","blocking":true})")), 64);
  EXPECT_GE(GetPool().peak_threads(), 48);
  const absl::Time give_up = absl::Now() + absl::Seconds(30);
  while (GetPool().threads() > 2 && absl::Now() < give_up) std::this_thread::yield();
  EXPECT_EQ(GetPool().threads(), 2);
}

TEST_F(ServerPoolTest, NeverGrowsBeyondTheProcessorsForBusyWork) {
  Start({{"pool.min_threads", "1"}, {"pool.max_threads", "32"}});
  EXPECT_EQ(RunMany(16, MakeTask("spin", "50ms")), 16);
  EXPECT_LE(GetPool().peak_threads(), loaded_->config().pool.cpus + 1);
}

TEST_F(ServerPoolTest, EveryResizeHasAReason) {
  Start({{"pool.min_threads", "2"}, {"pool.max_threads", "16"}});
  RunMany(16, MakeTask("sleep", R"({"duration":"500ms","blocking":true})"));
  v1::ListPoolResizesResponse resizes;
  const absl::Time give_up = absl::Now() + absl::Seconds(30);
  do {  // The start is one; the growth is written down when its threads run.
    grpc::ClientContext context;
    ASSERT_TRUE(pool_->ListPoolResizes(&context, {}, &resizes).ok());
  } while (resizes.resizes_size() < 2 && absl::Now() < give_up);
  EXPECT_GE(resizes.resizes_size(), 2);
  for (const v1::PoolResize& resize : resizes.resizes()) {
    EXPECT_NE(resize.reason(), v1::RESIZE_REASON_UNSPECIFIED);
    EXPECT_NE(resize.from_threads(), resize.to_threads());
  }
}

TEST_F(ServerPoolTest, ShowsEachThreadAndTheTermsOfTheBound) {
  Start({{"pool.min_threads", "3"}});
  const v1::Pool pool = AwaitThreads(3);
  ASSERT_EQ(pool.thread_list_size(), 3);
  for (const v1::PoolThread& thread : pool.thread_list()) {
    EXPECT_EQ(thread.state(), v1::THREAD_STATE_IDLE);
    EXPECT_GT(thread.tid(), 0);
  }
  EXPECT_EQ(pool.slots(), 32u);
  EXPECT_EQ(pool.seats(), 3u);
  EXPECT_EQ(pool.priorities(0).guaranteed_slots(), 1u);
  EXPECT_EQ(pool.priorities(3).guaranteed_slots(), 22u);
}

TEST_F(ServerPoolTest, SettingsChangeWhileItRuns) {
  Start();
  grpc::ClientContext context;
  v1::UpdatePoolRequest request;
  request.mutable_settings()->set_min_threads(5);
  request.mutable_settings()->set_max_threads(9);
  request.mutable_update_mask()->add_paths("min_threads");
  request.mutable_update_mask()->add_paths("max_threads");
  v1::Pool pool;
  const grpc::Status status = pool_->UpdatePool(&context, request, &pool);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(pool.settings().min_threads(), 5);
  const absl::Time give_up = absl::Now() + absl::Seconds(10);
  while (GetPool().threads() < 5 && absl::Now() < give_up) std::this_thread::yield();
  EXPECT_EQ(GetPool().threads(), 5);
}

TEST_F(ServerPoolTest, TheDefaultPriorityChangesWhileItRuns) {
  Start();
  grpc::ClientContext context;
  v1::UpdatePoolRequest request;
  request.mutable_settings()->set_default_priority(v1::PRIORITY_HIGH);
  request.mutable_update_mask()->add_paths("default_priority");
  v1::Pool pool;
  ASSERT_TRUE(pool_->UpdatePool(&context, request, &pool).ok());
  EXPECT_EQ(SubmitOk(MakeTask("echo", "x")).priority(), v1::PRIORITY_HIGH);
}

TEST_F(ServerPoolTest, ReservesOfTheCapacityChangeWhileItRuns) {
  Start({{"pool.capacity", "100"}, {"pool.reserved_capacity.critical", "10"}});
  EXPECT_EQ(GetPool().settings().reserved_capacity().critical(), 10u);
  v1::UpdatePoolRequest request;
  request.mutable_settings()->mutable_reserved_capacity()->set_high(20);
  request.mutable_settings()->mutable_reserved_capacity()->set_normal(70);
  request.mutable_update_mask()->add_paths("reserved_capacity.high");
  v1::Pool pool;
  grpc::ClientContext context;
  ASSERT_TRUE(pool_->UpdatePool(&context, request, &pool).ok());
  EXPECT_EQ(pool.settings().reserved_capacity().critical(), 10u) << "the mask does not name it";
  EXPECT_EQ(pool.settings().reserved_capacity().high(), 20u);
  EXPECT_EQ(pool.settings().reserved_capacity().normal(), 0u);
  request.mutable_update_mask()->set_paths(0, "reserved_capacity.normal");
  grpc::ClientContext wrong;
  const grpc::Status status = pool_->UpdatePool(&wrong, request, &pool);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  google::rpc::BadRequest bad;
  ASSERT_TRUE(Detail(status, &bad));
  EXPECT_EQ(bad.field_violations(0).field(), "settings.reserved_capacity.normal");
  request.mutable_update_mask()->set_paths(0, "reserved_capacity");
  grpc::ClientContext whole;
  ASSERT_TRUE(pool_->UpdatePool(&whole, request, &pool).ok());
  EXPECT_EQ(pool.settings().reserved_capacity().critical(), 0u);
  EXPECT_EQ(pool.settings().reserved_capacity().normal(), 70u);
}

TEST_F(ServerPoolTest, AThreadGoesToTheProcessorsThatItsSeatIsGiven) {
  Start({{"pool.min_threads", "2"}});
  const std::vector<int> usable = ReadCpuBudget().allowed_cpus;
  const auto set = [&](int seat, const std::vector<int>& cpus, v1::Pool& pool) {
    grpc::ClientContext context;
    v1::SetThreadAffinityRequest request;
    request.set_seat(seat);
    request.mutable_cpus()->Assign(cpus.begin(), cpus.end());
    return pool_->SetThreadAffinity(&context, request, &pool);
  };
  v1::Pool pool = AwaitThreads(2);
  ASSERT_TRUE(set(1, {usable.back()}, pool).ok());
  ASSERT_EQ(pool.thread_list_size(), 2);
  EXPECT_EQ(pool.thread_list(0).cpus_size(), 0);
  // Where the process may use one only, that is everywhere.
  EXPECT_EQ(pool.thread_list(1).cpus_size(), usable.size() == 1 ? 0 : 1);
  ASSERT_TRUE(set(1, {}, pool).ok());
  EXPECT_EQ(pool.thread_list(1).cpus_size(), 0);

  const int seats = pool.settings().max_threads();
  for (const auto& [seat, cpu, field] :
       {std::tuple{seats, usable[0], "seat"}, std::tuple{-1, usable[0], "seat"},
        std::tuple{0, CPU_SETSIZE - 1, "cpus"}, std::tuple{0, -1, "cpus"}}) {
    const grpc::Status status = set(seat, {cpu}, pool);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    google::rpc::BadRequest bad;
    ASSERT_TRUE(Detail(status, &bad)) << status.error_message();
    EXPECT_EQ(bad.field_violations(0).field(), field);
  }
  EXPECT_TRUE(set(seats - 1, {usable[0]}, pool).ok()) << "for the thread that may come";
}

TEST_F(ServerPoolTest, AChangeThatMakesNoSenseChangesNothing) {
  Start();
  grpc::ClientContext context;
  v1::UpdatePoolRequest request;
  request.mutable_settings()->set_min_threads(-4);
  request.mutable_update_mask()->add_paths("min_threads");
  request.mutable_update_mask()->add_paths("no_such_field");
  v1::Pool pool;
  const grpc::Status status = pool_->UpdatePool(&context, request, &pool);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(GetPool().settings().min_threads(), 2);
}

void ExpectWithinBound(const v1::Task& task, const v1::Pool& pool) {
  const WaitingBoundCheck check = CheckWaitingBound(task, pool);
  EXPECT_TRUE(check.is_known) << task.name();
  EXPECT_LE(check.waited, check.bound) << task.name();
  EXPECT_LE(task.attempts(0).dispatch().seats(), pool.seats()) << "M of GetPool is of now";
}

TEST_F(ServerPoolTest, LowStartsWithinTheBoundWhileCriticalSaturatesThePool) {
  Start({{"pool.min_threads", "2"}, {"pool.max_threads", "2"}, {"pool.allow_growth", "false"}});
  const v1::Task holder = SubmitOk(MakeTask("spin", "2s", v1::PRIORITY_NORMAL));
  WatchUntil(holder.name(), v1::TASK_STATE_RUNNING);
  // Critical work without end, several deep, until every Low task has started.
  std::atomic<bool> stop{false};
  std::atomic<int> critical{0};
  std::vector<std::thread> flood;
  for (int i = 0; i < 4; ++i) {
    flood.emplace_back([&] {
      while (!stop.load()) {
        v1::Task out;
        if (Run(MakeTask("echo", "c", v1::PRIORITY_CRITICAL), &out).ok()) critical.fetch_add(1);
      }
    });
  }
  std::vector<std::string> names;
  for (int i = 0; i < 50; ++i) {
    names.push_back(SubmitOk(MakeTask("echo", "low", v1::PRIORITY_LOW)).name());
  }
  std::vector<v1::Task> done;
  for (const std::string& name : names) done.push_back(Wait(name));
  stop.store(true);
  for (std::thread& thread : flood) thread.join();
  const v1::Pool pool = GetPool();
  for (const v1::Task& task : done) {
    EXPECT_EQ(task.state(), v1::TASK_STATE_SUCCEEDED);
    ExpectWithinBound(task, pool);
  }
  EXPECT_GT(critical.load(), 50);
}

// More threads than the processors can feed, and more work than these do in time.
TEST_F(ServerPoolTest, AnOverloadedPoolRefusesLowThenNormalWorkAndTakesTheUrgent) {
  const std::string threads = std::to_string(4 * ReadCpuBudget().cpus());
  Start({{"pool.min_threads", threads},
         {"pool.max_threads", threads},
         {"admission.shed_low_after", "50ms"},
         {"admission.shed_normal_after", "200ms"}});
  const auto try_until_refused = [&](v1::Priority priority) {
    grpc::Status status;
    v1::Task out;
    const absl::Time give_up = absl::Now() + absl::Seconds(30);
    do {
      status = Submit(MakeTask("spin", "100ms", priority), &out);
    } while (status.ok() && absl::Now() < give_up);
    return status;
  };
  std::vector<grpc::Status> refusals;
  for (const v1::Priority priority : {v1::PRIORITY_LOW, v1::PRIORITY_NORMAL}) {
    refusals.push_back(try_until_refused(priority));
  }
  for (const grpc::Status& status : refusals) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
    EXPECT_EQ(ReasonOf(status), "POOL_OVERLOADED");
    google::rpc::RetryInfo retry;
    EXPECT_TRUE(Detail(status, &retry));
  }
  v1::Task urgent;
  EXPECT_TRUE(Run(MakeTask("echo", "x", v1::PRIORITY_HIGH), &urgent).ok());
}

TEST_F(ServerPoolTest, OverloadIsRefusedAndNothingAcceptedIsLost) {
  Start({{"queues.default.max_tasks", "50"}, {"pool.min_threads", "2"}, {"pool.max_threads", "2"}});
  std::atomic<int> accepted{0};
  std::atomic<int> finished{0};
  std::atomic<int> refused{0};
  std::atomic<int> wrong{0};
  const absl::Time end = absl::Now() + absl::Seconds(2);
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      std::vector<std::string> names;
      while (absl::Now() < end) {
        v1::Task out;
        const grpc::Status status = Submit(MakeTask("spin", "10ms"), &out);
        if (status.ok()) {
          accepted.fetch_add(1);
          names.push_back(out.name());
        } else {
          refused.fetch_add(1);
          google::rpc::RetryInfo retry;
          if (status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED ||
              ReasonOf(status) != "QUEUE_FULL" || !Detail(status, &retry)) {
            wrong.fetch_add(1);
          }
        }
      }
      for (const std::string& name : names) {
        if (Wait(name).state() == v1::TASK_STATE_SUCCEEDED) finished.fetch_add(1);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_GT(refused.load(), 0);
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_EQ(accepted.load(), finished.load());
}

}  // namespace
}  // namespace taskforge
