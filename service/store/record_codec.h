// Records as bytes, for a store that keeps them on disk (store/proto/stored.proto).
#ifndef TASKFORGE_STORE_RECORD_CODEC_H_
#define TASKFORGE_STORE_RECORD_CODEC_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "store/task_store.h"
#include "task/task_types.h"

namespace taskforge {

// The whole record.
std::string EncodeRecord(const TaskRecord& record);
// DATA_LOSS: these bytes are no record.
absl::StatusOr<Ref<TaskRecord>> DecodeRecord(absl::string_view bytes);

// What changes of a record while its task lives.
std::string EncodeProgress(const TaskRecord& record);
// Puts it into the record that it was taken from. DATA_LOSS, and then nothing has changed.
absl::Status DecodeProgress(absl::string_view bytes, TaskRecord& record);

std::string EncodeRequest(const KnownRequest& request);
absl::StatusOr<KnownRequest> DecodeRequest(absl::string_view bytes);

}  // namespace taskforge

#endif  // TASKFORGE_STORE_RECORD_CODEC_H_
