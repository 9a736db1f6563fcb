// One event to sixteen subscribers over the wire: ours, over gRPC streams that carry several events
// in a message, against nats-server with its C client. Publisher and subscribers are this process,
// the servers children; an item is one event that reached one subscriber.
//   bench_fanout TASKFORGED [--quick|--smoke]
#include <google/protobuf/arena.h>
#include <grpcpp/grpcpp.h>
#include <nats/nats.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
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

namespace taskforge::bench {
namespace {

constexpr int kSubscribers = 16;
constexpr size_t kPayloadBytes = 128;
// Published and not with every subscriber yet, at the most: fewer than the servers' limits.
constexpr int64_t kWindow = 4'000;
constexpr int kEventsInACall = 250;
constexpr char kTopic[] = "orders.paid";

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "bench_fanout: %s\n", what.c_str());
  std::exit(1);
}

// What each subscriber got.
class Arrivals {
 public:
  void Add(int subscriber, int64_t count) {
    got_[static_cast<size_t>(subscriber)].count.fetch_add(count, std::memory_order_release);
  }
  // Sleeps until everybody got so many, so that the processors are the others'.
  void Await(int64_t count) const {
    for (const Count& got : got_) {
      const double begin = WallSeconds();
      while (got.count.load(std::memory_order_acquire) < count) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
        if (WallSeconds() - begin > 30) Fail("events were lost, or came to a stop");
      }
    }
  }

 private:
  struct alignas(64) Count {  // Own lines: each is written by its subscriber's thread.
    std::atomic<int64_t> count{0};
  };
  std::array<Count, kSubscribers> got_;
};

// One Subscribe stream of ours.
class Subscriber final : public grpc::ClientReadReactor<v1::SubscribeResponse> {
 public:
  Subscriber(v1::BusService::Stub& stub, int index, Arrivals& arrivals)
      : index_(index), arrivals_(arrivals) {
    v1::SubscribeRequest request;
    request.add_filters("orders.>");
    stub.async()->Subscribe(&context_, &request, this);
    Read();
    StartCall();
  }
  void AwaitLive() const { Wait(is_live_); }
  void End() {
    context_.TryCancel();
    Wait(is_done_);
  }

 private:
  static void Wait(const std::atomic<bool>& flag) { flag.wait(false); }
  static void Set(std::atomic<bool>& flag) {
    flag.store(true);
    flag.notify_all();
  }

  // A message for each read, let go whole: its own clearing would free each part of each event.
  void Read() {
    arena_.Reset();
    response_ = google::protobuf::Arena::CreateMessage<v1::SubscribeResponse>(&arena_);
    StartRead(response_);
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (!response_->subscription().empty()) Set(is_live_);
    for (const v1::Delivery& delivery : response_->deliveries()) {
      if (delivery.has_missed()) Fail("a subscriber missed events");
    }
    arrivals_.Add(index_, response_->deliveries_size());
    Read();
  }
  void OnDone(const grpc::Status&) override { Set(is_done_); }

  const int index_;
  Arrivals& arrivals_;
  grpc::ClientContext context_;
  google::protobuf::Arena arena_;
  v1::SubscribeResponse* response_ = nullptr;
  std::atomic<bool> is_live_{false};
  std::atomic<bool> is_done_{false};
};

Sample RunOurs(const std::string& address, int pid, int events) {
  const auto subscribing = v1::BusService::NewStub(Connect(address));
  const auto publishing = v1::BusService::NewStub(Connect(address));
  Arrivals arrivals;
  std::vector<std::unique_ptr<Subscriber>> subscribers;
  for (int i = 0; i < kSubscribers; ++i) {
    subscribers.push_back(std::make_unique<Subscriber>(*subscribing, i, arrivals));
  }
  for (const auto& subscriber : subscribers) subscriber->AwaitLive();
  v1::PublishRequest request;
  for (int i = 0; i < kEventsInACall; ++i) {
    v1::Event& event = *request.add_events();
    event.set_topic(kTopic);
    event.mutable_data()->set_text_data(std::string(kPayloadBytes, 'x'));
  }
  const double cpu = ProcessCpuSeconds(pid);
  const double begin = WallSeconds();
  int64_t sent = 0;
  while (sent < events) {
    grpc::ClientContext context;
    v1::PublishResponse response;
    const grpc::Status status = publishing->Publish(&context, request, &response);
    if (!status.ok()) Fail("Publish: " + status.error_message());
    sent += kEventsInACall;
    arrivals.Await(sent - kWindow);
  }
  arrivals.Await(sent);
  const Sample sample{static_cast<double>(sent * kSubscribers), WallSeconds() - begin,
                      ProcessCpuSeconds(pid) - cpu};
  for (const auto& subscriber : subscribers) subscriber->End();
  return sample;
}

void Check(natsStatus status, const char* what) {
  if (status != NATS_OK) Fail(std::string(what) + ": " + natsStatus_GetText(status));
}

struct NatsSubscriber {
  int index = 0;
  Arrivals* arrivals = nullptr;
  natsSubscription* subscription = nullptr;
};

void OnNatsMessage(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
  const auto* const subscriber = static_cast<const NatsSubscriber*>(closure);
  natsMsg_Destroy(message);
  subscriber->arrivals->Add(subscriber->index, 1);
}

Sample RunNats(const std::string& url, int pid, int events) {
  natsConnection* subscribing = nullptr;
  natsConnection* publishing = nullptr;
  natsOptions* connecting = nullptr;
  Check(natsOptions_Create(&connecting), "options");
  Check(natsOptions_SetURL(connecting, url.c_str()), "options");
  // One thread that delivers for all: with one for each subscription, which is the client's
  // default, it is three to five times as slow on two cores.
  Check(nats_SetMessageDeliveryPoolSize(1), "options");
  Check(natsOptions_UseGlobalMessageDelivery(connecting, true), "options");
  Check(natsConnection_Connect(&subscribing, connecting), "connect");
  Check(natsConnection_ConnectTo(&publishing, url.c_str()), "connect");
  Arrivals arrivals;
  std::vector<NatsSubscriber> subscribers(kSubscribers);
  for (int i = 0; i < kSubscribers; ++i) {
    NatsSubscriber& subscriber = subscribers[static_cast<size_t>(i)];
    subscriber.index = i;
    subscriber.arrivals = &arrivals;
    Check(natsConnection_Subscribe(&subscriber.subscription, subscribing, "orders.>", OnNatsMessage,
                                   &subscriber),
          "subscribe");
  }
  Check(natsConnection_Flush(subscribing), "flush");
  const std::string payload(kPayloadBytes, 'x');
  const double cpu = ProcessCpuSeconds(pid);
  const double begin = WallSeconds();
  int64_t sent = 0;
  while (sent < events) {
    for (int i = 0; i < kEventsInACall; ++i) {
      Check(natsConnection_Publish(publishing, kTopic, payload.data(),
                                   static_cast<int>(payload.size())),
            "publish");
    }
    sent += kEventsInACall;
    arrivals.Await(sent - kWindow);
  }
  Check(natsConnection_Flush(publishing), "flush");
  arrivals.Await(sent);
  const Sample sample{static_cast<double>(sent * kSubscribers), WallSeconds() - begin,
                      ProcessCpuSeconds(pid) - cpu};
  for (const NatsSubscriber& subscriber : subscribers) {
    natsSubscription_Destroy(subscriber.subscription);
  }
  natsConnection_Destroy(publishing);
  natsConnection_Destroy(subscribing);
  natsOptions_Destroy(connecting);
  return sample;
}

int Main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_fanout TASKFORGED [--quick|--smoke]\n");
    return 2;
  }
  const Options options = ParseOptions(argc - 1, argv + 1);
  const ServerProcess ours = StartTaskforged(argv[1]);
  const NatsServer nats;
  const int events = options.Count(50'000, 20'000);
  const auto samples = RunInterleaved(
      "one event of 128 B to 16 subscribers", options.rounds,
      {{"taskforge, Subscribe", [&] { return RunOurs(ours.grpc_address(), ours.pid(), events); }},
       {"nats-server, C client", [&] { return RunNats(nats.url(), nats.pid(), events); }}});
  PrintRatio("fanout_vs_nats", samples[0], samples[1]);
  nats_Close();
  return 0;
}

}  // namespace
}  // namespace taskforge::bench

int main(int argc, char** argv) { return taskforge::bench::Main(argc, argv); }
