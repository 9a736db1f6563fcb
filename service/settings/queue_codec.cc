#include "settings/queue_codec.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "store/stored_values.h"
#include "stored.pb.h"

namespace taskforge {
namespace {

using store::StoredQueue;
using store::StoredQueueAct;
using store::StoredQueueSettings;
using ::taskforge::Decode;  // The overloads here would hide them.
using ::taskforge::Encode;

// Stored numbers are the API's, where 0 is nothing.
constexpr int kPriorityStep = 10;
constexpr int kDurabilityCount = static_cast<int>(Durability::kDurable) + 1;

void Encode(const QueueOptions& options, StoredQueueSettings& out) {
  out.set_max_tasks(options.max_tasks);
  out.set_max_bytes(options.max_bytes);
  if (options.default_priority.has_value()) {
    out.set_default_priority((static_cast<int>(Index(*options.default_priority)) + 1) *
                             kPriorityStep);
  }
  const QueueTaskDefaults& defaults = options.task_defaults;
  out.set_default_durability(static_cast<int>(defaults.durability));
  SetFinite(defaults.queue_timeout, out, &StoredQueueSettings::set_default_queue_timeout_ns);
  SetFinite(defaults.run_timeout, out, &StoredQueueSettings::set_default_run_timeout_ns);
  if (defaults.retry != RetryPolicy()) Encode(defaults.retry, *out.mutable_default_retry());
}

bool Decode(const StoredQueueSettings& stored, QueueOptions& options) {
  options.max_tasks = stored.max_tasks();
  options.max_bytes = stored.max_bytes();
  const int priority = stored.default_priority();
  if (priority != 0) {
    if (priority < 0 || priority % kPriorityStep != 0) return false;
    const size_t index = static_cast<size_t>(priority / kPriorityStep) - 1;
    if (index >= kPriorityCount) return false;
    options.default_priority = kPriorities[index];
  }
  const int durability = stored.default_durability();
  if (durability < 0 || durability >= kDurabilityCount) return false;
  QueueTaskDefaults& defaults = options.task_defaults;
  defaults.durability = static_cast<Durability>(durability);
  defaults.queue_timeout = DurationOr(stored.has_default_queue_timeout_ns(),
                                      stored.default_queue_timeout_ns(), absl::InfiniteDuration());
  defaults.run_timeout = DurationOr(stored.has_default_run_timeout_ns(),
                                    stored.default_run_timeout_ns(), absl::InfiniteDuration());
  if (stored.has_default_retry()) defaults.retry = Decode(stored.default_retry());
  return true;
}

void Encode(const QueueAct& act, StoredQueueAct* (StoredQueue::*mutable_act)(), StoredQueue& out) {
  if (!IsFinite(act.time)) return;  // It never was done.
  StoredQueueAct& stored = *(out.*mutable_act)();
  stored.set_time(Stored(act.time));
  stored.set_reason(act.reason);
}

QueueAct Decode(bool has, const StoredQueueAct& stored) {
  if (!has) return {};
  return {absl::FromUnixNanos(stored.time()), stored.reason()};
}

}  // namespace

std::string EncodeQueue(const KeptQueue& queue) {
  StoredQueue out;
  Encode(queue.now, *out.mutable_settings());
  if (queue.configured.has_value()) Encode(*queue.configured, *out.mutable_configured());
  out.set_is_paused(queue.now.is_paused);
  Encode(queue.now.paused, &StoredQueue::mutable_last_pause, out);
  Encode(queue.now.resumed, &StoredQueue::mutable_last_resume, out);
  Encode(queue.now.purged, &StoredQueue::mutable_last_purge, out);
  out.set_purged_tasks(queue.now.purged_tasks);
  return out.SerializeAsString();
}

absl::StatusOr<KeptQueue> DecodeQueue(absl::string_view name, absl::string_view bytes) {
  StoredQueue stored;
  KeptQueue queue;
  queue.now.name = std::string(name);
  bool is_sound = stored.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
                  Decode(stored.settings(), queue.now);
  if (is_sound && stored.has_configured()) {
    queue.configured.emplace().name = std::string(name);
    is_sound = Decode(stored.configured(), *queue.configured);
  }
  if (!is_sound) {
    return absl::DataLossError(
        absl::StrCat("the store holds damaged settings of queue \"", name, "\""));
  }
  queue.now.is_paused = stored.is_paused();
  queue.now.paused = Decode(stored.has_last_pause(), stored.last_pause());
  queue.now.resumed = Decode(stored.has_last_resume(), stored.last_resume());
  queue.now.purged = Decode(stored.has_last_purge(), stored.last_purge());
  queue.now.purged_tasks = stored.purged_tasks();
  return queue;
}

}  // namespace taskforge
