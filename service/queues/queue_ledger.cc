#include "queues/queue_ledger.h"

#include <algorithm>

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

absl::Status QueueLedger::Take(size_t bytes, const Clock& clock) {
  if (tasks_.fetch_add(1, std::memory_order_relaxed) >= options_.max_tasks) {
    tasks_.fetch_sub(1, std::memory_order_relaxed);
    return TasksFull(clock.Monotonic());
  }
  if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes > options_.max_bytes) {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    tasks_.fetch_sub(1, std::memory_order_relaxed);
    return BytesFull(bytes, clock.Monotonic());
  }
  return absl::OkStatus();
}

void QueueLedger::GiveBack(size_t bytes) {
  tasks_.fetch_sub(1, std::memory_order_relaxed);
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  given_back_tasks_.Add();
  given_back_bytes_.Add(bytes);
}

absl::Status QueueLedger::TasksFull(MonoTime now) {
  const double wanted = std::max(1.0, kWantedShare * static_cast<double>(options_.max_tasks));
  absl::Duration retry_after;
  const uint64_t given_back = given_back_tasks_.Sum();
  {
    MutexLock lock(mu_);
    retry_after = task_rate_.RetryAfter(now, given_back, wanted);
  }
  return Full("QUEUE_FULL", options_.name,
              absl::StrCat(options_.max_tasks, " of ", options_.max_tasks, " tasks"), "max_tasks",
              retry_after);
}

absl::Status QueueLedger::BytesFull(size_t bytes, MonoTime now) {
  const double wanted =
      std::max(static_cast<double>(bytes), kWantedShare * static_cast<double>(options_.max_bytes));
  absl::Duration retry_after;
  const uint64_t given_back = given_back_bytes_.Sum();
  {
    MutexLock lock(mu_);
    retry_after = byte_rate_.RetryAfter(now, given_back, wanted);
  }
  return Full("BYTES_FULL", options_.name,
              absl::StrCat(std::min(this->bytes(), options_.max_bytes), " of ", options_.max_bytes,
                           " bytes, ", bytes, " more are asked for"),
              "max_bytes", retry_after);
}

}  // namespace taskforge
