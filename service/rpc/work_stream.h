// What one Work stream holds: the session of its worker, and what the server has to tell it while a
// write is under way.
#ifndef TASKFORGE_RPC_WORK_STREAM_H_
#define TASKFORGE_RPC_WORK_STREAM_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "handlers/worker_hub.h"
#include "rpc/coroutine.h"
#include "taskforge/v1/worker_service.pb.h"

namespace taskforge {

// The hub may call it a little longer than the session lives. Thread-safe; Take belongs to the
// reading coroutine, Collect to the writing one.
class WorkStream final : public WorkerOutput, public std::enable_shared_from_this<WorkStream> {
 public:
  // `hub` must outlive the stream's session.
  WorkStream(WorkerHub& hub, std::string peer, std::string principal)
      : hub_(hub), peer_(std::move(peer)), principal_(std::move(principal)) {}

  void Assign(std::vector<WorkerAssignment> batch) override ABSL_LOCKS_EXCLUDED(mu_);
  void CancelAttempt(Fence fence, StopReason reason) override ABSL_LOCKS_EXCLUDED(mu_);
  void Draining() override ABSL_LOCKS_EXCLUDED(mu_);

  // Takes the parts of a message in the order of its fields. What is wrong ends the stream.
  void Take(v1::WorkRequest& request) ABSL_LOCKS_EXCLUDED(mu_);
  // Ends the stream as `status` (the first counts), and the session: what the worker had runs
  // elsewhere.
  void End(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);

  // Fills `response` with what waits, up to a message's size; false if nothing does: then `more`
  // tells when, unless the stream is over.
  bool Collect(v1::WorkResponse& response) ABSL_LOCKS_EXCLUDED(mu_);
  Wakeup& more() { return more_; }
  bool is_over() const ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status status() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // Everything that waits to be told.
  struct Waiting {
    std::string welcome;  // The worker's name.
    std::vector<WorkerAssignment> assignments;
    std::vector<Fence> cancels;
    std::vector<Fence> refused;
    std::vector<Fence> recorded;
    bool draining = false;
    bool empty() const {
      return welcome.empty() && assignments.empty() && cancels.empty() && refused.empty() &&
             recorded.empty() && !draining;
    }
  };

  // INVALID_ARGUMENT with each result that says nothing.
  static absl::Status CheckResults(const v1::WorkRequest& request);
  absl::Status Hello(const v1::WorkerHello& hello) ABSL_LOCKS_EXCLUDED(mu_);
  void TakeResults(v1::WorkRequest& request, WorkerSession& session) ABSL_LOCKS_EXCLUDED(mu_);
  // Changes what waits, and wakes the writer.
  template <typename Change>
  void Tell(Change change) ABSL_LOCKS_EXCLUDED(mu_);

  // Constant after construction.
  WorkerHub& hub_;
  const std::string peer_;
  const std::string principal_;

  // Belongs to the writing coroutine: assignments that did not fit into the last message.
  std::vector<WorkerAssignment> left_;
  size_t sent_of_left_ = 0;

  Wakeup more_;  // Synchronizes itself.

  mutable Mutex mu_;
  Waiting waiting_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<WorkerSession> session_ ABSL_GUARDED_BY(mu_);
  bool writer_waits_ ABSL_GUARDED_BY(mu_) = false;
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_WORK_STREAM_H_
