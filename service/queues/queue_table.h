// The queues that there are: by name for who submits, by index for what is kept by queue.
#ifndef TASKFORGE_QUEUES_QUEUE_TABLE_H_
#define TASKFORGE_QUEUES_QUEUE_TABLE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "queues/queue_gates.h"
#include "queues/queue_ledger.h"
#include "queues/queue_options.h"
#include "sync/epoch.h"
#include "sync/epoch_pointer.h"

namespace taskforge {

// A look-up by name takes no lock: the map of names is replaced as a whole when a queue comes or
// goes (sync/epoch_pointer.h). A queue goes only when it is empty: closing its ledger is the one
// step on which that race is decided, and from then on nobody gets a place in it. Its index is free
// for another queue at once, for no task that could ask by it is left; its ledger is freed when no
// reader can see it any more.
// Thread-safe.
class QueueTable {
  using Map = absl::flat_hash_map<std::string, QueueLedger*>;

 public:
  // REQUIRES: the options are valid, at most kMaxQueues, each name once.
  explicit QueueTable(TaskQueuesOptions options);
  ~QueueTable();
  QueueTable(const QueueTable&) = delete;
  QueueTable& operator=(const QueueTable&) = delete;

  // While it lives, the ledgers that it finds do. Keep it short. Not thread-safe.
  class Reader {
   public:
    explicit Reader(const QueueTable& table) : guard_(table.epochs_), map_(*table.map_.Get()) {}
    // Null: there is no such queue.
    QueueLedger* Find(absl::string_view name) const {
      const auto it = map_.find(name);
      return it == map_.end() ? nullptr : it->second;
    }
    // In the order in which they were made.
    std::vector<QueueLedger*> All() const;
    std::vector<std::string> Names() const;

   private:
    const EpochDomain::Guard guard_;
    const Map& map_;
  };

  // REQUIRES: the caller holds a place in the queue.
  QueueLedger& At(size_t index) const {
    // acquire: pairs with the release in Insert().
    return *ledgers_[index].load(std::memory_order_acquire);
  }
  // Names of the first `count` queues that there were, gone ones included, by number.
  // REQUIRES: count <= kFirst.
  static constexpr size_t kFirst = 64;
  std::vector<std::string> FirstNames(size_t count) const ABSL_LOCKS_EXCLUDED(mu_);
  const QueueGates& gates() const { return gates_; }

  // INVALID_ARGUMENT with all violations; ALREADY_EXISTS, reason QUEUE_EXISTS; RESOURCE_EXHAUSTED,
  // reason TOO_MANY_QUEUES.
  absl::Status Create(QueueOptions options) ABSL_LOCKS_EXCLUDED(mu_);
  // FAILED_PRECONDITION, reason QUEUE_NOT_EMPTY or QUEUE_IS_DEFAULT; NOT_FOUND.
  absl::Status Delete(absl::string_view name) ABSL_LOCKS_EXCLUDED(mu_);
  // Makes it, or sets it, all of it, to what it was in another life of the server.
  // INVALID_ARGUMENT; RESOURCE_EXHAUSTED, reason TOO_MANY_QUEUES. REQUIRES: it has no task yet.
  absl::Status Restore(QueueOptions options) ABSL_LOCKS_EXCLUDED(mu_);
  // NOT_FOUND; INVALID_ARGUMENT with all violations, and then nothing has changed.
  absl::Status Update(absl::string_view name, const QueueUpdate& update) ABSL_LOCKS_EXCLUDED(mu_);
  struct GateChange {
    size_t queue = 0;  // Its index.
    QueueGates::Change change = 0;
  };
  // Pauses the gate or begins to open it, and notes when and why. The caller tells the lanes, and
  // then, of an opening gate, Open(). NOT_FOUND; INVALID_ARGUMENT, field `reason`.
  absl::StatusOr<GateChange> SetPaused(absl::string_view name, bool is_paused, const QueueAct& act)
      ABSL_LOCKS_EXCLUDED(mu_);
  void Open(const GateChange& opening) { gates_.Open(opening.queue, opening.change); }
  // NOT_FOUND: the queue is gone.
  absl::Status NotePurge(absl::string_view name, const QueueAct& act, uint64_t tasks)
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Insert(Map& map, QueueOptions options) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Publish(const Map& map) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Null: there is none.
  QueueLedger* Find(absl::string_view name) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status Unknown(absl::string_view name) const;

  const Durability best_durability_;
  // Synchronize themselves.
  QueueGates gates_;
  mutable EpochDomain epochs_;
  EpochPointer<const Map> map_;
  std::array<std::atomic<QueueLedger*>, kMaxQueues> ledgers_{};  // Null: the index is free.

  mutable Mutex mu_;  // Of those who change something. Held over a ledger's own, and no other.
  uint64_t made_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::string> first_names_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_QUEUES_QUEUE_TABLE_H_
