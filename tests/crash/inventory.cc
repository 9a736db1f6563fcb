#include "crash/inventory.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <map>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "crash/ledger.h"

namespace taskforge::crash {
namespace {

constexpr int kPage = 1'000;
constexpr size_t kCallsAtOnce = 128;
constexpr std::chrono::seconds kCallTimeout(30);
constexpr int kWaitSeconds = 1;

absl::Status FromGrpc(const std::string& method, const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat(method, ": ", status.error_message()));
}

int64_t Micros(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1'000'000 + time.nanos() / 1'000;
}

Found FromTask(const v1::Task& task) {
  Found found;
  found.name = task.name();
  const auto label = task.labels().find(kNumberLabel);
  if (label == task.labels().end() || !absl::SimpleAtoi(label->second, &found.number)) {
    found.number = -1;
  }
  found.state = static_cast<State>(task.state());
  for (const v1::Attempt& attempt : task.attempts()) {
    if (!attempt.has_start_time()) continue;
    if (found.started++ == 0) found.first_us = Micros(attempt.start_time());
    found.last_us = Micros(attempt.start_time());
    if (attempt.lost()) {
      ++found.lost;
    } else if (attempt.has_error()) {
      ++found.failed;
    }
  }
  found.ended_us = Micros(task.end_time());
  found.output = task.output_evicted() ? "(evicted)" : task.output().text_data();
  found.reason = task.error().reason();
  return found;
}

absl::Status ListAll(v1::TaskService::Stub& stub, std::map<std::string, Found>& by_name) {
  v1::ListTasksRequest request;
  request.set_page_size(kPage);
  do {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
    v1::ListTasksResponse response;
    const grpc::Status status = stub.ListTasks(&context, request, &response);
    if (!status.ok()) return FromGrpc("ListTasks", status);
    for (const v1::Task& task : response.tasks()) {
      const auto [place, is_new] = by_name.emplace(task.name(), FromTask(task));
      place->second.is_whole = false;
      if (!is_new) ++place->second.listed;
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

struct GetCall {
  std::string name;
  grpc::ClientContext context;
  v1::Task task;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::Task>> reader;
};

// Some at a time.
absl::Status GetAll(v1::TaskService::Stub& stub, const std::vector<std::string>& names,
                    std::map<std::string, Found>& by_name) {
  grpc::CompletionQueue queue;
  absl::Status first_error;
  size_t sent = 0;
  for (size_t answered = 0; answered < names.size(); ++answered) {
    for (; sent < names.size() && sent - answered < kCallsAtOnce; ++sent) {
      auto* call = new GetCall;
      call->name = names[sent];
      call->context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
      v1::GetTaskRequest request;
      request.set_name(call->name);
      call->reader = stub.AsyncGetTask(&call->context, request, &queue);
      call->reader->Finish(&call->task, &call->status, call);
    }
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    const std::unique_ptr<GetCall> call(static_cast<GetCall*>(tag));
    const auto listed = by_name.find(call->name);
    if (call->status.ok()) {
      Found found = FromTask(call->task);
      found.listed = listed == by_name.end() ? 0 : listed->second.listed;
      by_name[call->name] = std::move(found);
    } else if (call->status.error_code() != grpc::StatusCode::NOT_FOUND) {
      first_error.Update(FromGrpc("GetTask", call->status));
    } else if (listed != by_name.end()) {
      listed->second.state = State::kUnspecified;
    }
  }
  return first_error;
}

}  // namespace

absl::Status AwaitQuiet(v1::TaskService::Stub& stub, absl::Duration patience) {
  const absl::Time give_up = absl::Now() + patience;
  for (const char* state : {"SCHEDULED", "QUEUED", "RUNNING"}) {
    for (;;) {
      v1::ListTasksRequest request;
      request.set_page_size(1);
      request.set_filter(absl::StrCat("state = ", state));
      grpc::ClientContext list_context;
      list_context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
      v1::ListTasksResponse response;
      grpc::Status status = stub.ListTasks(&list_context, request, &response);
      if (!status.ok()) return FromGrpc("ListTasks", status);
      if (response.tasks().empty()) break;
      v1::WaitTaskRequest wait;
      wait.set_name(response.tasks(0).name());
      wait.mutable_timeout()->set_seconds(kWaitSeconds);
      grpc::ClientContext wait_context;
      wait_context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
      v1::Task task;
      status = stub.WaitTask(&wait_context, wait, &task);
      if (!status.ok()) return FromGrpc("WaitTask", status);
      if (absl::Now() > give_up) {
        return absl::DeadlineExceededError(
            absl::StrCat(task.name(), " has not ended after ", absl::FormatDuration(patience)));
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Found>> TakeInventory(v1::TaskService::Stub& stub,
                                                 const std::vector<std::string>& names, int every) {
  std::map<std::string, Found> by_name;
  absl::Status status = ListAll(stub, by_name);
  if (!status.ok()) return status;
  std::vector<std::string> wanted;
  int index = 0;
  for (const auto& [name, found] : by_name) {
    if (index++ % every == 0) wanted.push_back(name);
  }
  for (const std::string& name : names) {
    if (!by_name.contains(name)) wanted.push_back(name);
  }
  status = GetAll(stub, wanted, by_name);
  if (!status.ok()) return status;
  std::vector<Found> found;
  for (auto& [name, task] : by_name) found.push_back(std::move(task));
  return found;
}

}  // namespace taskforge::crash
