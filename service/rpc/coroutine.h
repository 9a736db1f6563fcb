// What a coroutine of a method can wait for, beside its own gRPC operations (rpc/call.h): a value
// that the core hands over later, and a signal that comes again and again. Whoever sets one resumes
// the coroutine on its own thread, so nothing hops through a completion queue.
//
// GCC 12 mishandles temporaries in co_await expressions: name what you await, then await it.
#ifndef TASKFORGE_RPC_COROUTINE_H_
#define TASKFORGE_RPC_COROUTINE_H_

#include <atomic>
#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "base/ref.h"

namespace taskforge {

// The return type of a coroutine that nobody awaits: it starts at once and frees itself.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

// A value that comes once, from any thread: the first Set wins, later ones are dropped. Shared by
// those who may set it and the one coroutine that awaits it:
//   auto record = MakeRef<Eventual<T>>();
//   Start([record](T value) { record->Set(std::move(value)); });
//   Eventual<T>& later = *record;
//   T value = co_await later;
// Thread-safe, for one awaiting coroutine.
template <typename T>
class Eventual final : public RefCounted<Eventual<T>> {
 public:
  // Returns whether this was the first.
  bool Set(T value) {
    // acq_rel: one setter gets through; there is nothing to publish yet.
    if (claimed_.exchange(true, std::memory_order_acq_rel)) return false;
    value_.emplace(std::move(value));
    // acq_rel: publishes the value to await_ready/await_suspend; acquires the handle from there.
    if (state_.exchange(kSet, std::memory_order_acq_rel) == kWaiting) waiter_.resume();
    return true;
  }

  bool await_ready() const noexcept { return state_.load(std::memory_order_acquire) == kSet; }
  bool await_suspend(std::coroutine_handle<> waiter) noexcept {
    waiter_ = waiter;
    // acq_rel: publishes the handle to Set, or acquires the value from it. From here on the
    // coroutine may run on another thread: nothing of it is touched any more.
    int expected = kEmpty;
    return state_.compare_exchange_strong(expected, kWaiting, std::memory_order_acq_rel,
                                          std::memory_order_acquire);
  }
  T await_resume() { return std::move(*value_); }

 private:
  enum : int { kEmpty, kWaiting, kSet };

  std::atomic<bool> claimed_{false};
  std::atomic<int> state_{kEmpty};
  std::optional<T> value_;
  std::coroutine_handle<> waiter_;
};

// A signal that comes again and again: co_await returns once Set was called since the last return;
// many Sets in between are one. Thread-safe, for one awaiting coroutine at a time.
class Wakeup {
 public:
  void Set() {
    // acq_rel: publishes what came before to the coroutine; acquires its handle.
    if (state_.exchange(kSet, std::memory_order_acq_rel) != kWaiting) return;
    // acq_rel: takes what another Set said meanwhile along.
    state_.exchange(kEmpty, std::memory_order_acq_rel);
    waiter_.resume();
  }

  bool await_ready() noexcept {
    int expected = kSet;
    return state_.compare_exchange_strong(expected, kEmpty, std::memory_order_acq_rel,
                                          std::memory_order_relaxed);
  }
  bool await_suspend(std::coroutine_handle<> waiter) noexcept {
    waiter_ = waiter;
    int expected = kEmpty;
    // acq_rel: pairs with the exchange in Set.
    if (state_.compare_exchange_strong(expected, kWaiting, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
      return true;
    }
    state_.exchange(kEmpty, std::memory_order_acq_rel);  // It was set meanwhile: take it.
    return false;
  }
  void await_resume() const noexcept {}

 private:
  enum : int { kEmpty, kWaiting, kSet };

  std::atomic<int> state_{kEmpty};
  std::coroutine_handle<> waiter_;
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_COROUTINE_H_
