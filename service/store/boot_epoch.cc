#include "store/boot_epoch.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "store/store_keys.h"

namespace taskforge {

absl::StatusOr<uint64_t> DrawBootEpoch(StoreEngine& engine, absl::Time now) {
  const auto last = engine.Get(StoreTable::kMeta, kBootEpochKey);
  if (!last.ok()) return last.status();
  uint64_t epoch = 0;
  if (last->has_value() && !absl::SimpleAtoi(**last, &epoch)) {
    return absl::DataLossError("the store holds a damaged boot epoch");
  }
  epoch = std::max(epoch + 1, static_cast<uint64_t>(absl::ToUnixMicros(now)));
  const auto batch = engine.NewBatch();
  batch->Put(StoreTable::kMeta, kBootEpochKey, absl::StrCat(epoch));
  const absl::Status status = engine.Write(*batch, /*sync=*/true);
  if (!status.ok()) return status;
  return epoch;
}

}  // namespace taskforge
