// One commit: what a batch of writes becomes, and what is told to those who asked for them.
#ifndef TASKFORGE_STORE_COMMIT_ROUND_H_
#define TASKFORGE_STORE_COMMIT_ROUND_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "store/living_tasks.h"
#include "store/store_engine.h"
#include "store/store_op.h"
#include "store/task_store.h"
#include "store/task_tables.h"

namespace taskforge {

// Not thread-safe: of the thread that commits.
class CommitRound {
 public:
  struct Settings {
    absl::Duration request_id_ttl;
    // Whether appends are refused with this status; OK: they are not.
    absl::Status room;
  };

  explicit CommitRound(std::vector<StoreOp> ops) : ops_(std::move(ops)), answers_(ops_.size()) {}

  // Decides on each op and puts what is to be written into `batch`. `living` becomes what it is
  // once the batch is written.
  void Build(TaskTables& tables, LivingTasks& living, const Settings& settings, absl::Time now,
             StoreEngine::Batch& batch);
  // Whether there is anything to write, and whether it must reach the disk.
  bool is_empty() const { return written_ == 0; }
  size_t written() const { return written_; }
  bool needs_sync() const { return needs_sync_; }
  // Whether it brings the first finished task of a class, for all that is known.
  bool has_new_life() const { return has_new_life_; }

  // The batch was written: what it ends lives no more.
  void Settle(LivingTasks& living);
  // The batch was not written: `living` becomes what it was, and all that would have been written
  // is answered with `status`.
  void Undo(LivingTasks& living, const absl::Status& status);
  // Adds what was written to the counts.
  void AddTo(TaskStoreStats& stats) const;
  // Calls everyone back.
  void Answer();

 private:
  struct Answering {
    absl::Status status;
    std::optional<KnownRequest> known;
    bool is_written = false;
  };

  void Append(StoreOp& op, Answering& answer, const Settings& settings, absl::Time now);
  void Note(StoreOp& op, Answering& answer);
  void Complete(StoreOp& op, Answering& answer, const Settings& settings, absl::Time now);
  void Delete(StoreOp& op, Answering& answer, absl::Time now);
  void Set(StoreOp& op, Answering& answer);
  absl::Status WhyNotLiving(const StoreOp& op, absl::Time now) const;

  std::vector<StoreOp> ops_;
  std::vector<Answering> answers_;
  absl::flat_hash_set<std::string> named_;  // Keys of clients' names that this round takes.
  absl::flat_hash_set<Uuid> ending_;        // Tasks that it ends.
  size_t written_ = 0;
  bool needs_sync_ = false;
  bool has_new_life_ = false;
  // Only while it builds.
  TaskTables* tables_ = nullptr;
  LivingTasks* living_ = nullptr;
  StoreEngine::Batch* batch_ = nullptr;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_COMMIT_ROUND_H_
