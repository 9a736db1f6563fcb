#include "rpc/schedule_service.h"

#include <string>
#include <utility>
#include <vector>

#include "rpc/convert.h"
#include "rpc/coroutine.h"
#include "rpc/names.h"
#include "rpc/paging.h"
#include "rpc/schedule_convert.h"

namespace taskforge {
namespace {

using ViewLater = Eventual<absl::StatusOr<ScheduleView>>;

// The schedule that a name means; what is no name at all is one of a schedule that there is not.
absl::StatusOr<std::string> ScheduleFrom(absl::string_view name, absl::string_view field) {
  const absl::Status known = CheckNamespaceOf(name);
  if (!known.ok()) return known;
  const absl::string_view id = StripCollection(name, "schedules");
  if (id.empty()) {
    return InvalidArgument({{std::string(field), "want schedules/{schedule} or {schedule}"}});
  }
  return std::string(id);
}

Schedules::ViewCallback SetterOf(const Ref<ViewLater>& later) {
  return [later](absl::StatusOr<ScheduleView> view) { later->Set(std::move(view)); };
}

}  // namespace

void ScheduleService::AddTo(MethodList& methods) {
  const auto add = [&](const char* name, auto request, auto method) {
    methods.Add(kName, name, generated_, request, *this, method);
  };
  add("CreateSchedule", &Generated::RequestCreateSchedule, &ScheduleService::CreateSchedule);
  add("GetSchedule", &Generated::RequestGetSchedule, &ScheduleService::GetSchedule);
  add("ListSchedules", &Generated::RequestListSchedules, &ScheduleService::ListSchedules);
  add("UpdateSchedule", &Generated::RequestUpdateSchedule, &ScheduleService::UpdateSchedule);
  add("PauseSchedule", &Generated::RequestPauseSchedule, &ScheduleService::PauseSchedule);
  add("ResumeSchedule", &Generated::RequestResumeSchedule, &ScheduleService::ResumeSchedule);
  add("DeleteSchedule", &Generated::RequestDeleteSchedule, &ScheduleService::DeleteSchedule);
}

void ScheduleService::Show(const ScheduleView& view, v1::Schedule& out, TaskParts parts) const {
  ToProto(view, parts_.clock.Now(), out, parts);
  out.set_effective_durability(ToProto(parts_.durability));
}

Reply ScheduleService::CreateSchedule(UnaryCall<v1::CreateScheduleRequest, v1::Schedule>& call) {
  const v1::Schedule& asked = call.request().schedule();
  const absl::Status known = CheckNamespaceOf(asked.name());
  if (!known.ok()) co_return known;
  Violations violations;
  ScheduleSettings settings = SettingsFrom(asked, parts_.default_priority(), violations);
  if (!call.principal().empty()) settings.task.origin.Edit().principal = call.principal();
  if (!violations.empty()) {  // Told together with the core's.
    const TaskLimits limits{.best_durability = Durability::kDurable};
    violations.Add(OfSchedule(settings.Validate(limits, parts_.clock.Now())));
    co_return violations.TakeStatus();
  }
  auto later = MakeRef<ViewLater>();
  parts_.schedules.Create(std::move(settings), SetterOf(later));
  ViewLater& created_later = *later;
  const absl::StatusOr<ScheduleView> created = co_await created_later;
  if (!created.ok()) co_return InTermsOfSchedule(created.status());
  Show(*created, call.response());
  co_return absl::OkStatus();
}

Reply ScheduleService::GetSchedule(UnaryCall<v1::GetScheduleRequest, v1::Schedule>& call) {
  const absl::StatusOr<std::string> id = ScheduleFrom(call.request().name(), "name");
  if (!id.ok()) co_return id.status();
  const absl::StatusOr<ScheduleView> view = parts_.schedules.Get(*id);
  if (!view.ok()) co_return view.status();
  Show(*view, call.response());
  co_return absl::OkStatus();
}

Reply ScheduleService::ListSchedules(
    UnaryCall<v1::ListSchedulesRequest, v1::ListSchedulesResponse>& call) {
  Violations violations;
  const int page_size = PageSizeFrom(call.request().page_size(), violations);
  std::string next = Page(
      parts_.schedules.List(), page_size, call.request().page_token(),
      [](const ScheduleView& view) { return view.record->settings.id; }, violations,
      [&](const ScheduleView& view) {
        Show(view, *call.response().add_schedules(), TaskParts{.input = false});
      });
  if (!violations.empty()) co_return violations.TakeStatus();
  call.response().set_next_page_token(std::move(next));
  co_return absl::OkStatus();
}

Reply ScheduleService::UpdateSchedule(UnaryCall<v1::UpdateScheduleRequest, v1::Schedule>& call) {
  const absl::StatusOr<std::string> id =
      ScheduleFrom(call.request().schedule().name(), "schedule.name");
  if (!id.ok()) co_return id.status();
  Violations violations;
  ScheduleUpdate update = UpdateFrom(call.request(), parts_.default_priority(), violations);
  update.principal = call.principal();
  if (!violations.empty()) co_return violations.TakeStatus();
  auto later = MakeRef<ViewLater>();
  parts_.schedules.Update(*id, update, SetterOf(later));
  ViewLater& updated_later = *later;
  const absl::StatusOr<ScheduleView> updated = co_await updated_later;
  if (!updated.ok()) co_return InTermsOfSchedule(updated.status());
  Show(*updated, call.response());
  co_return absl::OkStatus();
}

Reply ScheduleService::PauseSchedule(UnaryCall<v1::PauseScheduleRequest, v1::Schedule>& call) {
  const absl::StatusOr<std::string> id = ScheduleFrom(call.request().name(), "name");
  if (!id.ok()) co_return id.status();
  auto later = MakeRef<ViewLater>();
  parts_.schedules.Pause(*id, call.request().reason(), SetterOf(later));
  ViewLater& paused_later = *later;
  const absl::StatusOr<ScheduleView> paused = co_await paused_later;
  if (!paused.ok()) co_return paused.status();
  Show(*paused, call.response());
  co_return absl::OkStatus();
}

Reply ScheduleService::ResumeSchedule(UnaryCall<v1::ResumeScheduleRequest, v1::Schedule>& call) {
  const absl::StatusOr<std::string> id = ScheduleFrom(call.request().name(), "name");
  if (!id.ok()) co_return id.status();
  auto later = MakeRef<ViewLater>();
  parts_.schedules.Resume(*id, call.request().reason(), SetterOf(later));
  ViewLater& resumed_later = *later;
  const absl::StatusOr<ScheduleView> resumed = co_await resumed_later;
  if (!resumed.ok()) co_return resumed.status();
  Show(*resumed, call.response());
  co_return absl::OkStatus();
}

Reply ScheduleService::DeleteSchedule(
    UnaryCall<v1::DeleteScheduleRequest, google::protobuf::Empty>& call) {
  const absl::StatusOr<std::string> id = ScheduleFrom(call.request().name(), "name");
  if (!id.ok()) co_return id.status();
  auto later = MakeRef<Eventual<absl::Status>>();
  parts_.schedules.Delete(*id, [later](absl::Status status) { later->Set(std::move(status)); });
  Eventual<absl::Status>& deleted_later = *later;
  co_return co_await deleted_later;
}

}  // namespace taskforge
