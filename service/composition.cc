#include "composition.h"

#include <google/protobuf/stubs/common.h>
#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "admin/routes.h"
#include "base/scoped_blocking.h"
#include "handlers/built_in.h"
#include "metrics/process_metrics.h"
#include "pool_setup.h"
#include "rpc/certificate.h"
#include "rpc_front.h"
#include "schedules/schedule_codec.h"
#include "status_snapshot.h"
#include "task/uuid.h"
#include "version.h"

namespace taskforge {
namespace {

constexpr absl::Duration kIdlePoll = absl::Milliseconds(5);
constexpr absl::Duration kStreamGrace = absl::Seconds(2);
// For handlers that are asked to stop because the time for accepted work is over.
constexpr absl::Duration kStopGrace = absl::Seconds(1);
constexpr size_t kResizesShown = 10;  // On the status page.

}  // namespace

Composition::Composition(const Config& config, const CpuBudget& budget, StreamLog& log,
                         std::unique_ptr<Persistence> persistence)
    : config_(config),
      log_(log),
      random_(EntropySeed()),
      cpu_watch_(config.cpus, budget, clock_, [] { return ReadCpuBudget(); }),
      storage_(config, std::move(persistence), clock_, timer_),
      pool_(PoolOptionsOf(config), clock_, PoolHooksFor(cpu_watch_, log)),
      bus_(config.bus, drains_, clock_),
      queues_(storage_.Complete(config.queues), clock_, directory_, release_target_),
      lifecycle_(config.lifecycle, storage_.boot_epoch(),
                 {storage_.store(), live_, queues_, events_, clock_, timer_, random_, log}),
      work_log_(lifecycle_, clock_, timer_, log, [this] { return Totals(); }),
      runner_(config.runner, storage_.boot_epoch(),
              {registry_, work_log_, lifecycle_, clock_, timer_, log, &pool_, &queues_}),
      hub_(config.workers, storage_.boot_epoch(),
           {registry_, source_, runner_, clock_, timer_, log}),
      tasks_({live_, storage_.store(), queues_, lifecycle_, clock_}),
      intake_(storage_.Complete(config.intake), {clock_, uuids_, directory_, load_, queues_,
                                                 storage_.store(), live_, runner_, waits_}),
      settings_(queues_, config.queues.queues, storage_.settings()),
      pool_control_(pool_, queues_, clock_, cpu_watch_),
      schedules_(storage_.Complete(config.intake).limits,
                 {clock_, timer_, uuids_, intake_, stored_schedules_, schedule_tasks_}),
      reload_success_seconds_(absl::ToUnixSeconds(clock_.Now())),
      start_time_(clock_.Now()),
      stop_timeout_(config.shutdown.timeout) {
  pool_.SetRefiller(&refiller_);
  queues_.SetLaneListener([this](absl::string_view) { hub_.WorkArrived(); });
}

Composition::~Composition() {
  // Before the parts go that their threads use.
  storage_.Stop();
  timer_.Stop();
  pool_.Stop([this](Work& work) { TakeBack(work, clock_); });
}

absl::StatusOr<std::unique_ptr<Composition>> Composition::Start(
    const Config& config, const CpuBudget& budget, FileSystem& files, StreamLog& log,
    std::function<void(const absl::Status&)> on_store_failure) {
  // Never destroyed: the store asks it until the very end.
  static const SystemClock* const clock = new SystemClock();
  absl::StatusOr<std::unique_ptr<Persistence>> persistence =
      Storage::OpenPersistence(config, files, *clock, std::move(on_store_failure));
  if (!persistence.ok()) return persistence.status();
  std::unique_ptr<Composition> composition(
      new Composition(config, budget, log, *std::move(persistence)));
  absl::Status status = composition->Serve(files);
  if (!status.ok()) {
    composition->Shutdown();
    return status;
  }
  return composition;
}

absl::Status Composition::Serve(FileSystem& files) {
  absl::StatusOr<std::vector<HandlerRegistration>> built_ins =
      RegisterBuiltIns(registry_, clock_, timer_, [](absl::AnyInvocable<void() &&> body) {
        const ScopedBlocking blocking;
        std::move(body)();
      });
  if (!built_ins.ok()) return built_ins.status();
  built_ins_ = *std::move(built_ins);

  Access access;
  if (!config_.token_file.empty()) {
    const absl::StatusOr<std::string> text = files.ReadFile(config_.token_file);
    if (!text.ok()) return text.status();
    absl::StatusOr<std::vector<TokenEntry>> tokens = ParseTokens(*text);
    if (!tokens.ok()) {
      return absl::Status(tokens.status().code(),
                          absl::StrCat(config_.token_file, ": ", tokens.status().message()));
    }
    access = Access(*std::move(tokens));
  }
  absl::Status status = Recover();
  if (status.ok()) status = RecoverSchedules();
  if (status.ok()) status = pool_.Start();
  if (!status.ok()) return status;
  schedules_.Start();

  RpcFront::Parts parts{
      {intake_, tasks_, clock_, timer_, explainer_,
       [this] { return pool_.settings().default_priority; },
       /*max_batch_items=*/1000, storage_.boot_epoch()},
      {bus_, clock_, [this] { return MakeUuidV7(clock_.Now(), random_).ToString(); },
       pool_executor_, config_.intake.limits.max_input_bytes,
       [this] { return intake_.is_draining(); }, storage_.boot_epoch()},
      registry_,
      hub_,
      pool_control_,
      queue_control_,
      {schedules_, clock_, [this] { return pool_.settings().default_priority; },
       storage_.best_durability()},
      timer_,
      *this};
  rpc_ = std::make_unique<RpcFront>(config_.rpc, config_.reflection, std::move(access),
                                    std::move(parts), clock_, log_);
  status = rpc_->server().Start();
  if (!status.ok()) return status;
  grpc_address_ = rpc_->server().addresses().front().address;
  // What gRPC took is a certificate.
  status = ReadCertificate(files);
  if (!status.ok()) return status;

  exporter_ = std::make_unique<Exporter>(Collectors());
  std::vector<HttpRoute> routes;
  routes.push_back(MetricsRoute([this] { return exporter_->Text(); }));
  routes.push_back(LivezRoute());
  routes.push_back(ReadyzRoute([this] { return !draining_.load(); }));
  routes.push_back(StatusPageRoute());
  routes.push_back(StatusRoute([this] { return Status(); }));
  absl::StatusOr<std::unique_ptr<AdminServer>> admin =
      AdminServer::Start(config_.admin, std::move(routes));
  if (!admin.ok()) return admin.status();
  admin_ = *std::move(admin);
  rpc_->health().SetReady(true);
  return absl::OkStatus();
}

absl::Status Composition::Recover() {
  const MonoTime begin = clock_.Monotonic();
  const absl::StatusOr<QueueSettings::Report> settings = settings_.Recover();
  if (!settings.ok()) return settings.status();
  const absl::StatusOr<RecoveryReport> report =
      storage_.Recover({clock_, queues_, live_, runner_, lifecycle_, waits_, uuids_}, registry_);
  if (!report.ok()) return report.status();
  recovered_ = *report;
  for (const std::string& queue : report->made_queues) {
    log_.Warn(
        "the data directory has tasks of a queue that is not configured: it was made anew, "
        "with the default limits",
        {{"queue", queue}});
  }
  TellOf(*settings);
  if (const std::string loss = storage_.accepted_loss(); !loss.empty()) {
    log_.Warn("what was acknowledged is missing, and store.accept_data_loss goes on without it",
              {{"data_dir", config_.persistence.data_dir}, {"why", loss}});
  }
  if (!storage_.is_durable()) return absl::OkStatus();
  log_.Info("took over the tasks of the data directory",
            {{"data_dir", config_.persistence.data_dir},
             {"queued", report->queued},
             {"scheduled", report->scheduled},
             {"interrupted", report->running},
             {"damaged", report->damaged},
             {"took", absl::Nanoseconds(clock_.Monotonic() - begin)}});
  return absl::OkStatus();
}

void Composition::TellOf(const QueueSettings::Report& settings) {
  for (const std::string& queue : settings.paused) {
    log_.Warn("a queue is paused, as it was before: nothing of it starts until it is resumed",
              {{"queue", queue}});
  }
  for (const std::string& queue : settings.reconfigured) {
    log_.Info("the configuration of a queue has changed: it counts, not what was set before",
              {{"queue", queue}});
    // So that a configuration which is changed back brings nothing back.
    settings_.Keep(queue, [this, queue](const absl::Status& kept) {
      if (!kept.ok()) {
        log_.Warn("settings of a queue are not kept",
                  {{"queue", queue}, {"error", kept.message()}});
      }
    });
  }
}

absl::Status Composition::RecoverSchedules() {
  SettingsStore* const store = storage_.settings();
  if (store == nullptr) return absl::OkStatus();
  const absl::StatusOr<std::vector<Setting>> settings = store->ReadSettings(kScheduleKeys);
  if (!settings.ok()) return settings.status();
  const absl::Status status = schedules_.Load(*settings);
  if (!status.ok()) return status;
  for (const ScheduleView& schedule : schedules_.List()) {
    // A worker that brings it may come any time, as for a task that was taken over.
    const absl::string_view handler = schedule.record->settings.task.handler;
    if (!registry_.Knows(handler)) (void)registry_.RegisterRemote(handler, "");
  }
  return absl::OkStatus();
}

absl::Status Composition::ReadCertificate(FileSystem& files) {
  const std::string& path = config_.rpc.tls_certificate_file;
  if (path.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> text = files.ReadFile(path);
  if (!text.ok()) return text.status();
  const absl::StatusOr<Certificate> certificate = ParseCertificate(*text);
  if (!certificate.ok()) {
    return absl::Status(
        certificate.status().code(),
        absl::StrCat(path, ": ", certificate.status().message(), " (tls.certificate_file)"));
  }
  certificate_expiry_ = certificate->not_after;
  return absl::OkStatus();
}

std::vector<Collector> Composition::Collectors() {
  return {
      [this](Families& families) {
        CollectPool(pool_.GetStats(), families);
        PerPriority<uint64_t> bounds;
        for (const Priority priority : kPriorities) {
          bounds[priority] = pool_.StarvationBound(priority, 0);
        }
        CollectBounds(bounds, families);
      },
      [this](Families& families) {
        const TaskQueuesStats queues = queues_.Stats();
        CollectQueues(queues, families);
        CollectLanes(queues.lanes, handler_labels_, families);
      },
      [this](Families& families) { CollectIntake(intake_.Stats(), families); },
      [this](Families& families) { CollectSchedules(schedules_.Stats(), families); },
      [this](Families& families) { CollectLifecycle(lifecycle_.Stats(), families); },
      [this](Families& families) { CollectRunner(runner_.stats(), families); },
      [this](Families& families) {
        CollectStore(storage_.Stats(), families);
        CollectDisk(storage_.DiskStats(), recovered_, families);
        const AuditCounts before = Counts();
        const size_t living = live_.size();
        CollectAudit(AuditResidual(before, living, Counts()), families);
      },
      [this](Families& families) { CollectBus(bus_.Stats(), families); },
      [this](Families& families) { CollectHandlers(registry_.List(), handler_labels_, families); },
      [this](Families& families) { CollectWorkers(hub_.stats(), families); },
      [this](Families& families) { CollectRpc(rpc_->server().Stats(), families); },
      [this](Families& families) { CollectSelf(Self(), families); },
      CollectProcess,
  };
}

SelfStats Composition::Self() const {
  SelfStats self;
  self.version = kVersion;
  self.revision = kRevision;
  self.compiler = kCompiler;
  self.grpc = grpc::Version();
  self.protobuf = google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION);
  self.draining = draining_.load();
  self.cpu_limit_cores = cpu_watch_.LimitCores();
  self.throttled_seconds = ReadThrottledSeconds();
  self.reload_succeeded = reload_succeeded_.load();
  self.reload_success_time = absl::FromUnixSeconds(reload_success_seconds_.load());
  self.log_messages_dropped = log_.dropped_messages();
  self.certificate_expiry = certificate_expiry_;
  return self;
}

WorkTotals Composition::Totals() const {
  WorkTotals totals;
  const LifecycleStats lifecycle = lifecycle_.Stats();
  for (const LifecycleStats::Completed& completed : lifecycle.completed) {
    totals.ended += completed.count;
  }
  for (const LifecycleStats::QueueWait& wait : lifecycle.queue_wait) {
    totals.waits.Merge(wait.seconds);
  }
  const TaskQueuesStats queues = queues_.Stats();
  for (const Priority p : kPriorities) {
    for (const QueueStats& queue : queues.queues) totals.waiting += queue.waiting[p];
    totals.waiting += pool_.Released(p);
  }
  for (const HandlerStatus& handler : registry_.List()) totals.running += handler.running;
  totals.threads = pool_.live_threads();
  return totals;
}

StatusSnapshot Composition::Status() const {
  StatusSources sources;
  sources.intake = intake_.Stats();
  sources.lifecycle = lifecycle_.Stats();
  sources.handlers = registry_.List();
  sources.workers = hub_.stats();
  sources.queues = queues_.Stats();
  for (const Priority p : kPriorities) sources.released[p] = pool_.Released(p);
  sources.pool = pool_.GetStats();
  sources.resizes = pool_.Resizes(kResizesShown);
  sources.cpu_limit_cores = cpu_watch_.LimitCores();
  sources.bus = bus_.Stats();
  StatusSnapshot status = MakeStatus(sources);
  status.version = kVersion;
  status.grpc_address = grpc_address_;
  status.uptime = clock_.Now() - start_time_;
  status.draining = draining_.load();
  return status;
}

ServerFacts Composition::Facts() const {
  ServerFacts facts;
  facts.version = kVersion;
  facts.revision = kRevision;
  facts.start_time = start_time_;
  facts.boot_epoch = storage_.boot_epoch();
  facts.durability = storage_.default_durability();
  facts.not_durable = storage_.NotDurable(live_.Counts());
  facts.draining = draining_.load();
  facts.max_payload_bytes = config_.intake.limits.max_input_bytes;
  facts.max_output_bytes = config_.lifecycle.max_output_bytes;
  facts.max_queue_tasks = config_.queues.queues.front().max_tasks;
  facts.max_queue_bytes = config_.queues.queues.front().max_bytes;
  facts.max_result_bytes = config_.store.max_bytes;
  facts.max_batch_items = 1000;
  facts.max_message_bytes = config_.rpc.max_message_bytes;
  facts.succeeded_ttl = config_.lifecycle.succeeded_ttl;
  facts.failed_ttl = config_.lifecycle.failed_ttl;
  return facts;
}

void Composition::NoteReload(bool successful) {
  if (successful) reload_success_seconds_.store(absl::ToUnixSeconds(clock_.Now()));
  reload_succeeded_.store(successful);
}

uint64_t Composition::Drain(std::optional<absl::Duration> timeout) {
  const uint64_t unfinished = live_.size();
  RequestStop(timeout);
  return unfinished;
}

void Composition::RequestStop(std::optional<absl::Duration> timeout) {
  {
    MutexLock lock(mu_);
    if (is_stop_requested_) return;
    is_stop_requested_ = true;
    if (timeout.has_value()) stop_timeout_ = *timeout;
  }
  stop_requested_.Notify();
}

bool Composition::IsIdle() const {
  const TaskQueuesStats queues = queues_.Stats();
  for (const LaneStats& lane : queues.lanes) {
    if (!lane.is_served) continue;  // Nobody will come for these.
    for (const Priority p : kPriorities) {
      if (lane.waiting[p] > lane.held[p]) return false;  // Nobody waits for a paused queue.
    }
  }
  // In the order in which a task goes on, so that none slips by between two looks.
  for (const Priority p : kPriorities) {
    if (pool_.Released(p) > 0) return false;
  }
  const PoolStats pool = pool_.GetStats();
  // What was abandoned runs, but nobody waits for it.
  return pool.queued == 0 && pool.running <= static_cast<uint64_t>(pool.abandoned) &&
         live_.Counts().running == 0;
}

bool Composition::AwaitIdle(MonoTime deadline) const {
  Notification never;
  // Twice: a task that is queued again goes back to where was looked first.
  for (int looks = 0; looks < 2;) {
    looks = IsIdle() ? looks + 1 : 0;
    if (clock_.Monotonic() >= deadline) return looks > 0;
    never.WaitFor(kIdlePoll);
  }
  return true;
}

bool Composition::AwaitNoneRunning(MonoTime deadline) const {
  Notification never;
  while (live_.Counts().running > 0) {
    if (clock_.Monotonic() >= deadline) return false;
    never.WaitFor(kIdlePoll);
  }
  return true;
}

void Composition::StopStarting() {
  hub_.Drain();
  (void)pool_.Drain(clock_.Monotonic(), [this](Work& work) { TakeBack(work, clock_); });
}

ShutdownReport Composition::Shutdown() {
  draining_.store(true);
  absl::Duration timeout;
  {
    MutexLock lock(mu_);
    timeout = stop_timeout_;
  }
  if (rpc_ != nullptr) rpc_->health().SetReady(false);
  Notification never;
  if (config_.shutdown.delay > absl::ZeroDuration() && rpc_ != nullptr) {
    never.WaitFor(config_.shutdown.delay);
  }
  schedules_.Stop();
  intake_.SetDraining();
  const MonoTime deadline = clock_.Monotonic() + timeout;
  ShutdownReport report;
  // Workers finish what they have; what waits for them is still given out. What is on the disk goes
  // on at the next start.
  const bool must_start_more = !storage_.is_durable() || live_.Counts().waiting_in_memory > 0;
  if (rpc_ != nullptr && must_start_more) report.is_complete = AwaitIdle(deadline);
  StopStarting();
  if (rpc_ != nullptr && !must_start_more) report.is_complete = AwaitNoneRunning(deadline);
  if (!report.is_complete) {
    report.stopped = live_.Counts().running;
    live_.StopRunning(StopReason::kShutdown);
    (void)AwaitNoneRunning(clock_.Monotonic() + kStopGrace);  // Counted below.
  }
  timer_.Stop();
  const TaskCounts counts = live_.Counts();
  report.waiting = counts.waiting_in_memory;
  report.kept = counts.waiting - counts.waiting_in_memory;
  report.running = counts.running;
  report.stopped -= std::min(report.stopped, report.running);
  report.results = storage_.MemoryStats().finished_records;
  report.abandoned_threads = pool_.GetStats().abandoned;

  if (rpc_ != nullptr) {
    rpc_->server().EndStreams();
    rpc_->server().Shutdown(kStreamGrace);
  }
  admin_.reset();
  storage_.Stop();
  // Otherwise a handler may never end: the process ends without it.
  if (report.is_quiet()) pool_.Stop([this](Work& work) { TakeBack(work, clock_); });
  return report;
}

}  // namespace taskforge
