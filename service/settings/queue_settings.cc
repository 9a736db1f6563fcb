#include "settings/queue_settings.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/error.h"
#include "settings/queue_codec.h"
#include "task/task_types.h"

namespace taskforge {
namespace {

constexpr char kPrefix[] = "queue/";

// Limits and defaults of one, and what was done to the other.
QueueOptions Join(const QueueOptions& settings, const QueueOptions& acts) {
  QueueOptions joined = settings;
  joined.name = acts.name;
  joined.is_paused = acts.is_paused;
  joined.paused = acts.paused;
  joined.resumed = acts.resumed;
  joined.purged = acts.purged;
  joined.purged_tasks = acts.purged_tasks;
  return joined;
}

bool HaveSameSettings(const QueueOptions& one, const QueueOptions& other) {
  return Join(one, other) == other;
}

// What was asked for was done; what could not be written is said.
absl::Status NotKept(const std::string& queue, const absl::Status& why) {
  return WithDetails(
      absl::Status(why.code(),
                   absl::StrCat("queue \"", queue,
                                "\" is changed, but that could not be kept and is forgotten at "
                                "the next start; do it again: ",
                                why.message())),
      DetailsOf(why));
}

}  // namespace

QueueSettings::QueueSettings(TaskQueues& queues, const std::vector<QueueOptions>& configured,
                             SettingsStore* store)
    : queues_(queues), store_(store) {
  for (const QueueOptions& queue : configured) configured_.emplace(queue.name, queue);
}

absl::StatusOr<QueueSettings::Report> QueueSettings::Recover() {
  Report report;
  if (store_ == nullptr) return report;
  const absl::StatusOr<std::vector<Setting>> kept = store_->ReadSettings(kPrefix);
  if (!kept.ok()) return kept.status();
  for (const Setting& setting : *kept) {
    const absl::Status status =
        RestoreOne(absl::StripPrefix(setting.key, kPrefix), setting.value, report);
    if (!status.ok()) return status;
  }
  return report;
}

absl::Status QueueSettings::RestoreOne(absl::string_view name, absl::string_view bytes,
                                       Report& report) {
  absl::StatusOr<KeptQueue> kept = DecodeQueue(name, bytes);
  if (!kept.ok()) return kept.status();
  QueueOptions options = std::move(kept->now);
  const auto it = configured_.find(name);
  if (it != configured_.end() &&
      !(kept->configured.has_value() && HaveSameSettings(*kept->configured, it->second))) {
    options = Join(it->second, options);
    report.reconfigured.push_back(options.name);
  }
  report.restored.push_back(options.name);
  if (options.is_paused) report.paused.push_back(options.name);
  const absl::Status status = queues_.Restore(std::move(options));
  if (status.ok()) return status;
  return absl::FailedPreconditionError(absl::StrCat("the data directory has a queue \"", name,
                                                    "\" that can't be made: ", status.message(),
                                                    "; configure fewer others"));
}

void QueueSettings::Keep(const std::string& queue, absl::AnyInvocable<void(absl::Status) &&> done) {
  if (store_ == nullptr) return std::move(done)(absl::OkStatus());
  auto tell = [queue, done = std::move(done)](const absl::Status& status) mutable {
    std::move(done)(status.ok() ? status : NotKept(queue, status));
  };
  MutexLock lock(mu_);
  absl::StatusOr<QueueStats> stats = queues_.Get(queue);
  std::string value;  // Empty: it is gone.
  if (stats.ok()) {
    KeptQueue kept{std::move(stats->options), std::nullopt};
    const auto it = configured_.find(queue);
    if (it != configured_.end()) kept.configured = it->second;
    value = EncodeQueue(kept);
  }
  store_->WriteSettings({{absl::StrCat(kPrefix, queue), std::move(value)}}, std::move(tell));
}

}  // namespace taskforge
