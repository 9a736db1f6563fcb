// The HTTP admin port: metrics, health, the status page. It answers GET and HEAD of fixed paths and
// changes nothing.
#ifndef TASKFORGE_ADMIN_ADMIN_SERVER_H_
#define TASKFORGE_ADMIN_ADMIN_SERVER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "admin/http.h"

namespace taskforge {

struct AdminServerOptions {
  // HOST:PORT; an IPv6 address in brackets; port 0 is any free one. Loopback by default: whoever
  // reaches the port reads names of queues and handlers.
  std::string listen = "127.0.0.1:7481";
  // Few: a scrape takes milliseconds.
  int threads = 2;
  // Further connections wait in the kernel's backlog until one of these goes.
  int connections_max = 64;
  // A connection on which nothing arrives for so long is closed. At least a second.
  absl::Duration idle_timeout = absl::Seconds(15);
  // Headers of a request that are larger are refused.
  size_t header_bytes_max = 16384;
};

// Every option that cannot be served, in one error.
absl::Status Validate(const AdminServerOptions& options);

// Serves from its construction to its destruction, on threads of its own.
//
// Bound to loopback, it refuses requests whose Host is not this machine: otherwise any page that a
// person here visits could read it through a name that resolves to 127.0.0.1.
// Thread-safe.
class AdminServer {
 public:
  // INVALID_ARGUMENT if the address is none; UNAVAILABLE if it cannot be bound.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const AdminServerOptions& options,
                                                            std::vector<HttpRoute> routes);
  // Waits for the answers that are being written.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  // HOST:PORT, with the port that was bound.
  const std::string& address() const { return address_; }

 private:
  class Daemon;

  AdminServer(std::string address, std::unique_ptr<Daemon> daemon);

  // Constant after construction.
  const std::string address_;
  const std::unique_ptr<Daemon> daemon_;
};

}  // namespace taskforge

#endif  // TASKFORGE_ADMIN_ADMIN_SERVER_H_
