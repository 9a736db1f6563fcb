// All parts of a server, built back to front and stopped front to back.
#ifndef TASKFORGE_COMPOSITION_H_
#define TASKFORGE_COMPOSITION_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters.h"
#include "admin/admin_server.h"
#include "admin/status.h"
#include "audit.h"
#include "base/clock.h"
#include "base/cpu_budget.h"
#include "base/cpu_watch.h"
#include "base/file_system.h"
#include "base/label_table.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/timer.h"
#include "bus/bus.h"
#include "config/config.h"
#include "config/logging.h"
#include "handlers/registry.h"
#include "handlers/worker_hub.h"
#include "intake/intake.h"
#include "lifecycle/lifecycle.h"
#include "lifecycle/task_directory.h"
#include "lifecycle/task_events.h"
#include "lifecycle/task_explainer.h"
#include "metrics/component_metrics.h"
#include "metrics/exporter.h"
#include "pool/thread_pool.h"
#include "queues/task_queues.h"
#include "rpc/server_service.h"
#include "runner/runner.h"
#include "schedule_joints.h"
#include "schedules/schedules.h"
#include "settings/queue_settings.h"
#include "storage.h"
#include "task/live_tasks.h"
#include "work_log.h"

namespace taskforge {

class RpcFront;  // rpc_front.h

// What was not durable and is gone when the server ends.
struct ShutdownReport {
  bool is_complete = true;  // All accepted work whose time had come has ended.
  size_t waiting = 0;       // Of durability MEMORY; and:
  size_t kept = 0;          // Unfinished tasks that the next start goes on with.
  size_t stopped = 0;       // Ran when the time was over, and ended because it was asked to stop.
  size_t running = 0;       // Did not even then.
  uint64_t results = 0;     // Finished tasks that could still be read.
  int abandoned_threads = 0;
  // No handler runs any more.
  bool is_quiet() const { return running == 0 && abandoned_threads == 0; }
};

// A running server. Not thread-safe, for its owner; RequestStop may be called from anywhere.
class Composition final : public ServerControl {
 public:
  // Builds everything, takes over what the data directory holds, and serves. `log` must outlive it.
  // `on_store_failure` as Storage has it.
  static absl::StatusOr<std::unique_ptr<Composition>> Start(
      const Config& config, const CpuBudget& budget, FileSystem& files, StreamLog& log,
      std::function<void(const absl::Status&)> on_store_failure = {});
  // Waits for handlers that still run, however long: whoever must not wait ends the process
  // instead.
  ~Composition() override;
  Composition(const Composition&) = delete;
  Composition& operator=(const Composition&) = delete;

  // As clients dial them.
  const std::string& grpc_address() const { return grpc_address_; }
  const std::string& admin_address() const { return admin_->address(); }

  ServerFacts Facts() const override;
  uint64_t Drain(std::optional<absl::Duration> timeout) override;
  ServerGuarantees Guarantees() const override;
  void BackupStore(std::string name, StoreBackups::Callback done) override;

  // For a reloaded configuration; INVALID_ARGUMENT, and then nothing has changed.
  absl::Status UpdatePool(const PoolUpdate& update) { return pool_.UpdateOptions(update); }
  // Whether the last reload of the configuration was successful: for the metrics.
  void NoteReload(bool successful);

  // Ends the wait below. `timeout` replaces the configured time for accepted work to end.
  void RequestStop(std::optional<absl::Duration> timeout = std::nullopt) ABSL_LOCKS_EXCLUDED(mu_);
  void WaitForStop() { stop_requested_.Wait(); }

  // Not ready → refuse submissions → let accepted work end, or, when its time is over, start no
  // more of it and ask what runs to stop → end streams → end the servers. Returns what is gone.
  ShutdownReport Shutdown() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  Composition(const Config& config, const CpuBudget& budget, StreamLog& log,
              std::unique_ptr<Persistence> persistence);

  absl::Status Recover();
  // In the log; and keeps what counts from now on.
  void TellOf(const QueueSettings::Report& settings);
  // Takes over the schedules that the data directory holds.
  absl::Status RecoverSchedules();
  absl::Status Serve(FileSystem& files);
  // What the metrics tell of the server's certificate. Files are read once: a new certificate needs
  // a restart.
  absl::Status ReadCertificate(FileSystem& files);
  std::vector<Collector> Collectors();
  StatusSnapshot Status() const;
  SelfStats Self() const;
  WorkTotals Totals() const;
  AuditCounts Counts() const;
  // Whether nothing that was accepted waits for its turn or runs.
  bool IsIdle() const;
  // Returns whether that is so by the deadline.
  bool AwaitIdle(MonoTime deadline) const;
  // Returns whether nothing runs by the deadline.
  bool AwaitNoneRunning(MonoTime deadline) const;
  // From here on nothing that waits is started any more.
  void StopStarting();

  // Constant after construction.
  const SystemClock clock_;
  const Config config_;
  StreamLog& log_;
  std::string grpc_address_;
  std::optional<absl::Time> certificate_expiry_;  // None: no TLS.

  // Back to front: each uses only what stands above it. They synchronize themselves.
  SeededRandom random_;
  mutable CpuWatch cpu_watch_;  // To ask may read it again.
  HandlerRegistry registry_;
  RegistryDirectory directory_{registry_};
  std::atomic<bool> draining_{false};
  ThreadTimer timer_;
  Storage storage_;
  ThreadPool pool_;
  PoolDrains drains_{pool_};
  Bus bus_;
  PoolReleaseTarget release_target_{pool_};
  TaskQueues queues_;
  LiveTasks live_;  // Its tasks give their admissions back to the queues as they go.
  QueueRefiller refiller_{queues_};
  BusTaskEvents events_{bus_};
  Lifecycle lifecycle_;
  WorkLog work_log_;  // Between the runner and the lifecycle.
  Runner runner_;
  QueueTaskSource source_{queues_};
  WorkerHub hub_;
  TaskDirectory tasks_;
  WaitExplainer explainer_{tasks_, queues_, clock_};
  PoolAndQueuesLoad load_{pool_, queues_};
  UuidSequence uuids_{random_};
  WaitStarter waits_{clock_, timer_, queues_, lifecycle_};
  Intake intake_;
  QueueSettings settings_;
  PoolAndQueues pool_control_;
  PoolExecutor pool_executor_{pool_, clock_};
  QueuesAndTasks queue_control_{{queues_, live_, lifecycle_, clock_, pool_executor_, settings_}};
  StoredSchedules stored_schedules_{storage_.settings()};
  TasksOfSchedules schedule_tasks_{queues_, directory_, live_};
  Schedules schedules_;
  std::vector<HandlerRegistration> built_ins_;
  RecoveryReport recovered_;
  std::unique_ptr<RpcFront> rpc_;
  LabelTable handler_labels_{kMaxHandlerLabels};  // Of the exporter's gauges.
  std::unique_ptr<Exporter> exporter_;
  std::unique_ptr<AdminServer> admin_;

  std::atomic<bool> reload_succeeded_{true};     // The start counts as a reload.
  std::atomic<int64_t> reload_success_seconds_;  // Unix time.

  Notification stop_requested_;
  const absl::Time start_time_;

  mutable Mutex mu_;
  bool is_stop_requested_ ABSL_GUARDED_BY(mu_) = false;
  absl::Duration stop_timeout_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_COMPOSITION_H_
