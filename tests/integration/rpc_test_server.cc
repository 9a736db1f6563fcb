#include "integration/rpc_test_server.h"

#include <gtest/gtest.h>

namespace taskforge {
namespace {

RpcServerOptions OnAnyPort(RpcServerOptions options) {
  if (options.listen == RpcServerOptions().listen) options.listen = {"127.0.0.1:0"};
  return options;
}

}  // namespace

RpcTestServer::RpcTestServer(FakeTasks::Mode mode, Access access, RpcServerOptions options)
    : tasks(mode),
      drains(2, clock),
      bus({}, drains, clock),
      task_service({tasks, tasks, clock, timer, explainer, [] { return Priority::kHigh; }}),
      bus_service({bus, clock, [] { return std::string("made"); }, executor, size_t{1} << 20,
                   [this] { return draining.load(); }}),
      pool_service(pool, clock, timer),
      server_service(control) {
  task_service.AddTo(methods);
  bus_service.AddTo(methods);
  pool_service.AddTo(methods);
  server_service.AddTo(methods);
  health.AddTo(methods);
  reflection.AddTo(methods);
  std::vector<grpc::Service*> services = {&task_service.generated(), &bus_service.generated(),
                                          &pool_service.generated(), &server_service.generated(),
                                          &health.generated()};
  for (grpc::Service* service : reflection.generated()) services.push_back(service);
  server = std::make_unique<RpcServer>(OnAnyPort(std::move(options)), std::move(access), clock, log,
                                       methods, services);
  const absl::Status started = server->Start();
  if (!started.ok()) {
    fprintf(stderr, "%s\n", started.ToString().c_str());
    abort();
  }
  channel = NewChannel();
}

RpcTestServer::~RpcTestServer() {
  channel = nullptr;
  if (server != nullptr) {
    server->EndStreams();
    server->Shutdown(absl::Seconds(2));
  }
}

std::shared_ptr<grpc::Channel> RpcTestServer::NewChannel(grpc::ChannelArguments arguments) const {
  // Each its own connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(server->addresses().front().address,
                                   grpc::InsecureChannelCredentials(), arguments);
}

RpcMethodStats RpcTestServer::StatsOf(const std::string& method) const {
  for (const RpcMethodStats& stats : server->Stats().methods) {
    if (stats.method == method) return stats;
  }
  return {};
}

google::rpc::Status DetailsIn(const grpc::Status& status) {
  google::rpc::Status details;
  details.ParseFromString(status.error_details());
  return details;
}

std::string ReasonIn(const grpc::Status& status) {
  const google::rpc::Status details = DetailsIn(status);
  for (const google::protobuf::Any& any : details.details()) {
    google::rpc::ErrorInfo info;
    if (any.UnpackTo(&info)) return info.reason();
  }
  return "";
}

std::vector<std::string> FieldsIn(const grpc::Status& status) {
  std::vector<std::string> fields;
  const google::rpc::Status details = DetailsIn(status);
  for (const google::protobuf::Any& any : details.details()) {
    google::rpc::BadRequest bad;
    if (!any.UnpackTo(&bad)) continue;
    for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
  }
  return fields;
}

std::string TrailerOf(const grpc::ClientContext& context, const std::string& key) {
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find(key);
  return found == trailers.end() ? "" : std::string(found->second.data(), found->second.size());
}

std::chrono::system_clock::time_point Soon() {
  return std::chrono::system_clock::now() + std::chrono::seconds(60);
}

v1::RunTaskRequest RunRequest(const std::string& handler, const std::string& text) {
  v1::RunTaskRequest request;
  request.mutable_task()->set_handler(handler);
  request.mutable_task()->mutable_input()->set_text_data(text);
  return request;
}

v1::SubmitTaskRequest SubmitRequest(const std::string& handler, const std::string& text) {
  v1::SubmitTaskRequest request;
  request.mutable_task()->set_handler(handler);
  request.mutable_task()->mutable_input()->set_text_data(text);
  return request;
}

v1::Task SubmitEcho(const RpcTestServer& server) {
  grpc::ClientContext context;
  v1::Task task;
  const grpc::Status status =
      server.tasks_stub()->SubmitTask(&context, SubmitRequest("echo", "x"), &task);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return task;
}

}  // namespace taskforge
