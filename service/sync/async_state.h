// The state that a Promise shares with its AsyncResults. Nothing here is for others.
#ifndef TASKFORGE_SYNC_ASYNC_STATE_H_
#define TASKFORGE_SYNC_ASYNC_STATE_H_

#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/ref.h"
#include "sync/event_count.h"

namespace taskforge {

template <typename T>
class AsyncResult;

namespace async_internal {

template <typename T>
using Outcome = std::conditional_t<std::is_void_v<T>, absl::Status, absl::StatusOr<T>>;

// What then() makes of a return type.
template <typename R>
struct Unwrapped {
  using type = std::decay_t<R>;
};
template <>
struct Unwrapped<absl::Status> {
  using type = void;
};
template <typename U>
struct Unwrapped<absl::StatusOr<U>> {
  using type = U;
};
template <typename U>
struct Unwrapped<AsyncResult<U>> {
  using type = U;
};

template <typename R>
struct IsAsync : std::false_type {};
template <typename U>
struct IsAsync<AsyncResult<U>> : std::true_type {};

template <typename F, typename T>
struct Invoked {
  using type = std::invoke_result_t<F&, const T&>;
};
template <typename F>
struct Invoked<F, void> {
  using type = std::invoke_result_t<F&>;
};

inline const absl::Status& StatusIn(const absl::Status& outcome) { return outcome; }
template <typename T>
const absl::Status& StatusIn(const absl::StatusOr<T>& outcome) {
  return outcome.status();
}

// UNKNOWN, with what() if it has one.
absl::Status StatusOf(const std::exception_ptr& exception);

// The part that does not depend on the type. Thread-safe.
class StateBase {
 public:
  using Work = absl::AnyInvocable<void() &&>;

  // acquire: pairs with the exchange in Publish(); the outcome is visible.
  bool ready() const { return head_.load(std::memory_order_acquire) == &done_; }
  void WaitUntilReady();
  bool WaitFor(absl::Duration timeout);
  // Runs `work` once, when ready: now, or on the thread that publishes.
  void OnReady(Work work);

 protected:
  StateBase() = default;
  ~StateBase();

  // Marks it ready, wakes who waits and runs the continuations in the order in which they came.
  // REQUIRES: called once; the caller holds a reference.
  void Publish();

 private:
  struct Continuation {
    Work work;
    Continuation* next = nullptr;
  };

  bool WaitUntil(MonoTime deadline);

  // The state: the newest continuation (or null) while pending; &done_ once ready.
  std::atomic<Continuation*> head_{nullptr};
  Continuation done_;
  EventCount became_ready_;
};

// Thread-safe: the outcome is written once, before Publish(), and only read after ready().
template <typename T>
class State : public StateBase, public RefCounted<State<T>> {
 public:
  // REQUIRES: called once; the caller holds a reference.
  void Complete(Outcome<T> outcome, std::exception_ptr exception) {
    const Ref<State> hold(this);  // A continuation may drop every other reference.
    outcome_.emplace(std::move(outcome));
    exception_ = std::move(exception);
    Publish();
  }
  const Outcome<T>& Wait() {
    WaitUntilReady();
    return *outcome_;
  }

  // REQUIRES of all below: ready.
  const Outcome<T>& outcome() const { return *outcome_; }
  bool ok() const { return outcome_->ok(); }
  const absl::Status& status() const { return StatusIn(*outcome_); }
  const std::exception_ptr& exception() const { return exception_; }

 private:
  std::optional<Outcome<T>> outcome_;
  std::exception_ptr exception_;
};

}  // namespace async_internal
}  // namespace taskforge

#endif  // TASKFORGE_SYNC_ASYNC_STATE_H_
