// The kinds of calls, and the methods that accept them: joins gRPC's generated asynchronous
// services to coroutines (rpc/call.h).
#ifndef TASKFORGE_RPC_METHODS_H_
#define TASKFORGE_RPC_METHODS_H_

#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/async_unary_call.h>

#include <memory>
#include <type_traits>
#include <vector>

#include "rpc/call.h"
#include "rpc/coroutine.h"

namespace taskforge {

// A message in the arena; or what stands for one that nobody here decodes (grpc::ByteBuffer).
template <typename Message>
Message* MakeMessage(google::protobuf::Arena& arena) {
  if constexpr (std::is_base_of_v<google::protobuf::MessageLite, Message>) {
    return google::protobuf::Arena::CreateMessage<Message>(&arena);
  } else {
    return google::protobuf::Arena::Create<Message>(&arena);
  }
}

// One request, one response. Belongs to its coroutine.
template <typename Request, typename Response>
class UnaryCall final : public Call {
 public:
  using Responder = grpc::ServerAsyncResponseWriter<Response>;

  // `Binding` is the method's: Request() asks gRPC for a call, Run() starts the coroutine.
  template <typename Binding>
  UnaryCall(Binding& binding, Poller& poller)
      : Call(binding, poller, binding.waits()),
        responder_(&context()),
        run_([](Method& method, UnaryCall& call) { static_cast<Binding&>(method).Run(call); }),
        request_(MakeMessage<Request>(arena())),
        response_(MakeMessage<Response>(arena())) {
    binding.Request(poller.queue.get(), accept_tag(), &context(), request_, &responder_);
  }

  const Request& request() const { return *request_; }
  // For whoever takes strings out of it.
  Request& mutable_request() { return *request_; }
  Response& response() { return *response_; }

 private:
  void Run() override { run_(method(), *this); }
  void SendFinish(const grpc::Status& status, void* tag) override {
    if (status.ok()) {
      responder_.Finish(*response_, status, tag);
    } else {
      responder_.FinishWithError(status, tag);
    }
  }

  Responder responder_;
  void (*const run_)(Method&, UnaryCall&);
  Request* const request_;
  Response* const response_;
};

// One request, many responses. Belongs to its coroutine; one write at a time.
template <typename Request, typename Response>
class ServerStreamCall final : public Call {
 public:
  using Responder = grpc::ServerAsyncWriter<Response>;

  template <typename Binding>
  ServerStreamCall(Binding& binding, Poller& poller)
      : Call(binding, poller, /*waits=*/true),
        responder_(&context()),
        run_([](Method& method, ServerStreamCall& call) {
          static_cast<Binding&>(method).Run(call);
        }),
        request_(MakeMessage<Request>(arena())) {
    binding.Request(poller.queue.get(), accept_tag(), &context(), request_, &responder_);
  }

  const Request& request() const { return *request_; }
  Request& mutable_request() { return *request_; }

  // Awaitable: sends a message; false when the stream has ended. `response` may go at once.
  auto Write(const Response& response) {
    return Operation(stats().messages_sent,
                     [this, &response](void* tag) { responder_.Write(response, tag); });
  }

 private:
  void Run() override { run_(method(), *this); }
  void SendFinish(const grpc::Status& status, void* tag) override {
    responder_.Finish(status, tag);
  }

  Responder responder_;
  void (*const run_)(Method&, ServerStreamCall&);
  Request* const request_;
};

// Messages both ways. Belongs to its coroutines; one read and one write at a time.
template <typename Request, typename Response>
class BidiCall final : public Call {
 public:
  using Responder = grpc::ServerAsyncReaderWriter<Response, Request>;

  template <typename Binding>
  BidiCall(Binding& binding, Poller& poller)
      : Call(binding, poller, /*waits=*/true),
        responder_(&context()),
        run_([](Method& method, BidiCall& call) { static_cast<Binding&>(method).Run(call); }) {
    binding.Request(poller.queue.get(), accept_tag(), &context(), &responder_);
  }

  // Awaitable: the next message; false when the client will send no more, or the call has ended.
  auto Read(Request* request) {
    return Operation(stats().messages_received,
                     [this, request](void* tag) { responder_.Read(request, tag); });
  }
  // Awaitable: sends a message; false when the stream has ended.
  auto Write(const Response& response) {
    return Operation(stats().messages_sent,
                     [this, &response](void* tag) { responder_.Write(response, tag); });
  }

 private:
  void Run() override { run_(method(), *this); }
  void SendFinish(const grpc::Status& status, void* tag) override {
    responder_.Finish(status, tag);
  }

  Responder responder_;
  void (*const run_)(Method&, BidiCall&);
};

// A method as it is joined: `Generated` is the generated service's part that has `ask`, `Service`
// ours, with the coroutine `run`. Both must outlive it. Thread-safe.
template <typename AnyCall, typename Generated, typename Ask, typename Service>
class MethodBinding final : public Method {
 public:
  using Coroutine = Reply (Service::*)(AnyCall&);

  MethodBinding(size_t index, bool waits, Generated& generated, Ask ask, Service& service,
                Coroutine run)
      : Method(index),
        waits_(waits),
        generated_(generated),
        ask_(ask),
        service_(service),
        run_(run) {}

  void Accept(Poller& poller) override { new AnyCall(*this, poller); }  // Frees itself.
  bool waits() const { return waits_; }

  // Asks gRPC for a call: `arguments` are those of the generated function before the queues.
  template <typename... Arguments>
  void Request(grpc::ServerCompletionQueue* queue, void* tag, Arguments... arguments) {
    (generated_.*ask_)(arguments..., queue, queue, tag);
  }
  void Run(AnyCall& call) { (service_.*run_)(call); }

 private:
  const bool waits_;
  Generated& generated_;
  const Ask ask_;
  Service& service_;
  const Coroutine run_;
};

// The methods of a server. Not thread-safe; guarded by the server's construction.
class MethodList {
 public:
  const std::vector<std::unique_ptr<Method>>& methods() const { return methods_; }

  // Adds a method of `service_name`: pointers to its generated RequestX function and to the
  // coroutine. `waits`: whether a unary coroutine waits for more than a quick answer of the core,
  // so that it wants to hear when its client goes (Call::OnEnd).
  template <typename AnyCall, typename Generated, typename Ask, typename Service>
  void Add(absl::string_view service_name, absl::string_view method_name, Generated& generated,
           Ask ask, Service& service, Reply (Service::*run)(AnyCall&), bool waits = false) {
    methods_.push_back(std::make_unique<MethodBinding<AnyCall, Generated, Ask, Service>>(
        FindMethod(service_name, method_name), waits, generated, ask, service, run));
  }

 private:
  std::vector<std::unique_ptr<Method>> methods_;
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_METHODS_H_
