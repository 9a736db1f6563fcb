// grpc.health.v1: whether the server, or one of its services, takes calls. Keys: "" (the server),
// each service's name, `readiness` (the same as ""), and `liveness`, which stays SERVING while a
// drain goes on. An own implementation, since the library's knows neither of the last two and ends
// with the drain.
#ifndef TASKFORGE_RPC_HEALTH_H_
#define TASKFORGE_RPC_HEALTH_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "rpc/methods.h"

namespace taskforge {

// Starts as NOT_SERVING, but for liveness. Thread-safe.
class HealthService {
 public:
  static constexpr char kName[] = "grpc.health.v1.Health";

  HealthService();

  // What "", readiness and every service answer. Watchers are told.
  void SetReady(bool ready) ABSL_LOCKS_EXCLUDED(mu_);

  void AddTo(MethodList& methods);
  grpc::Service& generated() { return generated_; }

 private:
  using Generated = grpc::health::v1::Health::AsyncService;
  using Request = grpc::health::v1::HealthCheckRequest;
  using Response = grpc::health::v1::HealthCheckResponse;
  struct Watcher;

  Reply Check(UnaryCall<Request, Response>& call);
  Reply Watch(ServerStreamCall<Request, Response>& call);

  // Nothing for a key that is not known.
  std::optional<bool> IsServing(const std::string& key) const ABSL_LOCKS_EXCLUDED(mu_);

  Generated generated_;

  mutable Mutex mu_;
  std::map<std::string, bool> serving_ ABSL_GUARDED_BY(mu_);
  std::set<Watcher*> watchers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_HEALTH_H_
