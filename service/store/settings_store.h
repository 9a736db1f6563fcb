// What was set while the server ran, beside its tasks: small, by name.
#ifndef TASKFORGE_STORE_SETTINGS_STORE_H_
#define TASKFORGE_STORE_SETTINGS_STORE_H_

#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace taskforge {

// Thread-safe.
class SettingsStore {
 public:
  using PutCallback = absl::AnyInvocable<void(absl::Status) &&>;

  virtual ~SettingsStore() = default;
  // Keeps `value` under the key; none: nothing any more. Written in the order of the calls. `done`
  // is called when it has reached the disk, on a thread of the store; with RESOURCE_EXHAUSTED or
  // UNAVAILABLE as of StoreEngine if it has not. REQUIRES: the key has a `/` in it.
  virtual void PutSetting(const std::string& key, std::optional<std::string> value,
                          PutCallback done) = 0;
  // Calls `visit` with the rest of each key that begins with `prefix`, in their order. Slow: reads
  // the disk on the caller's thread. DATA_LOSS, UNAVAILABLE.
  virtual absl::Status ForEachSetting(
      absl::string_view prefix,
      absl::FunctionRef<void(absl::string_view key, absl::string_view value)> visit) const = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_SETTINGS_STORE_H_
