#include "pool/scaling_policy.h"

#include <algorithm>
#include <cmath>

namespace taskforge {
namespace {

// Below half a thread, what looks like sleep is noise of the measurement.
constexpr double kSleepNoise = 0.5;

bool IsWithin(const std::optional<MonoTime>& event, MonoTime now, absl::Duration hold) {
  return event.has_value() && now < *event + hold;
}

// Threads that keep all processors busy when so many of the busy ones are blocked.
int WantedThreads(const PoolSnapshot& snapshot, double blocked) {
  const double running_share = 1.0 - blocked / std::max(1, snapshot.busy);
  const double wanted = snapshot.cpus / std::max(running_share, 1e-3);
  // Rounded to the nearest: a little blocking must not count as a processor more.
  return static_cast<int>(std::min<double>(std::lround(wanted), PoolOptions::kMaxThreads)) + 1;
}

// Work waits and nobody free may take it.
ScalingAction DecideGrowth(const PoolSnapshot& snapshot, const ScalingOptions& options) {
  const int most = std::min(snapshot.max_threads, 2 * snapshot.threads);
  const auto grow_to = [&](int target, ScalingReason reason) {
    return ScalingAction{std::min(target, snapshot.max_threads), reason, false};
  };
  const ScalingAction stay{snapshot.threads, ScalingReason::kNone, false};

  if (snapshot.busy > 0 && snapshot.blocked >= snapshot.busy) {
    if (IsWithin(snapshot.last_growth, snapshot.now, options.tick)) return stay;
    return grow_to(most, ScalingReason::kAllBlocked);
  }

  const double sleeping = snapshot.sleeping < kSleepNoise ? 0.0 : snapshot.sleeping;
  const double blocked = std::min<double>(snapshot.blocked + sleeping, snapshot.busy);
  const bool processors_busy = snapshot.usage_known && snapshot.busy - blocked >= snapshot.cpus;
  if (snapshot.since_dispatch >= options.stall_timeout && !processors_busy) {
    if (IsWithin(snapshot.last_growth, snapshot.now, options.tick)) return stay;
    return grow_to(snapshot.threads + std::max(1, snapshot.threads / 2), ScalingReason::kStalled);
  }
  if (snapshot.contention > options.contention_limit) {
    return {snapshot.threads, ScalingReason::kNone, true};
  }
  const int wanted = WantedThreads(snapshot, blocked);
  if (snapshot.threads < wanted && snapshot.pressure >= options.queue_wait) {
    if (IsWithin(snapshot.last_shrink, snapshot.now, options.flip_hold)) return stay;
    if (IsWithin(snapshot.last_growth, snapshot.now, options.tick)) return stay;
    return grow_to(std::min(wanted, most),
                   blocked > 0 ? ScalingReason::kPartlyBlocked : ScalingReason::kQueueWait);
  }
  return stay;
}

}  // namespace

ScalingAction DecideScaling(const PoolSnapshot& snapshot, const ScalingOptions& options) {
  const int threads = snapshot.threads;
  if (threads < snapshot.min_threads) {
    return {snapshot.min_threads,
            snapshot.replaces_abandoned ? ScalingReason::kAbandoned : ScalingReason::kSettings,
            false};
  }
  // Of the threads that are left, one is idle while others are busy: it answers urgent work.
  const int idle_spared = snapshot.busy > 0 ? 1 : 0;
  if (threads > snapshot.max_threads) {
    const int retired =
        std::min(snapshot.idle_parked - idle_spared, threads - snapshot.max_threads);
    if (retired > 0) return {threads - retired, ScalingReason::kSettings, false};
  }

  const int idle = std::max(0, threads - snapshot.busy);
  const bool urgent = snapshot.waiting_urgent > 0;
  const bool waiting = urgent || snapshot.waiting_background > 0;
  const int may_take = urgent ? idle : std::min(idle, snapshot.background_places);
  if (waiting && may_take <= 0) {
    if (snapshot.allow_growth && threads < snapshot.max_threads) {
      return DecideGrowth(snapshot, options);
    }
    return {threads, ScalingReason::kNone, snapshot.contention > options.contention_limit};
  }

  const int too_many = threads - snapshot.min_threads;
  if (snapshot.idle_expired > 0 && too_many > 0 &&
      !IsWithin(snapshot.last_growth, snapshot.now, options.flip_hold)) {
    const int retired = std::min(
        {snapshot.idle_expired, snapshot.idle_parked - idle_spared, too_many, 1 + too_many / 32});
    if (retired > 0) return {threads - retired, ScalingReason::kIdle, false};
  }
  return {threads, ScalingReason::kNone, false};
}

}  // namespace taskforge
