#include <cmath>
#include <cstdio>
#include <memory>
#include <vector>

#include "child_process.h"
#include "client.h"
#include "harness.h"
#include "load/scenarios.h"
#include "taskforge/v1/pool_service.grpc.pb.h"

namespace taskforge::bench {
namespace {

constexpr int kTasks = 64;
constexpr double kIdleTimeoutSeconds = 1;

struct RunCall {
  grpc::ClientContext context;
  v1::Task response;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::Task>> reader;
};

// Runs `count` such tasks at once; returns how many succeeded.
int RunAtOnce(const std::shared_ptr<grpc::Channel>& channel, const v1::Task& task, int count) {
  const auto stub = v1::TaskService::NewStub(channel);
  v1::RunTaskRequest request;
  *request.mutable_task() = task;
  grpc::CompletionQueue queue;
  std::vector<RunCall> calls(static_cast<size_t>(count));
  for (RunCall& call : calls) {
    call.reader = stub->AsyncRunTask(&call.context, request, &queue);
    call.reader->Finish(&call.response, &call.status, &call);
  }
  int succeeded = 0;
  for (int i = 0; i < count; ++i) {
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    const RunCall& call = *static_cast<RunCall*>(tag);
    if (call.status.ok() && call.response.state() == v1::TASK_STATE_SUCCEEDED) ++succeeded;
  }
  return succeeded;
}

v1::Pool GetPool(v1::PoolService::Stub& stub) {
  grpc::ClientContext context;
  v1::Pool pool;
  (void)stub.GetPool(&context, {}, &pool);  // An empty answer fails the checks.
  return pool;
}

struct Step {
  bool right = true;
  double done_ms = 0;
  double peak = 0;
  double back_ms = 0;  // From the end of the tasks until the least number of threads.
};

Step RunStep(const std::string& taskforged) {
  const ServerProcess server = StartTaskforged(
      taskforged,
      {"--pool-min-threads", "2", "--pool-max-threads", "64", "--pool-idle-timeout", "1s"});
  const auto channel = Connect(server.grpc_address());
  const auto pool = v1::PoolService::NewStub(channel);
  Step step;
  RunAtOnce(channel, MakeTask("echo", "warm"), 1);
  const double begin = WallSeconds();
  const int succeeded =
      RunAtOnce(channel, MakeTask("sleep", R"({"duration":"100ms","blocking":true})"), kTasks);
  const double end = WallSeconds();
  step.done_ms = (end - begin) * 1e3;
  step.peak = GetPool(*pool).peak_threads();
  if (succeeded != kTasks) step.right = Wrong("%d of %d tasks succeeded", succeeded, kTasks);
  while (GetPool(*pool).threads() != 2) {
    if (WallSeconds() - end > kIdleTimeoutSeconds + 30) {
      step.right = Wrong("it never came back to its least number of threads");
      break;
    }
  }
  step.back_ms = (WallSeconds() - end) * 1e3;
  return step;
}

// Tasks that keep processors busy: growth would not help.
bool RunBusy(const std::string& taskforged) {
  const ServerProcess server =
      StartTaskforged(taskforged, {"--pool-min-threads", "1", "--pool-max-threads", "64"});
  const auto channel = Connect(server.grpc_address());
  const auto stub = v1::PoolService::NewStub(channel);
  constexpr int kBusyTasks = 32;
  const int succeeded = RunAtOnce(channel, MakeTask("spin", "100ms"), kBusyTasks);
  const v1::Pool pool = GetPool(*stub);
  const int limit = static_cast<int>(std::ceil(pool.cpu_limit_cores())) + 1;
  std::printf("  %d busy tasks: peak %d threads (at most processors + 1 = %d)\n", kBusyTasks,
              pool.peak_threads(), limit);
  if (succeeded != kBusyTasks) return Wrong("%d of %d tasks succeeded", succeeded, kBusyTasks);
  if (pool.peak_threads() > limit) return Wrong("it grew for busy tasks");
  return true;
}

}  // namespace

bool RunBlockingStep(const LoadOptions& options) {
  const int rounds = options.quick ? 3 : 7;
  bool right = true;
  std::vector<double> done;
  std::vector<double> peak;
  std::vector<double> back;
  for (int round = 0; round < rounds; ++round) {
    const Step step = RunStep(options.taskforged);
    right = step.right && right;
    done.push_back(step.done_ms);
    peak.push_back(step.peak);
    back.push_back(step.back_ms);
  }
  const Quartiles d = QuartilesOf(done);
  const Quartiles p = QuartilesOf(peak);
  const Quartiles b = QuartilesOf(back);
  std::printf("blocking step: %d tasks that block for 100 ms, 2 to 64 threads (%d rounds)\n",
              kTasks, rounds);
  std::printf("  done after %.0f ms  [%.0f .. %.0f]  (bar: 600)\n", d.median, d.low, d.high);
  std::printf("  peak %.0f threads  [%.0f .. %.0f]  (bar: 48)\n", p.median, p.low, p.high);
  std::printf(
      "  back at 2 threads after %.0f ms  [%.0f .. %.0f]  (bar: idle time-out + 2000 = %.0f)\n",
      b.median, b.low, b.high, kIdleTimeoutSeconds * 1e3 + 2000);
  return RunBusy(options.taskforged) && right;
}

}  // namespace taskforge::bench
