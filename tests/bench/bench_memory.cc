// What the server holds in memory for each task, over the wire and in a process of its own:
//   plain   server-made id, handler echo, a text of 64 bytes
//   full    the same with request_id, traceparent, x-request-id and two labels
// A task that blocks the one thread of the pool keeps the others in the queue. Resident memory is
// read before, with all of them queued, when they have ended (their records are kept then), and
// when the records are gone. Bytes of the inputs and outputs are subtracted where they are held.
//   bench_memory TASKFORGED [--quick|--smoke]
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "child_process.h"
#include "client.h"
#include "harness.h"
#include "taskforge/v1/task_service.grpc.pb.h"

namespace taskforge::bench {
namespace {

constexpr int kInputBytes = 64;
constexpr int kBatch = 500;
// Of one stream: what the server allows at most.
constexpr int kTasksOfStream = 50'000;
constexpr uint32_t kCredit = 65'536;
// How long records are kept: longer than the tasks take to end, so that all are there at once.
constexpr int kResultTtlSeconds = 15;

struct Shape {
  const char* name;
  std::map<std::string, std::string> headers;
  TaskStream::Vary vary;
};

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "bench_memory: %s\n", what.c_str());
  std::exit(1);
}

// A task that holds its thread of the pool until it is cancelled.
std::string StartBlocker(v1::TaskService::Stub& stub) {
  v1::SubmitTaskRequest request;
  *request.mutable_task() =
      MakeTask("sleep", R"({"duration":"1h","blocking":true})", v1::PRIORITY_CRITICAL);
  v1::Task task;
  grpc::ClientContext submit;
  if (!stub.SubmitTask(&submit, request, &task).ok()) Fail("the blocking task was refused");
  v1::GetTaskRequest get;
  get.set_name(task.name());
  while (task.state() != v1::TASK_STATE_RUNNING) {
    grpc::ClientContext context;
    if (!stub.GetTask(&context, get, &task).ok()) Fail("the blocking task is gone");
    usleep(1'000);
  }
  return task.name();
}

void Cancel(v1::TaskService::Stub& stub, const std::string& name) {
  v1::CancelTaskRequest request;
  request.set_name(name);
  v1::Task task;
  grpc::ClientContext context;
  if (!stub.CancelTask(&context, request, &task).ok()) Fail("the blocking task stays");
}

// Waits until no succeeded task is there any more.
void AwaitNoRecords(v1::TaskService::Stub& stub) {
  v1::ListTasksRequest request;
  request.set_page_size(1);
  request.set_filter("state = \"succeeded\"");
  for (;;) {
    grpc::ClientContext context;
    v1::ListTasksResponse response;
    const grpc::Status status = stub.ListTasks(&context, request, &response);
    if (!status.ok()) Fail("ListTasks: " + status.error_message());
    if (response.tasks().empty()) return;
    usleep(100'000);
  }
}

double BytesOfEach(long kib, int tasks) { return static_cast<double>(kib) * 1024 / tasks; }

void Measure(const std::string& binary, const Shape& shape, int tasks) {
  const ServerProcess server = StartTaskforged(
      binary, {"--pool-min-threads", "1", "--pool-max-threads", "1", "--queues-default-max-tasks",
               std::to_string(tasks + 1), "--results-succeeded-ttl",
               std::to_string(kResultTtlSeconds) + "s", "--limits-request-id-ttl", "1s"});
  const auto channel = Connect(server.grpc_address());
  const auto stub = v1::TaskService::NewStub(channel);
  const v1::Task task = MakeTask("echo", std::string(kInputBytes, 'x'));
  {  // What the server needs once, whatever the number of tasks.
    TaskStream warm(channel, kCredit);
    if (!warm.Send(task, kBatch) || !warm.AwaitUnfinished(0)) Fail("the stream ended");
  }
  const std::string blocker = StartBlocker(*stub);

  const long before = ResidentKib(server.pid());
  std::vector<std::unique_ptr<TaskStream>> streams;
  for (int sent = 0; sent < tasks; sent += kBatch) {
    if (sent % kTasksOfStream == 0) {
      streams.push_back(
          std::make_unique<TaskStream>(channel, kCredit, TaskStream::OnResult(), shape.headers));
    }
    if (!streams.back()->Send(task, kBatch, shape.vary)) Fail("the stream ended");
  }
  for (const auto& stream : streams) {
    if (!stream->AwaitAcknowledged() || stream->refused() != 0) Fail("tasks were refused");
  }
  const long queued = ResidentKib(server.pid());
  std::printf("figure bytes_per_queued_task_%s %.0f\n", shape.name,
              BytesOfEach(queued - before, tasks) - kInputBytes);

  Cancel(*stub, blocker);
  for (const auto& stream : streams) {
    if (!stream->AwaitUnfinished(0)) Fail("the stream ended");
  }
  streams.clear();
  const long ended = ResidentKib(server.pid());
  // An echo's output is as long as its input.
  std::printf("figure bytes_per_ended_task_%s %.0f\n", shape.name,
              BytesOfEach(ended - before, tasks) - 2 * kInputBytes);
  AwaitNoRecords(*stub);
  sleep(1);  // The sweep that gives memory back follows.
  std::printf("figure bytes_left_per_task_%s %.0f\n", shape.name,
              BytesOfEach(ResidentKib(server.pid()) - before, tasks));
}

int Main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_memory TASKFORGED [--quick|--smoke]\n");
    return 2;
  }
  const Options options = ParseOptions(argc - 1, argv + 1);
  const int tasks = options.Count(100'000, 50'000);
  const Shape plain{"plain", {}, {}};
  const Shape full{"full",
                   {{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
                    {"x-request-id", "call-4711"}},
                   [number = 0](v1::SubmitTaskRequest& request) mutable {
                     ++number;
                     request.set_request_id("order-" + std::to_string(number));
                     auto& labels = *request.mutable_task()->mutable_labels();
                     labels["tenant"] = "acme";
                     labels["job"] = std::to_string(number);
                   }};
  std::printf("%d tasks with %d bytes of input each; bytes beside inputs and outputs\n", tasks,
              kInputBytes);
  for (const Shape& shape : {plain, full}) Measure(argv[1], shape, tasks);
  return 0;
}

}  // namespace
}  // namespace taskforge::bench

int main(int argc, char** argv) { return taskforge::bench::Main(argc, argv); }
