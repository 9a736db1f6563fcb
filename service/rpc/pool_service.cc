#include "rpc/pool_service.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "rpc/convert.h"
#include "rpc/paging.h"

namespace taskforge {
namespace {

using ::taskforge::ToProto;  // The overloads here would hide it.

constexpr absl::Duration kMinInterval = absl::Milliseconds(100);
constexpr absl::Duration kMaxInterval = absl::Minutes(1);
constexpr absl::Duration kDefaultInterval = absl::Seconds(1);

void NanosToProto(double ns, google::protobuf::Duration& out) {
  ToProto(absl::Nanoseconds(ns), out);
}

void ToProto(const PoolSettings& settings, v1::PoolSettings& out) {
  out.set_min_threads(settings.min_threads);
  out.set_max_threads(settings.max_threads);
  ToProto(settings.idle_timeout, *out.mutable_idle_timeout());
  out.set_allow_growth(settings.allow_growth);
  out.set_default_priority(ToProto(settings.default_priority));
  out.set_capacity(settings.capacity);
  v1::ReservedCapacity& reserved = *out.mutable_reserved_capacity();
  reserved.set_critical(settings.reserved_capacity.critical);
  reserved.set_high(settings.reserved_capacity.high);
  reserved.set_normal(settings.reserved_capacity.normal);
}

void ToProto(Priority priority, const PoolPriorityStats& stats, uint64_t waiting_in_queues,
             v1::PoolPriority& out) {
  out.set_priority(ToProto(priority));
  out.set_queued(stats.queued + waiting_in_queues);
  out.set_running(stats.running);
  out.set_completed(stats.completed);
  out.set_guaranteed_slots(stats.guaranteed_slots);
  NanosToProto(stats.waits.Mean(), *out.mutable_wait_mean());
  NanosToProto(static_cast<double>(stats.waits.Quantile(0.5)), *out.mutable_wait_p50());
  NanosToProto(static_cast<double>(stats.waits.Quantile(0.99)), *out.mutable_wait_p99());
  NanosToProto(stats.runs.Mean(), *out.mutable_run_mean());
  NanosToProto(static_cast<double>(stats.runs.Quantile(0.5)), *out.mutable_run_p50());
  NanosToProto(static_cast<double>(stats.runs.Quantile(0.99)), *out.mutable_run_p99());
}

v1::ThreadState ToProto(ThreadState state) {
  switch (state) {
    case ThreadState::kIdle:
      return v1::THREAD_STATE_IDLE;
    case ThreadState::kBusy:
      return v1::THREAD_STATE_BUSY;
    case ThreadState::kBlocked:
      return v1::THREAD_STATE_BLOCKED;
    case ThreadState::kAbandoned:
      return v1::THREAD_STATE_ABANDONED;
  }
  return v1::THREAD_STATE_UNSPECIFIED;
}

v1::ResizeReason ToProto(ScalingReason reason) {
  switch (reason) {
    case ScalingReason::kNone:
      break;
    case ScalingReason::kStart:
      return v1::RESIZE_REASON_START;
    case ScalingReason::kSettings:
      return v1::RESIZE_REASON_SETTINGS;
    case ScalingReason::kAllBlocked:
      return v1::RESIZE_REASON_ALL_BLOCKED;
    case ScalingReason::kPartlyBlocked:
      return v1::RESIZE_REASON_PARTLY_BLOCKED;
    case ScalingReason::kQueueWait:
      return v1::RESIZE_REASON_QUEUE_WAIT;
    case ScalingReason::kStalled:
      return v1::RESIZE_REASON_STALLED;
    case ScalingReason::kIdle:
      return v1::RESIZE_REASON_IDLE;
    case ScalingReason::kAbandoned:
      return v1::RESIZE_REASON_ABANDONED;
  }
  return v1::RESIZE_REASON_UNSPECIFIED;
}

void ToProto(const PoolThreadStats& thread, MonoTime now, v1::PoolThread& out) {
  out.set_seat(thread.seat);
  out.set_tid(thread.tid);
  out.set_state(ToProto(thread.state));
  NanosToProto(static_cast<double>(now - thread.since), *out.mutable_since());
  if (thread.state != ThreadState::kIdle) out.set_priority(ToProto(thread.priority));
  out.set_dispatches(thread.dispatches);
  for (int cpu : thread.cpus) out.add_cpus(cpu);
}

void ToProto(const PoolView& view, v1::Pool& out) {
  const PoolStats& stats = view.stats;
  ToProto(stats.settings, *out.mutable_settings());
  out.set_busy_threads(stats.busy);
  out.set_idle_threads(stats.idle);
  out.set_blocked_threads(stats.blocked);
  out.set_threads(stats.threads);
  out.set_peak_threads(stats.peak);
  out.set_target_threads(stats.target);
  out.set_dispatches(stats.dispatches);
  out.set_submitted(stats.submitted);
  out.set_completed(stats.completed);
  for (Priority priority : kPriorities) {
    ToProto(priority, stats.priorities[priority], view.waiting_in_queues[priority],
            *out.add_priorities());
  }
  for (const PoolThreadStats& thread : stats.thread_list) {
    ToProto(thread, stats.now, *out.add_thread_list());
  }
  out.set_slots(stats.slots);
  out.set_seats(stats.seats);
  out.set_abandoned_threads(stats.abandoned);
  out.set_cpu_limit_cores(view.cpu_limit_cores);
  out.set_resizes(stats.resizes.total);
  out.set_thread_creation_failures(stats.thread_creation_failures);
  out.set_exceptions(stats.exceptions);
  out.set_overloaded(stats.overloaded);
}

// Takes the reserves that `path` names into the change; false: it names none.
bool TakeReserves(const std::string& path, const v1::ReservedCapacity& reserved,
                  PoolUpdate& update) {
  constexpr absl::string_view kField = "reserved_capacity";
  const std::pair<Priority, uint64_t> reserves[] = {{Priority::kCritical, reserved.critical()},
                                                    {Priority::kHigh, reserved.high()},
                                                    {Priority::kNormal, reserved.normal()}};
  bool is_known = false;
  for (const auto& [priority, places] : reserves) {
    if (path != kField && path != absl::StrCat(kField, ".", Name(priority))) continue;
    update.reserved_capacity[priority] = places;
    is_known = true;
  }
  return is_known;
}

// The change that a request asks for.
PoolUpdate UpdateFrom(const v1::UpdatePoolRequest& request, Violations& violations) {
  const v1::PoolSettings& settings = request.settings();
  PoolUpdate update;
  if (request.update_mask().paths().empty()) {
    violations.Add("update_mask", "required: which fields to change, for example min_threads");
  }
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "min_threads") {
      update.min_threads = settings.min_threads();
    } else if (path == "max_threads") {
      update.max_threads = settings.max_threads();
    } else if (path == "idle_timeout") {
      update.idle_timeout =
          DurationFromProto(settings.idle_timeout(), "settings.idle_timeout", violations);
    } else if (path == "allow_growth") {
      update.allow_growth = settings.allow_growth();
    } else if (path == "default_priority") {
      update.default_priority =
          PriorityFromProto(settings.default_priority(), "settings.default_priority", violations);
      if (settings.default_priority() == v1::PRIORITY_UNSPECIFIED) {
        violations.Add("settings.default_priority", "required, since update_mask names it");
      }
    } else if (path == "capacity") {
      update.capacity = settings.capacity();
    } else if (!TakeReserves(path, settings.reserved_capacity(), update)) {
      violations.Add("update_mask",
                     absl::StrCat("unknown field \"", path,
                                  "\"; want min_threads, max_threads, idle_timeout, allow_growth, "
                                  "default_priority, capacity or reserved_capacity"));
    }
  }
  return update;
}

// The pool calls its fields `pool.<name>`; in this request they are `settings.<name>`.
absl::Status InTermsOfRequest(const absl::Status& status) {
  ErrorDetails details = DetailsOf(status);
  if (details.field_violations.empty()) return status;
  for (FieldViolation& violation : details.field_violations) {
    if (violation.field.compare(0, 5, "pool.") == 0) violation.field.replace(0, 4, "settings");
  }
  return InvalidArgument(std::move(details.field_violations));
}

// What wakes a WatchPool.
struct PoolWatch : RefCounted<PoolWatch> {
  Wakeup wakeup;
  std::atomic<bool> over{false};
};

}  // namespace

void PoolService::AddTo(MethodList& methods) {
  methods.Add(kName, "GetPool", generated_, &Generated::RequestGetPool, *this,
              &PoolService::GetPool);
  methods.Add(kName, "WatchPool", generated_, &Generated::RequestWatchPool, *this,
              &PoolService::WatchPool);
  methods.Add(kName, "UpdatePool", generated_, &Generated::RequestUpdatePool, *this,
              &PoolService::UpdatePool);
  methods.Add(kName, "SetThreadAffinity", generated_, &Generated::RequestSetThreadAffinity, *this,
              &PoolService::SetThreadAffinity);
  methods.Add(kName, "ListPoolResizes", generated_, &Generated::RequestListPoolResizes, *this,
              &PoolService::ListPoolResizes);
}

Reply PoolService::GetPool(UnaryCall<v1::GetPoolRequest, v1::Pool>& call) {
  ToProto(pool_.View(), call.response());
  co_return absl::OkStatus();
}

Reply PoolService::WatchPool(ServerStreamCall<v1::WatchPoolRequest, v1::Pool>& call) {
  Violations violations;
  absl::Duration interval = kDefaultInterval;
  if (call.request().has_interval()) {
    interval = DurationFromProto(call.request().interval(), "interval", violations)
                   .value_or(kDefaultInterval);
    if (interval < kMinInterval || interval > kMaxInterval) {
      violations.Add("interval", "want 100 ms to 1 min");
    }
  }
  if (!violations.empty()) co_return violations.TakeStatus();
  auto watch = MakeRef<PoolWatch>();
  call.OnEnd([watch](Call::End) {
    watch->over.store(true, std::memory_order_release);  // release: pairs with the acquire below.
    watch->wakeup.Set();
  });
  Wakeup& wakeup = watch->wakeup;
  v1::Pool pool;
  while (!watch->over.load(std::memory_order_acquire)) {
    pool.Clear();
    ToProto(pool_.View(), pool);
    auto write = call.Write(pool);
    if (!co_await write) break;
    const TimerId timer =
        timer_.ScheduleAt(clock_.Monotonic() + interval, [watch] { watch->wakeup.Set(); });
    co_await wakeup;
    timer_.Cancel(timer);
  }
  co_return absl::CancelledError("the watch ended");
}

Reply PoolService::UpdatePool(UnaryCall<v1::UpdatePoolRequest, v1::Pool>& call) {
  Violations violations;
  const PoolUpdate update = UpdateFrom(call.request(), violations);
  if (!violations.empty()) co_return violations.TakeStatus();
  const absl::Status status = pool_.Update(update);
  if (!status.ok()) co_return InTermsOfRequest(status);
  ToProto(pool_.View(), call.response());
  co_return absl::OkStatus();
}

Reply PoolService::SetThreadAffinity(UnaryCall<v1::SetThreadAffinityRequest, v1::Pool>& call) {
  const auto& cpus = call.request().cpus();
  const absl::Status status =
      pool_.SetThreadAffinity(call.request().seat(), {cpus.begin(), cpus.end()});
  if (!status.ok()) co_return status;
  ToProto(pool_.View(), call.response());
  co_return absl::OkStatus();
}

Reply PoolService::ListPoolResizes(
    UnaryCall<v1::ListPoolResizesRequest, v1::ListPoolResizesResponse>& call) {
  Violations violations;
  const int page_size = PageSizeFrom(call.request().page_size(), violations);
  uint64_t before = 0;
  if (!call.request().page_token().empty()) {
    const std::optional<std::string> key = KeyOfPageToken(call.request().page_token());
    if (!key.has_value() || !absl::SimpleAtoi(*key, &before) || before == 0) {
      violations.Add("page_token", "not a token of this list");
    }
  }
  if (!violations.empty()) co_return violations.TakeStatus();
  // One more than a page tells whether there is another one.
  const std::vector<ResizeEvent> events = pool_.Resizes(static_cast<size_t>(page_size) + 1, before);
  for (size_t i = 0; i < events.size() && i < static_cast<size_t>(page_size); ++i) {
    v1::PoolResize& resize = *call.response().add_resizes();
    ToProto(events[i].time, *resize.mutable_time());
    resize.set_from_threads(events[i].from);
    resize.set_to_threads(events[i].to);
    resize.set_reason(ToProto(events[i].reason));
  }
  if (events.size() > static_cast<size_t>(page_size)) {
    const uint64_t last = events[static_cast<size_t>(page_size) - 1].number;
    call.response().set_next_page_token(PageTokenOf(absl::StrCat(last)));
  }
  co_return absl::OkStatus();
}

}  // namespace taskforge
