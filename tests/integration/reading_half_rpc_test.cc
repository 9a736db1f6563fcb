// The server's end while a stream's reading half is about to read.
#include <thread>

#include "gtest/gtest.h"
#include "integration/rpc_test_server.h"
#include "rpc/call.h"
#include "rpc/coroutine.h"
#include "rpc/methods.h"
#include "support/capturing_log.h"

namespace taskforge {
namespace {

// A service whose stream's reading half reads only when it is told to.
class LateReader {
 public:
  void AddTo(MethodList& methods) {
    methods.Add(TaskService::kName, "SubmitTasks", generated_, &Generated::RequestSubmitTasks,
                *this, &LateReader::SubmitTasks);
  }
  grpc::Service& generated() { return generated_; }
  void AwaitCall() { begun_.Wait(); }
  void LetRead() { may_read_.Set(); }

 private:
  using Generated = v1::TaskService::AsyncService;
  using StreamCall = BidiCall<v1::SubmitTasksRequest, v1::SubmitTasksResponse>;

  Reply SubmitTasks(StreamCall& call) {
    auto end = MakeRef<Eventual<absl::Status>>();
    call.OnEnd([end](Call::End why) { end->Set(EndStatus(why)); });
    Read(Ref<StreamCall>(&call));
    begun_.Notify();
    Eventual<absl::Status>& later = *end;
    const absl::Status status = co_await later;
    co_return status;
  }
  Detached Read(Ref<StreamCall> call) {
    Wakeup& may_read = may_read_;
    co_await may_read;
    v1::SubmitTasksRequest request;
    auto read = call->Read(&request);
    const bool got = co_await read;
    EXPECT_FALSE(got);
  }

  Generated generated_;
  Notification begun_;
  Wakeup may_read_;
};

// The half may have looked whether the stream is over just before it was, on a thread that waits
// for its turn: it may not begin a read on a completion queue that is shut down.
TEST(Shutdown, WaitsForAStreamsReadingHalf) {
  const SystemClock clock;
  CapturingLog log;
  LateReader service;
  MethodList methods;
  service.AddTo(methods);
  RpcServerOptions options;
  options.listen = {"127.0.0.1:0"};
  RpcServer server(options, Access(), clock, log, methods, {&service.generated()});
  ASSERT_TRUE(server.Start().ok());
  const auto stub = v1::TaskService::NewStub(
      grpc::CreateChannel(server.addresses().front().address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  auto stream = stub->SubmitTasks(&context);
  service.AwaitCall();
  Notification down;
  std::thread stopper([&] {
    server.Shutdown(absl::ZeroDuration());
    down.Notify();
  });
  EXPECT_FALSE(stream->Finish().ok());  // The call has ended, or nearly.
  const bool is_early = down.WaitFor(absl::Milliseconds(100));
  EXPECT_FALSE(is_early);
  if (!is_early) service.LetRead();  // Otherwise it would end the process.
  stopper.join();
}

}  // namespace
}  // namespace taskforge
