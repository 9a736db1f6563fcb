// The peer of bar "RunTask against a bare echo": a gRPC server that does nothing but answer RunTask
// with the task that it got. `callback` or `queue` style; the faster counts. It prints its port.
//   bench_echo_server callback|queue
#include <grpcpp/grpcpp.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>

#include "taskforge/v1/task_service.grpc.pb.h"

namespace {

namespace v1 = taskforge::v1;

void Configure(grpc::ServerBuilder& builder, int* port) {
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), port);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

class CallbackEcho final : public v1::TaskService::CallbackService {
  grpc::ServerUnaryReactor* RunTask(grpc::CallbackServerContext* context,
                                    const v1::RunTaskRequest* request,
                                    v1::Task* response) override {
    *response->mutable_output() = request->task().input();
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

int ServeCallback() {
  CallbackEcho service;
  grpc::ServerBuilder builder;
  int port = 0;
  Configure(builder, &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  std::printf("%d\n", port);
  std::fflush(stdout);
  server->Wait();
  return 0;
}

// One call in the hand-written form: the tag is the object, the state says what just ended.
class QueueCall {
 public:
  QueueCall(v1::TaskService::AsyncService& service, grpc::ServerCompletionQueue& queue)
      : service_(service), queue_(queue), writer_(&context_) {
    service_.RequestRunTask(&context_, &request_, &writer_, &queue_, &queue_, this);
  }
  void Proceed(bool ok) {
    if (finished_ || !ok) {
      delete this;
      return;
    }
    new QueueCall(service_, queue_);
    *response_.mutable_output() = request_.task().input();
    finished_ = true;
    writer_.Finish(response_, grpc::Status::OK, this);
  }

 private:
  v1::TaskService::AsyncService& service_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  v1::RunTaskRequest request_;
  v1::Task response_;
  grpc::ServerAsyncResponseWriter<v1::Task> writer_;
  bool finished_ = false;
};

int ServeQueue() {
  v1::TaskService::AsyncService service;
  grpc::ServerBuilder builder;
  int port = 0;
  Configure(builder, &port);
  builder.RegisterService(&service);
  const auto queue = builder.AddCompletionQueue();
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  for (int i = 0; i < 100; ++i) new QueueCall(service, *queue);
  std::printf("%d\n", port);
  std::fflush(stdout);
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) static_cast<QueueCall*>(tag)->Proceed(ok);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "callback") == 0) return ServeCallback();
  if (argc == 2 && std::strcmp(argv[1], "queue") == 0) return ServeQueue();
  std::fprintf(stderr, "usage: bench_echo_server callback|queue\n");
  return 2;
}
