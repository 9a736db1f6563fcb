// Where tasks are kept: what was accepted, and how it ended. Asynchronous and batched, so that one
// that writes to disk, or to another machine, can stand behind it.
#ifndef TASKFORGE_STORE_TASK_STORE_H_
#define TASKFORGE_STORE_TASK_STORE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "task/spec_hash.h"
#include "task/task_api.h"
#include "task/task_types.h"
#include "task/uuid.h"

namespace taskforge {

// What a request_id stands for: the task that its first submission became.
struct KnownRequest {
  SpecHash hash;  // Of what was asked for.
  std::string task_name;
  Uuid uid;  // Another task may have the name, once the first one's record is gone.
};

// The contract, which store/ tests on every implementation:
// - A record is known by its namespace (spec->origin->ns) and its full name,
//   `queues/{queue}/tasks/{task}`; spec->origin->principal is kept with it. Both together are
//   unique among all records, also finished ones until they go. Reads and deletes are in
//   kDefaultNamespace, the one that there is today.
// - Callbacks are called exactly once, on any thread, perhaps before the function returns, with no
//   lock held. They must be short. A caller's order of calls need not be their order.
// - OK of a write: it is kept as well as effective_durability() says, and every later Read or List
//   sees it. Any other status: nothing was written.
// - UNAVAILABLE, reason STORE_FAILED: the store could not write. RESOURCE_EXHAUSTED, reason
//   STORE_FULL: it has no room. Both may be tried again.
// - Nobody may assume that a write is done when the function returns.
// Thread-safe.
class TaskStore {
 public:
  using StatusCallback = absl::AnyInvocable<void(absl::Status) &&>;
  using RecordCallback = absl::AnyInvocable<void(absl::StatusOr<TaskRecordPtr>) &&>;
  using RequestCallback = absl::AnyInvocable<void(absl::StatusOr<std::optional<KnownRequest>>) &&>;
  using PageCallback = absl::AnyInvocable<void(absl::StatusOr<TaskPage>) &&>;

  // An accepted task, to be kept until its end is recorded.
  struct Appending {
    TaskRecordPtr record;
    // ALREADY_EXISTS, reason TASK_EXISTS: a record has the name.
    StatusCallback done;
    // The submission's request_id with all that it is unique within, and the hash of what was asked
    // for; empty: it has none. A store that outlives the process keeps both, from the same moment
    // as the record, until long after the task's end.
    std::string request_key = {};
    SpecHash request_hash = {};
    // Called instead of `done` if the store knows the request already; nothing was written then.
    // `done` is destroyed after it. May be empty without a request_key.
    absl::AnyInvocable<void(KnownRequest)&&> on_known = {};
  };
  // A task's end.
  struct Completing {
    // The attempt that the end belongs to; attempt 0: it never started.
    Fence fence;
    // In a terminal state; kept until its expire_time, or until a cap of the store takes it.
    TaskRecordPtr record;
    // NOT_FOUND: no such task. FAILED_PRECONDITION, reason TASK_ENDED: an end is recorded already,
    // and it stays. ABORTED, reason FENCED: the fence is of another life of the server.
    StatusCallback done;
  };

  virtual ~TaskStore() = default;

  // Takes the batch's content over; all may be written by one commit, or some refused.
  virtual void Append(absl::Span<Appending> batch) = 0;
  // The same. Exactly one completion of a task is recorded, whoever else tries.
  virtual void CompleteIf(absl::Span<Completing> batch) = 0;
  // A living task has changed: an attempt has started or ended, a cancel was asked for. For whoever
  // takes the task over after a crash: kept soon, in the order of the calls. `written`, if it is
  // not empty, is called once with OK when it outlives the process, if perhaps not the machine;
  // with OK, too, for a task that has ended, of which nothing is kept, and where nothing outlives
  // the process.
  virtual void Note(const TaskRecordPtr& record, StatusCallback written) = 0;

  // What a request_key stands for, if the store knows it. Also what an Append finds out; for who
  // does not get that far.
  virtual void FindRequest(const std::string& request_key, RequestCallback done) = 0;

  // The record: of a finished task its last, of a living one as it was appended (its present state
  // is with the task). NOT_FOUND: never there, deleted, or expired.
  virtual void Read(const std::string& name, RecordCallback done) = 0;
  // A page of at most `page_size` records (1 to 1000), newest first by acceptance, without inputs
  // and outputs. Living ones come as they were appended, so `filter.state` selects exactly where it
  // is terminal; where it is not, it selects all living ones, and the caller looks closer.
  // A token names a place in the order: a page that follows shows each record that was there when
  // the first page was made and still is exactly once, and none that came later. INVALID_ARGUMENT:
  // a token that this store did not give.
  virtual void List(const TaskFilter& filter, int page_size, const std::string& page_token,
                    PageCallback done) = 0;
  // Forgets a finished task. NOT_FOUND; FAILED_PRECONDITION, reason TASK_NOT_ENDED.
  virtual void Delete(const std::string& name, StatusCallback done) = 0;

  // How well accepted tasks are kept.
  virtual Durability effective_durability() const = 0;
};

// What a store has done and holds. Counts are since the start.
struct TaskStoreStats {
  uint64_t appended = 0;
  uint64_t completed = 0;
  uint64_t deleted = 0;
  uint64_t expired = 0;           // Records in memory that went at their expire_time.
  uint64_t outputs_evicted = 0;   // Outputs that went because of the cap on bytes.
  uint64_t records_evicted = 0;   // Finished records that went before their time, by a cap.
  uint64_t errors = 0;            // Writes that failed (not: were refused).
  uint64_t live_records = 0;      // Now.
  uint64_t finished_records = 0;  // Now.
  uint64_t finished_bytes = 0;    // Now.
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_TASK_STORE_H_
