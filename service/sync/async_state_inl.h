// The bodies of sync/async_state.h: for async_state.cc, and for tests with a policy of their own.
#ifndef TASKFORGE_SYNC_ASYNC_STATE_INL_H_
#define TASKFORGE_SYNC_ASYNC_STATE_INL_H_

#include <atomic>
#include <utility>

#include "sync/async_state.h"

namespace taskforge::async_internal {

template <typename Atomics>
StateBase<Atomics>::~StateBase() {
  // Only a state that nobody will complete has any left. acquire: pairs with the exchange in
  // OnReady().
  Continuation* next = head_.load(std::memory_order_acquire);
  while (next != nullptr && next != &done_) {
    Continuation* const old = next;
    next = old->next;
    delete old;
  }
}

template <typename Atomics>
bool StateBase<Atomics>::WaitUntil(MonoTime deadline) {
  while (!ready()) {
    const auto key = became_ready_.PrepareWait();
    if (ready()) {
      became_ready_.CancelWait();
      return true;
    }
    if (!became_ready_.CommitWait(key, deadline)) return ready();
  }
  return true;
}

template <typename Atomics>
void StateBase<Atomics>::OnReady(Work work) {
  if (ready()) {
    RunContinuation(std::move(work));
    return;
  }
  auto* continuation = new Continuation(std::move(work));
  // acquire: pairs with the exchange in Publish(); the outcome is visible if it is done.
  Continuation* head = head_.load(std::memory_order_acquire);
  while (head != &done_) {
    continuation->next = head;
    // release: pairs with the exchange in Publish(). acquire: pairs with it the other way.
    if (head_.compare_exchange_weak(head, continuation, std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
      return;
    }
  }
  RunContinuation(std::move(continuation->work));
  delete continuation;
}

template <typename Atomics>
void StateBase<Atomics>::Publish() {
  // release: publishes the outcome to ready(). acquire: pairs with the exchange in OnReady().
  Continuation* list = head_.exchange(&done_, std::memory_order_acq_rel);
  became_ready_.NotifyAll();
  Continuation* in_order = nullptr;
  while (list != nullptr) {
    Continuation* next = list->next;
    list->next = in_order;
    in_order = list;
    list = next;
  }
  while (in_order != nullptr) {
    RunContinuation(std::move(in_order->work));
    Continuation* const done = in_order;
    in_order = done->next;
    delete done;
  }
}

}  // namespace taskforge::async_internal

#endif  // TASKFORGE_SYNC_ASYNC_STATE_INL_H_
