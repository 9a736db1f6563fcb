// The cursor of Subscribe: how far a client has come with what is retained. Opaque to clients.
#ifndef TASKFORGE_RPC_REPLAY_CURSOR_H_
#define TASKFORGE_RPC_REPLAY_CURSOR_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "bus/subscription.h"

namespace taskforge {

// One format byte, the boot epoch, the trims, and the position of each priority from low to
// critical (8 bytes each, big-endian): 49 bytes, however many topics there are. `boot_epoch` is
// that of the server's life, in which positions are counted.
std::string ReplayCursorOf(const ReplayPosition& position, uint64_t boot_epoch);

// INVALID_ARGUMENT: not a cursor. OUT_OF_RANGE, reason CURSOR_GONE: of another life of the server;
// ErrorInfo.metadata["oldest_cursor"] is that of `oldest`, in base64. Whether the bus gave such a
// position is for the bus to say.
absl::StatusOr<ReplayPosition> ReplayPositionFrom(absl::string_view cursor, uint64_t boot_epoch,
                                                  const ReplayPosition& oldest);

}  // namespace taskforge

#endif  // TASKFORGE_RPC_REPLAY_CURSOR_H_
