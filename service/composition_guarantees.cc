#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "composition.h"
#include "rpc_front.h"
#include "store/disk_probe.h"

namespace taskforge {
namespace {

constexpr uint64_t kLeastShare = 4;  // As FreeSpace has it.

// What the disk does, or is, that makes less of the promise.
std::vector<std::string> CaveatsOf(const PersistenceOptions& options,
                                   const DurableStoreStats& stats,
                                   const absl::StatusOr<FileSystemFacts>& disk) {
  std::vector<std::string> caveats;
  if (stats.has_failed) {
    caveats.push_back("the disk failed: nothing is accepted any more, and the server ends");
  }
  if (options.accept_data_loss) {
    caveats.push_back(
        "store.accept_data_loss is on: a start goes on with what is left where the disk lost what "
        "was acknowledged, instead of refusing");
  }
  if (!disk.ok()) {
    caveats.push_back(std::string(disk.status().message()));
    return caveats;
  }
  if (disk->is_volatile) {
    caveats.push_back(absl::StrCat("the data directory is on ", disk->kind,
                                   ", which is memory: it survives no restart of the machine"));
  }
  if (disk->is_network) {
    caveats.push_back(absl::StrCat("the data directory is on ", disk->kind,
                                   ": whether a sync reaches a disk is up to what serves it"));
  }
  const absl::Duration median = absl::Nanoseconds(stats.engine.sync_time.Quantile(0.5));
  if (!disk->is_volatile && stats.engine.syncs > 0 && median < LeastHonestSync()) {
    caveats.push_back(absl::StrCat(
        "a sync takes ", absl::FormatDuration(median),
        ", faster than any disk can keep what it is told: it may not survive a loss of power"));
  }
  const uint64_t least = std::min<uint64_t>(options.min_free_bytes, disk->size_bytes / kLeastShare);
  if (disk->free_bytes < least) {
    caveats.push_back(absl::StrCat("the disk has ", disk->free_bytes >> 20, " MiB left, and below ",
                                   least >> 20, " new tasks are refused (store.min_free_bytes)"));
  }
  return caveats;
}

}  // namespace

ServerGuarantees Composition::Guarantees() const {
  ServerGuarantees held;
  held.durability = storage_.default_durability();
  held.best_durability = storage_.best_durability();
  held.not_durable = storage_.NotDurable(live_.Counts());
  held.succeeded_ttl = config_.lifecycle.succeeded_ttl;
  held.failed_ttl = config_.lifecycle.failed_ttl;
  held.request_id_ttl = config_.intake.request_id_ttl;
  held.max_lost_attempts = config_.lifecycle.max_lost_attempts;
  for (const Priority priority : kPriorities) {
    held.waiting_bounds[priority] = pool_.StarvationBound(priority, 0);
  }
  const std::optional<DurableStoreStats> stats = storage_.DiskStats();
  if (!stats.has_value()) return held;
  const absl::StatusOr<FileSystemFacts> disk = LookAtFileSystem(storage_.persistence()->path());
  held.disk = {disk.ok() ? disk->kind : "", stats->engine.sync_time,
               config_.persistence.store.flush_interval};
  held.caveats = CaveatsOf(config_.persistence, *stats, disk);
  return held;
}

void Composition::BackupStore(std::string name, StoreBackups::Callback done) {
  if (storage_.is_durable()) {
    return storage_.persistence()->backups().Make(std::move(name), std::move(done));
  }
  std::move(done)(ReasonError(absl::StatusCode::kFailedPrecondition, "BACKUPS_OFF",
                              "this server keeps all in memory, so there is nothing to copy: it "
                              "needs a data directory (data_dir)"));
}

AuditCounts Composition::Counts() const {
  AuditCounts counts;
  counts.intake = intake_.Counts();
  counts.recovered = recovered_.tasks();
  counts.ended = lifecycle_.ended();
  return counts;
}

}  // namespace taskforge
