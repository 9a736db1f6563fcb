// Values that stand in several of the messages on disk (store/proto/stored.proto). For codecs.
#ifndef TASKFORGE_STORE_STORED_VALUES_H_
#define TASKFORGE_STORE_STORED_VALUES_H_

#include <cstdint>

#include "absl/time/time.h"
#include "stored.pb.h"
#include "task/task_types.h"

namespace taskforge {

inline bool IsFinite(absl::Time time) {
  return time != absl::InfinitePast() && time != absl::InfiniteFuture();
}
inline bool IsFinite(absl::Duration duration) { return duration != absl::InfiniteDuration(); }
inline int64_t Stored(absl::Time time) { return absl::ToUnixNanos(time); }
inline int64_t Stored(absl::Duration duration) { return absl::ToInt64Nanoseconds(duration); }

// Sets an optional field of a message where the value is finite.
template <typename Value, typename Message>
void SetFinite(Value value, Message& message, void (Message::*set)(int64_t)) {
  if (IsFinite(value)) (message.*set)(Stored(value));
}

inline absl::Time TimeOr(bool has, int64_t ns, absl::Time otherwise) {
  return has ? absl::FromUnixNanos(ns) : otherwise;
}
inline absl::Duration DurationOr(bool has, int64_t ns, absl::Duration otherwise) {
  return has ? absl::Nanoseconds(ns) : otherwise;
}

void Encode(const RetryPolicy& policy, store::StoredRetryPolicy& out);
RetryPolicy Decode(const store::StoredRetryPolicy& stored);

}  // namespace taskforge

#endif  // TASKFORGE_STORE_STORED_VALUES_H_
