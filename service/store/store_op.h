// One write to the durable store, on its way to the disk.
#ifndef TASKFORGE_STORE_STORE_OP_H_
#define TASKFORGE_STORE_STORE_OP_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "store/setting.h"
#include "store/store_keys.h"
#include "store/task_store.h"
#include "task/spec_hash.h"
#include "task/task_state.h"
#include "task/uuid.h"

namespace taskforge {

// A plain value: what it needs is encoded by whoever asks for the write, not by the one thread that
// writes.
struct StoreOp {
  enum class Kind : uint8_t { kAppend, kNote, kComplete, kDelete, kSet };

  // What it takes of a batch's bytes.
  size_t Cost() const {
    size_t cost = value.size() + task_name.size() + request_key.size() + kFixedCost;
    for (const Setting& setting : settings) cost += setting.key.size() + setting.value.size();
    return cost;
  }

  Kind kind = Kind::kAppend;
  Durability durability = Durability::kDurable;
  Uuid uid;  // Not of a delete, which knows the name only.
  std::string ns;
  std::string task_name;
  bool is_client_named = false;
  std::string value;   // The record; for a note, the progress.
  LifeClass life = 0;  // Of a completion; and:
  absl::Time expires = absl::InfiniteFuture();
  std::string request_key;  // Empty: none.
  SpecHash request_hash;
  std::vector<Setting> settings;   // Of a set alone, which is of no task.
  TaskStore::StatusCallback done;  // Not of a note.
  absl::AnyInvocable<void(KnownRequest) &&> on_known;

 private:
  static constexpr size_t kFixedCost = 64;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_STORE_OP_H_
