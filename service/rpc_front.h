// All gRPC services of a server, joined to its parts.
#ifndef TASKFORGE_RPC_FRONT_H_
#define TASKFORGE_RPC_FRONT_H_

#include "rpc/bus_service.h"
#include "rpc/handler_service.h"
#include "rpc/health.h"
#include "rpc/methods.h"
#include "rpc/pool_service.h"
#include "rpc/queue_service.h"
#include "rpc/reflection.h"
#include "rpc/schedule_service.h"
#include "rpc/server.h"
#include "rpc/server_service.h"
#include "rpc/task_service.h"
#include "rpc/worker_service.h"

namespace taskforge {

// Thread-safe after its server has started.
class RpcFront {
 public:
  struct Parts {
    TaskServiceParts tasks;
    BusServiceParts bus;
    const HandlerRegistry& handlers;
    WorkerHub& workers;
    PoolControl& pool;
    QueueControl& queues;
    ScheduleServiceParts schedules;
    Timer& timer;
    ServerControl& control;
  };

  RpcFront(const RpcServerOptions& options, bool reflection, Access access, Parts parts,
           const Clock& clock, Log& log)
      : tasks_(std::move(parts.tasks)),
        bus_(std::move(parts.bus)),
        handlers_(parts.handlers),
        workers_(parts.workers),
        pool_(parts.pool, clock, parts.timer),
        queues_(parts.queues),
        schedules_(std::move(parts.schedules)),
        control_(parts.control) {
    std::vector<grpc::Service*> generated;
    const auto add = [&](auto& service) {
      service.AddTo(methods_);
      generated.push_back(&service.generated());
    };
    add(tasks_);
    add(bus_);
    add(handlers_);
    add(workers_);
    add(pool_);
    add(queues_);
    add(schedules_);
    add(control_);
    add(health_);
    if (reflection) {
      reflection_.AddTo(methods_);
      for (grpc::Service* service : reflection_.generated()) generated.push_back(service);
    }
    server_ = std::make_unique<RpcServer>(options, std::move(access), clock, log, methods_,
                                          std::move(generated));
  }

  RpcServer& server() { return *server_; }
  HealthService& health() { return health_; }

 private:
  TaskService tasks_;
  BusService bus_;
  HandlerService handlers_;
  WorkerService workers_;
  PoolService pool_;
  QueueService queues_;
  ScheduleService schedules_;
  ServerService control_;
  HealthService health_;
  ReflectionService reflection_;
  MethodList methods_;
  std::unique_ptr<RpcServer> server_;
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_FRONT_H_
