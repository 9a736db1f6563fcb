// ScheduleService: makes, shows, changes, pauses and removes schedules.
#ifndef TASKFORGE_RPC_SCHEDULE_SERVICE_H_
#define TASKFORGE_RPC_SCHEDULE_SERVICE_H_

#include <google/protobuf/empty.pb.h>

#include <functional>
#include <utility>

#include "base/clock.h"
#include "rpc/convert.h"
#include "rpc/methods.h"
#include "schedules/schedules.h"
#include "task/priority.h"
#include "taskforge/v1/schedule_service.grpc.pb.h"

namespace taskforge {

// All of it must outlive the service.
struct ScheduleServiceParts {
  Schedules& schedules;
  const Clock& clock;
  std::function<Priority()> default_priority;
  Durability durability = Durability::kMemory;  // Of schedules themselves.
};

// Thread-safe.
class ScheduleService {
 public:
  static constexpr char kName[] = "taskforge.v1.ScheduleService";

  explicit ScheduleService(ScheduleServiceParts parts) : parts_(std::move(parts)) {}

  void AddTo(MethodList& methods);
  grpc::Service& generated() { return generated_; }

 private:
  using Generated = v1::ScheduleService::AsyncService;

  Reply CreateSchedule(UnaryCall<v1::CreateScheduleRequest, v1::Schedule>& call);
  Reply GetSchedule(UnaryCall<v1::GetScheduleRequest, v1::Schedule>& call);
  Reply ListSchedules(UnaryCall<v1::ListSchedulesRequest, v1::ListSchedulesResponse>& call);
  Reply UpdateSchedule(UnaryCall<v1::UpdateScheduleRequest, v1::Schedule>& call);
  Reply PauseSchedule(UnaryCall<v1::PauseScheduleRequest, v1::Schedule>& call);
  Reply ResumeSchedule(UnaryCall<v1::ResumeScheduleRequest, v1::Schedule>& call);
  Reply DeleteSchedule(UnaryCall<v1::DeleteScheduleRequest, google::protobuf::Empty>& call);

  void Show(const ScheduleView& view, v1::Schedule& out, TaskParts parts = {}) const;

  const ScheduleServiceParts parts_;
  Generated generated_;
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_SCHEDULE_SERVICE_H_
