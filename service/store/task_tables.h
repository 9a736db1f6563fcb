// Tasks in the tables of a store engine: to find, to list, to recover, and to let go when their
// time is over.
#ifndef TASKFORGE_STORE_TASK_TABLES_H_
#define TASKFORGE_STORE_TASK_TABLES_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "store/living_tasks.h"
#include "store/store_engine.h"
#include "store/store_keys.h"
#include "store/task_store.h"

namespace taskforge {

// `engine` must outlive it. Thread-safe; what is written meanwhile may be seen or not.
class TaskTables {
 public:
  // Looks which classes of finished tasks there are.
  static absl::StatusOr<std::unique_ptr<TaskTables>> Open(StoreEngine& engine);

  struct Found {
    Ref<TaskRecord> record;
    std::optional<LifeClass> life;  // None: its task lives.
  };
  // The record of that name which has not expired at `now`; none: there is none.
  absl::StatusOr<std::optional<Found>> Find(absl::string_view ns, absl::string_view task_name,
                                            absl::Time now) const;
  absl::StatusOr<std::optional<KnownRequest>> FindRequest(absl::string_view key,
                                                          absl::Time now) const;

  // As TaskStore::List; `living` are those that live now. A page may have fewer records than asked
  // for, even none, and a token nevertheless: a filter that little passes looks at kMostScanned
  // records at most.
  static constexpr size_t kMostScanned = 20'000;
  absl::StatusOr<TaskPage> List(const TaskFilter& filter, int page_size,
                                const std::string& page_token, const LivingTasks& living,
                                absl::Time now) const;

  // Each task that lives, as it was noted last, in the order of acceptance. The first error ends
  // it; but where `damaged` is not null, what cannot be read is added to it and left out.
  absl::Status ForEachLiving(absl::FunctionRef<void(Ref<TaskRecord>)> visit, size_t* damaged) const;

  // A finished task is about to be put into the class. Whether it is the first, for all that is
  // known.
  bool NoteLife(LifeClass life) {
    const uint64_t bit = uint64_t{1} << life;
    return (lives_.load(std::memory_order_relaxed) & bit) == 0 &&
           (lives_.fetch_or(bit, std::memory_order_relaxed) & bit) == 0;
  }
  // The greatest UUID of a finished task when it was opened.
  Uuid greatest_uid() const { return greatest_uid_; }
  // Drops what is over, in bulk. A class is looked at when a sixteenth of its time has passed since
  // it was last: until then what is over is only not shown. Returns whether anything was dropped.
  // Not by two at once.
  absl::StatusOr<bool> Sweep(absl::Time now);
  // When a sweep may drop something again; InfiniteFuture: there is nothing.
  absl::Time NextSweep() const;

 private:
  explicit TaskTables(StoreEngine& engine) : engine_(engine) {}

  // Adds the record to the page, if the filter lets it.
  absl::Status ShowLiving(const Uuid& uid, const TaskFilter& filter, absl::Time now,
                          TaskPage& page) const;
  static absl::Status ShowEnded(absl::string_view bytes, const TaskFilter& filter, absl::Time now,
                                TaskPage& page);

  bool Has(LifeClass life) const {
    return (lives_.load(std::memory_order_relaxed) >> life & 1) != 0;
  }

  StoreEngine& engine_;
  Uuid greatest_uid_;  // Constant after Open().
  // A bit for each class that may have records. Relaxed: it is set before they are written.
  std::atomic<uint64_t> lives_{0};
  absl::Time swept_[kForever + 1] = {};  // Of whoever sweeps.
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_TASK_TABLES_H_
