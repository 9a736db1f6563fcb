// What is set for gRPC's library once, for the whole process.
#ifndef TASKFORGE_RPC_GRPC_PROCESS_H_
#define TASKFORGE_RPC_GRPC_PROCESS_H_

#include "base/log.h"

namespace taskforge {

// Sends what gRPC's library logs to `log`, for the rest of the process's life: by default it writes
// bytes of clients to stderr. `log` must outlive all use of gRPC. Thread-safe.
void RedirectGrpcLog(Log& log);

// Debian builds abseil so that each lock that gRPC takes is checked for dead-lock cycles with all
// others. A server that runs need not pay for that: this switches it off. Thread-safe.
void SkipGrpcLockChecks();

}  // namespace taskforge

#endif  // TASKFORGE_RPC_GRPC_PROCESS_H_
