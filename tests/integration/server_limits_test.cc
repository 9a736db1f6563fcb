// The limits on what a client may send, in the real server.
#include <gmock/gmock.h>

#include <map>
#include <string>

#include "integration/server_fixture.h"

namespace taskforge {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;

class ServerLimits : public ServerFixture {
 protected:
  // What became of a task with this input, and headers of so many bytes.
  grpc::Status RunEcho(const std::string& input, size_t header_bytes = 0,
                       grpc_compression_algorithm compression = GRPC_COMPRESS_NONE) {
    grpc::ClientContext context;
    context.set_compression_algorithm(compression);
    if (header_bytes > 0) context.AddMetadata("x-filler", std::string(header_bytes, 'x'));
    v1::RunTaskRequest request;
    *request.mutable_task() = MakeTask("echo", input);
    v1::Task out;
    return tasks_->RunTask(&context, request, &out);
  }
  // The server must be none the worse for it. gRPC may close the connection of whoever went beyond
  // a limit, with the calls that were just begun on it: then the next call connects again.
  void ExpectServes() {
    const absl::Time give_up = absl::Now() + absl::Seconds(30);
    grpc::Status status = RunEcho("still");
    while (status.error_code() == StatusCode::UNAVAILABLE && absl::Now() < give_up) {
      status = RunEcho("still");
    }
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
};

// A bomb is small on the wire, and the library looks at the size before it decompresses.
TEST_F(ServerLimits, RefusesACompressedMessage) {
  Start();
  for (const auto algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    const grpc::Status status = RunEcho(std::string(100'000, 'x'), 0, algorithm);
    EXPECT_EQ(status.error_code(), StatusCode::UNIMPLEMENTED) << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr("ompression"));
  }
  ExpectServes();
}

TEST_F(ServerLimits, RefusesHeadersAboveTheLimit) {
  Start();
  EXPECT_TRUE(RunEcho("x", 7 << 10).ok());
  const grpc::Status status = RunEcho("x", 9 << 10);
  EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  EXPECT_THAT(status.error_message(), HasSubstr("metadata size exceeds limit"));
  ExpectServes();
}

TEST_F(ServerLimits, HeadersAreLimitedByTheOption) {
  Start({{"grpc.max_metadata_bytes", "16KiB"}});
  EXPECT_TRUE(RunEcho("x", 9 << 10).ok());
  EXPECT_EQ(RunEcho("x", 17 << 10).error_code(), StatusCode::RESOURCE_EXHAUSTED);
}

// Above the limit of payloads the server says which limit it is and how to raise it.
TEST_F(ServerLimits, RefusesAnInputAboveTheLimitWithItsKnob) {
  Start();
  const grpc::Status status = RunEcho(std::string((1 << 20) + 1, 'x'));
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("task.input"));
  EXPECT_THAT(status.error_message(), HasSubstr("1048576"));
  EXPECT_THAT(status.error_message(), HasSubstr("limits.max_payload_bytes"));
  google::rpc::BadRequest bad;
  ASSERT_TRUE(Detail(status, &bad));
  EXPECT_THAT(bad.field_violations(0).field(), HasSubstr("task.input"));
  EXPECT_TRUE(RunEcho(std::string(1 << 20, 'x')).ok()) << "what is just allowed passes";
}

// Above the limit of messages it is the library that refuses, before it has read the message.
TEST_F(ServerLimits, RefusesAMessageAboveTheLimit) {
  Start();
  const grpc::Status status = RunEcho(std::string(5 << 20, 'x'));
  EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("larger than max"));
  EXPECT_THAT(status.error_message(), HasSubstr("4194304"));
  ExpectServes();
}

TEST_F(ServerLimits, ABatchWithOneInputAboveTheLimitLosesOnlyThat) {
  Start();
  grpc::ClientContext context;
  const auto stream = tasks_->SubmitTasks(&context);
  v1::SubmitTasksRequest batch;
  for (const size_t bytes : {size_t{10}, (size_t{1} << 20) + 1, size_t{10}}) {
    v1::SubmitItem* item = batch.add_items();
    item->set_correlation_id(batch.items_size());
    *item->mutable_request()->mutable_task() = MakeTask("echo", std::string(bytes, 'x'));
  }
  ASSERT_TRUE(stream->Write(batch));
  stream->WritesDone();
  std::map<uint64_t, int> codes;
  v1::SubmitTasksResponse response;
  while (stream->Read(&response)) {
    for (const v1::SubmitAck& ack : response.acks()) codes[ack.correlation_id()] = ack.code();
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_THAT(codes,
              testing::ElementsAre(testing::Pair(1, 0), testing::Pair(2, 3), testing::Pair(3, 0)));
}

}  // namespace
}  // namespace taskforge
