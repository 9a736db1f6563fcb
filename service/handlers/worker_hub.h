// Remote workers: who is connected, who gets which task, whose result counts. It knows nothing of
// the transport: rpc/ turns a stream into a WorkerSession and a WorkerOutput.
#ifndef TASKFORGE_HANDLERS_WORKER_HUB_H_
#define TASKFORGE_HANDLERS_WORKER_HUB_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/timer.h"
#include "handlers/attempt.h"
#include "handlers/registry.h"
#include "handlers/remote_starter.h"
#include "task/task.h"
#include "task/task_types.h"

namespace taskforge {

// Where the hub gets waiting tasks from. Thread-safe.
class TaskSource {
 public:
  virtual ~TaskSource() = default;
  // Takes out at most `max` waiting tasks of these handlers, the most urgent first. They stay in
  // phase QUEUED.
  virtual std::vector<TaskRef> Claim(const std::vector<std::string>& handlers, size_t max) = 0;
  // Whether a connected worker serves the handler: while none does, its tasks wait for one.
  virtual void SetServed(const std::string& handler, bool is_served) = 0;
};

// Who a worker says that it is, and what the transport knows of it.
struct WorkerHello {
  std::string worker_id;              // `[a-z0-9][a-z0-9._-]{0,62}`; empty: the hub makes one.
  std::vector<std::string> handlers;  // 1 to 64 handler names.
  std::string version;
  std::string peer;       // Its address.
  std::string principal;  // Empty: nobody identified.
};

// One task for a worker.
struct WorkerAssignment {
  Attempt attempt;  // With spec and fence.
  // When it must be done, by run_timeout or deadline; InfiniteFuture: no limit.
  absl::Time deadline = absl::InfiniteFuture();
};

// What the hub has to say to a worker. Called on any thread, several at the same time, without a
// lock held; must not block. Calls may come until the session is gone and a little later: the
// session shares the ownership. Thread-safe.
class WorkerOutput {
 public:
  virtual ~WorkerOutput() = default;
  virtual void Assign(std::vector<WorkerAssignment> batch) = 0;
  // The worker should stop this assignment; a result is welcome still.
  virtual void CancelAttempt(Fence fence, StopReason reason) = 0;
  // The server stops: no more assignments will come.
  virtual void Draining() = 0;
};

// A connected worker, as its stream sees it. Every call is a sign of life. Thread-safe.
class WorkerSession {
 public:
  // Closes.
  virtual ~WorkerSession() = default;
  // `workers/{id}`.
  virtual const std::string& name() const = 0;
  // The worker takes `n` more assignments. INVALID_ARGUMENT when that makes more than 65536.
  virtual absl::Status AddCredit(uint32_t n) = 0;
  // How an assignment ended. True: it counts. False: its fence was not valid any more.
  virtual bool Result(const Fence& fence, HandlerResult result) = 0;
  virtual void Heartbeat() = 0;
  // Ignored when the fence is not valid any more.
  virtual void ReportProgress(const Fence& fence, Progress progress) = 0;
  // The worker wants no more assignments; what it has, it finishes.
  virtual void Drain() = 0;
  // The connection is gone: what the worker had not finished runs elsewhere at once. Later calls do
  // nothing.
  virtual void Close() = 0;
};

// What is shown of a worker.
struct WorkerStatus {
  std::string name;  // `workers/{id}`.
  std::vector<std::string> handlers;
  std::string version;
  std::string peer;
  std::string principal;
  uint32_t in_flight = 0;  // Assignments that it has.
  uint32_t credit = 0;     // Assignments that it would take.
  uint64_t finished = 0;   // Results that it gave and that counted.
  absl::Time connect_time;
  absl::Time heartbeat_time;  // When it was heard last.
  bool draining = false;
  bool silent = false;  // Its leases are over.
};

struct WorkerHubOptions {
  // A worker that is silent for this long loses its assignments. Shorter: faster recovery; longer:
  // fewer false alarms. Default 15 s.
  absl::Duration lease_duration = absl::Seconds(15);
  // Connected workers at most.
  size_t max_workers = 1024;
  // Names of remote handlers at most: each once served stays known.
  size_t max_remote_handlers = 1024;
  // Assignments in one message at most.
  size_t max_batch = 64;
};

struct WorkerHubStats {
  uint64_t workers = 0;
  uint64_t draining = 0;
  uint64_t assigned = 0;           // Assignments that were given.
  uint64_t finished = 0;           // Results that counted.
  uint64_t refused = 0;            // Results under a fence that was not valid any more.
  uint64_t lost = 0;               // Assignments that were taken back.
  uint64_t lease_expirations = 0;  // Workers that were silent for too long.
};

// A worker's credit is never exceeded, and each assignment ends once: by its result, by the loss of
// its connection or lease, or by a time-out, whichever is first; what comes later is refused.
// A handler's name that a worker once served stays known: its tasks wait for the next worker.
// Thread-safe.
class WorkerHub {
 public:
  // What it is joined to; all of it must outlive the hub.
  struct Parts {
    HandlerRegistry& registry;
    TaskSource& source;
    RemoteStarter& starter;
    const Clock& clock;
    Timer& timer;
    Log& log;
  };

  // `boot_epoch` is the one that `starter` puts into fences.
  WorkerHub(const WorkerHubOptions& options, uint64_t boot_epoch, Parts parts);
  // REQUIRES: all sessions are gone.
  ~WorkerHub();
  WorkerHub(const WorkerHub&) = delete;
  WorkerHub& operator=(const WorkerHub&) = delete;

  // INVALID_ARGUMENT: the hello. ALREADY_EXISTS: the worker is connected, or a handler is built in.
  // RESOURCE_EXHAUSTED, reason WORKERS_FULL or HANDLERS_FULL, with quota and retry_after.
  // UNAVAILABLE, reason DRAINING.
  absl::StatusOr<std::unique_ptr<WorkerSession>> Connect(WorkerHello hello,
                                                         std::shared_ptr<WorkerOutput> output);

  // Tasks of remote handlers began to wait: whoever puts them there calls this, without a lock
  // held.
  void WorkArrived();
  // Tells every worker that the server stops, and gives out nothing more.
  void Drain();

  absl::Duration lease_duration() const;
  // By name.
  std::vector<WorkerStatus> List() const;
  WorkerHubStats stats() const;

 private:
  class Core;
  class Session;
  std::shared_ptr<Core> core_;
};

}  // namespace taskforge

#endif  // TASKFORGE_HANDLERS_WORKER_HUB_H_
