// WorkerService: programs in any language as handlers.
#ifndef TASKFORGE_RPC_WORKER_SERVICE_H_
#define TASKFORGE_RPC_WORKER_SERVICE_H_

#include "handlers/worker_hub.h"
#include "rpc/methods.h"
#include "taskforge/v1/worker_service.grpc.pb.h"

namespace taskforge {

// Thread-safe.
class WorkerService {
 public:
  static constexpr char kName[] = "taskforge.v1.WorkerService";

  // `hub` must outlive the service.
  explicit WorkerService(WorkerHub& hub) : hub_(hub) {}

  void AddTo(MethodList& methods);
  grpc::Service& generated() { return generated_; }

 private:
  using Generated = v1::WorkerService::AsyncService;
  using WorkCall = BidiCall<v1::WorkRequest, v1::WorkResponse>;

  Reply Work(WorkCall& call);
  Reply ListWorkers(UnaryCall<v1::ListWorkersRequest, v1::ListWorkersResponse>& call);

  WorkerHub& hub_;
  Generated generated_;
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_WORKER_SERVICE_H_
