// What QueueService needs of the queues and of the tasks in them. adapters.h joins it.
#ifndef TASKFORGE_RPC_QUEUE_CONTROL_H_
#define TASKFORGE_RPC_QUEUE_CONTROL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "queues/task_queues.h"

namespace taskforge {

// Errors as QueueTable has them (queues/queue_table.h); fields of violations are named as those of
// QueueOptions. A change is in force at once, and answered when it is kept: UNAVAILABLE, reason
// STORE_FAILED, or RESOURCE_EXHAUSTED, reason STORE_FULL, if it could not be. `done` must be short;
// it may be called on another thread. Thread-safe.
class QueueControl {
 public:
  using DoneCallback = absl::AnyInvocable<void(absl::Status) &&>;
  using PurgeCallback = absl::AnyInvocable<void(absl::StatusOr<uint64_t> purged) &&>;

  virtual ~QueueControl() = default;
  virtual std::vector<QueueStats> List() const = 0;
  virtual absl::StatusOr<QueueStats> Get(absl::string_view queue) const = 0;
  virtual void Create(QueueOptions options, DoneCallback done) = 0;
  virtual void Update(const std::string& queue, const QueueUpdate& update, DoneCallback done) = 0;
  virtual void Delete(const std::string& queue, DoneCallback done) = 0;
  virtual void Pause(const std::string& queue, absl::string_view reason, DoneCallback done) = 0;
  virtual void Resume(const std::string& queue, absl::string_view reason, DoneCallback done) = 0;
  // Cancels the queue's waiting tasks, and answers with how many when the end of each is kept, on
  // another thread: there may be many.
  virtual void Purge(std::string queue, std::string reason, PurgeCallback done) = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_QUEUE_CONTROL_H_
