// ScheduleService of the real server, over the wire.
#include "gmock/gmock.h"
#include "integration/server_fixture.h"
#include "taskforge/v1/schedule_service.grpc.pb.h"

namespace taskforge {
namespace {

using grpc::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

class ServerScheduleTest : public ServerFixture {
 protected:
  void StartWith(Flags flags = {}) {
    Start(std::move(flags));
    schedules_ = v1::ScheduleService::NewStub(channel_);
  }
  // Sends `request` by `method` of the stub.
  template <typename Request, typename Response>
  grpc::Status Send(grpc::Status (v1::ScheduleService::Stub::*method)(grpc::ClientContext*,
                                                                      const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    return (schedules_.get()->*method)(&context, request, response);
  }
  static v1::Schedule Nightly() {
    v1::Schedule schedule;
    schedule.set_name("nightly");
    schedule.set_cron("0 2 * * *");
    schedule.set_time_zone("Europe/Berlin");
    *schedule.mutable_task() = MakeTask("echo", "hello");
    return schedule;
  }
  grpc::Status Create(const v1::Schedule& schedule, v1::Schedule* out) {
    v1::CreateScheduleRequest request;
    *request.mutable_schedule() = schedule;
    return Send(&v1::ScheduleService::Stub::CreateSchedule, request, out);
  }
  v1::Schedule CreateOk(const v1::Schedule& schedule) {
    v1::Schedule out;
    const grpc::Status status = Create(schedule, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  grpc::Status GetSchedule(const std::string& name, v1::Schedule* out) {
    v1::GetScheduleRequest request;
    request.set_name(name);
    return Send(&v1::ScheduleService::Stub::GetSchedule, request, out);
  }
  v1::Schedule ScheduleOk(const std::string& name) {
    v1::Schedule out;
    const grpc::Status status = GetSchedule(name, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  grpc::Status Update(const v1::Schedule& schedule, const std::vector<std::string>& paths,
                      v1::Schedule* out) {
    v1::UpdateScheduleRequest request;
    *request.mutable_schedule() = schedule;
    for (const std::string& path : paths) request.mutable_update_mask()->add_paths(path);
    return Send(&v1::ScheduleService::Stub::UpdateSchedule, request, out);
  }
  grpc::Status Delete(const std::string& name) {
    v1::DeleteScheduleRequest request;
    request.set_name(name);
    google::protobuf::Empty nothing;
    return Send(&v1::ScheduleService::Stub::DeleteSchedule, request, &nothing);
  }
  static std::vector<std::string> WrongFields(const grpc::Status& status) {
    google::rpc::BadRequest bad;
    std::vector<std::string> fields;
    if (!Detail(status, &bad)) return fields;
    for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
    return fields;
  }

  std::unique_ptr<v1::ScheduleService::Stub> schedules_;
};

TEST_F(ServerScheduleTest, ShowsWhatWasSetAndWhenItRunsNext) {
  StartWith();
  v1::Schedule asked = Nightly();
  asked.set_overlap_policy(v1::OVERLAP_POLICY_QUEUE_ONE);
  asked.set_missed_run_policy(v1::MISSED_RUN_POLICY_RUN_ONCE);
  CreateOk(asked);
  const v1::Schedule made = ScheduleOk("schedules/nightly");
  EXPECT_EQ(made.name(), "schedules/nightly");
  EXPECT_EQ(made.cron(), "0 2 * * *");
  EXPECT_EQ(made.time_zone(), "Europe/Berlin");
  EXPECT_EQ(made.overlap_policy(), v1::OVERLAP_POLICY_QUEUE_ONE);
  EXPECT_EQ(made.missed_run_policy(), v1::MISSED_RUN_POLICY_RUN_ONCE);
  EXPECT_EQ(made.queue(), "queues/default");
  EXPECT_EQ(made.task().handler(), "echo");
  EXPECT_EQ(made.task().input().text_data(), "hello");
  EXPECT_EQ(made.task().priority(), v1::PRIORITY_UNSPECIFIED);
  EXPECT_EQ(made.state(), v1::SCHEDULE_STATE_ACTIVE);
  EXPECT_EQ(made.effective_durability(), v1::DURABILITY_MEMORY);
  ASSERT_EQ(made.next_run_times_size(), 5);
  EXPECT_GT(made.next_run_times(0).seconds(), made.create_time().seconds());
  EXPECT_FALSE(made.has_last_run_time());
  EXPECT_EQ(Stop().is_complete, true);
}

TEST_F(ServerScheduleTest, RunsTheTask) {
  StartWith();
  v1::Schedule often = Nightly();
  often.clear_time_zone();
  often.mutable_interval()->set_seconds(1);
  often.set_name("often");
  CreateOk(often);
  const std::string topic = "task.default.succeeded.echo";
  v1::SubscribeRequest request;
  request.add_filters(topic);
  LiveSubscription subscription(*bus_, request);
  ASSERT_TRUE(subscription.is_live());
  v1::SubscribeResponse response;
  ASSERT_TRUE(subscription.Read(&response));
  v1::Schedule now = ScheduleOk("often");
  while (now.started_runs() == 0) now = ScheduleOk("often");  // It is noted a moment later.
  EXPECT_THAT(now.last_task(), StartsWith("queues/default/tasks/often-2"));
  const v1::Task task = Wait(now.last_task());
  EXPECT_EQ(task.state(), v1::TASK_STATE_SUCCEEDED);
  EXPECT_EQ(task.output().text_data(), "hello");
  ASSERT_TRUE(Delete("often").ok());
}

TEST_F(ServerScheduleTest, TellsAllThatIsWrongAtOnce) {
  StartWith();
  v1::Schedule out;
  v1::Schedule wrong = Nightly();
  wrong.set_name("Nightly");
  wrong.set_cron("0 2 31 2 *");
  wrong.set_started_runs(7);
  wrong.mutable_task()->set_handler("Echo");
  const grpc::Status status = Create(wrong, &out);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(WrongFields(status), UnorderedElementsAre("schedule.started_runs", "schedule.name",
                                                        "schedule.cron", "schedule.task.handler"));
  wrong = Nightly();
  wrong.set_cron("61 * * * *");
  EXPECT_THAT(Create(wrong, &out).error_message(), HasSubstr("minute field"));
  wrong = Nightly();
  wrong.mutable_task()->set_handler("ecko");
  EXPECT_EQ(ReasonOf(Create(wrong, &out)), "HANDLER_UNKNOWN");
  wrong = Nightly();
  wrong.set_queue("queues/mail");
  EXPECT_EQ(ReasonOf(Create(wrong, &out)), "QUEUE_UNKNOWN");
  wrong = Nightly();
  wrong.mutable_task()->set_durability(v1::DURABILITY_DURABLE);
  EXPECT_EQ(Create(wrong, &out).error_code(), StatusCode::UNIMPLEMENTED);
  CreateOk(Nightly());
  EXPECT_EQ(ReasonOf(Create(Nightly(), &out)), "SCHEDULE_EXISTS");
  EXPECT_EQ(ReasonOf(GetSchedule("nighly", &out)), "SCHEDULE_UNKNOWN");
  EXPECT_EQ(ReasonOf(Delete("nighly")), "SCHEDULE_UNKNOWN");
}

TEST_F(ServerScheduleTest, IsChangedPausedResumedAndDeleted) {
  StartWith();
  CreateOk(Nightly());
  v1::Schedule out;
  v1::Schedule change = Nightly();
  change.mutable_interval()->set_seconds(3600);
  ASSERT_TRUE(Update(change, {"interval"}, &out).ok());
  EXPECT_EQ(out.interval().seconds(), 3600);
  EXPECT_TRUE(out.time_zone().empty());
  EXPECT_THAT(WrongFields(Update(change, {}, &out)), ElementsAre("update_mask"));
  EXPECT_THAT(WrongFields(Update(change, {"uid"}, &out)), ElementsAre("update_mask"));
  change.mutable_interval()->set_seconds(0);
  EXPECT_THAT(WrongFields(Update(change, {"interval"}, &out)), ElementsAre("schedule.cron"));

  v1::PauseScheduleRequest pause;
  pause.set_name("nightly");
  pause.set_reason("holidays");
  ASSERT_TRUE(Send(&v1::ScheduleService::Stub::PauseSchedule, pause, &out).ok());
  EXPECT_EQ(out.state(), v1::SCHEDULE_STATE_PAUSED);
  EXPECT_EQ(out.last_pause().reason(), "holidays");
  EXPECT_EQ(out.next_run_times_size(), 0);
  pause.set_reason(std::string(257, 'x'));
  EXPECT_THAT(WrongFields(Send(&v1::ScheduleService::Stub::PauseSchedule, pause, &out)),
              ElementsAre("reason"));
  v1::ResumeScheduleRequest resume;
  resume.set_name("schedules/nightly");
  ASSERT_TRUE(Send(&v1::ScheduleService::Stub::ResumeSchedule, resume, &out).ok());
  EXPECT_EQ(out.state(), v1::SCHEDULE_STATE_ACTIVE);
  EXPECT_TRUE(out.has_last_resume());
  ASSERT_TRUE(Delete("nightly").ok());
  EXPECT_EQ(ReasonOf(GetSchedule("nightly", &out)), "SCHEDULE_UNKNOWN");
}

TEST_F(ServerScheduleTest, ListsThemInPagesByName) {
  StartWith();
  for (const char* name : {"b", "c", "a"}) {
    v1::Schedule schedule = Nightly();
    schedule.set_name(name);
    CreateOk(schedule);
  }
  v1::ListSchedulesRequest request;
  request.set_page_size(2);
  v1::ListSchedulesResponse first;
  ASSERT_TRUE(Send(&v1::ScheduleService::Stub::ListSchedules, request, &first).ok());
  ASSERT_EQ(first.schedules_size(), 2);
  EXPECT_EQ(first.schedules(1).name(), "schedules/b");
  EXPECT_FALSE(first.schedules(0).task().has_input());
  request.set_page_token(first.next_page_token());
  v1::ListSchedulesResponse second;
  ASSERT_TRUE(Send(&v1::ScheduleService::Stub::ListSchedules, request, &second).ok());
  ASSERT_EQ(second.schedules_size(), 1);
  EXPECT_EQ(second.schedules(0).name(), "schedules/c");
  EXPECT_TRUE(second.next_page_token().empty());
}

}  // namespace
}  // namespace taskforge
