// Work streams of the real server, over the wire.
#include "integration/server_fixture.h"

namespace taskforge {
namespace {

class ServerWorkTest : public ServerFixture {
 protected:
  // A connected worker that serves `remote`.
  class Connection {
   public:
    explicit Connection(v1::WorkerService::Stub& stub) : stream_(stub.Work(&context_)) {
      v1::WorkRequest hello;
      hello.mutable_hello()->add_handlers("remote");
      hello.set_credit(1);
      is_live_ = stream_->Write(hello) && stream_->Read(&response_) && response_.has_welcome();
    }
    ~Connection() {
      context_.TryCancel();
      if (!has_ended_) (void)stream_->Finish();
    }
    bool is_live() const { return is_live_; }
    // The next assignment; nothing when the stream ends before.
    v1::Assignment Next() {
      while (response_.assignments_size() == 0 && stream_->Read(&response_)) {
      }
      v1::Assignment assignment;
      if (response_.assignments_size() > 0) assignment = response_.assignments(0);
      response_.Clear();
      return assignment;
    }
    bool Write(const v1::WorkRequest& request) { return stream_->Write(request); }
    // How the server ends the stream.
    grpc::Status End() {
      while (stream_->Read(&response_)) {
      }
      has_ended_ = true;
      return stream_->Finish();
    }

   private:
    grpc::ClientContext context_;
    std::unique_ptr<grpc::ClientReaderWriter<v1::WorkRequest, v1::WorkResponse>> stream_;
    v1::WorkResponse response_;
    bool is_live_ = false;
    bool has_ended_ = false;
  };
};

TEST_F(ServerWorkTest, AResultThatSaysNothingEndsTheStreamAndTheTaskRunsAgain) {
  Start();
  Connection vague(*workers_);
  ASSERT_TRUE(vague.is_live());
  const v1::Task task = SubmitOk(MakeTask("remote", "x"));
  v1::WorkRequest nothing;
  *nothing.add_results()->mutable_fence() = vague.Next().fence();
  ASSERT_TRUE(vague.Write(nothing));
  const grpc::Status status = vague.End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message().rfind("results[0]: ", 0), 0u) << status.error_message();

  Connection clear(*workers_);
  ASSERT_TRUE(clear.is_live());
  v1::WorkRequest empty;
  *empty.add_results()->mutable_fence() = clear.Next().fence();
  empty.mutable_results(0)->mutable_output();
  ASSERT_TRUE(clear.Write(empty));
  const v1::Task ended = Wait(task.name());
  EXPECT_EQ(ended.state(), v1::TASK_STATE_SUCCEEDED);
  EXPECT_EQ(ended.attempts_size(), 2);
}

}  // namespace
}  // namespace taskforge
