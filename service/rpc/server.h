// The gRPC server: addresses, limits, polling threads, and the order in which it ends.
#ifndef TASKFORGE_RPC_SERVER_H_
#define TASKFORGE_RPC_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "rpc/access.h"
#include "rpc/rpc_stats.h"

namespace grpc {
class Service;
}

namespace taskforge {

class MethodList;

struct RpcServerOptions {
  // `HOST:PORT` (port 0: any free one), `[::1]:7480`, `unix:PATH`. At least one.
  std::vector<std::string> listen = {"127.0.0.1:7480"};
  // PEM files; both or none. With them, TLS is spoken on every TCP address; unix sockets, which the
  // file system guards, are served in plain.
  std::string tls_certificate_file;
  std::string tls_key_file;
  // PEM file of the authorities that sign clients' certificates; not empty: clients must show one.
  std::string tls_client_ca_file;
  // Without TLS, addresses beyond loopback are refused unless this says that the network is safe.
  bool insecure_listen = false;
  // Threads that take events from gRPC, each with a completion queue of its own. One serves about
  // 60,000 calls a second; more help only if their processors are not busy with tasks.
  int polling_threads = 1;
  // The greatest message that is read. Above the limit of payloads, so that those are refused with
  // a reason.
  size_t max_message_bytes = size_t{4} << 20;
  // The greatest sum of a call's headers.
  size_t max_metadata_bytes = size_t{8} << 10;
  // Calls of one connection at once. Waiting calls and streams count.
  int max_concurrent_streams = 1000;
  // How often a silent connection is asked for a sign of life, and how long that may take.
  absl::Duration keepalive_interval = absl::Seconds(20);
  absl::Duration keepalive_timeout = absl::Seconds(10);
  // A client that pings more often than this, twice, is disconnected.
  absl::Duration min_ping_interval = absl::Seconds(10);
  // How long a connection may take to be set up.
  absl::Duration handshake_timeout = absl::Seconds(5);

  // Every mistake at once, under the names of the configuration: `grpc.listen`.
  std::vector<FieldViolation> Validate() const;
};

// Where the server listens.
struct BoundAddress {
  std::string address;  // As a client dials it: `127.0.0.1:43211`, `unix:/run/taskforge.sock`.
  int port = 0;         // 0: a unix socket.
};

// Thread-safe after Start.
class RpcServer {
 public:
  // Methods are added to `methods`, and their generated services to `services`, before. Everything
  // given must outlive the server.
  RpcServer(RpcServerOptions options, Access access, const Clock& clock, Log& log,
            const MethodList& methods, std::vector<grpc::Service*> services);
  ~RpcServer();  // Shuts down at once, if that was not done.
  RpcServer(const RpcServer&) = delete;
  RpcServer& operator=(const RpcServer&) = delete;

  // Binds and serves. INVALID_ARGUMENT: a setting is wrong or not safe, or a file of TLS holds what
  // it should not; UNAVAILABLE: an address cannot be bound; NOT_FOUND: a file cannot be read.
  absl::Status Start();
  // In the order of options.listen.
  const std::vector<BoundAddress>& addresses() const;

  // Ends all streams and waiting calls but those of health, with UNAVAILABLE, reason DRAINING;
  // later ones end as they come. Other calls are answered still.
  void EndStreams();
  // Takes no more calls, ends the streams and waiting calls that are left, waits for the others
  // until `grace` is over, then cancels them; returns when every call has ended and the polling
  // threads have. Again: does nothing.
  void Shutdown(absl::Duration grace);

  RpcStats Stats() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_SERVER_H_
