// The whole server in the test's process, on ports of its own, and stock stubs to call it.
#ifndef TASKFORGE_INTEGRATION_SERVER_FIXTURE_H_
#define TASKFORGE_INTEGRATION_SERVER_FIXTURE_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/cpu_budget.h"
#include "base/file_system.h"
#include "composition.h"
#include "config/config.h"
#include "google/rpc/error.pb.h"
#include "taskforge/v1/bus_service.grpc.pb.h"
#include "taskforge/v1/handler_service.grpc.pb.h"
#include "taskforge/v1/pool_service.grpc.pb.h"
#include "taskforge/v1/server_service.grpc.pb.h"
#include "taskforge/v1/task_service.grpc.pb.h"
#include "taskforge/v1/worker_service.grpc.pb.h"

namespace taskforge {

class ServerFixture : public ::testing::Test {
 protected:
  using Flags = std::vector<std::pair<std::string, std::string>>;

  ~ServerFixture() override {
    if (server_ != nullptr) Stop();
  }

  // Starts the server with these options beside the test's own.
  void Start(Flags flags = {}) {
    flags.insert(flags.begin(), {{"grpc.listen", "127.0.0.1:0"},
                                 {"admin.listen", "127.0.0.1:0"},
                                 {"data_dir", "none"},
                                 {"shutdown.timeout", "10s"},
                                 {"log.level", "error"}});
    PosixFileSystem files;
    const CpuBudget budget = ReadCpuBudget();
    loaded_ = std::make_unique<LoadedConfig>();
    const absl::Status status = loaded_->Load(
        files, "", [](const char*) -> const char* { return nullptr; }, flags, budget);
    ASSERT_TRUE(status.ok()) << status;
    log_ = std::make_unique<StreamLog>(loaded_->config().log, clock_, stderr);
    auto server = Composition::Start(loaded_->config(), budget, files, *log_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    Connect(server_->grpc_address());
  }
  ShutdownReport Stop() {
    const ShutdownReport report = server_->Shutdown();
    server_.reset();
    return report;
  }
  void Connect(const std::string& address) {
    channel_ = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
    tasks_ = v1::TaskService::NewStub(channel_);
    bus_ = v1::BusService::NewStub(channel_);
    pool_ = v1::PoolService::NewStub(channel_);
    handlers_ = v1::HandlerService::NewStub(channel_);
    workers_ = v1::WorkerService::NewStub(channel_);
    info_ = v1::ServerService::NewStub(channel_);
  }

  static v1::Task MakeTask(const std::string& handler, const std::string& text,
                           v1::Priority priority = v1::PRIORITY_UNSPECIFIED) {
    v1::Task task;
    task.set_handler(handler);
    task.mutable_input()->set_text_data(text);
    task.set_priority(priority);
    return task;
  }
  grpc::Status Run(v1::Task task, v1::Task* out) {
    grpc::ClientContext context;
    v1::RunTaskRequest request;
    *request.mutable_task() = std::move(task);
    return tasks_->RunTask(&context, request, out);
  }
  grpc::Status Submit(v1::Task task, v1::Task* out, const std::string& request_id = "",
                      const std::string& task_id = "") {
    grpc::ClientContext context;
    v1::SubmitTaskRequest request;
    *request.mutable_task() = std::move(task);
    request.set_request_id(request_id);
    request.set_task_id(task_id);
    return tasks_->SubmitTask(&context, request, out);
  }
  v1::Task SubmitOk(v1::Task task, const std::string& request_id = "") {
    v1::Task out;
    const grpc::Status status = Submit(std::move(task), &out, request_id);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  // The task when it has ended, or as it is after 30 s.
  v1::Task Wait(const std::string& name) {
    grpc::ClientContext context;
    v1::WaitTaskRequest request;
    request.set_name(name);
    request.mutable_timeout()->set_seconds(30);
    v1::Task out;
    const grpc::Status status = tasks_->WaitTask(&context, request, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  grpc::Status Get(const std::string& name, v1::Task* out) {
    grpc::ClientContext context;
    v1::GetTaskRequest request;
    request.set_name(name);
    return tasks_->GetTask(&context, request, out);
  }
  grpc::Status Cancel(const std::string& name, v1::Task* out) {
    grpc::ClientContext context;
    v1::CancelTaskRequest request;
    request.set_name(name);
    return tasks_->CancelTask(&context, request, out);
  }
  v1::Pool GetPool() {
    grpc::ClientContext context;
    v1::Pool out;
    const grpc::Status status = pool_->GetPool(&context, {}, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  // Watches a task until it is in `state` (or has ended); returns it as it was then.
  v1::Task WatchUntil(const std::string& name, v1::TaskState state) {
    grpc::ClientContext context;
    v1::WatchTaskRequest request;
    request.set_name(name);
    const auto stream = tasks_->WatchTask(&context, request);
    v1::WatchTaskResponse response;
    while (stream->Read(&response) && response.task().state() != state) {
    }
    context.TryCancel();
    (void)stream->Finish();
    return response.task();
  }

  // The ErrorInfo.reason of a status; empty if it carries none.
  static std::string ReasonOf(const grpc::Status& status) {
    google::rpc::ErrorInfo info;
    return Detail(status, &info) ? info.reason() : "";
  }
  // Finds a detail of the type of `out` in grpc-status-details-bin.
  template <typename Message>
  static bool Detail(const grpc::Status& status, Message* out) {
    google::rpc::Status details;
    if (!details.ParseFromString(status.error_details())) return false;
    for (const auto& any : details.details()) {
      if (any.Is<Message>()) return any.UnpackTo(out);
    }
    return false;
  }

  SystemClock clock_;
  std::unique_ptr<LoadedConfig> loaded_;
  std::unique_ptr<StreamLog> log_;
  std::unique_ptr<Composition> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::TaskService::Stub> tasks_;
  std::unique_ptr<v1::BusService::Stub> bus_;
  std::unique_ptr<v1::PoolService::Stub> pool_;
  std::unique_ptr<v1::HandlerService::Stub> handlers_;
  std::unique_ptr<v1::WorkerService::Stub> workers_;
  std::unique_ptr<v1::ServerService::Stub> info_;
};

// A subscription that is live when the constructor returns.
class LiveSubscription {
 public:
  LiveSubscription(v1::BusService::Stub& stub, const v1::SubscribeRequest& request)
      : stream_(stub.Subscribe(&context_, request)) {
    v1::SubscribeResponse first;
    is_live_ = stream_->Read(&first) && !first.subscription().empty();
  }
  ~LiveSubscription() {
    context_.TryCancel();
    (void)stream_->Finish();
  }
  bool is_live() const { return is_live_; }
  bool Read(v1::SubscribeResponse* response) { return stream_->Read(response); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::SubscribeResponse>> stream_;
  bool is_live_ = false;
};

}  // namespace taskforge

#endif  // TASKFORGE_INTEGRATION_SERVER_FIXTURE_H_
