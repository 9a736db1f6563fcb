#include "store/rocksdb_status.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace taskforge {

absl::Status ToStatus(const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const std::string what = status.ToString();
  if (status.IsBusy()) {
    return ReasonError(absl::StatusCode::kResourceExhausted, "STORE_FULL",
                       "the disk of the data directory was full: the store goes on once "
                       "store.write_buffer_bytes are free there");
  }
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kSpaceLimit) {
    return ReasonError(
        absl::StatusCode::kResourceExhausted, "STORE_FULL",
        absl::StrCat("the disk of the data directory is full (", what, "): make room there"));
  }
  if (status.IsCorruption()) {
    return absl::DataLossError(absl::StrCat("the store is damaged: ", what));
  }
  return ReasonError(absl::StatusCode::kUnavailable, "STORE_FAILED",
                     absl::StrCat("the store failed: ", what));
}

absl::Status ToWriteStatus(const rocksdb::Status& status) {
  const absl::Status plain = ToStatus(status);
  if (!absl::IsDataLoss(plain)) return plain;
  return ReasonError(absl::StatusCode::kUnavailable, "STORE_FAILED", plain.message());
}

}  // namespace taskforge
