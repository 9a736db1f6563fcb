// Keeps tasks on disk: what was accepted outlives the process.
#ifndef TASKFORGE_STORE_DURABLE_STORE_H_
#define TASKFORGE_STORE_DURABLE_STORE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "store/commit_queue.h"
#include "store/setting.h"
#include "store/store_engine.h"
#include "store/task_store.h"

namespace taskforge {

struct DurableStoreOptions {
  CommitQueue::Limits batch;
  // BUFFERED tasks reach the disk after this long at the latest. 1 ms to 1 min.
  absl::Duration flush_interval = absl::Milliseconds(100);
  // How long a request_id is kept after its task has ended.
  absl::Duration request_id_ttl = absl::Hours(24);
  // Records of living tasks that cannot be read do not stop the start, but are counted.
  bool accept_damage = false;
  // Every error at once. Empty: valid.
  std::vector<std::string> Validate() const;
};

// What the durable store does besides (TaskStoreStats).
struct DurableStoreStats {
  StoreEngineStats engine;
  size_t waiting_writes = 0;
  uint64_t committed_writes = 0;  // In the engine's batches.
  // On its disk; none: nobody has asked (Persistence does).
  std::optional<uint64_t> free_bytes;
  bool has_failed = false;
};

// Two threads take turns to commit: while one calls back those whose writes are kept, the other
// writes and syncs the next batch. What comes while a batch is on its way waits for the next, so
// batches grow with the load, and nobody waits for company. A third thread reads, and lets go what
// is over. Callbacks are called on these threads.
//
// A write that failed for good (StoreEngine, STORE_FAILED) is the last: all that wait, and all that
// come later, are answered with its status, and `on_failure` is called once.
//
// Thread-safe.
class DurableStore final : public TaskStore, public SettingsStore {
 public:
  // What it is joined to; all of it must outlive the store.
  struct Parts {
    StoreEngine& engine;
    const Clock& clock;
    // OK: there is room for new tasks. Else appends are refused with the status. May be empty.
    std::function<absl::Status()> check_room;
    // Called once, on a thread of the store, without a lock held, before anybody is told of the
    // failure.
    std::function<void(const absl::Status&)> on_failure;
  };

  // REQUIRES: options.Validate() is empty. Reads the meta data; DATA_LOSS, UNAVAILABLE.
  static absl::StatusOr<std::unique_ptr<DurableStore>> Open(const DurableStoreOptions& options,
                                                            Parts parts);
  // Stop().
  ~DurableStore() override;

  // This life of the store, as in fences: greater than all before it, and on the disk.
  uint64_t boot_epoch() const;
  // Calls `visit` with each task that lives, as it was noted last, in the order of acceptance; then
  // the store begins to work. What `visit` asks of it is done after that. DATA_LOSS, UNAVAILABLE.
  // REQUIRES: called once, by the thread that opened it.
  absl::Status Recover(absl::FunctionRef<void(Ref<TaskRecord>)> visit);

  // The same without threads of its own, for whoever decides what happens when (tests/simulation):
  // what they would do is done by the steps below, on the thread that calls them, and what is due
  // is due by the clock that the store was given. Stop() takes the steps that are left.
  // REQUIRES: of the steps, one at a time; none from a callback of another, but for AnswerStep()
  // and ReadStep() while the engine writes.
  absl::Status RecoverWithoutThreads(absl::FunctionRef<void(Ref<TaskRecord>)> visit);
  // Writes a batch of what waits, or syncs what it is time for. False, and nothing was done: there
  // is nothing, or two batches are unanswered already.
  bool CommitStep();
  // Batches that were written, and whose callbacks were not called yet.
  size_t unanswered() const;
  // Calls them back. REQUIRES: index < unanswered(); the oldest has index 0.
  void AnswerStep(size_t index);
  // Lets go what is over and answers the first who reads. False: there was nothing to do.
  bool ReadStep();
  // When what is buffered is to be synced; MonoTime::Max(): nothing is. A commit waits no longer.
  MonoTime flush_due() const;

  void Append(absl::Span<Appending> batch) override;
  void CompleteIf(absl::Span<Completing> batch) override;
  void Note(const TaskRecordPtr& record, StatusCallback written) override;
  void FindRequest(const std::string& request_key, RequestCallback done) override;
  void Read(const std::string& name, RecordCallback done) override;
  void List(const TaskFilter& filter, int page_size, const std::string& page_token,
            PageCallback done) override;
  void Delete(const std::string& name, StatusCallback done) override;
  Durability effective_durability() const override { return Durability::kDurable; }
  void WriteSettings(std::vector<Setting> settings, WriteCallback done) override;
  absl::StatusOr<std::vector<Setting>> ReadSettings(absl::string_view prefix) const override;

  // The greatest UUID of what is kept of finished tasks.
  Uuid greatest_uid() const;
  // Records of living tasks that could not be read, and were left where they are (accept_damage).
  size_t damaged_records() const;

  // Writes, syncs and answers what was asked for before, then nothing more: what comes later is
  // answered with UNAVAILABLE. Idempotent. Not from a callback.
  void Stop();

  TaskStoreStats Stats() const;
  DurableStoreStats EngineStats() const;

 private:
  class Core;
  explicit DurableStore(std::unique_ptr<Core> core);
  const std::unique_ptr<Core> core_;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_DURABLE_STORE_H_
