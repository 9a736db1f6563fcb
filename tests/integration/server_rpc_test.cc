// Health, reflection, server, access and limits, over the wire.
#include <unistd.h>

#include <thread>

#include "gmock/gmock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "gtest/gtest.h"
#include "integration/rpc_test_server.h"
#include "taskforge/v1/server_service.grpc.pb.h"
#include "taskforge/v1/worker_service.grpc.pb.h"

namespace taskforge {
namespace {

using grpc::StatusCode;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using Mode = FakeTasks::Mode;

HealthCheckResponse::ServingStatus HealthOf(const RpcTestServer& server, const std::string& key) {
  auto stub = grpc::health::v1::Health::NewStub(server.channel);
  grpc::ClientContext context;
  context.set_deadline(Soon());
  HealthCheckRequest request;
  request.set_service(key);
  HealthCheckResponse response;
  const grpc::Status status = stub->Check(&context, request, &response);
  return status.error_code() == StatusCode::NOT_FOUND ? HealthCheckResponse::SERVICE_UNKNOWN
                                                      : response.status();
}

TEST(Health, KnowsServerServicesReadinessAndLiveness) {
  RpcTestServer server;
  for (const char* key : {"", "readiness", "taskforge.v1.TaskService"}) {
    EXPECT_EQ(HealthOf(server, key), HealthCheckResponse::NOT_SERVING) << key;
  }
  EXPECT_EQ(HealthOf(server, "liveness"), HealthCheckResponse::SERVING);
  server.health.SetReady(true);
  for (const char* key : {"", "readiness", "taskforge.v1.BusService", "liveness"}) {
    EXPECT_EQ(HealthOf(server, key), HealthCheckResponse::SERVING) << key;
  }
  EXPECT_EQ(HealthOf(server, "nonsense"), HealthCheckResponse::SERVICE_UNKNOWN);
}

TEST(Health, WatchTellsChangesAndOutlivesTheDrain) {
  RpcTestServer server;
  server.health.SetReady(true);
  auto stub = grpc::health::v1::Health::NewStub(server.channel);
  grpc::ClientContext context;
  context.set_deadline(Soon());
  auto stream = stub->Watch(&context, HealthCheckRequest());
  HealthCheckResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  server.server->EndStreams();
  server.health.SetReady(false);
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(HealthOf(server, "liveness"), HealthCheckResponse::SERVING);
}

template <typename Service, typename Request, typename Response>
void AsksReflection() {
  RpcTestServer server;
  auto stub = Service::NewStub(server.channel);
  grpc::ClientContext context;
  context.set_deadline(Soon());
  auto stream = stub->ServerReflectionInfo(&context);
  Request request;
  Response response;
  request.set_list_services("*");
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&response));
  std::vector<std::string> services;
  for (const auto& service : response.list_services_response().service()) {
    services.push_back(service.name());
  }
  EXPECT_THAT(services, testing::IsSupersetOf({"taskforge.v1.TaskService", "grpc.health.v1.Health",
                                               "taskforge.v1.WorkerService"}));
  request.set_file_containing_symbol("taskforge.v1.TaskService.RunTask");
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_GE(response.file_descriptor_response().file_descriptor_proto_size(), 4)
      << "the file and its imports";
  request.set_file_containing_symbol("no.such.Symbol");
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.error_response().error_code(), StatusCode::NOT_FOUND);
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(Reflection, AnswersV1) {
  AsksReflection<grpc::reflection::v1::ServerReflection,
                 grpc::reflection::v1::ServerReflectionRequest,
                 grpc::reflection::v1::ServerReflectionResponse>();
}

TEST(Reflection, AnswersV1Alpha) {
  AsksReflection<grpc::reflection::v1alpha::ServerReflection,
                 grpc::reflection::v1alpha::ServerReflectionRequest,
                 grpc::reflection::v1alpha::ServerReflectionResponse>();
}

TEST(Server, TellsAboutItselfAndDrains) {
  RpcTestServer server;
  auto stub = v1::ServerService::NewStub(server.channel);
  v1::ServerInfo info;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(stub->GetServerInfo(&context, v1::GetServerInfoRequest(), &info).ok());
    EXPECT_EQ(info.version(), "1.2.3");
    EXPECT_EQ(info.grpc_version(), grpc::Version());
  }
  grpc::ClientContext context;
  v1::DrainRequest request;
  request.mutable_timeout()->set_seconds(7);
  v1::DrainResponse response;
  ASSERT_TRUE(stub->Drain(&context, request, &response).ok());
  EXPECT_EQ(response.unfinished_tasks(), 42U);
  EXPECT_EQ(server.control.drain_timeout(), absl::Seconds(7));
}

std::vector<TokenEntry> Tokens() {
  return {{Role::kClient, "ann", HashToken("client-token")},
          {Role::kAdmin, "bob", HashToken("admin-token")}};
}

StatusCode CallAs(const RpcTestServer& server, const std::string& token, bool admin_method) {
  grpc::ClientContext context;
  if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
  if (admin_method) {
    v1::DrainResponse response;
    return v1::ServerService::NewStub(server.channel)
        ->Drain(&context, v1::DrainRequest(), &response)
        .error_code();
  }
  v1::Task task;
  return server.tasks_stub()->SubmitTask(&context, SubmitRequest("echo", "x"), &task).error_code();
}

TEST(TokenAccess, DecidesByRole) {
  RpcTestServer server(Mode::kAtOnce, Access(Tokens()));
  EXPECT_EQ(CallAs(server, "", false), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(CallAs(server, "wrong", false), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(CallAs(server, "client-token", false), StatusCode::OK);
  EXPECT_EQ(server.tasks.last_spec().origin->principal, "ann");
  EXPECT_EQ(CallAs(server, "client-token", true), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(CallAs(server, "admin-token", true), StatusCode::OK);
  EXPECT_EQ(HealthOf(server, "liveness"), HealthCheckResponse::SERVING) << "health is open";
}

TEST(TokenAccess, RefusesAStreamToo) {
  RpcTestServer server(Mode::kAtOnce, Access(Tokens()));
  grpc::ClientContext context;
  context.set_deadline(Soon());
  auto stream = server.tasks_stub()->SubmitTasks(&context);
  v1::SubmitTasksResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::UNAUTHENTICATED);
}

TEST(Listen, TakesUnixSocketsBesidePorts) {
  RpcServerOptions options;
  const std::string path = testing::TempDir() + "/taskforge-" + std::to_string(getpid()) + ".sock";
  options.listen = {"unix:" + path, "127.0.0.1:0"};
  RpcTestServer server(Mode::kAtOnce, {}, options);
  EXPECT_EQ(server.server->addresses()[0].address, "unix:" + path);
  EXPECT_NE(server.server->addresses()[1].port, 0);
  EXPECT_EQ(CallAs(server, "", true), StatusCode::OK) << "a unix socket is local";
}

TEST(Listen, RefusesAnAddressThatIsTaken) {
  RpcTestServer first;
  MethodList methods;
  RpcServerOptions options;
  options.listen = {first.server->addresses()[0].address};
  RpcServer second(options, {}, first.clock, first.log, methods, {});
  const absl::Status status = second.Start();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr(options.listen[0]));
}

TEST(Listen, RefusesTheOutsideWithoutTls) {
  RpcTestServer first;
  MethodList methods;
  RpcServerOptions options;
  options.listen = {"0.0.0.0:0"};
  RpcServer second(options, {}, first.clock, first.log, methods, {});
  EXPECT_EQ(second.Start().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Metrics, CountEveryMethodFromTheStart) {
  RpcTestServer server;
  const RpcStats stats = server.server->Stats();
  EXPECT_EQ(stats.methods.size(), MethodTable().size());
  for (const RpcMethodStats& method : stats.methods) EXPECT_EQ(method.started, 0U);
}

TEST(Metrics, CountStartsEndsCodesAndMessages) {
  RpcTestServer server;
  ASSERT_EQ(CallAs(server, "", false), StatusCode::OK);
  server.tasks.Refuse(absl::ResourceExhaustedError("full"));
  ASSERT_EQ(CallAs(server, "", false), StatusCode::RESOURCE_EXHAUSTED);
  // The server counts an end when gRPC tells it, which may be after the client knows.
  RpcMethodStats stats = server.StatsOf("SubmitTask");
  while (stats.handled[0] + stats.handled[8] < 2) {
    std::this_thread::yield();
    stats = server.StatsOf("SubmitTask");
  }
  EXPECT_EQ(stats.started, 2U);
  EXPECT_EQ(stats.handled[0], 1U);
  EXPECT_EQ(stats.handled[8], 1U);
  EXPECT_EQ(stats.messages_received, 2U);
  EXPECT_EQ(stats.messages_sent, 1U);
}

// What a hostile or clumsy client does.

TEST(Hostile, AMessageAboveTheLimitIsRefusedAndTheServerLives) {
  RpcTestServer server;
  grpc::ClientContext context;
  v1::Task task;
  const grpc::Status status = server.tasks_stub()->SubmitTask(
      &context, SubmitRequest("echo", std::string(5 << 20, 'x')), &task);
  EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(CallAs(server, "", false), StatusCode::OK);
}

TEST(Hostile, TextThatIsNotUtf8IsRefused) {
  RpcTestServer server;
  v1::SubmitTaskRequest request = SubmitRequest("echo", "x");
  request.set_task_id("\xFF\xFE");
  grpc::ClientContext context;
  v1::Task task;
  const grpc::Status status = server.tasks_stub()->SubmitTask(&context, request, &task);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(CallAs(server, "", false), StatusCode::OK);
}

TEST(Hostile, AMethodThatThereIsNotIsUnimplemented) {
  RpcTestServer server;
  grpc::ClientContext context;
  v1::ListWorkersResponse response;
  // This server has no WorkerService.
  EXPECT_EQ(v1::WorkerService::NewStub(server.channel)
                ->ListWorkers(&context, v1::ListWorkersRequest(), &response)
                .error_code(),
            StatusCode::UNIMPLEMENTED);
}

TEST(Hostile, CallsCancelledMidStreamLeaveNothingOpen) {
  RpcTestServer server(Mode::kHold);
  for (int i = 0; i < 50; ++i) {
    grpc::ClientContext context;
    auto stream = server.tasks_stub()->SubmitTasks(&context);
    v1::SubmitTasksRequest request;
    request.set_want_results(true);
    *request.add_items()->mutable_request() = SubmitRequest("echo", "x");
    stream->Write(request);
    context.TryCancel();
    stream->Finish();
  }
  while (server.server->Stats().open_calls != 0) std::this_thread::yield();
  EXPECT_EQ(CallAs(server, "", false), StatusCode::OK);
}

TEST(Hostile, ManyHalfOpenStreamsDoNotHoldUpOthers) {
  RpcTestServer server;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<
      std::unique_ptr<grpc::ClientReaderWriter<v1::SubmitTasksRequest, v1::SubmitTasksResponse>>>
      streams;
  for (int i = 0; i < 200; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    streams.push_back(server.tasks_stub()->SubmitTasks(contexts.back().get()));
  }
  EXPECT_EQ(CallAs(server, "", false), StatusCode::OK);
  for (auto& context : contexts) context->TryCancel();
  for (auto& stream : streams) stream->Finish();
}

}  // namespace
}  // namespace taskforge
