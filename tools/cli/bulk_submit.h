// Many tasks over one SubmitTasks stream: in batches, with a bound on what is under way, and again
// when the server refuses one for a while (a full queue, for example).
#ifndef TASKFORGE_CLI_BULK_SUBMIT_H_
#define TASKFORGE_CLI_BULK_SUBMIT_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "cli/session.h"
#include "taskforge/v1/task_service.grpc.pb.h"

namespace taskforge::cli {

// Thread-safe.
class BulkSubmit {
 public:
  // When a submission no longer counts as under way.
  enum class DoneWhen {
    kAcknowledged,
    kResult,    // The server sends results on the stream.
    kReleased,  // The caller calls Release(), for example when the result came over the bus.
  };
  struct Options {
    DoneWhen done_when = DoneWhen::kAcknowledged;
    size_t max_tasks = 1024;              // Under way at once; the stream's credit too.
    size_t max_bytes = size_t{48} << 20;  // Of their requests.
    int max_tries = 100;                  // Of one submission that is refused for a while.
  };
  // Fills in the next submission; false at the end. Submissions are numbered from 0 in this order.
  using Source = std::function<bool(v1::SubmitTaskRequest& request)>;
  // Each final acknowledgement once: accepted, or refused for good. Called from the reading thread.
  using OnAck = std::function<void(const v1::SubmitAck& ack)>;
  // With kResult. Called from the reading thread.
  using OnResult = std::function<void(const v1::TaskResult& result)>;

  BulkSubmit(Session& session, Options options, OnAck on_ack, OnResult on_result);
  ~BulkSubmit();

  // Submits all that `source` gives, and returns when nothing is under way any more, or the
  // stream's status when it broke. Call once.
  grpc::Status Run(const Source& source) ABSL_LOCKS_EXCLUDED(mu_);
  // With kReleased: number `id` is done. Unknown numbers are ignored.
  void Release(uint64_t id) ABSL_LOCKS_EXCLUDED(mu_);
  // Gives up: Run returns soon.
  void Cancel();

 private:
  struct Pending {
    v1::SubmitTaskRequest request;  // Kept until it is accepted.
    size_t bytes = 0;
    int tries = 0;
  };

  void Read();
  void TakeAck(const v1::SubmitAck& ack) ABSL_LOCKS_EXCLUDED(mu_);
  bool HandleAck(const v1::SubmitAck& ack) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Erase(uint64_t id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What may be sent now; waits for room, for a retry's time or for the end. Empty: at the end.
  std::vector<uint64_t> NextBatch(const Source& source) ABSL_LOCKS_EXCLUDED(mu_);
  bool FillFromSource(const Source& source, std::vector<uint64_t>& batch, size_t& bytes)
      ABSL_LOCKS_EXCLUDED(mu_);
  void TakeDueRetries(std::vector<uint64_t>& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool WriteBatch(const std::vector<uint64_t>& batch) ABSL_LOCKS_EXCLUDED(mu_);

  // Constant after construction.
  const Options options_;
  const OnAck on_ack_;
  const OnResult on_result_;
  // Synchronizes itself.
  std::unique_ptr<v1::TaskService::Stub> stub_;
  Call call_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::SubmitTasksRequest, v1::SubmitTasksResponse>>
      stream_;
  // Used by the thread in Run only.
  uint64_t next_id_ = 0;
  bool source_ended_ = false;
  bool first_message_sent_ = false;
  // Guarded by mu_.
  Mutex mu_;
  CondVar changed_;
  std::unordered_map<uint64_t, Pending> pending_ ABSL_GUARDED_BY(mu_);
  size_t pending_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  std::multimap<absl::Time, uint64_t> retries_ ABSL_GUARDED_BY(mu_);
  bool broken_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_BULK_SUBMIT_H_
