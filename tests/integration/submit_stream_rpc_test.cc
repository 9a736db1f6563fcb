// TaskService.SubmitTasks over the wire.
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration/rpc_test_server.h"

namespace taskforge {
namespace {

using grpc::StatusCode;
using Mode = FakeTasks::Mode;

// A client of SubmitTasks that reads until the server ends the stream.
struct StreamOutcome {
  int accepted = 0;
  int refused = 0;
  int results = 0;
  std::string first_reason;
  grpc::Status status;
};

template <typename Stream>
StreamOutcome ReadAll(Stream& stream) {
  StreamOutcome outcome;
  v1::SubmitTasksResponse response;
  while (stream.Read(&response)) {
    for (const v1::SubmitAck& ack : response.acks()) {
      (ack.code() == 0 ? outcome.accepted : outcome.refused)++;
      if (outcome.first_reason.empty()) outcome.first_reason = ack.reason();
    }
    outcome.results += response.results_size();
  }
  outcome.status = stream.Finish();
  return outcome;
}

v1::SubmitTasksRequest Batch(int count, bool want_results) {
  v1::SubmitTasksRequest request;
  request.set_want_results(want_results);
  for (int i = 0; i < count; ++i) {
    v1::SubmitItem& item = *request.add_items();
    item.set_correlation_id(static_cast<uint64_t>(i));
    *item.mutable_request() = SubmitRequest("echo", "x");
  }
  return request;
}

TEST(SubmitTasks, AcknowledgesEveryItemAndSendsResults) {
  RpcTestServer server;
  grpc::ClientContext context;
  context.set_deadline(Soon());
  auto stream = server.tasks_stub()->SubmitTasks(&context);
  constexpr int kBatches = 20;
  for (int i = 0; i < kBatches; ++i) {
    v1::SubmitTasksRequest request = Batch(100, i == 0);
    ASSERT_TRUE(stream->Write(request));
  }
  stream->WritesDone();
  const StreamOutcome outcome = ReadAll(*stream);
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.error_message();
  EXPECT_EQ(outcome.accepted, kBatches * 100);
  EXPECT_EQ(outcome.results, kBatches * 100);
  const RpcMethodStats stats = server.StatsOf("SubmitTasks");
  EXPECT_EQ(stats.messages_received, kBatches);
  EXPECT_LT(stats.messages_sent, kBatches * 100) << "what gathers goes as one message";
}

TEST(SubmitTasks, RefusesAnItemWithoutEndingTheStream) {
  RpcTestServer server;
  grpc::ClientContext context;
  context.set_deadline(Soon());
  auto stream = server.tasks_stub()->SubmitTasks(&context);
  v1::SubmitTasksRequest request = Batch(2, false);
  request.mutable_items(1)->mutable_request()->set_parent("nonsense");
  ASSERT_TRUE(stream->Write(request));
  stream->WritesDone();
  const StreamOutcome outcome = ReadAll(*stream);
  EXPECT_TRUE(outcome.status.ok());
  EXPECT_EQ(outcome.accepted, 1);
  EXPECT_EQ(outcome.refused, 1);
}

TEST(SubmitTasks, StopsReadingBeyondTheCredit) {
  RpcTestServer server(Mode::kHold);
  grpc::ClientContext context;
  context.set_deadline(Soon());
  auto stream = server.tasks_stub()->SubmitTasks(&context);
  v1::SubmitTasksRequest request = Batch(4, true);
  request.set_credit(4);
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Write(Batch(4, false)));
  v1::SubmitTasksResponse response;
  int acks = 0;
  while (acks < 4 && stream->Read(&response)) acks += response.acks_size();
  // The second batch is with the server when these calls are, and its one polling thread takes
  // events in their order: a server that read on would have taken it.
  for (int i = 0; i < 3; ++i) {
    grpc::ClientContext other_context;
    v1::GetTaskRequest get;
    get.set_name("t1");
    v1::Task task;
    ASSERT_TRUE(server.tasks_stub()->GetTask(&other_context, get, &task).ok());
  }
  EXPECT_EQ(server.tasks.submitted(), 4U);
  server.tasks.FinishAll();
  while (acks < 8 && stream->Read(&response)) acks += response.acks_size();
  EXPECT_EQ(server.tasks.submitted(), 8U);
  server.tasks.FinishAll();
  stream->WritesDone();
  EXPECT_TRUE(ReadAll(*stream).status.ok());
}

TEST(SubmitTasks, RefusesABatchThatIsTooGreat) {
  RpcTestServer server;
  grpc::ClientContext context;
  context.set_deadline(Soon());
  auto stream = server.tasks_stub()->SubmitTasks(&context);
  ASSERT_TRUE(stream->Write(Batch(1001, false)));
  const StreamOutcome outcome = ReadAll(*stream);
  EXPECT_EQ(outcome.status.error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST(SubmitTasks, CancelsWhatWasAskedForWhenTheClientGoes) {
  RpcTestServer server(Mode::kHold);
  {
    grpc::ClientContext context;
    context.set_deadline(Soon());
    auto stream = server.tasks_stub()->SubmitTasks(&context);
    v1::SubmitTasksRequest request = Batch(2, true);
    request.mutable_items(0)->mutable_request()->mutable_task()->set_cancel_on_disconnect(true);
    ASSERT_TRUE(stream->Write(request));
    v1::SubmitTasksResponse response;
    int acks = 0;
    while (acks < 2 && stream->Read(&response)) acks += response.acks_size();
    context.TryCancel();
    stream->Finish();
  }
  while (server.StatsOf("SubmitTasks").handled[StatusCode::CANCELLED] == 0) {
    std::this_thread::yield();
  }
  EXPECT_THAT(server.tasks.cancelled(), testing::ElementsAre("queues/default/tasks/t1"));
}

}  // namespace
}  // namespace taskforge
