// The number of a life of the store, which fences carry.
#ifndef TASKFORGE_STORE_BOOT_EPOCH_H_
#define TASKFORGE_STORE_BOOT_EPOCH_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "store/store_engine.h"

namespace taskforge {

// Draws the next: greater than all before it, whatever the wall clock says, and on the disk before
// anyone sees it. DATA_LOSS: the last one cannot be read; else as the engine says.
absl::StatusOr<uint64_t> DrawBootEpoch(StoreEngine& engine, absl::Time now);

}  // namespace taskforge

#endif  // TASKFORGE_STORE_BOOT_EPOCH_H_
