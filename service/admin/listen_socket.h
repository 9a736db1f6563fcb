// A listening TCP socket from HOST:PORT.
#ifndef TASKFORGE_ADMIN_LISTEN_SOCKET_H_
#define TASKFORGE_ADMIN_LISTEN_SOCKET_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace taskforge {

struct ListenSocket {
  int fd = -1;          // The caller closes it.
  std::string address;  // HOST:PORT, with the port that was bound.
  bool is_loopback = false;
};

// Binds the first address that HOST resolves to. Ports are not shared with other processes.
// INVALID_ARGUMENT if `listen` is not HOST:PORT; UNAVAILABLE if it cannot be bound. Errors name
// `option`, where the address comes from.
absl::StatusOr<ListenSocket> Listen(absl::string_view listen,
                                    absl::string_view option = "admin.listen");

}  // namespace taskforge

#endif  // TASKFORGE_ADMIN_LISTEN_SOCKET_H_
