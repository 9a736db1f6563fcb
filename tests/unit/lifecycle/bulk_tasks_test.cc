#include "lifecycle/bulk_tasks.h"

#include <gtest/gtest.h>

#include <deque>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "store/memory_store.h"
#include "support/fake_tasks.h"
#include "support/lifecycle_fixture.h"

namespace taskforge {
namespace {

// Keeps what is submitted; answers at once, or when it is told to. Thread-safe.
class RecordingSubmitter final : public Submitter {
 public:
  void Submit(Submission submission) override {
    {
      MutexLock lock(mu_);
      specs_.push_back(submission.spec);
      if (holds_) {
        held_.push_back(std::move(submission));
        return;
      }
    }
    Answer(std::move(submission));
  }
  void SubmitBatch(std::vector<Submission> submissions) override {
    for (Submission& submission : submissions) Submit(std::move(submission));
  }
  void Hold() { holds_ = true; }
  void AnswerOne() {
    Submission submission = std::move(held_.front());
    held_.pop_front();
    Answer(std::move(submission));
  }
  size_t held() const { return held_.size(); }
  void RefuseHandler(std::string handler) { refused_ = std::move(handler); }
  std::vector<TaskSpec> specs() const {
    MutexLock lock(mu_);
    return specs_;
  }

 private:
  void Answer(Submission submission) {
    if (submission.spec.handler == refused_) {
      std::move(submission.on_receipt)(
          ReasonError(absl::StatusCode::kResourceExhausted, "QUEUE_FULL", "full"));
      return;
    }
    Ref<TaskRecord> record = MakeRef<TaskRecord>();
    record->spec = MakeRef<TaskSpec>(submission.spec);
    std::move(submission.on_receipt)(SubmitReceipt{std::move(record), false});
  }

  mutable Mutex mu_;
  std::vector<TaskSpec> specs_ ABSL_GUARDED_BY(mu_);
  std::deque<Submission> held_;
  bool holds_ = false;
  std::string refused_;
};

// The parts as in the server, over the store in memory, so that there are pages.
class BulkTasksTest : public testing::Test {
 protected:
  static constexpr uint64_t kEpoch = 9;

  BulkTasksTest() { (void)registry_.RegisterRemote("work", ""); }

  TaskRef Accept(const std::string& id, TaskSpec spec = SpecOf("work")) {
    spec.origin.Edit().task_id = id;
    spec.input.data = absl::StrCat("input of ", id);
    Ref<TaskRecord> record = MakeRef<TaskRecord>();
    record->uid.low = ++last_uid_;
    record->create_time = clock_.Now();
    record->spec = MakeRef<TaskSpec>(std::move(spec));
    TaskRef task = MakeRef<Task>(std::move(record), Admission(), runner_);
    task->TryAdvance(TaskPhase::kAccepting, TaskPhase::kQueued);
    TaskStore::Appending appending{task->accepted_record(), [](absl::Status) {}};
    store_.Append({&appending, 1});
    live_.Insert(task);
    queue_.Enqueue(task, TaskSink::Position::kBack);
    return task;
  }
  std::optional<RemoteAttempt> Start() { return runner_.StartRemote(queue_.Take(), "workers/w"); }
  // Accepts a task and lets it fail.
  TaskRef Fail(const std::string& id, TaskSpec spec = SpecOf("work")) {
    const TaskRef task = Accept(id, std::move(spec));
    Start()->done.Fail(LifecycleFixture::ErrorOf("BROKEN"));
    return task;
  }

  static BulkRequest Request(int page_size = 1000) {
    BulkRequest request;
    request.page_size = page_size;
    return request;
  }
  static BulkRequest Failed(int page_size = 1000) {
    BulkRequest request = Request(page_size);
    request.filter.state = TaskState::kFailed;
    return request;
  }
  // Where another thread cancels the same tasks, it may be the one that answers.
  BulkResult Cancel(const BulkRequest& request) {
    absl::StatusOr<BulkResult> result = absl::InternalError("no answer");
    Notification answered;
    bulk_.Cancel(request, [&](absl::StatusOr<BulkResult> given) {
      result = std::move(given);
      answered.Notify();
    });
    answered.Wait();
    EXPECT_TRUE(result.ok()) << result.status();
    return *std::move(result);
  }
  BulkResult Retry(const BulkRequest& request, BulkTasks::Asker asker = {}) {
    absl::StatusOr<BulkResult> result = absl::InternalError("no answer");
    bulk_.Retry(request, std::move(asker),
                [&](absl::StatusOr<BulkResult> given) { result = std::move(given); });
    EXPECT_TRUE(result.ok()) << result.status();
    return *std::move(result);
  }
  static std::string SubmitTo(FakeTasks& tasks) {
    std::string name;
    Submission submission;
    submission.spec = SpecOf("echo");
    submission.on_receipt = [&name](const absl::StatusOr<SubmitReceipt>& receipt) {
      name = receipt->record->name();
    };
    tasks.Submit(std::move(submission));
    return name;
  }
  static std::multiset<std::string> NamesOf(const BulkResult& result) {
    std::multiset<std::string> names;
    for (const BulkResult::Done& done : result.names) names.insert(done.name);
    return names;
  }

  FakeClock clock_;
  FakeTimer timer_{clock_};
  CapturingLog log_;
  SeededRandom random_{1};
  HandlerRegistry registry_;
  LiveTasks live_;
  FakeQueue queue_;
  MemoryStore store_{MemoryStoreOptions{.boot_epoch = kEpoch}, clock_, timer_};
  RecordingEvents events_;
  Lifecycle lifecycle_{
      LifecycleOptions(), kEpoch, {store_, live_, queue_, events_, clock_, timer_, random_, log_}};
  Runner runner_{
      RunnerOptions(), kEpoch, {registry_, lifecycle_, lifecycle_, clock_, timer_, log_}};
  TaskDirectory directory_{{live_, store_, queue_, lifecycle_, clock_}};
  RecordingSubmitter submitter_;
  BulkTasks bulk_{directory_, submitter_, clock_};
  uint64_t last_uid_ = 0;
};

TEST_F(BulkTasksTest, CancelsWhatHasNotEndedAndSaysWhatBecameOfEach) {
  const TaskRef failed = Fail("failed");
  const TaskRef running = Accept("running");
  auto attempt = Start();
  const TaskRef waiting = Accept("waiting");
  const BulkResult result = Cancel(Request());
  EXPECT_EQ(result.matched, 2u);
  EXPECT_EQ(result.done, 1u);
  EXPECT_EQ(result.stopping, 1u);
  EXPECT_EQ(result.failed, 0u);
  EXPECT_EQ(NamesOf(result), (std::multiset<std::string>{running->name(), waiting->name()}));
  EXPECT_EQ(result.next_page_token, "");
  EXPECT_EQ(waiting->finished_record()->state, TaskState::kCancelled);
  EXPECT_TRUE(running->Snapshot()->history->cancel_requested_time.has_value());
  EXPECT_EQ(failed->finished_record()->state, TaskState::kFailed);
  attempt->done.Fail(LifecycleFixture::ErrorOf("STOPPED"));
  EXPECT_EQ(running->finished_record()->state, TaskState::kCancelled);
}

// The fake lists what has ended, as what was listed a moment before its end.
TEST_F(BulkTasksTest, WhatEndsBeforeItsTurnSaysSo) {
  FakeTasks tasks(FakeTasks::Mode::kHold);
  const std::string name = SubmitTo(tasks);
  tasks.Finish(name, TaskState::kSucceeded);
  const BulkTasks bulk(tasks, submitter_, clock_);
  absl::StatusOr<BulkResult> result = absl::InternalError("no answer");
  bulk.Cancel(Request(), [&](absl::StatusOr<BulkResult> given) { result = std::move(given); });
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->failures.size(), 1u);
  EXPECT_EQ(DetailsOf(result->failures[0].status).reason, "TASK_ENDED");
}

// A call that is sent again meets what it has made, which may have failed too by now.
TEST_F(BulkTasksTest, WhatThisCallHasMadeIsNotRetried) {
  TaskSpec spec = SpecOf("work");
  spec.origin.Edit().request_id = "again/01a21bfb-da1f-744b-bda9-32d4aeda3333";
  Fail("made", spec);
  const TaskRef other = Fail("other");
  const BulkResult result = Retry(Failed(), {"me", "", "", "again"});
  EXPECT_EQ(NamesOf(result), (std::multiset<std::string>{other->name()}));
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_EQ(DetailsOf(result.failures[0].status).reason, "TASK_IS_RETRY");
}

TEST_F(BulkTasksTest, ADryRunChangesNothing) {
  Fail("failed");
  const TaskRef waiting = Accept("waiting");
  BulkRequest request = Request();
  request.dry_run = true;
  BulkResult result = Cancel(request);
  EXPECT_EQ(result.matched, 1u);
  EXPECT_EQ(result.done + result.stopping + result.failed, 0u);
  EXPECT_EQ(NamesOf(result), (std::multiset<std::string>{waiting->name()}));
  EXPECT_EQ(waiting->phase(), TaskPhase::kQueued);
  request = Failed();
  request.dry_run = true;
  result = Retry(request);
  EXPECT_EQ(result.matched, 1u);
  EXPECT_EQ(result.done, 0u);
  EXPECT_TRUE(submitter_.specs().empty());
}

TEST_F(BulkTasksTest, TheFilterSelects) {
  TaskSpec mail = SpecOf("work");
  mail.queue = "mail";
  const TaskRef in_mail = Accept("a", mail);
  const TaskRef other = Accept("b");
  BulkRequest request = Request();
  request.filter.queue = "mail";
  EXPECT_EQ(Cancel(request).done, 1u);
  EXPECT_TRUE(in_mail->finished_record());
  EXPECT_FALSE(other->finished_record());
  request.filter.queue = "default";
  request.filter.state = TaskState::kScheduled;
  EXPECT_EQ(Cancel(request).matched, 0u) << "it is QUEUED";
  EXPECT_FALSE(other->finished_record());
}

TEST_F(BulkTasksTest, EachPageGoesOnBehindTheLastAndNamesAreBounded) {
  constexpr size_t kTasks = 2 * BulkResult::kMaxNames + 7;
  for (size_t i = 0; i < kTasks; ++i) Accept(absl::StrCat("t", i));
  BulkRequest request = Request(/*page_size=*/static_cast<int>(BulkResult::kMaxNames) + 1);
  uint64_t cancelled = 0;
  int pages = 0;
  do {
    const BulkResult result = Cancel(request);
    EXPECT_LE(result.names.size(), BulkResult::kMaxNames);
    EXPECT_LE(result.matched, BulkResult::kMaxNames + 1) << "one call is one page";
    cancelled += result.done;
    request.page_token = result.next_page_token;
    ++pages;
    Accept(absl::StrCat("later", pages));  // Not met: it came after the first page was made.
  } while (!request.page_token.empty());
  EXPECT_EQ(cancelled, kTasks);
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(live_.size(), 3u);
}

TEST_F(BulkTasksTest, AForeignTokenIsRefused) {
  BulkRequest request = Request();
  request.page_token = "not ours";
  absl::Status status;
  bulk_.Cancel(request, [&](absl::StatusOr<BulkResult> given) { status = given.status(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(BulkTasksTest, ARetryIsANewTaskLikeTheOldOne) {
  TaskSpec spec = SpecOf("work");
  spec.priority = Priority::kHigh;
  spec.terms.Edit().labels["team"] = "blue";
  spec.terms.Edit().deadline = clock_.Now() + absl::Hours(1);
  spec.cancel_on_disconnect = true;
  spec.origin.Edit().request_id = "first";
  spec.origin.Edit().principal = "somebody";
  const TaskRef failed = Fail("failed", spec);
  Accept("waiting");
  clock_.Advance(absl::Hours(2));
  const BulkResult result = Retry(Failed(), {"me", "", "", "again"});
  EXPECT_EQ(result.matched, 1u);
  EXPECT_EQ(result.done, 1u);
  EXPECT_EQ(NamesOf(result), (std::multiset<std::string>{failed->name()}));
  ASSERT_EQ(submitter_.specs().size(), 1u);
  const TaskSpec made = submitter_.specs()[0];
  EXPECT_EQ(made.input.data, "input of failed") << "the page had none";
  EXPECT_EQ(made.priority, Priority::kHigh);
  EXPECT_EQ(made.terms->labels.at("team"), "blue");
  EXPECT_EQ(made.terms->deadline, absl::InfiniteFuture()) << "the first one's has passed";
  EXPECT_EQ(made.origin->retry_of, failed->name());
  EXPECT_EQ(made.origin->task_id, "");
  EXPECT_EQ(made.origin->principal, "me");
  EXPECT_FALSE(made.cancel_on_disconnect);
  EXPECT_EQ(made.origin->request_id,
            absl::StrCat("again/", failed->accepted_record()->uid.ToString()));
  EXPECT_EQ(result.names[0].made, "queues/default/tasks/00000000-0000-0000-0000-000000000000");
}

TEST_F(BulkTasksTest, ARefusedRetryIsCountedAndToldAndTheRestGoesOn) {
  (void)registry_.RegisterRemote("full", "");
  const TaskRef refused = Fail("refused", SpecOf("full"));
  const TaskRef fine = Fail("fine");
  submitter_.RefuseHandler("full");
  const BulkResult result = Retry(Failed());
  EXPECT_EQ(result.matched, 2u);
  EXPECT_EQ(result.done, 1u);
  EXPECT_EQ(result.failed, 1u);
  EXPECT_EQ(NamesOf(result), (std::multiset<std::string>{fine->name()}));
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_EQ(result.failures[0].name, refused->name());
  EXPECT_EQ(DetailsOf(result.failures[0].status).reason, "QUEUE_FULL");
}

TEST_F(BulkTasksTest, OnlySoManyRetriesAreOnTheirWayAtOnce) {
  constexpr size_t kTasks = 3 * BulkTasks::kRetryWindow;
  for (size_t i = 0; i < kTasks; ++i) Fail(absl::StrCat("t", i));
  submitter_.Hold();
  std::optional<BulkResult> result;
  bulk_.Retry(Failed(), {}, [&](absl::StatusOr<BulkResult> given) { result = *std::move(given); });
  for (size_t answered = 0; answered < kTasks; ++answered) {
    EXPECT_FALSE(result.has_value());
    EXPECT_LE(submitter_.held(), BulkTasks::kRetryWindow);
    EXPECT_EQ(submitter_.held(), std::min(BulkTasks::kRetryWindow, kTasks - answered));
    submitter_.AnswerOne();
  }
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->done, kTasks);
}

TEST_F(BulkTasksTest, TwoCancelsAndWorkersAtOnceEndEachTaskOnce) {
  constexpr int kTasks = 2000;
  std::vector<TaskRef> tasks;
  std::atomic<int> ends{0};
  for (int i = 0; i < kTasks; ++i) {
    tasks.push_back(Accept(absl::StrCat("t", i)));
    tasks.back()->OnFinished([&](const TaskRecordPtr&) { ++ends; });
  }
  std::array<BulkResult, 2> sums;
  const auto cancel_all = [&](BulkResult& sum) {
    BulkRequest request = Request(/*page_size=*/100);
    do {
      const BulkResult result = Cancel(request);
      EXPECT_EQ(result.matched, result.done + result.stopping + result.failed);
      sum.done += result.done;
      request.page_token = result.next_page_token;
    } while (!request.page_token.empty());
  };
  std::thread first([&] { cancel_all(sums[0]); });
  std::thread second([&] { cancel_all(sums[1]); });
  int succeeded = 0;
  while (const TaskRef task = queue_.Take()) {
    std::optional<RemoteAttempt> attempt = runner_.StartRemote(task, "workers/w");
    if (!attempt.has_value()) continue;
    attempt->done.Succeed({});
    ++succeeded;
  }
  first.join();
  second.join();
  EXPECT_EQ(ends.load(), kTasks);
  EXPECT_EQ(live_.size(), 0u);
  int cancelled = 0;
  for (const TaskRef& task : tasks) {
    cancelled += task->finished_record()->state == TaskState::kCancelled ? 1 : 0;
  }
  EXPECT_EQ(cancelled + succeeded, kTasks);
  EXPECT_GE(sums[0].done + sums[1].done, static_cast<uint64_t>(cancelled));
}

}  // namespace
}  // namespace taskforge
