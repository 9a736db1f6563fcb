// The main job: three tasks for every file below a directory, over one stream; their results come
// over the bus, and each is checked.
#ifndef TASKFORGE_CLI_MAIN_JOB_JOB_H_
#define TASKFORGE_CLI_MAIN_JOB_JOB_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "cli/bulk_submit.h"
#include "cli/main_job/files.h"
#include "cli/main_job/ledger.h"
#include "cli/progress_bar.h"
#include "cli/session.h"
#include "taskforge/v1/bus_service.grpc.pb.h"
#include "taskforge/v1/task_service.grpc.pb.h"

namespace taskforge::cli {

// Where the results came from, besides what the ledger knows.
struct JobTrail {
  uint64_t over_bus = 0;       // Finished tasks that an event brought.
  uint64_t read_later = 0;     // Those that had to be read by GetTask.
  uint64_t missed = 0;         // Events that the bus said were lost on the way here.
  grpc::Status submit_status;  // Of the SubmitTasks stream.
};

// One run; call Run once.
// Not thread-safe.
class MainJob {
 public:
  // `session` and `files` must outlive it. `max_bytes`: no more is read of a file.
  MainJob(Session& session, const FileList& files, uint64_t max_bytes);
  ~MainJob();

  // Subscribes, submits, and returns when every task has ended, been judged, or been given up. A
  // status that is not OK: the subscription could not be made, nothing was submitted.
  grpc::Status Run();

  const Ledger& ledger() const { return ledger_; }
  const JobTrail& trail() const { return trail_; }
  uint64_t total() const { return total_; }

 private:
  grpc::Status Subscribe();
  bool NextRequest(v1::SubmitTaskRequest& request);
  void OnAck(const v1::SubmitAck& ack);
  void ReadEvents();
  void TakeFinished(const v1::Task& task, uint64_t& count);
  void Reconcile();
  void WaitForResults(const Notification& submitted);

  // Constant after construction.
  Session& session_;
  const FileList& files_;
  const uint64_t max_bytes_;
  const std::string job_id_;
  const uint64_t total_;
  // Synchronizes itself.
  const std::unique_ptr<v1::TaskService::Stub> tasks_;
  const std::unique_ptr<v1::BusService::Stub> bus_;
  Ledger ledger_;
  std::atomic<uint64_t> missed_{0};  // Counter: written by the thread that reads events.
  BulkSubmit submit_;
  Call subscription_call_;
  std::unique_ptr<grpc::ClientReader<v1::SubscribeResponse>> subscription_;
  // Used by the submitting thread only.
  uint64_t next_ = 0;
  std::shared_ptr<const std::string> content_;
  // Each field has one writer; read when the threads have ended.
  JobTrail trail_;
  ProgressBar progress_;
};

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_MAIN_JOB_JOB_H_
