#include "handlers/attempt.h"

#include "absl/strings/str_cat.h"

namespace taskforge {

void AttemptState::RequestStop(StopReason reason) {
  std::vector<StopCallback> callbacks;
  {
    MutexLock lock(mu_);
    if (ended_ || stop_reason_.load(std::memory_order_relaxed) != StopReason::kNone) return;
    // release: pairs with the acquire in stop_reason().
    stop_reason_.store(reason, std::memory_order_release);
    callbacks.swap(callbacks_);
  }
  for (StopCallback& callback : callbacks) std::move(callback)(reason);
}

void AttemptState::OnStop(StopCallback callback) {
  StopReason reason = StopReason::kNone;
  {
    MutexLock lock(mu_);
    reason = stop_reason_.load(std::memory_order_relaxed);
    if (reason == StopReason::kNone) {
      // seq_cst: pairs with DropStopCallbacks, which runs after the attempt was marked as ended by
      // a read-modify-write; a callback that it does not see is dropped with this object.
      has_callbacks_.store(true);
      if (!ended_) callbacks_.push_back(std::move(callback));
      return;
    }
  }
  std::move(callback)(reason);
}

void AttemptState::DropStopCallbacks() {
  if (!has_callbacks_.load()) return;
  std::vector<StopCallback> dropped;  // Destroyed without the lock: they may own anything.
  MutexLock lock(mu_);
  ended_ = true;
  dropped.swap(callbacks_);
}

Completion& Completion::operator=(Completion&& other) noexcept {
  Completion dropped(std::move(*this));  // What this owned until now.
  state_ = std::move(other.state_);
  return *this;
}

Completion::~Completion() {
  if (!state_) return;
  TaskError error;
  error.code = absl::StatusCode::kInternal;
  error.reason = "LOST";
  error.message = "the handler dropped its completion: it ended without a result";
  End({std::move(error)});
}

bool Completion::Lose(absl::string_view why) {
  TaskError error;
  error.code = absl::StatusCode::kUnavailable;
  error.reason = "LOST";
  error.message = std::string(why);
  return End({std::move(error), /*lost=*/true});
}

}  // namespace taskforge
