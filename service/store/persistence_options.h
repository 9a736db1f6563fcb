// How a server keeps tasks on disk.
#ifndef TASKFORGE_STORE_PERSISTENCE_OPTIONS_H_
#define TASKFORGE_STORE_PERSISTENCE_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "store/durable_store.h"

namespace taskforge {

struct PersistenceOptions {
  // The value of data_dir that means: all in memory.
  static constexpr char kNone[] = "none";
  // The one that means: where this user's programs keep their state.
  static constexpr char kAuto[] = "auto";

  bool is_on() const { return data_dir != kNone; }
  // Every error at once. Empty: valid.
  std::vector<std::string> Validate() const;

  std::string data_dir = kNone;
  // Of tasks that name none.
  Durability default_durability = Durability::kDurable;
  DurableStoreOptions store;
  // New tasks are refused while the disk has less left: what is accepted can still end.
  size_t min_free_bytes = size_t{256} << 20;
  size_t write_buffer_bytes = size_t{64} << 20;
  size_t cache_bytes = size_t{32} << 20;
  // Goes on with what is left where the disk lost what was synced.
  bool accept_data_loss = false;
  // The directory in which backups are made, on the same disk or another; empty: none are made.
  std::string backup_dir;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_PERSISTENCE_OPTIONS_H_
