// What finished tasks leave behind: after a first lot that has come and gone, many more are
// submitted, run and expire; then the data directory and the memory are held against what they were
// after the first lot. Told too is how long it takes to list what is not there any more, and to
// start again on the directory, since a store may keep marks of what it deleted.
//   bench_retention TASKFORGED DIRECTORY [--quick|--smoke]
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "child_process.h"
#include "client.h"
#include "harness.h"
#include "store/work_directory.h"
#include "taskforge/v1/task_service.grpc.pb.h"

namespace taskforge::bench {
namespace {

constexpr int kInputBytes = 64;
constexpr int kBatch = 500;
constexpr int kWindow = 10'000;
// After so many a line says how far it is.
constexpr int kTasksOfStep = 500'000;
// A directory that has not changed for so long is at rest; one that still does after the limit is
// taken as it is.
constexpr double kRestSeconds = 5;
constexpr double kRestLimitSeconds = 120;

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "bench_retention: %s\n", what.c_str());
  std::exit(1);
}

// What is held at rest.
struct Held {
  int64_t directory_bytes = 0;
  int64_t memory_bytes = 0;
};

class Subject {
 public:
  Subject(std::string binary, std::string data_directory, double rest_seconds)
      : binary_(std::move(binary)),
        directory_(std::move(data_directory)),
        rest_seconds_(rest_seconds) {}

  // Returns the seconds until it served.
  double Start() {
    server_.reset();
    const double begin = WallSeconds();
    server_.emplace(StartTaskforged(binary_,
                                    {"--data-dir", directory_, "--results-succeeded-ttl", "1s",
                                     "--limits-request-id-ttl", "1s"},
                                    kRestLimitSeconds));
    const double seconds = WallSeconds() - begin;
    channel_ = Connect(server_->grpc_address());
    stub_ = v1::TaskService::NewStub(channel_);
    return seconds;
  }

  // Submits so many and waits for their results.
  void Run(int tasks) {
    const v1::Task task = MakeTask("echo", std::string(kInputBytes, 'x'));
    TaskStream stream(channel_, 2 * kWindow);
    for (int sent = 0; sent < tasks; sent += kBatch) {
      const int count = std::min(kBatch, tasks - sent);
      if (!stream.AwaitUnfinished(kWindow) || !stream.Send(task, count)) break;
    }
    stream.AwaitUnfinished(0);
    if (stream.finished() != tasks) Fail("not every task ended");
    if (stream.durability() != v1::DURABILITY_DURABLE) {
      Fail("tasks are kept as " + v1::Durability_Name(stream.durability()));
    }
  }

  // Waits until the tasks are gone and the directory is at rest.
  Held Settle() {
    while (CountTasks() != 0) usleep(100'000);
    const double begin = WallSeconds();
    double changed = begin;
    int64_t bytes = OccupiedBytes(directory_);
    while (WallSeconds() - changed < rest_seconds_ && WallSeconds() - begin < kRestLimitSeconds) {
      usleep(200'000);
      const int64_t now = OccupiedBytes(directory_);
      if (now != bytes) changed = WallSeconds();
      bytes = now;
    }
    return {bytes, ResidentKib(server_->pid()) * int64_t{1024}};
  }

  // Of the first page, which has room for one.
  int CountTasks() {
    v1::ListTasksRequest request;
    request.set_page_size(1);
    grpc::ClientContext context;
    v1::ListTasksResponse response;
    const grpc::Status status = stub_->ListTasks(&context, request, &response);
    if (!status.ok()) Fail("ListTasks: " + status.error_message());
    return response.tasks_size();
  }

 private:
  const std::string binary_;
  const std::string directory_;
  const double rest_seconds_;
  std::optional<ServerProcess> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::TaskService::Stub> stub_;
};

void PrintHeld(const char* when, const Held& held) {
  std::printf("%s: directory %.1f MiB, memory %.1f MiB\n", when,
              static_cast<double>(held.directory_bytes) / (1 << 20),
              static_cast<double>(held.memory_bytes) / (1 << 20));
  std::fflush(stdout);
}

void RunInSteps(Subject& subject, int tasks) {
  const double begin = WallSeconds();
  for (int done = 0; done < tasks;) {
    const int count = std::min(kTasksOfStep, tasks - done);
    subject.Run(count);
    done += count;
    std::printf("  %d of %d tasks, %.0f s\n", done, tasks, WallSeconds() - begin);
    std::fflush(stdout);
  }
}

double Percent(int64_t now, int64_t before) {
  return (static_cast<double>(now) / static_cast<double>(before) - 1) * 100;
}

int Main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: bench_retention TASKFORGED DIRECTORY [--quick|--smoke]\n");
    return 2;
  }
  const Options options = ParseOptions(argc - 2, argv + 2);
  const int tasks = options.Count(10'000'000, 20'000);
  const int first = options.Count(500'000, 20'000);
  const WorkDirectory directory(argv[2], options.smoke);
  Subject subject(argv[1], directory.path() + "/data",
                  options.Seconds(kRestSeconds, kRestSeconds / 5));
  const double first_start = subject.Start();
  subject.Run(first);
  const Held before = subject.Settle();
  PrintHeld("after the first lot", before);
  RunInSteps(subject, tasks);
  const Held after = subject.Settle();
  PrintHeld("in the end", after);

  const double begin = WallSeconds();
  subject.CountTasks();
  const double listing = WallSeconds() - begin;
  std::printf("figure retention_directory_percent %+.1f  (bar 15 up or down)\n",
              Percent(after.directory_bytes, before.directory_bytes));
  std::printf("figure retention_memory_percent %+.1f  (bar 15 up or down)\n",
              Percent(after.memory_bytes, before.memory_bytes));
  std::printf("figure retention_list_ms %.2f  (to list nothing)\n", listing * 1e3);
  std::printf("figure retention_restart_seconds %.2f  (of an empty directory %.2f)\n",
              subject.Start(), first_start);
  return 0;
}

}  // namespace
}  // namespace taskforge::bench

int main(int argc, char** argv) { return taskforge::bench::Main(argc, argv); }
