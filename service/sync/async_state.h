// The state that a Promise shares with its AsyncResults. Nothing here is for others. The bodies are
// in sync/async_state_inl.h, which who uses AsyncResult need not see.
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
#include "sync/atomics.h"
#include "sync/event_count.h"

namespace taskforge {

template <typename T, typename Atomics>
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
template <typename U, typename Atomics>
struct Unwrapped<AsyncResult<U, Atomics>> {
  using type = U;
};

template <typename R>
struct IsAsync : std::false_type {};
template <typename U, typename Atomics>
struct IsAsync<AsyncResult<U, Atomics>> : std::true_type {};

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

// What waits for a result.
using Work = absl::AnyInvocable<void() &&>;

// Runs `work`; after what this thread runs now, if that is nested deeply. So a chain of results,
// each set by a continuation of the one before, may have any length.
void RunContinuation(Work work);

// The part that does not depend on the type. Thread-safe.
template <typename Atomics>
class StateBase {
 public:
  // acquire: pairs with the exchange in Publish(); the outcome is visible.
  bool ready() const { return head_.load(std::memory_order_acquire) == &done_; }
  void WaitUntilReady() { WaitUntil(MonoTime::Max()); }
  bool WaitFor(absl::Duration timeout) {
    return ready() || WaitUntil(SystemClock().Monotonic() + timeout);
  }
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
    explicit Continuation(Work w) : work(std::move(w)) {}
    Work work;
    typename Atomics::template Plain<Continuation*> next = nullptr;
  };

  bool WaitUntil(MonoTime deadline);

  // The state: the newest continuation (or null) while pending; &done_ once ready.
  typename Atomics::template Atomic<Continuation*> head_{nullptr};
  Continuation done_{nullptr};
  BasicEventCount<Atomics> became_ready_;
};

// Thread-safe: the outcome is written once, before Publish(), and only read after ready().
template <typename T, typename Atomics>
class State : public StateBase<Atomics>,
              public RefCounted<State<T, Atomics>, Atomics::template Atomic> {
 public:
  // An exception that escapes as the value is copied or moved here is the outcome then: somebody
  // may wait for one. REQUIRES: called once; the caller holds a reference.
  template <typename From>
  void Complete(From&& outcome, std::exception_ptr exception) {
    const Ref<State> hold(this);  // A continuation may drop every other reference.
    try {
      outcome_ = std::optional<Outcome<T>>(std::in_place, std::forward<From>(outcome));
    } catch (...) {
      exception = std::current_exception();
      outcome_ = std::optional<Outcome<T>>(std::in_place, StatusOf(exception));
    }
    exception_ = std::move(exception);
    this->Publish();
  }
  const Outcome<T>& Wait() {
    this->WaitUntilReady();
    return outcome();
  }

  // REQUIRES of all below: ready.
  const Outcome<T>& outcome() const { return *Atomics::Read(outcome_); }
  bool ok() const { return outcome().ok(); }
  const absl::Status& status() const { return StatusIn(outcome()); }
  const std::exception_ptr& exception() const { return Atomics::Read(exception_); }

 private:
  typename Atomics::template Plain<std::optional<Outcome<T>>> outcome_;
  typename Atomics::template Plain<std::exception_ptr> exception_;
};

// Made in async_state.cc.
extern template class StateBase<StdAtomics>;

}  // namespace async_internal
}  // namespace taskforge

#endif  // TASKFORGE_SYNC_ASYNC_STATE_H_
