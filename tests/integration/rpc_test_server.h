// A gRPC server in the test's process: the real services over fake tasks, a real bus, a fake pool.
#ifndef TASKFORGE_INTEGRATION_RPC_TEST_SERVER_H_
#define TASKFORGE_INTEGRATION_RPC_TEST_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/timer.h"
#include "bus/bus.h"
#include "google/rpc/error.pb.h"
#include "rpc/bus_service.h"
#include "rpc/health.h"
#include "rpc/pool_service.h"
#include "rpc/reflection.h"
#include "rpc/server.h"
#include "rpc/server_service.h"
#include "rpc/task_service.h"
#include "support/capturing_log.h"
#include "support/drain_executor.h"
#include "support/fake_tasks.h"

namespace taskforge {

// Says what it was given. Thread-safe.
class FakePool final : public PoolControl {
 public:
  PoolView View() const override {
    MutexLock lock(mu_);
    PoolView view;
    view.stats.settings = settings_;
    view.stats.threads = 3;
    view.stats.thread_list.emplace_back().cpus = cpus_;
    view.waiting_in_queues[Priority::kLow] = 7;
    return view;
  }
  absl::Status Update(const PoolUpdate& update) override {
    MutexLock lock(mu_);
    if (update.min_threads.value_or(1) < 1) {
      return InvalidArgument({{"pool.min_threads", "want at least 1"}});
    }
    settings_.min_threads = update.min_threads.value_or(settings_.min_threads);
    settings_.default_priority = update.default_priority.value_or(settings_.default_priority);
    return absl::OkStatus();
  }
  absl::Status SetThreadAffinity(int seat, const std::vector<int>& cpus) override {
    MutexLock lock(mu_);
    if (seat < 0) return InvalidArgument({{"seat", "want 0 or more"}});
    cpus_ = cpus;
    return absl::OkStatus();
  }
  std::vector<ResizeEvent> Resizes(size_t count, uint64_t before) const override {
    std::vector<ResizeEvent> events;
    for (uint64_t number = 5; number > 0 && events.size() < count; --number) {
      if (before != 0 && number >= before) continue;
      ResizeEvent event;
      event.number = number;
      event.to = static_cast<int>(number);
      events.push_back(event);
    }
    return events;
  }

 private:
  mutable Mutex mu_;
  PoolSettings settings_ ABSL_GUARDED_BY(mu_);
  std::vector<int> cpus_ ABSL_GUARDED_BY(mu_);  // Of its only thread.
};

// Thread-safe.
class FakeServerControl final : public ServerControl {
 public:
  ServerFacts Facts() const override {
    ServerFacts facts;
    facts.version = "1.2.3";
    facts.max_payload_bytes = 1 << 20;
    return facts;
  }
  uint64_t Drain(std::optional<absl::Duration> timeout) override {
    MutexLock lock(mu_);
    drain_timeout_ = timeout.value_or(absl::InfiniteDuration());
    return 42;
  }
  std::optional<absl::Duration> drain_timeout() const {
    MutexLock lock(mu_);
    return drain_timeout_;
  }
  ServerGuarantees Guarantees() const override { return ServerGuarantees(); }
  void BackupStore(std::string name, StoreBackups::Callback done) override {
    std::move(done)(StoreBackup{"/backups/" + name, 7, absl::Seconds(1)});
  }

 private:
  mutable Mutex mu_;
  std::optional<absl::Duration> drain_timeout_ ABSL_GUARDED_BY(mu_);
};

// Explains by the record alone. Thread-safe.
class RecordExplainer final : public TaskExplainer {
 public:
  RecordExplainer(TaskControl& control, const Clock& clock) : control_(control), clock_(clock) {}
  void Explain(const std::string& name, Callback done) override {
    control_.Get(name, [this,
                        done = std::move(done)](absl::StatusOr<TaskRecordPtr> record) mutable {
      if (!record.ok()) return std::move(done)(record.status());
      std::move(done)(Explained({*std::move(record), clock_.Now(), std::nullopt, std::nullopt}));
    });
  }

 private:
  TaskControl& control_;
  const Clock& clock_;
};

// Runs each piece on a thread of its own. Thread-safe.
class OtherThreads final : public Executor {
 public:
  ~OtherThreads() override ABSL_NO_THREAD_SAFETY_ANALYSIS {
    for (std::thread& thread : threads_) thread.join();
  }
  void Execute(absl::AnyInvocable<void() &&> work) override {
    MutexLock lock(mu_);
    threads_.emplace_back([work = std::move(work)]() mutable { std::move(work)(); });
  }
  size_t count() const {
    MutexLock lock(mu_);
    return threads_.size();
  }

 private:
  mutable Mutex mu_;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mu_);
};

// Not thread-safe; guarded by the test.
class RpcTestServer {
 public:
  explicit RpcTestServer(FakeTasks::Mode mode = FakeTasks::Mode::kAtOnce, Access access = {},
                         RpcServerOptions options = {});
  ~RpcTestServer();

  std::shared_ptr<grpc::Channel> NewChannel(grpc::ChannelArguments arguments = {}) const;
  std::unique_ptr<v1::TaskService::Stub> tasks_stub() const {
    return v1::TaskService::NewStub(channel);
  }
  std::unique_ptr<v1::BusService::Stub> bus_stub() const {
    return v1::BusService::NewStub(channel);
  }
  RpcMethodStats StatsOf(const std::string& method) const;

  SystemClock clock;
  CapturingLog log;
  ThreadTimer timer;
  FakeTasks tasks;
  RecordExplainer explainer{tasks, clock};
  ThreadDrainExecutor drains;
  Bus bus;
  OtherThreads executor;
  std::atomic<bool> draining{false};
  FakePool pool;
  FakeServerControl control;

  TaskService task_service;
  BusService bus_service;
  PoolService pool_service;
  ServerService server_service;
  HealthService health;
  ReflectionService reflection;
  MethodList methods;
  std::unique_ptr<RpcServer> server;
  std::shared_ptr<grpc::Channel> channel;
};

// What stands in a status's grpc-status-details-bin.
google::rpc::Status DetailsIn(const grpc::Status& status);
std::string ReasonIn(const grpc::Status& status);
// The fields of its BadRequest, in its order.
std::vector<std::string> FieldsIn(const grpc::Status& status);
// Of a trailer; empty if it is not there.
std::string TrailerOf(const grpc::ClientContext& context, const std::string& key);
// A deadline that a slow machine keeps; never waited for when all is well.
std::chrono::system_clock::time_point Soon();

v1::RunTaskRequest RunRequest(const std::string& handler, const std::string& text);
v1::SubmitTaskRequest SubmitRequest(const std::string& handler, const std::string& text);
// Submits echo of "x", which the server must accept; returns the task as it was answered.
v1::Task SubmitEcho(const RpcTestServer& server);

}  // namespace taskforge

#endif  // TASKFORGE_INTEGRATION_RPC_TEST_SERVER_H_
