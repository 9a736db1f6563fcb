#include "cli/bulk_submit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"

namespace taskforge::cli {
namespace {

// A task service that refuses each task as often as it was told to, and then accepts it.
// Thread-safe: one stream at a time.
class FakeTaskService final : public v1::TaskService::Service {
 public:
  grpc::Status SubmitTasks(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::SubmitTasksResponse, v1::SubmitTasksRequest>* stream) override {
    v1::SubmitTasksRequest request;
    while (stream->Read(&request)) {
      want_results |= request.want_results();
      largest_batch = std::max(largest_batch, request.items_size());
      v1::SubmitTasksResponse response;
      for (const v1::SubmitItem& item : request.items()) Answer(item, response);
      stream->Write(response);
      if (breaks) return grpc::Status(grpc::StatusCode::INTERNAL, "broken");
    }
    return grpc::Status::OK;
  }

  // Set before the call, read after it.
  int refusals = 0;
  bool refuses_for_good = false;
  bool breaks = false;
  bool want_results = false;
  int largest_batch = 0;
  std::map<uint64_t, int> tries;
  std::set<std::string> accepted;

 private:
  void Answer(const v1::SubmitItem& item, v1::SubmitTasksResponse& response) {
    v1::SubmitAck* ack = response.add_acks();
    ack->set_correlation_id(item.correlation_id());
    if (refuses_for_good) {
      ack->set_code(static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
    } else if (tries[item.correlation_id()]++ < refusals) {
      ack->set_code(static_cast<int>(grpc::StatusCode::RESOURCE_EXHAUSTED));
      ack->mutable_retry_after()->set_nanos(1000000);
    } else {
      EXPECT_TRUE(accepted.insert(item.request().task_id()).second) << "accepted twice";
      if (want_results) {
        response.add_results()->set_correlation_id(item.correlation_id());
      }
    }
  }
};

class BulkSubmitTest : public ::testing::Test {
 protected:
  BulkSubmitTest() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    session_.options.server = absl::StrCat("127.0.0.1:", port);
    session_.options.deadline = absl::Seconds(60);
  }
  ~BulkSubmitTest() override { server_->Shutdown(); }

  // Gives `count` submissions named 0, 1, …
  static BulkSubmit::Source Numbers(int count) {
    return [next = 0, count](v1::SubmitTaskRequest& request) mutable {
      if (next == count) return false;
      request.set_task_id(absl::StrCat(next++));
      return true;
    };
  }

  BulkSubmit::OnAck CountAcks() {
    return [this](const v1::SubmitAck& ack) { ++acks_[ack.code()]; };
  }

  FakeTaskService service_;
  std::unique_ptr<grpc::Server> server_;
  Session session_;
  std::map<int, int> acks_;  // By code. Written by the reading thread.
};

TEST_F(BulkSubmitTest, SubmitsEachOnceInBatches) {
  BulkSubmit submit(session_, BulkSubmit::Options(), CountAcks(), nullptr);
  EXPECT_TRUE(submit.Run(Numbers(3000)).ok());
  EXPECT_EQ(service_.accepted.size(), 3000u);
  EXPECT_EQ(acks_[0], 3000);
  EXPECT_GT(service_.largest_batch, 1);
  EXPECT_LE(service_.largest_batch, 1000);
}

TEST_F(BulkSubmitTest, EndsWithNothingToDo) {
  BulkSubmit submit(session_, BulkSubmit::Options(), CountAcks(), nullptr);
  EXPECT_TRUE(submit.Run(Numbers(0)).ok());
  EXPECT_TRUE(service_.accepted.empty());
}

TEST_F(BulkSubmitTest, TriesAgainWhatWasRefusedForAWhile) {
  service_.refusals = 2;
  BulkSubmit submit(session_, BulkSubmit::Options(), CountAcks(), nullptr);
  EXPECT_TRUE(submit.Run(Numbers(500)).ok());
  EXPECT_EQ(service_.accepted.size(), 500u);
  EXPECT_EQ(acks_[0], 500);
  EXPECT_EQ(acks_.size(), 1u);  // The refusals are not the caller's business.
}

TEST_F(BulkSubmitTest, TellsARefusalWhenTriesAreUsedUp) {
  service_.refusals = 1000;
  BulkSubmit::Options options;
  options.max_tries = 3;
  BulkSubmit submit(session_, options, CountAcks(), nullptr);
  EXPECT_TRUE(submit.Run(Numbers(5)).ok());
  EXPECT_EQ(acks_[static_cast<int>(grpc::StatusCode::RESOURCE_EXHAUSTED)], 5);
  EXPECT_EQ(service_.tries[0], 3);
}

TEST_F(BulkSubmitTest, TellsARefusalForGoodAtOnce) {
  service_.refuses_for_good = true;
  BulkSubmit submit(session_, BulkSubmit::Options(), CountAcks(), nullptr);
  EXPECT_TRUE(submit.Run(Numbers(5)).ok());
  EXPECT_EQ(acks_[static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT)], 5);
}

TEST_F(BulkSubmitTest, WaitsForResults) {
  int results = 0;
  BulkSubmit::Options options;
  options.done_when = BulkSubmit::DoneWhen::kResult;
  BulkSubmit submit(session_, options, nullptr, [&](const v1::TaskResult&) { ++results; });
  EXPECT_TRUE(submit.Run(Numbers(100)).ok());
  EXPECT_TRUE(service_.want_results);
  EXPECT_EQ(results, 100);
}

TEST_F(BulkSubmitTest, HoldsNoMoreUnderWayThanItMay) {
  BulkSubmit::Options options;
  options.done_when = BulkSubmit::DoneWhen::kReleased;
  options.max_tasks = 10;
  // Released as each is acknowledged: without that, the eleventh would never go out.
  BulkSubmit* submit = nullptr;
  BulkSubmit limited(
      session_, options, [&](const v1::SubmitAck& ack) { submit->Release(ack.correlation_id()); },
      nullptr);
  submit = &limited;
  EXPECT_TRUE(limited.Run(Numbers(100)).ok());
  EXPECT_EQ(service_.accepted.size(), 100u);
  EXPECT_LE(service_.largest_batch, 10);
}

TEST_F(BulkSubmitTest, ReturnsTheStreamsErrorWhenItBreaks) {
  service_.breaks = true;
  service_.refusals = 1000;
  BulkSubmit submit(session_, BulkSubmit::Options(), nullptr, nullptr);
  const grpc::Status status = submit.Run(Numbers(5));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(status.error_message(), "broken");
}

TEST_F(BulkSubmitTest, EndsWhenInterrupted) {
  BulkSubmit::Options options;
  options.done_when = BulkSubmit::DoneWhen::kReleased;
  // Nobody releases: only the interrupt ends it.
  BulkSubmit submit(
      session_, options, [&](const v1::SubmitAck&) { session_.Interrupt(); }, nullptr);
  EXPECT_EQ(submit.Run(Numbers(5)).error_code(), grpc::StatusCode::CANCELLED);
}

}  // namespace
}  // namespace taskforge::cli
