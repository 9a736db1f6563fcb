// PoolService over the wire.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration/rpc_test_server.h"
#include "taskforge/v1/pool_service.grpc.pb.h"

namespace taskforge {
namespace {

using grpc::StatusCode;

TEST(Pool, ShowsUpdatesAndLists) {
  RpcTestServer server;
  auto stub = v1::PoolService::NewStub(server.channel);
  v1::Pool pool;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(stub->GetPool(&context, v1::GetPoolRequest(), &pool).ok());
    EXPECT_EQ(pool.threads(), 3);
    EXPECT_EQ(pool.priorities(0).queued(), 7U);
  }
  {
    grpc::ClientContext context;
    v1::UpdatePoolRequest request;
    request.mutable_settings()->set_min_threads(5);
    request.mutable_update_mask()->add_paths("min_threads");
    ASSERT_TRUE(stub->UpdatePool(&context, request, &pool).ok());
    EXPECT_EQ(pool.settings().min_threads(), 5);
  }
  std::vector<int> resizes;
  std::string token;
  do {
    grpc::ClientContext context;
    v1::ListPoolResizesRequest request;
    request.set_page_size(2);
    request.set_page_token(token);
    v1::ListPoolResizesResponse response;
    ASSERT_TRUE(stub->ListPoolResizes(&context, request, &response).ok());
    for (const auto& resize : response.resizes()) resizes.push_back(resize.to_threads());
    token = response.next_page_token();
  } while (!token.empty());
  EXPECT_THAT(resizes, testing::ElementsAre(5, 4, 3, 2, 1));
}

TEST(Pool, RefusesWhatIsWrongInTermsOfTheRequest) {
  RpcTestServer server;
  auto stub = v1::PoolService::NewStub(server.channel);
  v1::Pool pool;
  const auto fields_of = [&](const v1::UpdatePoolRequest& request) {
    grpc::ClientContext context;
    const grpc::Status status = stub->UpdatePool(&context, request, &pool);
    EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
    return FieldsIn(status);
  };
  v1::UpdatePoolRequest request;
  EXPECT_THAT(fields_of(request), testing::ElementsAre("update_mask"));
  request.mutable_update_mask()->add_paths("colour");
  EXPECT_THAT(fields_of(request), testing::ElementsAre("update_mask"));
  request.mutable_update_mask()->set_paths(0, "default_priority");
  EXPECT_THAT(fields_of(request), testing::ElementsAre("settings.default_priority"));
  request.mutable_update_mask()->set_paths(0, "min_threads");
  EXPECT_THAT(fields_of(request), testing::ElementsAre("settings.min_threads"));
}

TEST(Pool, SetsTheAffinityOfASeatAndAnswersWithThePool) {
  RpcTestServer server;
  auto stub = v1::PoolService::NewStub(server.channel);
  v1::SetThreadAffinityRequest request;
  request.add_cpus(1);
  request.add_cpus(3);
  v1::Pool pool;
  grpc::ClientContext context;
  ASSERT_TRUE(stub->SetThreadAffinity(&context, request, &pool).ok());
  EXPECT_THAT(pool.thread_list(0).cpus(), testing::ElementsAre(1, 3));
  request.set_seat(-1);
  grpc::ClientContext wrong;
  const grpc::Status status = stub->SetThreadAffinity(&wrong, request, &pool);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(FieldsIn(status), testing::ElementsAre("seat"));
}

TEST(Pool, WatchSendsAgainAndAgain) {
  RpcTestServer server;
  auto stub = v1::PoolService::NewStub(server.channel);
  grpc::ClientContext context;
  context.set_deadline(Soon());
  v1::WatchPoolRequest request;
  request.mutable_interval()->set_nanos(100'000'000);
  auto stream = stub->WatchPool(&context, request);
  v1::Pool pool;
  EXPECT_TRUE(stream->Read(&pool));
  EXPECT_TRUE(stream->Read(&pool));
  EXPECT_TRUE(stream->Read(&pool));
  context.TryCancel();
  while (stream->Read(&pool)) {
  }
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::CANCELLED);
}

}  // namespace
}  // namespace taskforge
