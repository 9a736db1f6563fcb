// One attempt at a task, in its three views: Attempt, which the handler reads; StopToken, by which
// it is asked to stop; Completion, by which it says how the attempt ended.
#ifndef TASKFORGE_HANDLERS_ATTEMPT_H_
#define TASKFORGE_HANDLERS_ATTEMPT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/ref.h"
#include "task/running_attempt.h"
#include "task/task_types.h"

namespace taskforge {

// What a handler has to say: the output, or why there is none.
using HandlerResult = std::variant<Payload, TaskError>;

// What the three views share. Whoever runs attempts derives from it. Thread-safe.
class AttemptState : public RunningAttempt {
 public:
  // How an attempt ends, from the handler's side.
  struct End {
    HandlerResult result;
    bool lost = false;
  };

  // The first reason counts. Calls what OnStop() left, without a lock held.
  void RequestStop(StopReason reason) final ABSL_LOCKS_EXCLUDED(mu_);
  StopReason stop_reason() const { return stop_reason_.load(std::memory_order_acquire); }
  // See StopToken::OnStop.
  void OnStop(absl::AnyInvocable<void(StopReason) &&> callback) ABSL_LOCKS_EXCLUDED(mu_);

  // Ends the attempt. False when it had ended before: then `end` is dropped, and counted.
  virtual bool Finish(End end) = 0;
  virtual void ReportProgress(Progress progress) = 0;

  virtual std::string task_name() const = 0;
  virtual const TaskSpecPtr& shared_spec() const = 0;
  virtual int number() const = 0;
  virtual uint64_t boot_epoch() const = 0;
  virtual MonoTime stop_time() const = 0;

 protected:
  // Forgets what OnStop() left. REQUIRES: the attempt has ended.
  void DropStopCallbacks() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using StopCallback = absl::AnyInvocable<void(StopReason) &&>;

  std::atomic<StopReason> stop_reason_{StopReason::kNone};
  // Whether OnStop() was ever called: the end of most attempts then needs no lock.
  std::atomic<bool> has_callbacks_{false};
  Mutex mu_;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<StopCallback> callbacks_ ABSL_GUARDED_BY(mu_);
};

// Says that a handler should stop: because of a cancel, a time-out, a deadline or the server's end.
// A copy is cheap. Thread-safe.
class StopToken {
 public:
  explicit StopToken(Ref<AttemptState> state) : state_(std::move(state)) {}

  bool stop_requested() const { return reason() != StopReason::kNone; }
  StopReason reason() const { return state_->stop_reason(); }
  // Calls `callback` once when a stop is requested: at once if it has been, else on the thread that
  // requests it. Dropped uncalled when the attempt ends before. The callback must be short, must
  // not throw, and owns what it touches; to own a Completion it must do so weakly.
  void OnStop(absl::AnyInvocable<void(StopReason) &&> callback) const {
    state_->OnStop(std::move(callback));
  }

 private:
  Ref<AttemptState> state_;
};

// What a handler gets. A copy is cheap and may outlive the attempt. Thread-safe.
class Attempt {
 public:
  explicit Attempt(Ref<AttemptState> state) : state_(std::move(state)) {}

  const TaskSpec& spec() const { return *state_->shared_spec(); }
  const TaskSpecPtr& shared_spec() const { return state_->shared_spec(); }
  const Payload& input() const { return spec().input; }
  const std::string& request_id() const { return spec().origin->request_id; }
  // Of the call that submitted the task: what a handler sends on with its own calls. Empty: none.
  const std::string& traceparent() const { return spec().origin->traceparent; }
  const std::string& x_request_id() const { return spec().origin->x_request_id; }
  std::string task_name() const { return state_->task_name(); }
  // From 1. With the task's name, what a handler needs to notice that it runs again.
  int number() const { return state_->number(); }
  Fence fence() const { return {state_->task_name(), state_->boot_epoch(), state_->number()}; }
  // When it is asked to stop, by run_timeout or deadline; MonoTime::Max(): never.
  MonoTime stop_time() const { return state_->stop_time(); }
  StopToken stop() const { return StopToken(state_); }
  StopReason stop_reason() const { return state_->stop_reason(); }
  bool stop_requested() const { return state_->stop_reason() != StopReason::kNone; }
  // Shown in the task while it runs. Ignored once the attempt has ended.
  void ReportProgress(Progress progress) const { state_->ReportProgress(std::move(progress)); }

 private:
  Ref<AttemptState> state_;
};

// Ends an attempt: one of the functions is called once, from any thread, before or after Start()
// has returned. A completion that is dropped uncalled ends it as FAILED, reason LOST. Each returns
// whether it was this call that ended the attempt: false when a time-out had, and then the result
// is refused. Not thread-safe: it has one owner.
class Completion {
 public:
  Completion() = default;  // Owns nothing.
  explicit Completion(Ref<AttemptState> state) : state_(std::move(state)) {}
  Completion(Completion&&) noexcept = default;
  Completion& operator=(Completion&& other) noexcept;
  ~Completion();

  bool Succeed(Payload output) { return End({std::move(output)}); }
  bool Fail(TaskError error) { return End({std::move(error)}); }
  bool Finish(HandlerResult result) { return End({std::move(result)}); }
  // For who runs attempts elsewhere: they were taken (by a lost connection or lease), the handler
  // is not to blame, and the task runs again.
  bool Lose(absl::string_view why);

  bool owns() const { return static_cast<bool>(state_); }

 private:
  bool End(AttemptState::End end) {
    const Ref<AttemptState> state = std::move(state_);
    return state->Finish(std::move(end));
  }

  Ref<AttemptState> state_;
};

}  // namespace taskforge

#endif  // TASKFORGE_HANDLERS_ATTEMPT_H_
