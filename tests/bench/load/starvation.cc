#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "child_process.h"
#include "client.h"
#include "harness.h"
#include "load/scenarios.h"
#include "support/waiting_bound.h"
#include "taskforge/v1/pool_service.grpc.pb.h"

namespace taskforge::bench {
namespace {

constexpr int kCriticalOutstanding = 400;
constexpr int kLowBatch = 5;

// Keeps critical tasks waiting until told to stop; returns how many ran.
int64_t Flood(const std::shared_ptr<grpc::Channel>& channel, const std::atomic<bool>& stop) {
  const v1::Task task = MakeTask("echo", "critical", v1::PRIORITY_CRITICAL);
  TaskStream stream(channel, 4 * kCriticalOutstanding);
  while (!stop.load() && stream.AwaitUnfinished(kCriticalOutstanding)) stream.Send(task, 50);
  stream.AwaitUnfinished(0);
  return stream.finished();
}

// Normal tasks that hold a thread, one after the other, with pauses: while one does, low tasks may
// not run (they are at their cap), and what is dispatched meanwhile does not count.
void Hold(const std::shared_ptr<grpc::Channel>& channel, const std::atomic<bool>& stop) {
  const v1::Task holder =
      MakeTask("sleep", R"({"duration":"300ms","blocking":true})", v1::PRIORITY_NORMAL);
  TaskStream stream(channel, 1);
  while (!stop.load() && stream.Send(holder, 1) && stream.AwaitUnfinished(0)) {
    const timespec pause{0, 200'000'000};
    nanosleep(&pause, nullptr);
  }
}

// Recomputes the bound for each task from its own record.
bool Check(const std::vector<v1::Task>& tasks, const v1::Pool& pool) {
  bool right = true;
  double closest = 0;
  v1::Task shown;
  for (const v1::Task& task : tasks) {
    const WaitingBoundCheck check = CheckWaitingBound(task, pool);
    if (!check.holds()) {
      right = Wrong("%s waited for %llu dispatches; the bound is %llu", task.name().c_str(),
                    static_cast<unsigned long long>(check.waited),
                    static_cast<unsigned long long>(check.bound));
      continue;
    }
    const double share = static_cast<double>(check.waited) / static_cast<double>(check.bound);
    if (share >= closest) shown = task;
    closest = std::max(closest, share);
  }
  if (shown.attempts_size() == 0) return Wrong("no task tells its dispatches");
  const v1::Dispatch& dispatch = shown.attempts(0).dispatch();
  std::printf(
      "  closest to its bound (%.0f %%): %s, enqueued at dispatch %llu with %u ahead, started at "
      "%llu, %u seats\n",
      closest * 100, shown.name().c_str(), static_cast<unsigned long long>(dispatch.enqueued()),
      dispatch.ahead(), static_cast<unsigned long long>(dispatch.started()), dispatch.seats());
  if (closest <= 0) return Wrong("no low task ever waited: the load tests nothing");
  return right;
}

}  // namespace

bool RunStarvation(const LoadOptions& options) {
  const double seconds = options.quick ? 3 : 10;
  const ServerProcess server =
      StartTaskforged(options.taskforged, {"--pool-min-threads", "2", "--pool-max-threads", "2"});
  const auto channel = Connect(server.grpc_address());
  std::atomic<bool> stop{false};
  int64_t critical = 0;
  std::thread flood([&] { critical = Flood(Connect(server.grpc_address()), stop); });
  std::thread holder([&] { Hold(channel, stop); });
  std::mutex mu;
  std::vector<v1::Task> done;
  int64_t low_sent = 0;
  {
    TaskStream low(channel, 10'000, [&](const v1::Task& task) {
      const std::lock_guard<std::mutex> lock(mu);
      done.push_back(task);
    });
    const v1::Task task = MakeTask("echo", "low", v1::PRIORITY_LOW);
    const double end = WallSeconds() + seconds;
    while (WallSeconds() < end && low.Send(task, kLowBatch)) {
      low_sent += kLowBatch;
      const timespec pause{0, 10'000'000};
      nanosleep(&pause, nullptr);
    }
    low.AwaitUnfinished(0);  // While critical tasks go on.
    stop.store(true);
  }
  holder.join();
  flood.join();

  const auto pools = v1::PoolService::NewStub(channel);
  grpc::ClientContext context;
  v1::Pool pool;
  if (!pools->GetPool(&context, {}, &pool).ok()) return Wrong("GetPool failed");
  std::printf(
      "starvation: critical tasks without end on 2 threads, one held by a normal task now and "
      "then, %.0f s\n",
      seconds);
  std::printf("  %lld critical and %zu low tasks ran; W = %u, %lld low tasks were sent\n",
              static_cast<long long>(critical), done.size(), pool.slots(),
              static_cast<long long>(low_sent));
  if (done.size() != static_cast<size_t>(low_sent)) return Wrong("low tasks were lost");
  return Check(done, pool);
}

}  // namespace taskforge::bench
