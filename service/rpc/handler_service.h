// HandlerService: what can be run.
#ifndef TASKFORGE_RPC_HANDLER_SERVICE_H_
#define TASKFORGE_RPC_HANDLER_SERVICE_H_

#include "handlers/registry.h"
#include "rpc/methods.h"
#include "taskforge/v1/handler_service.grpc.pb.h"

namespace taskforge {

// Thread-safe.
class HandlerService {
 public:
  static constexpr char kName[] = "taskforge.v1.HandlerService";

  // `registry` must outlive the service.
  explicit HandlerService(const HandlerRegistry& registry) : registry_(registry) {}

  void AddTo(MethodList& methods);
  grpc::Service& generated() { return generated_; }

 private:
  using Generated = v1::HandlerService::AsyncService;

  Reply ListHandlers(UnaryCall<v1::ListHandlersRequest, v1::ListHandlersResponse>& call);
  Reply GetHandler(UnaryCall<v1::GetHandlerRequest, v1::Handler>& call);

  const HandlerRegistry& registry_;
  Generated generated_;
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_HANDLER_SERVICE_H_
