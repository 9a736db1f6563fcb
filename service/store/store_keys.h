// Keys of the durable store's tables, and what they say by their order.
#ifndef TASKFORGE_STORE_STORE_KEYS_H_
#define TASKFORGE_STORE_STORE_KEYS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "task/task_types.h"
#include "task/uuid.h"

namespace taskforge {

// Of kMeta: the last life of the store (decimal), and the last life that was stopped with all it
// had written on the disk.
inline constexpr char kBootEpochKey[] = "boot_epoch";
inline constexpr char kStoppedEpochKey[] = "stopped_epoch";

// Sixteen bytes in the order of UUIDs, which for those of one server is that of acceptance.
std::string UidKey(const Uuid& uid);
// None: no such key.
std::optional<Uuid> ParseUidKey(absl::string_view key);
// The text form of a UUID, as in the name of a task that the server named.
std::optional<Uuid> ParseUuid(absl::string_view text);

// Finished tasks stand in classes by how long they are kept: one of class c goes less than 2^c
// seconds after its acceptance (kForever: never). So a class is in the order of acceptance and
// nearly in the order of its tasks' going, and what is over leaves from its front, as one range.
using LifeClass = uint8_t;
inline constexpr LifeClass kForever = 40;
LifeClass LifeClassOf(const TaskRecord& record);
// Those of the class which were accepted before this time are over; InfinitePast: none ever is.
absl::Time OverBefore(LifeClass life, absl::Time now);

std::string EndedKey(LifeClass life, const Uuid& uid);
// The least key of the class with a UUID made at `time` or later.
std::string EndedKeyAt(LifeClass life, absl::Time time);

// Of names that clients chose. A namespace has no NUL.
std::string NameKey(absl::string_view ns, absl::string_view task_name);

// Values of tables whose entries expire (store_engine.h). InfiniteFuture: never.
std::string ExpiringValue(absl::Time expires, absl::string_view value);
struct Expiring {
  absl::Time expires;
  absl::string_view value;
};
// None: too short to be one.
std::optional<Expiring> ParseExpiring(absl::string_view bytes);

}  // namespace taskforge

#endif  // TASKFORGE_STORE_STORE_KEYS_H_
