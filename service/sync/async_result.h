// The result of something that is under way: Promise<T> sets it, AsyncResult<T> waits for it or
// says what to do next.
//
// One atomic word holds the state: the list of continuations while pending, a mark once done. Why
// not std::future: it has no continuations, and waiting for one result takes a thread. Why not
// folly or stlab: not in Debian.
#ifndef TASKFORGE_SYNC_ASYNC_RESULT_H_
#define TASKFORGE_SYNC_ASYNC_RESULT_H_

#include <exception>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/executor.h"
#include "sync/async_state.h"

namespace taskforge {

template <typename T, typename Atomics = StdAtomics>
class Promise;

// A handle of a result that may be pending; copies share it. Results are not changed once set, so
// any number of threads may read one and hang continuations on it. An error is an absl::Status; an
// exception that escaped from the work is one too (UNKNOWN, with what()), and is kept besides for
// exception(). A Promise that dies without setting a result leaves ABORTED.
// Thread-compatible; copies may be used by different threads at once.
template <typename T, typename Atomics = StdAtomics>
class AsyncResult {
 public:
  using Outcome = async_internal::Outcome<T>;  // absl::StatusOr<T>; absl::Status if T is void.

  bool ready() const { return state_->ready(); }
  // Waits. The reference lives as long as a handle of this result.
  const Outcome& get() const& { return state_->Wait(); }
  Outcome get() && { return state_->Wait(); }
  // Whether it was ready in time, on the system's monotonic clock.
  bool WaitFor(absl::Duration timeout) const { return state_->WaitFor(timeout); }
  // The exception that escaped from the work, if one did. Waits.
  std::exception_ptr exception() const {
    get();
    return state_->exception();
  }

  // Calls `f` with the value (a const T&; nothing if T is void) when there is one, and returns the
  // result of that. If there is an error instead, `f` is not called and the error is passed on.
  // What `f` returns is flattened: U, absl::StatusOr<U> and AsyncResult<U> all give AsyncResult<U>;
  // absl::Status gives AsyncResult<void>. An exception that escapes from `f` is captured.
  //
  // `f` runs on `executor`, which must outlive this result. If it drops the work, the result is
  // ABORTED.
  template <typename F>
  auto then(Executor& executor, F f) const {
    return Chain(&executor, std::move(f));
  }
  // The same; `f` runs on the thread that sets the result, or on this one if it is set already. So
  // `f` must be short, and must not wait for other results.
  template <typename F>
  auto then(F f) const {
    return Chain(nullptr, std::move(f));
  }
  // Calls `f` with the outcome, value or error, as the second form of then() does. `f` must not
  // throw.
  template <typename F>
  void OnReady(F f) const {
    state_->OnReady([state = state_, f = std::move(f)]() mutable { f(state->outcome()); });
  }

 private:
  friend class Promise<T, Atomics>;
  using State = async_internal::State<T, Atomics>;

  explicit AsyncResult(Ref<State> state) : state_(std::move(state)) {}

  template <typename F>
  auto Chain(Executor* executor, F f) const {
    using Returned = typename async_internal::Invoked<F, T>::type;
    using U = typename async_internal::Unwrapped<Returned>::type;
    Promise<U, Atomics> promise;
    AsyncResult<U, Atomics> result = promise.result();
    // The continuation holds the state that holds it; that ends when the promise sets a result, and
    // every promise does, at the latest when it dies.
    auto step = [state = state_, f = std::move(f), promise = std::move(promise)]() mutable {
      Continue<Returned>(*state, f, promise);
    };
    if (executor == nullptr) {
      state_->OnReady(std::move(step));
    } else {
      state_->OnReady(
          [executor, step = std::move(step)]() mutable { executor->Execute(std::move(step)); });
    }
    return result;
  }

  template <typename Returned, typename F, typename U>
  static void Continue(const State& state, F& f, Promise<U, Atomics>& promise) {
    if (!state.ok()) {
      promise.CopyError(state);
      return;
    }
    promise.SetBy([&]() -> Returned {
      if constexpr (std::is_void_v<T>) {
        return f();
      } else {
        return f(*state.outcome());
      }
    });
  }

  Ref<State> state_;
};

// Sets a result, once. Moves; does not copy. Thread-compatible.
template <typename T, typename Atomics>
class Promise {
 public:
  Promise() : state_(MakeRef<State>()) {}
  Promise(Promise&&) noexcept = default;
  Promise& operator=(Promise&& other) noexcept {
    Break();
    state_ = std::move(other.state_);
    return *this;
  }
  ~Promise() { Break(); }

  // REQUIRES of all below: nothing was set yet.
  AsyncResult<T, Atomics> result() const { return AsyncResult<T, Atomics>(state_); }

  // The value, or the error. With T void: absl::OkStatus(), or the error.
  // Runs the continuations that hang on the result.
  void Set(async_internal::Outcome<T> outcome) {
    std::exchange(state_, nullptr)->Complete(std::move(outcome), nullptr);
  }
  void SetException(std::exception_ptr exception) {
    absl::Status status = async_internal::StatusOf(exception);
    std::exchange(state_, nullptr)->Complete(std::move(status), std::move(exception));
  }
  // Calls `f` and sets what it returns, flattened as then() does; or the exception that escapes.
  template <typename F>
  void SetBy(F&& f) {
    using Returned = std::invoke_result_t<F&>;
    try {
      if constexpr (async_internal::IsAsync<Returned>::value) {
        Follow(f());
      } else if constexpr (std::is_void_v<Returned>) {
        f();
        Set(absl::OkStatus());
      } else {
        Set(f());
      }
    } catch (...) {
      if (state_) SetException(std::current_exception());
    }
  }

 private:
  template <typename, typename>
  friend class AsyncResult;
  using State = async_internal::State<T, Atomics>;

  // Sets what `other` will be. Nobody waits meanwhile.
  void Follow(const AsyncResult<T, Atomics>& other) {
    other.state_->OnReady([from = other.state_, promise = std::move(*this)]() mutable {
      std::exchange(promise.state_, nullptr)->Complete(from->outcome(), from->exception());
    });
  }
  template <typename From>
  void CopyError(const From& from) {
    std::exchange(state_, nullptr)->Complete(from.status(), from.exception());
  }
  void Break() {
    if (state_) Set(absl::AbortedError("the promise of this result was dropped"));
  }

  Ref<State> state_;  // Null once set.
};

// Runs `f` on `executor`; the result is what it returns, flattened as then() does.
template <typename F>
auto Async(Executor& executor, F f) {
  using U = typename async_internal::Unwrapped<std::invoke_result_t<F&>>::type;
  Promise<U> promise;
  AsyncResult<U> result = promise.result();
  executor.Execute(
      [f = std::move(f), promise = std::move(promise)]() mutable { promise.SetBy(f); });
  return result;
}

// A result that is there already.
template <typename T>
AsyncResult<T> MakeReady(typename AsyncResult<T>::Outcome outcome) {
  Promise<T> promise;
  AsyncResult<T> result = promise.result();
  promise.Set(std::move(outcome));
  return result;
}

}  // namespace taskforge

#endif  // TASKFORGE_SYNC_ASYNC_RESULT_H_
