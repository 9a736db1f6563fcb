#include "rpc/method_table.h"

#include <google/protobuf/descriptor.h>

#include <set>

#include "grpc/health/v1/health.pb.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "grpc/reflection/v1alpha/reflection.pb.h"
#include "gtest/gtest.h"
#include "taskforge/v1/bus_service.pb.h"
#include "taskforge/v1/handler_service.pb.h"
#include "taskforge/v1/pool_service.pb.h"
#include "taskforge/v1/queue_service.pb.h"
#include "taskforge/v1/schedule_service.pb.h"
#include "taskforge/v1/server_service.pb.h"
#include "taskforge/v1/task_service.pb.h"
#include "taskforge/v1/worker_service.pb.h"

namespace taskforge {
namespace {

// Every file that declares a service which the server could answer.
std::vector<const google::protobuf::FileDescriptor*> Files() {
  return {v1::SubmitTaskRequest::descriptor()->file(),
          v1::PublishRequest::descriptor()->file(),
          v1::ListHandlersRequest::descriptor()->file(),
          v1::WorkRequest::descriptor()->file(),
          v1::GetPoolRequest::descriptor()->file(),
          v1::GetQueueRequest::descriptor()->file(),
          v1::GetScheduleRequest::descriptor()->file(),
          v1::DrainRequest::descriptor()->file(),
          grpc::health::v1::HealthCheckRequest::descriptor()->file(),
          grpc::reflection::v1::ServerReflectionRequest::descriptor()->file(),
          grpc::reflection::v1alpha::ServerReflectionRequest::descriptor()->file()};
}

RpcType TypeOf(const google::protobuf::MethodDescriptor& method) {
  if (method.client_streaming()) return RpcType::kBidiStream;
  return method.server_streaming() ? RpcType::kServerStream : RpcType::kUnary;
}

TEST(MethodTable, HasARuleForEveryMethodOfEveryService) {
  size_t count = 0;
  for (const auto* file : Files()) {
    for (int s = 0; s < file->service_count(); ++s) {
      const auto& service = *file->service(s);
      for (int m = 0; m < service.method_count(); ++m) {
        const auto& method = *service.method(m);
        const size_t index = FindMethod(service.full_name(), method.name());
        ASSERT_LT(index, MethodTable().size()) << method.full_name() << " has no rule";
        EXPECT_EQ(MethodTable()[index].type, TypeOf(method)) << method.full_name();
        ++count;
      }
    }
  }
  EXPECT_EQ(count, MethodTable().size()) << "a rule for a method that there is not";
}

TEST(MethodTable, NamesEachMethodOnce) {
  std::set<std::string> names;
  for (const MethodRule& rule : MethodTable()) names.insert(FullName(rule));
  EXPECT_EQ(names.size(), MethodTable().size());
}

TEST(MethodTable, WhatChangesTheServerNeedsAdmin) {
  for (const auto& [service, method] : std::vector<std::pair<std::string, std::string>>{
           {"taskforge.v1.PoolService", "UpdatePool"},
           {"taskforge.v1.PoolService", "SetThreadAffinity"},
           {"taskforge.v1.ServerService", "Drain"}}) {
    EXPECT_EQ(MethodTable().at(FindMethod(service, method)).access, AccessRule::kAdmin) << method;
  }
}

TEST(MethodTable, OnlyHealthIsOpen) {
  for (const MethodRule& rule : MethodTable()) {
    EXPECT_EQ(rule.access == AccessRule::kOpen, rule.service == "grpc.health.v1.Health")
        << FullName(rule);
  }
}

TEST(MethodTable, DoesNotFindWhatThereIsNot) {
  EXPECT_EQ(FindMethod("taskforge.v1.TaskService", "Nope"), MethodTable().size());
}

}  // namespace
}  // namespace taskforge
