// Small values that the store keeps beside tasks: how queues are set, what recurs.
#ifndef TASKFORGE_STORE_SETTING_H_
#define TASKFORGE_STORE_SETTING_H_

#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace taskforge {

struct Setting {
  std::string key;    // No other part's begins with its prefix (FORMAT.md).
  std::string value;  // Empty: the key goes.
  bool operator==(const Setting&) const = default;
};

// Thread-safe.
class SettingsStore {
 public:
  using WriteCallback = absl::AnyInvocable<void(absl::Status) &&>;

  virtual ~SettingsStore() = default;
  // Keeps them, all or none, in the order of the calls. `done` is called when they have reached the
  // disk, on a thread of the store; or with RESOURCE_EXHAUSTED or UNAVAILABLE as of StoreEngine.
  virtual void WriteSettings(std::vector<Setting> settings, WriteCallback done) = 0;
  // Those whose keys begin with `prefix`, in the order of their keys. Reads the disk on the
  // caller's thread: for the start. DATA_LOSS, UNAVAILABLE.
  virtual absl::StatusOr<std::vector<Setting>> ReadSettings(absl::string_view prefix) const = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_SETTING_H_
