// taskforge schedule ls | get | create | update | delete | pause | resume.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/format.h"
#include "cli/json_output.h"
#include "cli/rpc_error.h"
#include "cli/schedule_view.h"
#include "cli/task_options.h"
#include "cli/task_view.h"
#include "taskforge/v1/schedule_service.grpc.pb.h"

namespace taskforge::cli {
namespace {

using Stub = v1::ScheduleService::Stub;

std::unique_ptr<Stub> NewStub(Session& session) {
  return v1::ScheduleService::NewStub(session.Channel());
}

struct ScheduleOptions {
  std::string name;
  std::string cron;
  std::string interval;
  std::string time_zone;
  bool has_time_zone = false;
  std::string overlap;
  std::string missed;
  TaskOptions task;
};

void PrintSchedule(const Session& session, const v1::Schedule& schedule) {
  const std::string text = session.options.output == OutputFormat::kTable
                               ? DescribeSchedule(schedule)
                               : ToJson(schedule, session.options.output);
  std::fputs(text.c_str(), stdout);
}

int ListSchedules(Session& session) {
  const auto stub = NewStub(session);
  v1::ListSchedulesResponse all;
  v1::ListSchedulesRequest request;
  do {
    Call call(session);
    v1::ListSchedulesResponse page;
    const grpc::Status status = stub->ListSchedules(call.context(), request, &page);
    if (!status.ok()) return ReportError(session, status, "schedule ls");
    all.mutable_schedules()->MergeFrom(page.schedules());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (session.options.output == OutputFormat::kJson) {
    std::fputs(ToJson(all, OutputFormat::kJson).c_str(), stdout);
    return kExitOk;
  }
  Table table = ScheduleTable();
  for (const v1::Schedule& schedule : all.schedules()) {
    if (session.options.output == OutputFormat::kJsonLines) {
      std::fputs(ToJson(schedule, OutputFormat::kJsonLines).c_str(), stdout);
    }
    AddScheduleRow(schedule, table);
  }
  if (session.options.output == OutputFormat::kTable) {
    std::fputs(table.Render(session.colour()).c_str(), stdout);
  }
  return kExitOk;
}

int GetSchedule(Session& session, const std::string& name) {
  Call call(session);
  v1::GetScheduleRequest request;
  request.set_name(name);
  v1::Schedule schedule;
  const grpc::Status status = NewStub(session)->GetSchedule(call.context(), request, &schedule);
  if (!status.ok()) return ReportError(session, status, "schedule get");
  PrintSchedule(session, schedule);
  return kExitOk;
}

// The settings that were given, and their names.
absl::StatusOr<v1::UpdateScheduleRequest> RequestOf(const ScheduleOptions& options) {
  v1::UpdateScheduleRequest request;
  v1::Schedule& schedule = *request.mutable_schedule();
  auto& mask = *request.mutable_update_mask();
  schedule.set_name(options.name);
  if (!options.cron.empty()) {
    schedule.set_cron(options.cron);
    mask.add_paths("cron");
  }
  if (!options.interval.empty()) {  // The validators have let pass only what can be parsed.
    SetDuration(*ParseDurationText(options.interval), *schedule.mutable_interval());
    mask.add_paths("interval");
  }
  if (options.has_time_zone) {
    schedule.set_time_zone(options.time_zone);
    mask.add_paths("time_zone");
  }
  if (!options.overlap.empty()) {
    schedule.set_overlap_policy(*ParseOverlap(options.overlap));
    mask.add_paths("overlap_policy");
  }
  if (!options.missed.empty()) {
    schedule.set_missed_run_policy(*ParseMissed(options.missed));
    mask.add_paths("missed_run_policy");
  }
  if (!options.task.handler.empty()) {
    absl::StatusOr<v1::SubmitTaskRequest> task = options.task.MakeRequest();
    if (!task.ok()) return task.status();
    *schedule.mutable_task() = std::move(*task->mutable_task());
    mask.add_paths("task");
  }
  if (!options.task.queue.empty()) {
    schedule.set_queue("queues/" + options.task.queue);
    mask.add_paths("queue");
  }
  return request;
}

int CreateSchedule(Session& session, const ScheduleOptions& options) {
  absl::StatusOr<v1::UpdateScheduleRequest> settings = RequestOf(options);
  if (!settings.ok()) return ReportUsage(settings.status(), "schedule create");
  v1::CreateScheduleRequest request;
  *request.mutable_schedule() = std::move(*settings->mutable_schedule());
  Call call(session);
  v1::Schedule schedule;
  const grpc::Status status = NewStub(session)->CreateSchedule(call.context(), request, &schedule);
  if (!status.ok()) return ReportError(session, status, "schedule create");
  PrintSchedule(session, schedule);
  return kExitOk;
}

int UpdateSchedule(Session& session, const ScheduleOptions& options) {
  const absl::StatusOr<v1::UpdateScheduleRequest> request = RequestOf(options);
  if (!request.ok()) return ReportUsage(request.status(), "schedule update");
  if (request->update_mask().paths().empty()) {
    return ReportUsage(absl::InvalidArgumentError("nothing to change"), "schedule update");
  }
  Call call(session);
  v1::Schedule schedule;
  const grpc::Status status = NewStub(session)->UpdateSchedule(call.context(), *request, &schedule);
  if (!status.ok()) return ReportError(session, status, "schedule update");
  PrintSchedule(session, schedule);
  return kExitOk;
}

int DeleteSchedules(Session& session, const std::vector<std::string>& names) {
  const auto stub = NewStub(session);
  int code = kExitOk;
  for (const std::string& name : names) {
    Call call(session);
    v1::DeleteScheduleRequest request;
    request.set_name(name);
    google::protobuf::Empty nothing;
    const grpc::Status status = stub->DeleteSchedule(call.context(), request, &nothing);
    if (status.ok()) continue;
    const int failed = ReportError(session, status, "schedule delete");
    if (code == kExitOk) code = failed;
  }
  return code;
}

struct Act {
  std::string name;
  std::string reason;
};

int PauseSchedule(Session& session, const Act& act) {
  Call call(session);
  v1::PauseScheduleRequest request;
  request.set_name(act.name);
  request.set_reason(act.reason);
  v1::Schedule schedule;
  const grpc::Status status = NewStub(session)->PauseSchedule(call.context(), request, &schedule);
  if (!status.ok()) return ReportError(session, status, "schedule pause");
  PrintSchedule(session, schedule);
  return kExitOk;
}

int ResumeSchedule(Session& session, const Act& act) {
  Call call(session);
  v1::ResumeScheduleRequest request;
  request.set_name(act.name);
  request.set_reason(act.reason);
  v1::Schedule schedule;
  const grpc::Status status = NewStub(session)->ResumeSchedule(call.context(), request, &schedule);
  if (!status.ok()) return ReportError(session, status, "schedule resume");
  PrintSchedule(session, schedule);
  return kExitOk;
}

void AddSettings(CLI::App& group, const char* name, const char* help, bool is_new,
                 int (*function)(Session&, const ScheduleOptions&), Session& session,
                 Action& action) {
  CLI::App* command = group.add_subcommand(name, help);
  auto options = std::make_shared<ScheduleOptions>();
  command->add_option("SCHEDULE", options->name, "Its name: [a-z][a-z0-9_-]{0,44}")->required();
  options->task.AddTo(*command, is_new);
  // Of one task alone.
  for (const char* once : {"--in", "--expires-in", "--id", "--request-id"}) {
    command->remove_option(command->get_option(once));
  }
  CLI::Option* const cron =
      command->add_option("--cron", options->cron,
                          "Minute, hour, day of month, month, day of week: \"0 2 * * 1-5\"; or "
                          "@hourly, @daily, @weekly, @monthly, @yearly");
  CLI::Option* const every =
      command->add_option("--every", options->interval, "At this interval, of whole seconds")
          ->check(kDuration)
          ->excludes(cron);
  CLI::Option* const zone = command->add_option("--time-zone", options->time_zone,
                                                "Of --cron: Europe/Berlin; without it UTC");
  zone->excludes(every);
  command
      ->add_option("--overlap", options->overlap,
                   "While the last run's task has not ended: skip a run, queue one, or allow both")
      ->check(CLI::IsMember({"skip", "queue-one", "allow"}));
  command
      ->add_option(
          "--missed", options->missed,
          "Runs that were missed, for the server was down: skip them, or run the last once")
      ->check(CLI::IsMember({"skip", "run-once"}));
  command->final_callback([&session, &action, options, zone, function] {
    options->has_time_zone = zone->count() > 0;
    action = [&session, options, function] { return function(session, *options); };
  });
}

void AddAct(CLI::App& group, const char* name, const char* help,
            int (*function)(Session&, const Act&), Session& session, Action& action) {
  CLI::App* command = group.add_subcommand(name, help);
  auto act = std::make_shared<Act>();
  command->add_option("SCHEDULE", act->name, "Its name")->required();
  command->add_option("--reason", act->reason, "Why: `schedule get` and `schedule ls` show it");
  command->final_callback([&session, &action, act, function] {
    action = [&session, act, function] { return function(session, *act); };
  });
}

}  // namespace

void AddScheduleCommands(CLI::App& app, Session& session, Action& action) {
  CLI::App* group = app.add_subcommand("schedule", "Show, make, change and pause tasks that recur");
  group->require_subcommand(1);
  CLI::App* list = group->add_subcommand("ls", "All schedules: when they run, what became of it");
  SetShow(*list, session, action, [&session] { return ListSchedules(session); });

  auto name = std::make_shared<std::string>();
  CLI::App* get = group->add_subcommand("get", "One schedule, with its next runs");
  get->add_option("SCHEDULE", *name, "Its name")->required();
  SetShow(*get, session, action, [&session, name] { return GetSchedule(session, *name); });

  AddSettings(*group, "create", "Make a schedule, by --cron or --every", /*is_new=*/true,
              CreateSchedule, session, action);
  AddSettings(*group, "update", "Change what is given, at once; a HANDLER replaces the task",
              /*is_new=*/false, UpdateSchedule, session, action);
  AddAct(*group, "pause", "Start nothing of it; what comes meanwhile is none of it", PauseSchedule,
         session, action);
  AddAct(*group, "resume", "Go on with the next run", ResumeSchedule, session, action);

  CLI::App* remove = group->add_subcommand("delete", "Remove schedules; their tasks stay");
  auto names = std::make_shared<std::vector<std::string>>();
  remove->add_option("SCHEDULE", *names, "Their names")->required();
  remove->final_callback([&session, &action, names] {
    action = [&session, names] { return DeleteSchedules(session, *names); };
  });
}

}  // namespace taskforge::cli
