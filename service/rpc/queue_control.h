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
// QueueOptions. Thread-safe.
class QueueControl {
 public:
  using PurgeCallback = absl::AnyInvocable<void(absl::StatusOr<uint64_t> purged) &&>;

  virtual ~QueueControl() = default;
  virtual std::vector<QueueStats> List() const = 0;
  virtual absl::StatusOr<QueueStats> Get(absl::string_view queue) const = 0;
  virtual absl::Status Create(QueueOptions options) = 0;
  virtual absl::Status Update(absl::string_view queue, const QueueUpdate& update) = 0;
  virtual absl::Status Delete(absl::string_view queue) = 0;
  virtual absl::Status Pause(absl::string_view queue, absl::string_view reason) = 0;
  virtual absl::Status Resume(absl::string_view queue, absl::string_view reason) = 0;
  // Cancels the queue's waiting tasks, and answers with how many on another thread: there may be
  // many. `done` must be short.
  virtual void Purge(std::string queue, std::string reason, PurgeCallback done) = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_QUEUE_CONTROL_H_
