// What one SubmitTasks stream holds: the tasks that are unfinished, and the acknowledgements and
// results that wait for the write that is under way. What gathers meanwhile goes as one message.
#ifndef TASKFORGE_RPC_SUBMIT_STREAM_H_
#define TASKFORGE_RPC_SUBMIT_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "base/ref.h"
#include "rpc/coroutine.h"
#include "rpc/submission.h"
#include "task/task_api.h"
#include "taskforge/v1/task_service.pb.h"

namespace taskforge {

// Shared by the stream's reading and writing coroutine and by the callbacks of its tasks, which may
// outlive both. Thread-safe; Take belongs to the reading coroutine, Collect to the writing one.
class SubmitStream final : public EndListener {
 public:
  // All must outlive the stream.
  SubmitStream(Submitter& submitter, TaskControl& control, size_t max_batch_items,
               const SubmissionContext& context);

  // Submits a message's items. What is wrong with an item is its acknowledgement's business; what
  // is wrong with the message ends the stream.
  void Take(const v1::SubmitTasksRequest& request) ABSL_LOCKS_EXCLUDED(mu_);
  // The client sends no more.
  void NoMoreRequests() ABSL_LOCKS_EXCLUDED(mu_);
  // Whether to read on; else `room` tells when. Always true once the stream is over.
  bool HasRoom() ABSL_LOCKS_EXCLUDED(mu_);
  Wakeup& room() { return room_; }
  bool is_over() const ABSL_LOCKS_EXCLUDED(mu_);

  // Ends the stream as `status` (the first counts). If it is CANCELLED, the client has gone: tasks
  // with cancel_on_disconnect are cancelled.
  void End(absl::Status status) ABSL_LOCKS_EXCLUDED(mu_);

  // Fills `response` with what waits, up to a message's size. Returns false if nothing does: then
  // `more` tells when, unless the stream is over.
  bool Collect(v1::SubmitTasksResponse& response) ABSL_LOCKS_EXCLUDED(mu_);
  Wakeup& more() { return more_; }
  // REQUIRES: is_over().
  absl::Status status() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // An acknowledgement (with a record, or why there is none) or a result.
  struct Entry {
    uint64_t correlation_id = 0;
    bool is_result = false;
    bool duplicate = false;
    TaskRecordPtr record = nullptr;
    absl::Status status = absl::OkStatus();
  };

  bool TakeSettings(const v1::SubmitTasksRequest& request, absl::Status& status)
      ABSL_LOCKS_EXCLUDED(mu_);
  void OnReceipt(uint64_t correlation_id, bool cancel_on_disconnect,
                 absl::StatusOr<SubmitReceipt> receipt) ABSL_LOCKS_EXCLUDED(mu_);
  void OnFinished(uint64_t correlation_id, const TaskRecordPtr& record) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void Uncork() ABSL_LOCKS_EXCLUDED(mu_);
  // Who is to be woken, once the lock is free.
  struct Wakes {
    bool writer = false;
    bool reader = false;
  };
  Wakes TakeWakes() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Wake(Wakes wakes);
  bool RoomLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool CompleteLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after construction.
  Submitter& submitter_;
  TaskControl& control_;
  const size_t max_batch_items_;
  const Priority default_priority_;
  const std::string principal_;
  const std::string traceparent_;
  const std::string x_request_id_;

  // Belongs to the reading coroutine.
  bool has_settings_ = false;

  // Belongs to the writing coroutine: what was taken and is not sent yet.
  std::vector<Entry> taken_;
  size_t sent_of_taken_ = 0;

  // Synchronize themselves.
  Wakeup room_;
  Wakeup more_;

  mutable Mutex mu_;
  std::vector<Entry> waiting_ ABSL_GUARDED_BY(mu_);
  size_t unacknowledged_ ABSL_GUARDED_BY(mu_) = 0;  // Given to the core, no receipt yet.
  size_t unfinished_ ABSL_GUARDED_BY(mu_) = 0;      // Those, and accepted ones that have not ended.
  size_t credit_ ABSL_GUARDED_BY(mu_) = 0;
  bool want_results_ ABSL_GUARDED_BY(mu_) = false;
  bool corked_ ABSL_GUARDED_BY(mu_) = false;  // A batch is being submitted: its receipts gather.
  bool writer_waits_ ABSL_GUARDED_BY(mu_) = false;
  bool reader_waits_ ABSL_GUARDED_BY(mu_) = false;
  bool no_more_requests_ ABSL_GUARDED_BY(mu_) = false;
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
  // Unfinished tasks that end with the stream, by correlation id.
  std::unordered_multimap<uint64_t, std::string> cancel_on_end_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_SUBMIT_STREAM_H_
