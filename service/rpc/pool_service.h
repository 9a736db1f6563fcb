// PoolService: shows the thread pool and changes its settings.
#ifndef TASKFORGE_RPC_POOL_SERVICE_H_
#define TASKFORGE_RPC_POOL_SERVICE_H_

#include "base/clock.h"
#include "base/timer.h"
#include "rpc/methods.h"
#include "rpc/pool_control.h"
#include "taskforge/v1/pool_service.grpc.pb.h"

namespace taskforge {

// Thread-safe.
class PoolService {
 public:
  static constexpr char kName[] = "taskforge.v1.PoolService";

  // All must outlive the service.
  PoolService(PoolControl& pool, const Clock& clock, Timer& timer)
      : pool_(pool), clock_(clock), timer_(timer) {}

  void AddTo(MethodList& methods);
  grpc::Service& generated() { return generated_; }

 private:
  using Generated = v1::PoolService::AsyncService;

  Reply GetPool(UnaryCall<v1::GetPoolRequest, v1::Pool>& call);
  Reply WatchPool(ServerStreamCall<v1::WatchPoolRequest, v1::Pool>& call);
  Reply UpdatePool(UnaryCall<v1::UpdatePoolRequest, v1::Pool>& call);
  Reply SetThreadAffinity(UnaryCall<v1::SetThreadAffinityRequest, v1::Pool>& call);
  Reply ListPoolResizes(UnaryCall<v1::ListPoolResizesRequest, v1::ListPoolResizesResponse>& call);

  PoolControl& pool_;
  const Clock& clock_;
  Timer& timer_;
  Generated generated_;
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_POOL_SERVICE_H_
