// QueueService of the real server, over the wire.
#include "gmock/gmock.h"
#include "integration/server_fixture.h"
#include "taskforge/v1/queue_service.grpc.pb.h"

namespace taskforge {
namespace {

using grpc::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ServerQueueTest : public ServerFixture {
 protected:
  void StartWith(Flags flags = {}) {
    Start(std::move(flags));
    queues_ = v1::QueueService::NewStub(channel_);
  }
  // Sends `request` by `method` of the stub.
  template <typename Request, typename Response>
  grpc::Status Send(grpc::Status (v1::QueueService::Stub::*method)(grpc::ClientContext*,
                                                                   const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    return (queues_.get()->*method)(&context, request, response);
  }
  grpc::Status Create(const v1::Queue& queue, v1::Queue* out) {
    v1::CreateQueueRequest request;
    *request.mutable_queue() = queue;
    return Send(&v1::QueueService::Stub::CreateQueue, request, out);
  }
  v1::Queue CreateOk(const std::string& name, uint64_t max_tasks = 0) {
    v1::Queue queue;
    queue.set_name(name);
    queue.set_max_tasks(max_tasks);
    v1::Queue out;
    const grpc::Status status = Create(queue, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  grpc::Status GetQueue(const std::string& name, v1::Queue* out) {
    v1::GetQueueRequest request;
    request.set_name(name);
    return Send(&v1::QueueService::Stub::GetQueue, request, out);
  }
  v1::Queue QueueOk(const std::string& name) {
    v1::Queue out;
    const grpc::Status status = GetQueue(name, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  grpc::Status Delete(const std::string& name) {
    v1::DeleteQueueRequest request;
    request.set_name(name);
    google::protobuf::Empty nothing;
    return Send(&v1::QueueService::Stub::DeleteQueue, request, &nothing);
  }
  grpc::Status Pause(const std::string& name, const std::string& reason, v1::Queue* out) {
    v1::PauseQueueRequest request;
    request.set_name(name);
    request.set_reason(reason);
    return Send(&v1::QueueService::Stub::PauseQueue, request, out);
  }
  v1::Queue PauseOk(const std::string& name, const std::string& reason = "") {
    v1::Queue out;
    const grpc::Status status = Pause(name, reason, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  v1::Queue ResumeOk(const std::string& name, const std::string& reason = "") {
    v1::ResumeQueueRequest request;
    request.set_name(name);
    request.set_reason(reason);
    v1::Queue out;
    const grpc::Status status = Send(&v1::QueueService::Stub::ResumeQueue, request, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  grpc::Status Purge(const std::string& name, const std::string& reason,
                     v1::PurgeQueueResponse* out) {
    v1::PurgeQueueRequest request;
    request.set_name(name);
    request.set_reason(reason);
    return Send(&v1::QueueService::Stub::PurgeQueue, request, out);
  }
  std::vector<std::string> List(int page_size) {
    std::vector<std::string> names;
    v1::ListQueuesRequest request;
    request.set_page_size(page_size);
    do {
      v1::ListQueuesResponse page;
      const grpc::Status status = Send(&v1::QueueService::Stub::ListQueues, request, &page);
      EXPECT_TRUE(status.ok()) << status.error_message();
      for (const v1::Queue& queue : page.queues()) names.push_back(queue.name());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return names;
  }

  grpc::Status SubmitTo(const std::string& queue, v1::Task task, v1::Task* out) {
    grpc::ClientContext context;
    v1::SubmitTaskRequest request;
    request.set_parent("queues/" + queue);
    *request.mutable_task() = std::move(task);
    return tasks_->SubmitTask(&context, request, out);
  }
  std::string SubmitOkTo(const std::string& queue, v1::Task task) {
    v1::Task out;
    const grpc::Status status = SubmitTo(queue, std::move(task), &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out.name();
  }
  v1::Task TaskOk(const std::string& name) {
    v1::Task out;
    const grpc::Status status = ServerFixture::Get(name, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  // Keeps the only thread of a pool busy until it is cancelled.
  std::string HoldThePool() {
    const std::string name = SubmitOk(MakeTask("spin", "1m")).name();
    EXPECT_EQ(WatchUntil(name, v1::TASK_STATE_RUNNING).state(), v1::TASK_STATE_RUNNING);
    return name;
  }
  static std::vector<std::string> FieldsOf(const grpc::Status& status) {
    std::vector<std::string> fields;
    google::rpc::BadRequest bad;
    if (!Detail(status, &bad)) return fields;
    for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
    return fields;
  }

  std::unique_ptr<v1::QueueService::Stub> queues_;
};

TEST_F(ServerQueueTest, QueuesAreMadeShownChangedAndDeleted) {
  StartWith({{"queues.reports.max_tasks", "7"}});
  v1::Queue asked;
  asked.set_name("queues/mail");
  asked.set_max_tasks(5);
  asked.set_default_priority(v1::PRIORITY_HIGH);
  v1::Queue mail;
  ASSERT_TRUE(Create(asked, &mail).ok());
  EXPECT_EQ(mail.name(), "queues/mail");
  EXPECT_EQ(mail.max_tasks(), 5u);
  EXPECT_EQ(mail.max_bytes(), uint64_t{256} << 20);
  EXPECT_THAT(List(2), ElementsAre("queues/default", "queues/mail", "queues/reports"));
  EXPECT_EQ(QueueOk("reports").max_tasks(), 7u);

  const std::string name = SubmitOkTo("mail", MakeTask("echo", "hello"));
  const v1::Task done = Wait(name);
  EXPECT_EQ(done.state(), v1::TASK_STATE_SUCCEEDED);
  EXPECT_EQ(done.priority(), v1::PRIORITY_HIGH);

  v1::UpdateQueueRequest update;
  update.mutable_queue()->set_name("mail");
  update.mutable_queue()->set_max_tasks(9);
  update.mutable_update_mask()->add_paths("max_tasks");
  update.mutable_update_mask()->add_paths("default_priority");
  ASSERT_TRUE(Send(&v1::QueueService::Stub::UpdateQueue, update, &mail).ok());
  EXPECT_EQ(mail.max_tasks(), 9u);
  EXPECT_EQ(mail.default_priority(), v1::PRIORITY_UNSPECIFIED);

  EXPECT_TRUE(Delete("mail").ok());
  v1::Task out;
  const grpc::Status gone = SubmitTo("mail", MakeTask("echo", "hello"), &out);
  EXPECT_EQ(gone.error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(gone), "QUEUE_UNKNOWN");
  EXPECT_EQ(TaskOk(name).output().text_data(), "hello") << "what has ended can still be read";
}

TEST_F(ServerQueueTest, GivesItsTasksWhatTheyLeaveOpen) {
  StartWith();
  v1::Queue asked;
  asked.set_name("mail");
  asked.mutable_default_run_timeout()->set_seconds(5);
  asked.mutable_default_queue_timeout()->set_seconds(60);
  asked.mutable_default_retry_policy()->set_max_attempts(3);
  v1::Queue mail;
  ASSERT_TRUE(Create(asked, &mail).ok());
  EXPECT_EQ(mail.default_run_timeout().seconds(), 5);
  EXPECT_EQ(mail.default_queue_timeout().seconds(), 60);
  EXPECT_EQ(mail.default_retry_policy().max_attempts(), 3);
  v1::Task task = TaskOk(SubmitOkTo("mail", MakeTask("echo", "hello")));
  EXPECT_EQ(task.run_timeout().seconds(), 5);
  EXPECT_EQ(task.retry_policy().max_attempts(), 3);
  v1::Task once = MakeTask("echo", "hello");
  once.mutable_retry_policy()->set_max_attempts(1);
  once.mutable_run_timeout()->set_seconds(7);
  task = TaskOk(SubmitOkTo("mail", once));
  EXPECT_EQ(task.run_timeout().seconds(), 7);
  EXPECT_FALSE(task.has_retry_policy());

  v1::UpdateQueueRequest update;
  update.mutable_queue()->set_name("mail");
  update.mutable_update_mask()->add_paths("default_run_timeout");
  ASSERT_TRUE(Send(&v1::QueueService::Stub::UpdateQueue, update, &mail).ok());
  EXPECT_FALSE(mail.has_default_run_timeout());
  EXPECT_TRUE(mail.has_default_queue_timeout());
}

TEST_F(ServerQueueTest, PromisesNoMoreThanTheServerOffers) {
  StartWith();
  v1::Queue asked;
  asked.set_name("mail");
  asked.set_default_durability(v1::DURABILITY_DURABLE);
  v1::Queue out;
  const grpc::Status status = Create(asked, &out);
  EXPECT_THAT(FieldsOf(status), ElementsAre("queue.default_durability"));
  EXPECT_THAT(status.error_message(), HasSubstr("better than this server offers: memory"));
  asked.mutable_default_retry_policy()->set_max_attempts(1000);
  EXPECT_THAT(FieldsOf(Create(asked, &out)),
              ElementsAre("queue.default_retry_policy.max_attempts"));
}

TEST_F(ServerQueueTest, TellsAllThatIsWrongAtOnceInTermsOfTheRequest) {
  StartWith();
  v1::Queue wrong;
  wrong.set_name("Bad");
  wrong.set_max_tasks(uint64_t{1} << 40);
  wrong.set_tasks(3);
  v1::Queue out;
  EXPECT_THAT(FieldsOf(Create(wrong, &out)),
              ElementsAre("queue.tasks", "queue.name", "queue.max_tasks"));
  v1::UpdateQueueRequest update;
  update.mutable_queue()->set_name("default");
  const auto fields = [&] {
    return FieldsOf(Send(&v1::QueueService::Stub::UpdateQueue, update, &out));
  };
  EXPECT_THAT(fields(), ElementsAre("update_mask"));
  update.mutable_update_mask()->add_paths("max_tasks");
  update.mutable_update_mask()->add_paths("max_bytes");
  EXPECT_THAT(fields(), ElementsAre("queue.max_tasks", "queue.max_bytes"));
  update.mutable_update_mask()->add_paths("colour");
  EXPECT_THAT(fields(), ElementsAre("update_mask"));
  EXPECT_THAT(FieldsOf(Pause("default", std::string(257, 'x'), &out)), ElementsAre("reason"));
  EXPECT_FALSE(QueueOk("default").paused());
  v1::PurgeQueueResponse purged;
  EXPECT_THAT(FieldsOf(Purge("default", "\n" + std::string(256, 'x'), &purged)),
              ElementsAre("reason"));
  EXPECT_THAT(FieldsOf(GetQueue("", &out)), ElementsAre("name"));
}

TEST_F(ServerQueueTest, SaysWhyAndWhatElseThereIs) {
  StartWith();
  v1::Queue out;
  const grpc::Status unknown = GetQueue("queues/defualt", &out);
  EXPECT_EQ(unknown.error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(unknown), "QUEUE_UNKNOWN");
  EXPECT_THAT(unknown.error_message(), HasSubstr("did you mean \"default\"?"));
  v1::PurgeQueueResponse purged;
  EXPECT_EQ(ReasonOf(Purge("defualt", "", &purged)), "QUEUE_UNKNOWN");
  EXPECT_EQ(ReasonOf(GetQueue("namespaces/other/queues/default", &out)), "NAMESPACE_UNKNOWN");
  EXPECT_EQ(ReasonOf(Delete("default")), "QUEUE_IS_DEFAULT");
  v1::Queue again;
  again.set_name("default");
  EXPECT_EQ(ReasonOf(Create(again, &out)), "QUEUE_EXISTS");
}

TEST_F(ServerQueueTest, APausedQueueAcceptsAndStartsNothingUntilItIsResumed) {
  StartWith();
  CreateOk("mail", 2);
  const v1::Queue paused = PauseOk("mail", "the mail server is down");
  EXPECT_TRUE(paused.paused());
  EXPECT_EQ(paused.last_pause().reason(), "the mail server is down");
  const std::string first = SubmitOkTo("mail", MakeTask("echo", "1"));
  const std::string second = SubmitOkTo("mail", MakeTask("echo", "2"));
  v1::Task out;
  EXPECT_EQ(ReasonOf(SubmitTo("mail", MakeTask("echo", "3"), &out)), "QUEUE_FULL");
  ASSERT_TRUE(Run(MakeTask("echo", "other", v1::PRIORITY_LOW), &out).ok());
  EXPECT_EQ(out.state(), v1::TASK_STATE_SUCCEEDED) << "other queues go on";
  EXPECT_EQ(TaskOk(first).state(), v1::TASK_STATE_QUEUED);
  EXPECT_EQ(TaskOk(first).wait_reason(), v1::WAIT_REASON_PAUSED);
  EXPECT_EQ(QueueOk("mail").tasks(), 2u);
  EXPECT_EQ(QueueOk("mail").priorities(1).waiting(), 2u);
  EXPECT_EQ(ReasonOf(Delete("mail")), "QUEUE_NOT_EMPTY");

  EXPECT_EQ(ResumeOk("mail", "it is back").last_resume().reason(), "it is back");
  EXPECT_EQ(Wait(first).state(), v1::TASK_STATE_SUCCEEDED);
  EXPECT_EQ(Wait(second).state(), v1::TASK_STATE_SUCCEEDED);
}

// They are in the pool's rings when the queue is paused, and come to a thread only afterwards.
TEST_F(ServerQueueTest, WhatHadBeenReleasedGoesBackAndKeepsItsOrder) {
  StartWith({{"pool.min_threads", "1"}, {"pool.max_threads", "1"}});
  CreateOk("mail");
  const std::string holder = HoldThePool();
  std::vector<std::string> names;
  for (int i = 0; i < 6; ++i) names.push_back(SubmitOkTo("mail", MakeTask("echo", "hello")));
  PauseOk("mail");
  v1::Task out;
  ASSERT_TRUE(ServerFixture::Cancel(holder, &out).ok());
  // It is behind those that were released, so when it has run, they have gone back.
  ASSERT_TRUE(Run(MakeTask("echo", "last"), &out).ok());
  for (const std::string& name : names) {
    EXPECT_EQ(TaskOk(name).state(), v1::TASK_STATE_QUEUED);
    EXPECT_EQ(TaskOk(name).wait_reason(), v1::WAIT_REASON_PAUSED);
  }
  ResumeOk("mail");
  absl::Time last = absl::InfinitePast();
  for (const std::string& name : names) {
    const v1::Task task = Wait(name);
    ASSERT_EQ(task.attempts_size(), 1) << "a task that goes back has not begun";
    const absl::Time started = absl::FromUnixSeconds(task.attempts(0).start_time().seconds()) +
                               absl::Nanoseconds(task.attempts(0).start_time().nanos());
    EXPECT_GE(started, last);
    last = started;
  }
}

TEST_F(ServerQueueTest, APurgeCancelsAllThatWaits) {
  StartWith();
  CreateOk("mail");
  PauseOk("mail");
  std::vector<std::string> names;
  for (int i = 0; i < 3; ++i) names.push_back(SubmitOkTo("mail", MakeTask("echo", "hello")));
  v1::Task later = MakeTask("echo", "later");
  later.mutable_schedule_time()->set_seconds(absl::ToUnixSeconds(absl::Now()) + 3600);
  names.push_back(SubmitOkTo("mail", later));
  v1::PurgeQueueResponse purged;
  ASSERT_TRUE(Purge("queues/mail", "too old", &purged).ok());
  EXPECT_EQ(purged.purged_tasks(), 4u);
  EXPECT_EQ(purged.queue().tasks(), 0u);
  EXPECT_EQ(purged.queue().last_purge().reason(), "too old");
  EXPECT_EQ(purged.queue().purged_tasks(), 4u);
  for (const std::string& name : names) EXPECT_EQ(Wait(name).state(), v1::TASK_STATE_CANCELLED);
  ASSERT_TRUE(Purge("mail", "", &purged).ok());
  EXPECT_EQ(purged.purged_tasks(), 0u);
  EXPECT_TRUE(Delete("mail").ok());
}

TEST_F(ServerQueueTest, ADrainDoesNotWaitForAPausedQueue) {
  StartWith();
  CreateOk("mail");
  PauseOk("mail");
  SubmitOkTo("mail", MakeTask("echo", "hello"));
  const ShutdownReport report = Stop();
  EXPECT_TRUE(report.is_complete);
  EXPECT_EQ(report.waiting, 1u) << "it is told all the same";
}

}  // namespace
}  // namespace taskforge
