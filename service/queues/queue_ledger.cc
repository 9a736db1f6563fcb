#include "queues/queue_ledger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace taskforge {
namespace {

// Who is refused comes again when this share of the limit has come back, not for one place: else
// all who wait would come for each.
constexpr double kWantedShare = 0.01;

absl::Status Full(absl::string_view reason, const std::string& queue, const std::string& usage,
                  absl::string_view limit, absl::Duration retry_after) {
  ErrorDetails details;
  details.reason = std::string(reason);
  details.metadata["queue"] = queue;
  details.quota_violations.push_back({absl::StrCat("queues/", queue), usage});
  details.retry_after = retry_after;
  return WithDetails(
      absl::ResourceExhaustedError(absl::StrCat("queue \"", queue, "\" is full: ", usage,
                                                " (queues.", queue, ".", limit, ")")),
      details);
}

}  // namespace

QueueLedger::QueueLedger(QueueOptions options, size_t index, uint64_t number, EpochDomain& epochs)
    : name_(options.name),
      index_(index),
      number_(number),
      epochs_(epochs),
      options_(std::move(options)) {
  MutexLock lock(mu_);
  Apply();
}

QueueLedger::~QueueLedger() {
  if (const SharedTaskDefaults* const last = task_defaults_.Get()) last->Release();
}

QueueOptions QueueLedger::options() const {
  MutexLock lock(mu_);
  return options_;
}

std::optional<Priority> QueueLedger::default_priority() const {
  const int priority = default_priority_.load(std::memory_order_relaxed);
  if (priority == kNoPriority) return std::nullopt;
  return kPriorities[static_cast<size_t>(priority)];
}

void QueueLedger::Apply() {
  max_tasks_.store(options_.max_tasks, std::memory_order_relaxed);
  max_bytes_.store(options_.max_bytes, std::memory_order_relaxed);
  const std::optional<Priority>& priority = options_.default_priority;
  default_priority_.store(priority.has_value() ? static_cast<int>(Index(*priority)) : kNoPriority,
                          std::memory_order_relaxed);
  const SharedTaskDefaults* const now = task_defaults_.Get();
  const QueueTaskDefaults& wanted = options_.task_defaults;
  if ((now == nullptr ? QueueTaskDefaults() : now->values) == wanted) return;
  task_defaults_.Replace(wanted == QueueTaskDefaults() ? nullptr : new SharedTaskDefaults(wanted),
                         epochs_, [](void* old) {
                           if (old != nullptr) static_cast<SharedTaskDefaults*>(old)->Release();
                         });
}

size_t QueueLedger::tasks() const {
  const size_t tasks = tasks_.load(std::memory_order_relaxed);
  return tasks >= kClosed ? 0 : tasks;
}

std::optional<absl::Status> QueueLedger::Take(size_t bytes, const Clock& clock) {
  const size_t tasks = tasks_.fetch_add(1, std::memory_order_relaxed);
  if (tasks >= max_tasks_.load(std::memory_order_relaxed)) {
    tasks_.fetch_sub(1, std::memory_order_relaxed);
    if (tasks >= kClosed) return std::nullopt;
    return TasksFull(clock.Monotonic());
  }
  if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes >
      max_bytes_.load(std::memory_order_relaxed)) {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    tasks_.fetch_sub(1, std::memory_order_relaxed);
    return BytesFull(bytes, clock.Monotonic());
  }
  return absl::OkStatus();
}

void QueueLedger::GiveBack(size_t bytes) {
  given_back_tasks_.Add();
  given_back_bytes_.Add(bytes);
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  // release: pairs with the acquire in Close(), after which the ledger may go.
  tasks_.fetch_sub(1, std::memory_order_release);
}

bool QueueLedger::Close() {
  size_t none = 0;
  // acquire: pairs with the release in GiveBack().
  return tasks_.compare_exchange_strong(none, kClosed, std::memory_order_acquire,
                                        std::memory_order_relaxed);
}

absl::Status QueueLedger::TasksFull(MonoTime now) {
  const size_t limit = max_tasks_.load(std::memory_order_relaxed);
  const double wanted = std::max(1.0, kWantedShare * static_cast<double>(limit));
  absl::Duration retry_after;
  const uint64_t given_back = given_back_tasks_.Sum();
  {
    MutexLock lock(mu_);
    retry_after = task_rate_.RetryAfter(now, given_back, wanted);
  }
  // Others may have gone meanwhile, or the limit may have been lowered.
  return Full("QUEUE_FULL", name_.str(),
              absl::StrCat(std::max(tasks(), limit), " of ", limit, " tasks"), "max_tasks",
              retry_after);
}

absl::Status QueueLedger::BytesFull(size_t bytes, MonoTime now) {
  const size_t limit = max_bytes_.load(std::memory_order_relaxed);
  const double wanted =
      std::max(static_cast<double>(bytes), kWantedShare * static_cast<double>(limit));
  absl::Duration retry_after;
  const uint64_t given_back = given_back_bytes_.Sum();
  {
    MutexLock lock(mu_);
    retry_after = byte_rate_.RetryAfter(now, given_back, wanted);
  }
  return Full("BYTES_FULL", name_.str(),
              absl::StrCat(this->bytes(), " of ", limit, " bytes, ", bytes, " more are asked for"),
              "max_bytes", retry_after);
}

}  // namespace taskforge
