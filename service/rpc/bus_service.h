// BusService: publish events, subscribe to them.
#ifndef TASKFORGE_RPC_BUS_SERVICE_H_
#define TASKFORGE_RPC_BUS_SERVICE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/executor.h"
#include "bus/bus.h"
#include "rpc/methods.h"
#include "rpc/violations.h"
#include "taskforge/v1/bus_service.grpc.pb.h"

namespace taskforge {

// What BusService stands on. All of it must outlive the service.
struct BusServiceParts {
  Bus& bus;
  const Clock& clock;
  // Makes ids for events that have none.
  std::function<std::string()> make_id;
  // Where events are published while some subscription's policy is BLOCK: that may take a while,
  // and gRPC's polling threads never wait.
  Executor& blocking_executor;
  // Bytes of an event's data.
  size_t max_payload_bytes = size_t{1} << 20;
  // Whether nothing more is taken, because the server stops.
  std::function<bool()> is_draining = [] { return false; };
  // The server's life, in which the positions of retained events are counted.
  uint64_t boot_epoch = 1;
};

// Thread-safe.
class BusService {
 public:
  static constexpr char kName[] = "taskforge.v1.BusService";

  explicit BusService(BusServiceParts parts) : parts_(std::move(parts)) {}

  void AddTo(MethodList& methods);
  grpc::Service& generated() { return generated_; }

 private:
  // Subscribe sends what was encoded before (rpc/event_encoding.h).
  using Generated = v1::BusService::WithAsyncMethod_Publish<
      v1::BusService::WithRawMethod_Subscribe<v1::BusService::WithAsyncMethod_ListTopics<
          v1::BusService::WithAsyncMethod_ListSubscriptions<v1::BusService::Service>>>>;

  Reply Publish(UnaryCall<v1::PublishRequest, v1::PublishResponse>& call);
  Reply Subscribe(ServerStreamCall<grpc::ByteBuffer, grpc::ByteBuffer>& call);
  Reply ListTopics(UnaryCall<v1::ListTopicsRequest, v1::ListTopicsResponse>& call);
  Reply ListSubscriptions(
      UnaryCall<v1::ListSubscriptionsRequest, v1::ListSubscriptionsResponse>& call);

  // Adds where it begins. OUT_OF_RANGE: the cursor is of another life.
  absl::Status TakeStart(const v1::SubscribeRequest& request, SubscribeOptions& options,
                         Violations& violations) const;
  EventFields EventFrom(v1::Event& event, const std::string& peer, const std::string& field,
                        Violations& violations) const;

  BusServiceParts parts_;
  std::atomic<int> blocking_subscriptions_{0};
  Generated generated_;
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_BUS_SERVICE_H_
