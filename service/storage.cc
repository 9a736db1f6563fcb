#include "storage.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace taskforge {
namespace {

uint64_t BootEpochOf(Persistence* persistence, const Clock& clock) {
  if (persistence != nullptr) return persistence->store().boot_epoch();
  return static_cast<uint64_t>(absl::ToUnixMicros(clock.Now()));
}

MemoryStoreOptions MemoryOptionsOf(const Config& config, uint64_t boot_epoch) {
  MemoryStoreOptions options = config.store;
  options.boot_epoch = boot_epoch;
  return options;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Persistence>> Storage::OpenPersistence(
    const Config& config, FileSystem& files, const Clock& clock,
    std::function<void(const absl::Status&)> on_failure) {
  if (!config.persistence.is_on()) return nullptr;
  PersistenceOptions options = config.persistence;
  options.store.request_id_ttl = config.intake.request_id_ttl;
  return Persistence::Open(options, files, clock, std::move(on_failure));
}

Storage::Storage(const Config& config, std::unique_ptr<Persistence> persistence, const Clock& clock,
                 Timer& timer)
    : default_durability_(persistence != nullptr ? config.persistence.default_durability
                                                 : Durability::kMemory),
      persistence_(std::move(persistence)),
      boot_epoch_(BootEpochOf(persistence_.get(), clock)),
      memory_(MemoryOptionsOf(config, boot_epoch_), clock, timer) {
  if (persistence_ != nullptr) router_.emplace(memory_, persistence_->store());
}

TaskStore& Storage::store() {
  if (router_.has_value()) return *router_;
  return memory_;
}

SettingsStore* Storage::settings() {
  return persistence_ == nullptr ? nullptr : &persistence_->store();
}

IntakeOptions Storage::Complete(IntakeOptions options) const {
  options.limits.best_durability = best_durability();
  options.defaults.durability = default_durability_;
  return options;
}

TaskQueuesOptions Storage::Complete(TaskQueuesOptions options) const {
  options.best_durability = best_durability();
  return options;
}

absl::StatusOr<RecoveryReport> Storage::Recover(const Recovery::Parts& parts,
                                                HandlerRegistry& handlers) {
  if (persistence_ == nullptr) return RecoveryReport();
  Recovery recovery(parts);
  absl::Status status = persistence_->store().Recover([&](Ref<TaskRecord> record) {
    const absl::string_view handler = record->spec->handler;
    // A worker that brings it may come any time. That it is a built-in's name was asked before.
    if (!handlers.Knows(handler)) (void)handlers.RegisterRemote(handler, "");
    recovery.Add(std::move(record));
  });
  if (status.ok()) status = recovery.Check();
  if (!status.ok()) return status;
  // Behind what has ended, too.
  parts.uuids.StartAfter(persistence_->store().greatest_uid());
  RecoveryReport report = recovery.Begin();
  report.damaged = persistence_->store().damaged_records();
  return report;
}

void Storage::Stop() {
  if (persistence_ != nullptr) persistence_->store().Stop();
}

TaskStoreStats Storage::Stats() const {
  TaskStoreStats stats = memory_.Stats();
  if (persistence_ == nullptr) return stats;
  const TaskStoreStats disk = persistence_->store().Stats();
  stats.appended += disk.appended;
  stats.completed += disk.completed;
  stats.deleted += disk.deleted;
  stats.errors += disk.errors;
  stats.live_records += disk.live_records;
  stats.finished_records += disk.finished_records;
  stats.finished_bytes += disk.finished_bytes;
  return stats;
}

std::optional<DurableStoreStats> Storage::DiskStats() const {
  if (persistence_ == nullptr) return std::nullopt;
  DurableStoreStats stats = persistence_->store().EngineStats();
  stats.free_bytes = persistence_->FreeBytes();
  return stats;
}

std::string Storage::NotDurable(const TaskCounts& living) const {
  const size_t results = memory_.Stats().finished_records;
  if (is_durable()) {
    return absl::StrCat("subscriptions, kept events, and what asked for MEMORY: ", living.in_memory,
                        " unfinished tasks and ", results, " results");
  }
  return absl::StrCat("everything: ", living.in_memory, " unfinished tasks and ", results,
                      " results are in memory only (data_dir is none)");
}

}  // namespace taskforge
