#include "cli/demo/crash_demo.h"

#include <algorithm>
#include <random>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/bulk_submit.h"
#include "cli/format.h"
#include "taskforge/v1/task_service.grpc.pb.h"

namespace taskforge::cli {
namespace {

constexpr absl::Duration kStartPatience = absl::Minutes(1);
constexpr absl::Duration kTaskPatience = absl::Minutes(1);
constexpr int kPageSize = 1000;
constexpr int kMostTries = 1000;

std::string MakeRunId() {
  std::random_device random;
  return absl::StrFormat("%08x%08x", random(), random());
}

absl::Status ToStatus(const grpc::Status& status, absl::string_view what) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat(what, ": ", status.error_message()));
}

std::string InputOf(uint64_t number) { return absl::StrCat("task ", number); }

}  // namespace

CrashDemo::CrashDemo(Session& outer, Options options, std::function<void(const std::string&)> say)
    : outer_(outer),
      options_(std::move(options)),
      say_(std::move(say)),
      run_(MakeRunId()),
      names_(options_.tasks) {}

absl::Status CrashDemo::Run() {
  absl::Status status = SubmitUntilKilled();
  if (status.ok()) status = Restart();
  if (status.ok()) status = SubmitTheRest();
  if (status.ok()) status = ReadEach();
  if (status.ok()) status = CountAll();
  if (status.ok()) status = StopServer();
  if (outer_.interrupted()) return absl::CancelledError("interrupted");
  return status;
}

absl::Status CrashDemo::SubmitUntilKilled() {
  absl::StatusOr<std::unique_ptr<ServerProcess>> server =
      ServerProcess::Start(options_.setup, kStartPatience);
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  session_ = Connect();
  say_(absl::StrCat("started    ", options_.setup.binary, " on ", server_->address(), ", data in ",
                    options_.setup.directory));
  say_(absl::StrCat("submitting ", FormatCount(options_.tasks),
                    " tasks: each is synced to the disk before it is acknowledged"));
  // The stream breaks, as it should; anything else shows in what was accepted.
  const absl::Status status = Submit(std::max<uint64_t>(1, options_.tasks / 2));
  report_.at_kill = report_.accepted;
  if (!refused_.ok()) return refused_;
  if (report_.at_kill < options_.tasks / 2) return status;
  const absl::StatusOr<int> code = server_->Stop(kStartPatience);
  if (!code.ok()) return code.status();
  say_(absl::StrCat("killed     by SIGKILL, when ", FormatCount(report_.at_kill),
                    " of them were acknowledged"));
  return absl::OkStatus();
}

absl::Status CrashDemo::Restart() {
  const absl::Time begin = absl::Now();
  absl::StatusOr<std::unique_ptr<ServerProcess>> server =
      ServerProcess::Start(options_.setup, kStartPatience);
  if (!server.ok()) return server.status();
  report_.recovery = absl::Now() - begin;
  server_ = *std::move(server);
  session_ = Connect();
  say_(absl::StrCat("restarted  it serves again after ", DurationText(report_.recovery)));
  return absl::OkStatus();
}

absl::Status CrashDemo::SubmitTheRest() {
  const uint64_t rest = options_.tasks - report_.accepted;
  const absl::Status status = Submit(/*kill_at=*/0);
  if (!refused_.ok()) return refused_;
  if (!status.ok()) return status;
  say_(absl::StrCat("went on    with the other ", FormatCount(rest),
                    ", by the same request_ids; of these ", FormatCount(report_.unheard),
                    " had been accepted, but the kill came before the answer"));
  return absl::OkStatus();
}

absl::Status CrashDemo::Submit(uint64_t kill_at) {
  std::vector<uint64_t> numbers;  // By number of the submission.
  for (uint64_t number = 0; number < options_.tasks; ++number) {
    if (names_[number].empty()) numbers.push_back(number);
  }
  const auto on_ack = [&](const v1::SubmitAck& ack) {
    const uint64_t number = numbers[ack.correlation_id()];
    if (ack.code() != 0) {
      if (refused_.ok()) {
        refused_ = absl::FailedPreconditionError(
            absl::StrCat("the server refused task ", number, ": ", ack.message()));
      }
      return;
    }
    names_[number] = ack.name();
    ++report_.accepted;
    if (ack.duplicate()) ++report_.unheard;
    if (ack.effective_durability() != v1::DURABILITY_DURABLE) {
      NoteWrong(absl::StrCat(ack.name(), " is not DURABLE"));
    }
    if (report_.accepted == kill_at) server_->Kill();
  };
  BulkSubmit::Options options;
  options.max_tries = kMostTries;
  // So that the kill comes in the middle of few tasks, too.
  options.max_tasks = std::clamp<size_t>(options_.tasks / 10, 1, options.max_tasks);
  BulkSubmit submit(*session_, options, on_ack, nullptr);
  size_t next = 0;
  const grpc::Status status = submit.Run([&](v1::SubmitTaskRequest& request) {
    if (next == numbers.size() || outer_.interrupted()) return false;
    const uint64_t number = numbers[next++];
    request.set_request_id(absl::StrCat("demo-", run_, "-", number));
    v1::Task& task = *request.mutable_task();
    task.set_handler("echo");
    task.mutable_input()->set_text_data(InputOf(number));
    return true;
  });
  return ToStatus(status, "the stream of submissions ended");
}

absl::Status CrashDemo::ReadEach() {
  const std::unique_ptr<v1::TaskService::Stub> stub = v1::TaskService::NewStub(session_->Channel());
  const absl::Time begin = absl::Now();
  for (uint64_t number = 0; number < options_.tasks; ++number) {
    if (names_[number].empty()) continue;
    if (outer_.interrupted()) return absl::CancelledError("interrupted");
    Call call(*session_, 2 * kTaskPatience);
    v1::WaitTaskRequest request;
    request.set_name(names_[number]);
    SetDuration(kTaskPatience, *request.mutable_timeout());
    v1::Task task;
    const grpc::Status status = stub->WaitTask(call.context(), request, &task);
    if (status.error_code() == grpc::StatusCode::NOT_FOUND) {
      NoteWrong(absl::StrCat(names_[number], " is gone"));
      continue;
    }
    if (!status.ok()) return ToStatus(status, names_[number]);
    if (task.state() != v1::TASK_STATE_SUCCEEDED) {
      NoteWrong(absl::StrCat(names_[number], " is ", FormatState(task.state())));
    } else if (task.output().text_data() != InputOf(number)) {
      NoteWrong(absl::StrCat(names_[number], " has another task's output"));
    } else {
      ++report_.finished;
    }
  }
  say_(
      absl::StrCat("read       every task and its output, in ", DurationText(absl::Now() - begin)));
  return absl::OkStatus();
}

absl::Status CrashDemo::CountAll() {
  const std::unique_ptr<v1::TaskService::Stub> stub = v1::TaskService::NewStub(session_->Channel());
  const std::set<std::string> known(names_.begin(), names_.end());
  v1::ListTasksRequest request;
  request.set_page_size(kPageSize);
  do {
    Call call(*session_);
    v1::ListTasksResponse page;
    const grpc::Status status = stub->ListTasks(call.context(), request, &page);
    if (!status.ok()) return ToStatus(status, "the list of all tasks");
    for (const v1::Task& task : page.tasks()) {
      if (known.count(task.name()) > 0) continue;
      ++report_.unexpected;
      NoteWrong(absl::StrCat(task.name(), " is there, and nobody was told of it"));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

absl::Status CrashDemo::StopServer() {
  const absl::StatusOr<int> code = server_->Stop(kStartPatience);
  if (!code.ok()) return code.status();
  if (*code == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("the server's stop ended with exit code ", *code));
}

std::unique_ptr<Session> CrashDemo::Connect() const {
  auto session = std::make_unique<Session>();
  session->options.server = server_->address();
  return session;
}

void CrashDemo::NoteWrong(const std::string& what) {
  if (report_.first_wrong.empty()) report_.first_wrong = what;
}

}  // namespace taskforge::cli
