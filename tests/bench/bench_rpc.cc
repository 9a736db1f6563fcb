// Whole way over the wire, loopback, servers in processes of their own:
//   unary    RunTask(echo), 64 outstanding, against bare echo servers in both of gRPC's styles
//   stream   SubmitTasks(echo) with results, batches of 100, against Debian's gearmand with its C
//            library (foreground jobs, one echo worker)
//   idle     CPU of an idle server; memory of an idle subscriber stream
//   bench_rpc TASKFORGED ECHO_SERVER GEARMAN_PEER [--quick|--smoke]
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "child_process.h"
#include "client.h"
#include "harness.h"
#include "taskforge/v1/bus_service.grpc.pb.h"
#include "taskforge/v1/task_service.grpc.pb.h"

namespace taskforge::bench {
namespace {

struct UnaryCall {
  grpc::ClientContext context;
  v1::Task response;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::Task>> reader;
};

// `total` RunTask calls, `outstanding` at a time, from one thread.
Sample RunUnary(const std::shared_ptr<grpc::Channel>& channel, int pid, int total,
                int outstanding) {
  const auto stub = v1::TaskService::NewStub(channel);
  v1::RunTaskRequest request;
  request.mutable_task()->set_handler("echo");
  request.mutable_task()->mutable_input()->set_binary_data(std::string(64, 'x'));
  grpc::CompletionQueue queue;
  int started = 0;
  const auto start = [&] {
    auto* call = new UnaryCall;
    call->reader = stub->AsyncRunTask(&call->context, request, &queue);
    call->reader->Finish(&call->response, &call->status, call);
    ++started;
  };
  const double cpu = ProcessCpuSeconds() + ProcessCpuSeconds(pid);
  const double begin = WallSeconds();
  for (int i = 0; i < outstanding; ++i) start();
  for (int done = 0; done < total; ++done) {
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    const std::unique_ptr<UnaryCall> call(static_cast<UnaryCall*>(tag));
    if (!call->status.ok()) {
      std::fprintf(stderr, "RunTask failed: %s\n", call->status.error_message().c_str());
      std::exit(1);
    }
    if (started < total) start();
  }
  Sample sample{static_cast<double>(total), WallSeconds() - begin, 0};
  sample.cpu_seconds = ProcessCpuSeconds() + ProcessCpuSeconds(pid) - cpu;
  return sample;
}

// `total` echo tasks over one SubmitTasks stream, results wanted, at most `window` unfinished.
Sample RunStream(const std::shared_ptr<grpc::Channel>& channel, int pid, int total, int batch,
                 int window) {
  v1::Task task = MakeTask("echo", "");
  task.mutable_input()->set_binary_data(std::string(64, 'x'));
  const double cpu = ProcessCpuSeconds() + ProcessCpuSeconds(pid);
  const double begin = WallSeconds();
  TaskStream stream(channel, static_cast<uint32_t>(2 * window));
  for (int sent = 0; sent < total; sent += batch) {
    if (!stream.AwaitUnfinished(window) || !stream.Send(task, batch)) break;
  }
  stream.AwaitUnfinished(0);
  Sample sample{static_cast<double>(stream.finished()), WallSeconds() - begin, 0};
  sample.cpu_seconds = ProcessCpuSeconds() + ProcessCpuSeconds(pid) - cpu;
  if (stream.finished() != total) {
    std::fprintf(stderr, "stream: %lld finished, %lld refused of %d\n",
                 static_cast<long long>(stream.finished()),
                 static_cast<long long>(stream.refused()), total);
    std::exit(1);
  }
  return sample;
}

// Memory of `count` idle Subscribe streams, and CPU of the server while nothing happens.
void PrintIdle(const std::shared_ptr<grpc::Channel>& channel, int pid, double seconds) {
  const double cpu = ProcessCpuSeconds(pid);
  usleep(static_cast<useconds_t>(seconds * 1e6));
  std::printf("idle server: %.3f %% of a core over %g s\n",
              (ProcessCpuSeconds(pid) - cpu) / seconds * 100, seconds);
  constexpr int kStreams = 200;
  const auto stub = v1::BusService::NewStub(channel);
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::SubscribeResponse>>> streams;
  const long before = ResidentKib(pid);
  for (int i = 0; i < kStreams; ++i) {
    v1::SubscribeRequest request;
    request.add_filters("idle.>");
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    streams.push_back(stub->Subscribe(contexts.back().get(), request));
    v1::SubscribeResponse response;
    streams.back()->Read(&response);
  }
  std::printf("idle subscriber stream: %.1f KiB each (of %d)\n",
              static_cast<double>(ResidentKib(pid) - before) / kStreams, kStreams);
  for (auto& context : contexts) context->TryCancel();
  for (auto& stream : streams) stream->Finish();
}

int Main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr,
                 "usage: bench_rpc TASKFORGED ECHO_SERVER GEARMAN_PEER [--quick|--smoke]\n");
    return 2;
  }
  const Options options = ParseOptions(argc - 3, argv + 3);
  const ServerProcess ours = StartTaskforged(argv[1]);
  ChildProcess callback({argv[2], "callback"});
  ChildProcess queue({argv[2], "queue"});
  const auto ours_channel = Connect(ours.grpc_address());
  const auto callback_channel = Connect("127.0.0.1:" + callback.ReadLine());
  const auto queue_channel = Connect("127.0.0.1:" + queue.ReadLine());

  PrintIdle(ours_channel, ours.pid(), options.Seconds(10, 2));

  const int calls = options.Count(60'000, 20'000);
  const auto unary = [&](const std::shared_ptr<grpc::Channel>& channel, int pid) {
    return [&channel, pid, calls] { return RunUnary(channel, pid, calls, 64); };
  };
  const auto one = RunInterleaved("unary, 64 outstanding, 64 B", options.rounds,
                                  {{"taskforge RunTask(echo)", unary(ours_channel, ours.pid())},
                                   {"bare echo, callback", unary(callback_channel, callback.pid())},
                                   {"bare echo, queue", unary(queue_channel, queue.pid())}});
  const auto median_rate = [](const std::vector<Sample>& samples) {
    std::vector<double> rates;
    for (const Sample& sample : samples) rates.push_back(sample.rate());
    return QuartilesOf(rates).median;
  };
  const auto& best = median_rate(one[1]) > median_rate(one[2]) ? one[1] : one[2];

  const int tasks = options.Count(200'000, 50'000);
  const int jobs = options.Count(40'000, 10'000);
  GearmanPeer gearman(argv[3]);
  const auto two =
      RunInterleaved("stream of tasks with results, 64 B", options.rounds,
                     {{"taskforge SubmitTasks(echo)",
                       [&] { return RunStream(ours_channel, ours.pid(), tasks, 100, 2'000); }},
                      {"gearmand, C client", [&] { return gearman.Run(jobs); }}});

  PrintRatio("run_unary_vs_best_bare_echo", one[0], best);
  PrintRatio("stream_tasks_vs_gearmand", two[0], two[1]);
  return 0;
}

}  // namespace
}  // namespace taskforge::bench

int main(int argc, char** argv) { return taskforge::bench::Main(argc, argv); }
