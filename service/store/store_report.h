// What stands in a store that no server uses, and whether it all fits together.
#ifndef TASKFORGE_STORE_STORE_REPORT_H_
#define TASKFORGE_STORE_STORE_REPORT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "store/store_engine.h"
#include "task/task_state.h"

namespace taskforge {

// `live`, …: as the tables are called in FORMAT.md; kMeta is `meta`.
absl::string_view Name(StoreTable table);

struct StoreReport {
  struct Table {
    uint64_t entries = 0;
    uint64_t bytes = 0;    // Of keys and values.
    uint64_t expired = 0;  // Of entries: over, and not dropped yet.
  };
  std::array<Table, kStoreTableCount> tables;
  std::array<uint64_t, kTaskStateCount> tasks = {};  // By state; those that expired are left out.
  uint64_t boot_epoch = 0;                           // Of the last life; 0: there was none.
  bool is_stopped_clean = false;                     // That life stopped, and was not killed.
  absl::Time oldest = absl::InfiniteFuture();        // Acceptance of the tasks above.
  absl::Time newest = absl::InfinitePast();
  uint64_t damaged = 0;  // Records that cannot be read: counted nowhere else but in `tables`.
};

// Reads all of it once. The engine's error.
absl::StatusOr<StoreReport> InspectStore(const StoreEngine& engine, absl::Time now);

// What is wrong with a store, as far as its records say.
struct StoreProblems {
  static constexpr size_t kMostTold = 100;
  uint64_t count = 0;
  std::vector<std::string> told;  // The first kMostTold.
  uint64_t records = 0;           // That were read.
};

// Reads every record, and follows each reference both ways: each decodes and stands under its own
// key; living tasks have not ended and finished ones have; names, request_ids and notes of progress
// are of tasks that are there, and each task has those that it should have. An error of the engine
// is the status: what it kept from being read is unknown.
absl::StatusOr<StoreProblems> VerifyRecords(const StoreEngine& engine, absl::Time now);

}  // namespace taskforge

#endif  // TASKFORGE_STORE_STORE_REPORT_H_
