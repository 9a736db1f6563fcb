// How a server comes back: tasks that wait for a time an hour ahead are submitted, the server is
// killed with SIGKILL once all are acknowledged, and started again on its data directory. Told are
// the seconds from its start until its ready file is there, and what it then holds in memory for
// each task beside the input, over what an empty server holds. It fails if a task is missing, or is
// not as it was.
//   bench_recovery TASKFORGED DIRECTORY [--quick|--smoke]
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "child_process.h"
#include "client.h"
#include "harness.h"
#include "metrics.h"
#include "store/work_directory.h"
#include "taskforge/v1/task_service.grpc.pb.h"

namespace taskforge::bench {
namespace {

constexpr int kInputBytes = 64;
constexpr int kBatch = 500;
// Of one stream: what the server allows at most is a little more.
constexpr int kTasksOfStream = 50'000;
constexpr uint32_t kCredit = 65'536;
// Beyond this the server counts as one that does not come back.
constexpr double kLimitSeconds = 300;

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "bench_recovery: %s\n", what.c_str());
  std::exit(1);
}

class Subject {
 public:
  Subject(std::string binary, const std::string& data_directory, int tasks)
      : binary_(std::move(binary)),
        flags_{"--data-dir", data_directory, "--queues-default-max-tasks", std::to_string(tasks),
               // A KiB for each, and some.
               "--queues-default-max-bytes", std::to_string(tasks + 65'536) + "KiB"} {}

  // Returns the seconds until it served.
  double Start() {
    const double begin = WallSeconds();
    server_.emplace(StartTaskforged(binary_, flags_, kLimitSeconds));
    const double seconds = WallSeconds() - begin;
    channel_ = Connect(server_->grpc_address());
    return seconds;
  }
  void Kill() { server_.reset(); }

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  long ResidentBytes() const { return ResidentKib(server_->pid()) * 1024; }
  int64_t AdmittedTasks() const {
    const auto tasks =
        SumOf(HttpGet(server_->admin_port(), "/metrics"), "taskforge_queue_admitted_tasks");
    if (!tasks) Fail("the server does not say how many tasks it has");
    return static_cast<int64_t>(*tasks);
  }

 private:
  const std::string binary_;
  const std::vector<std::string> flags_;
  std::optional<ServerProcess> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

v1::Task ScheduledTask() {
  v1::Task task = MakeTask("echo", std::string(kInputBytes, 'x'));
  task.mutable_schedule_time()->set_seconds(std::time(nullptr) + 3600);
  return task;
}

// Submits them, waits until all are acknowledged as durable, and kills the server while the streams
// still wait for results. Returns the memory that it held in the end.
long SubmitAndKill(Subject& subject, const v1::Task& task, int tasks) {
  std::vector<std::unique_ptr<TaskStream>> streams;
  for (int sent = 0; sent < tasks; sent += kBatch) {
    if (sent % kTasksOfStream == 0) {
      streams.push_back(std::make_unique<TaskStream>(subject.channel(), kCredit));
    }
    if (!streams.back()->Send(task, std::min(kBatch, tasks - sent))) Fail("the stream ended");
  }
  for (const auto& stream : streams) {
    if (!stream->AwaitAcknowledged()) Fail("the stream ended");
    if (stream->refused() != 0) Fail("tasks were refused");
    if (stream->durability() != v1::DURABILITY_DURABLE) {
      Fail("tasks are kept as " + v1::Durability_Name(stream->durability()));
    }
  }
  const long resident = subject.ResidentBytes();
  subject.Kill();
  return resident;
}

// Ends the benchmark unless all are there; of the newest it reads each one.
void Check(const Subject& subject, const v1::Task& submitted, int tasks) {
  const int64_t found = subject.AdmittedTasks();
  if (found != tasks) {
    Fail("of " + std::to_string(tasks) + " tasks it has " + std::to_string(found) + " again");
  }
  const auto stub = v1::TaskService::NewStub(subject.channel());
  v1::ListTasksResponse listed;
  grpc::ClientContext list_context;
  const grpc::Status status = stub->ListTasks(&list_context, v1::ListTasksRequest(), &listed);
  if (!status.ok()) Fail("ListTasks: " + status.error_message());
  if (listed.tasks_size() != std::min(tasks, 100)) Fail("ListTasks leaves tasks out");
  for (const v1::Task& each : listed.tasks()) {
    v1::GetTaskRequest request;
    request.set_name(each.name());
    v1::Task task;
    grpc::ClientContext context;
    if (!stub->GetTask(&context, request, &task).ok() || task.state() != v1::TASK_STATE_SCHEDULED ||
        task.input().text_data() != submitted.input().text_data() ||
        task.schedule_time().seconds() != submitted.schedule_time().seconds()) {
      Fail("a task is not as it was: " + task.ShortDebugString());
    }
  }
}

int Main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: bench_recovery TASKFORGED DIRECTORY [--quick|--smoke]\n");
    return 2;
  }
  const Options options = ParseOptions(argc - 2, argv + 2);
  const int tasks = options.Count(1'000'000, 20'000);
  const WorkDirectory directory(argv[2], options.smoke);
  Subject subject(argv[1], directory.path() + "/data", tasks);
  const double empty_seconds = subject.Start();
  const long empty = subject.ResidentBytes();
  const auto bytes_of_each = [&](long resident) {
    return static_cast<double>(resident - empty) / tasks - kInputBytes;
  };

  const v1::Task task = ScheduledTask();
  const double begin = WallSeconds();
  const long waiting = SubmitAndKill(subject, task, tasks);
  std::printf("%d tasks with %d bytes of input each, submitted in %.1f s; killed\n", tasks,
              kInputBytes, WallSeconds() - begin);
  std::fflush(stdout);
  const double seconds = subject.Start();
  const long recovered = subject.ResidentBytes();
  Check(subject, task, tasks);
  std::printf("figure recovery_seconds %.2f  (bar 10 for a million tasks; of none %.2f)\n", seconds,
              empty_seconds);
  std::printf("figure bytes_per_waiting_task %.0f  (beside the input, before the kill)\n",
              bytes_of_each(waiting));
  std::printf("figure bytes_per_recovered_task %.0f  (beside the input; bar 600)\n",
              bytes_of_each(recovered));
  return 0;
}

}  // namespace
}  // namespace taskforge::bench

int main(int argc, char** argv) { return taskforge::bench::Main(argc, argv); }
