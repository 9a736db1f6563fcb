#include <time.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "child_process.h"
#include "client.h"
#include "harness.h"
#include "load/scenarios.h"
#include "taskforge/v1/bus_service.grpc.pb.h"

namespace taskforge::bench {
namespace {

constexpr int kReaders = 8;
constexpr int kBatch = 10;
constexpr double kEventsPerSecond = 1000;
constexpr size_t kPayloadBytes = 4096;
// What may wait for the one that stops reading: little, so that it misses some in a short round.
constexpr uint32_t kSilentEvents = 64;
constexpr char kTopic[] = "load.events";

// A live subscription to the topic.
class Reader {
 public:
  // On a connection of its own. `max_events` may wait for it; 0: the server's default.
  Reader(const std::string& address, uint32_t max_events)
      : bus_(v1::BusService::NewStub(Connect(address))) {
    v1::SubscribeRequest request;
    request.add_filters(kTopic);
    request.set_max_events(max_events);
    stream_ = bus_->Subscribe(&context_, request);
    v1::SubscribeResponse hello;
    is_live_ = stream_->Read(&hello);
  }
  ~Reader() {
    context_.TryCancel();
    (void)stream_->Finish();
  }
  bool is_live() const { return is_live_; }

  // Reads until `total` events have come or are said to be missed; how old each was goes to `ages`.
  void ReadAll(int64_t total, std::vector<double>* ages) {
    v1::SubscribeResponse response;
    while (got + missed < total && stream_->Read(&response)) {
      const double now = WallSeconds();
      for (const v1::Delivery& delivery : response.deliveries()) {
        missed += static_cast<int64_t>(delivery.missed().count());
        if (!delivery.has_event()) continue;
        ++got;
        if (ages != nullptr) {
          ages->push_back(now - std::atof(delivery.event().data().text_data().c_str()));
        }
      }
    }
  }

  int64_t got = 0;
  int64_t missed = 0;

 private:
  const std::unique_ptr<v1::BusService::Stub> bus_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::SubscribeResponse>> stream_;
  bool is_live_ = false;
};

// Publishes at a steady pace, each event with the time at which it was made.
bool Publish(v1::BusService::Stub& bus, int64_t total) {
  const double begin = WallSeconds();
  for (int64_t sent = 0; sent < total; sent += kBatch) {
    const double due = begin + static_cast<double>(sent) / kEventsPerSecond;
    if (const double ahead = due - WallSeconds(); ahead > 0) {
      const timespec pause{0, static_cast<long>(ahead * 1e9)};
      nanosleep(&pause, nullptr);
    }
    v1::PublishRequest request;
    for (int i = 0; i < kBatch; ++i) {
      v1::Event& event = *request.add_events();
      event.set_topic(kTopic);
      std::string text = std::to_string(WallSeconds());
      text.resize(kPayloadBytes, ' ');
      event.mutable_data()->set_text_data(text);
    }
    grpc::ClientContext context;
    v1::PublishResponse response;
    if (!bus.Publish(&context, request, &response).ok()) return false;
  }
  return true;
}

struct Round {
  bool right = true;
  double p99_ms = 0;
  int64_t missed = 0;  // By the subscriber that stopped reading.
};

Round RunRound(const std::string& address, bool stalled, int64_t total) {
  const auto bus = v1::BusService::NewStub(Connect(address));
  std::unique_ptr<Reader> silent;
  if (stalled) silent = std::make_unique<Reader>(address, kSilentEvents);
  std::vector<std::unique_ptr<Reader>> readers;
  std::vector<std::vector<double>> ages(kReaders);
  std::vector<std::thread> threads;
  Round round;
  for (int i = 0; i < kReaders; ++i) {
    readers.push_back(std::make_unique<Reader>(address, 0));
    if (!readers.back()->is_live()) round.right = Wrong("Subscribe failed");
  }
  for (size_t i = 0; i < kReaders; ++i) {
    threads.emplace_back([&, i] { readers[i]->ReadAll(total, &ages[i]); });
  }
  if (!Publish(*bus, total)) round.right = Wrong("Publish failed");
  for (std::thread& thread : threads) thread.join();
  std::vector<double> all;
  for (size_t i = 0; i < kReaders; ++i) {
    if (readers[i]->got != total) {
      round.right = Wrong("a reader got %lld of %lld events",
                          static_cast<long long>(readers[i]->got), static_cast<long long>(total));
    }
    all.insert(all.end(), ages[i].begin(), ages[i].end());
  }
  round.p99_ms = QuantileOf(all, 0.99) * 1e3;
  if (silent != nullptr) {  // Now it reads: what is left, and how much it missed.
    silent->ReadAll(total, nullptr);
    round.missed = silent->missed;
    if (silent->got + silent->missed != total) {
      round.right = Wrong("%lld events came and %lld were missed of %lld",
                          static_cast<long long>(silent->got),
                          static_cast<long long>(silent->missed), static_cast<long long>(total));
    }
    if (silent->missed == 0) round.right = Wrong("the silent subscriber missed nothing: no test");
  }
  return round;
}

}  // namespace

bool RunSlowSubscriber(const LoadOptions& options) {
  const int rounds = options.quick ? 3 : 7;
  const int64_t total = static_cast<int64_t>(kEventsPerSecond) * (options.quick ? 4 : 6);
  const ServerProcess server = StartTaskforged(options.taskforged);
  bool right = RunRound(server.grpc_address(), false, total).right;  // Warms up.
  std::vector<double> without;
  std::vector<double> with;
  std::vector<double> ratios;
  std::vector<double> missed;
  for (int i = 0; i < rounds; ++i) {
    const Round plain = RunRound(server.grpc_address(), false, total);
    const Round stalled = RunRound(server.grpc_address(), true, total);
    right = plain.right && stalled.right && right;
    without.push_back(plain.p99_ms);
    with.push_back(stalled.p99_ms);
    ratios.push_back(plain.p99_ms / stalled.p99_ms);
    missed.push_back(static_cast<double>(stalled.missed));
  }
  std::printf(
      "slow subscriber: %d readers, %.0f events/s of %zu B; a ninth stops reading (%d rounds)\n",
      kReaders, kEventsPerSecond, kPayloadBytes, rounds);
  std::printf(
      "  the readers' p99 without it %.2f ms, with it %.2f ms; it was told that it missed %.0f of "
      "%lld\n",
      QuartilesOf(without).median, QuartilesOf(with).median, QuartilesOf(missed).median,
      static_cast<long long>(total));
  const Quartiles ratio = QuartilesOf(ratios);
  std::printf(
      "ratio slow_subscriber_p99_without_vs_with %.2f  (quartiles %.2f .. %.2f; bar: 1 / 1.2 = "
      "0.83)\n",
      ratio.median, ratio.low, ratio.high);
  return right;
}

}  // namespace taskforge::bench
