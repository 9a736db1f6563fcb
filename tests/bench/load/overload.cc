#include <time.h>

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "child_process.h"
#include "client.h"
#include "google/rpc/error.pb.h"
#include "harness.h"
#include "load/scenarios.h"
#include "taskforge/v1/bus_service.grpc.pb.h"

namespace taskforge::bench {
namespace {

constexpr char kSentinel[] = "load.end";
constexpr double kTtlSeconds = 2;

v1::Task SpinTask() {
  v1::Task task = MakeTask("spin", "2ms");
  task.mutable_result_ttl()->set_seconds(static_cast<int64_t>(kTtlSeconds));
  return task;
}

struct SubmitCall {
  grpc::ClientContext context;
  v1::Task response;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::Task>> reader;
};

// What is wrong with a refusal; empty: nothing.
std::string WrongWith(const SubmitCall& call) {
  if (call.status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED) {
    return "code " + std::to_string(call.status.error_code()) + ": " + call.status.error_message();
  }
  google::rpc::Status status;
  if (!status.ParseFromString(call.status.error_details())) return "no details";
  bool has_info = false;
  bool has_retry = false;
  for (const google::protobuf::Any& detail : status.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::RetryInfo retry;
    if (detail.UnpackTo(&info)) has_info = info.domain() == "taskforge" && !info.reason().empty();
    if (detail.UnpackTo(&retry)) has_retry = retry.has_retry_delay();
  }
  if (!has_info) return "no ErrorInfo";
  if (!has_retry) return "no RetryInfo";
  if (call.context.GetServerTrailingMetadata().count("grpc-retry-pushback-ms") != 1) {
    return "no pushback";
  }
  return "";
}

struct Outcome {
  std::vector<std::string> accepted;
  int64_t refused = 0;
  int64_t wrong = 0;
  std::string first_wrong;
};

// `rate` calls a second for `seconds`, whatever becomes of them.
Outcome Offer(const std::shared_ptr<grpc::Channel>& channel, double rate, double seconds) {
  const auto stub = v1::TaskService::NewStub(channel);
  v1::SubmitTaskRequest request;
  *request.mutable_task() = SpinTask();
  grpc::CompletionQueue queue;
  const int64_t total = static_cast<int64_t>(rate * seconds);
  std::thread caller([&] {
    const double begin = WallSeconds();
    for (int64_t sent = 0; sent < total;) {
      const int64_t due = std::min(total, static_cast<int64_t>((WallSeconds() - begin) * rate) + 1);
      for (; sent < due; ++sent) {
        auto* call = new SubmitCall;
        call->reader = stub->AsyncSubmitTask(&call->context, request, &queue);
        call->reader->Finish(&call->response, &call->status, call);
      }
      const timespec pause{0, 1'000'000};
      nanosleep(&pause, nullptr);
    }
  });
  Outcome outcome;
  for (int64_t i = 0; i < total; ++i) {
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    const std::unique_ptr<SubmitCall> call(static_cast<SubmitCall*>(tag));
    if (call->status.ok()) {
      outcome.accepted.push_back(call->response.name());
      continue;
    }
    ++outcome.refused;
    const std::string wrong = WrongWith(*call);
    if (wrong.empty()) continue;
    if (outcome.wrong++ == 0) outcome.first_wrong = wrong;
  }
  caller.join();
  return outcome;
}

// Counts the ends of tasks, as the bus tells them, until the sentinel.
class Ends {
 public:
  explicit Ends(const std::shared_ptr<grpc::Channel>& channel)
      : bus_(v1::BusService::NewStub(channel)) {
    v1::SubscribeRequest request;
    for (const char* state : {"succeeded", "failed", "cancelled", "expired"}) {
      request.add_filters(std::string("task.default.") + state + ".>");
    }
    request.add_filters(kSentinel);
    request.set_omit_payloads(true);
    request.set_max_events(65536);
    stream_ = bus_->Subscribe(&context_, request);
    v1::SubscribeResponse hello;
    is_live_ = stream_->Read(&hello);
    reader_ = std::thread([this] { Read(); });
  }
  ~Ends() {
    context_.TryCancel();
    if (reader_.joinable()) reader_.join();
    (void)stream_->Finish();
  }

  // All that was published until now has been counted when it returns.
  bool Settle() {
    grpc::ClientContext context;
    v1::PublishRequest request;
    v1::Event& event = *request.add_events();
    event.set_topic(kSentinel);
    v1::PublishResponse response;
    // Low and normal tasks' events have no higher priority than this one, and came first.
    event.set_priority(v1::PRIORITY_LOW);
    if (!is_live_ || !bus_->Publish(&context, request, &response).ok()) return false;
    reader_.join();
    return true;
  }
  const std::map<std::string, int>& by_task() const { return by_task_; }
  uint64_t missed() const { return missed_; }

 private:
  void Read() {
    v1::SubscribeResponse response;
    while (stream_->Read(&response)) {
      for (const v1::Delivery& delivery : response.deliveries()) {
        if (delivery.has_missed()) missed_ += delivery.missed().count();
        if (!delivery.has_event()) continue;
        if (delivery.event().topic() == kSentinel) return;
        ++by_task_[delivery.event().subject()];
      }
    }
  }

  const std::unique_ptr<v1::BusService::Stub> bus_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::SubscribeResponse>> stream_;
  bool is_live_ = false;
  std::map<std::string, int> by_task_;
  uint64_t missed_ = 0;
  std::thread reader_;
};

// Waits until the server keeps no task any more: all have ended, and their results have expired.
bool AwaitEmpty(const std::shared_ptr<grpc::Channel>& channel, bool results_too) {
  const auto stub = v1::TaskService::NewStub(channel);
  const double give_up = WallSeconds() + 120;
  while (WallSeconds() < give_up) {
    bool empty = true;
    for (const char* filter : {"state = QUEUED", "state = RUNNING", ""}) {
      if (*filter == '\0' && !results_too) continue;
      grpc::ClientContext context;
      v1::ListTasksRequest request;
      request.set_filter(filter);
      request.set_page_size(1);
      v1::ListTasksResponse response;
      const grpc::Status status = stub->ListTasks(&context, request, &response);
      if (!status.ok()) return Wrong("ListTasks: %s", status.error_message().c_str());
      empty = empty && response.tasks_size() == 0;
    }
    if (empty) return true;
    const timespec pause{0, 50'000'000};
    nanosleep(&pause, nullptr);
  }
  return false;
}

bool Check(const Outcome& outcome, const Ends& ends) {
  bool right = true;
  int64_t lost = 0;
  int64_t twice = 0;
  for (const std::string& name : outcome.accepted) {
    const auto found = ends.by_task().find(name);
    if (found == ends.by_task().end()) ++lost;
    if (found != ends.by_task().end() && found->second > 1) ++twice;
  }
  std::printf("  %zu accepted, %lld refused; lost %lld, ended twice %lld\n",
              outcome.accepted.size(), static_cast<long long>(outcome.refused),
              static_cast<long long>(lost), static_cast<long long>(twice));
  if (outcome.refused == 0) right = Wrong("nothing was refused: there was no overload");
  if (outcome.wrong > 0) {
    right = Wrong("%lld refusals say too little, the first: %s",
                  static_cast<long long>(outcome.wrong), outcome.first_wrong.c_str());
  }
  if (ends.missed() > 0) right = Wrong("the scenario's own subscription was too slow");
  if (lost > 0 || twice > 0) right = Wrong("accepted is not finished");
  return right;
}

}  // namespace

bool RunOverload(const LoadOptions& options) {
  const double seconds = options.quick ? 5 : 30;
  const ServerProcess server = StartTaskforged(
      options.taskforged,
      {"--pool-min-threads", "2", "--pool-max-threads", "2", "--queues-default-max-tasks", "1000"});
  const auto channel = Connect(server.grpc_address());
  // What it can do; this warms it up too.
  const double warm = options.quick ? 2 : 5;
  double capacity = 0;
  {
    TaskStream stream(channel, 1000);
    const double begin = WallSeconds();
    while (WallSeconds() - begin < warm && stream.AwaitUnfinished(200)) stream.Send(SpinTask(), 20);
    stream.AwaitUnfinished(0);
    capacity = static_cast<double>(stream.finished()) / (WallSeconds() - begin);
  }
  if (!AwaitEmpty(channel, /*results_too=*/true)) return Wrong("results do not expire");
  const long before = ResidentKib(server.pid());

  Outcome outcome;
  long peak = 0;
  bool right = false;
  {
    Ends ends(channel);
    outcome = Offer(channel, 3 * capacity, seconds);
    peak = ResidentKib(server.pid());
    if (!AwaitEmpty(channel, /*results_too=*/false)) return Wrong("accepted tasks do not end");
    if (!ends.Settle()) return Wrong("the subscription ended");
    std::printf("overload: %.0f tasks/s offered for %.0f s, capacity %.0f/s\n", 3 * capacity,
                seconds, capacity);
    right = Check(outcome, ends);
  }
  if (!AwaitEmpty(channel, /*results_too=*/true)) return Wrong("results do not expire");
  const long after = ResidentKib(server.pid());
  std::printf("  resident memory: %ld KiB before, %ld during, %ld after: %+.1f %%  (bar: 15)\n",
              before, peak, after,
              100.0 * static_cast<double>(after - before) / static_cast<double>(before));
  return right;
}

}  // namespace taskforge::bench
