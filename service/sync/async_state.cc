#include "sync/async_state.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace taskforge::async_internal {
namespace {

// A continuation that sets a result runs that result's continuations within itself. Deeper than
// this they are put aside until the stack has unwound, so that a chain of any length is safe.
constexpr int kDepthMax = 64;

// Of this thread: how deep it is, and what it has put aside. Guarded by being one thread's.
struct Nesting {
  int depth = 0;
  std::vector<StateBase::Work> aside;
};

Nesting& ThisThread() {
  thread_local Nesting nesting;
  return nesting;
}

void Run(StateBase::Work work) {
  Nesting& nesting = ThisThread();
  if (nesting.depth >= kDepthMax) {
    nesting.aside.push_back(std::move(work));
    return;
  }
  ++nesting.depth;
  std::move(work)();
  work = nullptr;  // What it held may set results when it is destroyed: within this depth.
  --nesting.depth;
  while (nesting.depth == 0 && !nesting.aside.empty()) {
    std::vector<StateBase::Work> batch = std::exchange(nesting.aside, {});
    for (StateBase::Work& next : batch) Run(std::move(next));
  }
}

}  // namespace

absl::Status StatusOf(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& e) {
    return absl::UnknownError(absl::StrCat("exception: ", e.what()));
  } catch (...) {
    return absl::UnknownError("exception that is no std::exception");
  }
}

StateBase::~StateBase() {
  // Only a state that nobody will complete has any left.
  Continuation* next = head_.load(std::memory_order_acquire);
  while (next != nullptr && next != &done_) delete std::exchange(next, next->next);
}

void StateBase::WaitUntilReady() { WaitUntil(MonoTime::Max()); }

bool StateBase::WaitFor(absl::Duration timeout) {
  return ready() || WaitUntil(SystemClock().Monotonic() + timeout);
}

bool StateBase::WaitUntil(MonoTime deadline) {
  while (!ready()) {
    const EventCount::Key key = became_ready_.PrepareWait();
    if (ready()) {
      became_ready_.CancelWait();
      return true;
    }
    if (!became_ready_.CommitWait(key, deadline)) return ready();
  }
  return true;
}

void StateBase::OnReady(Work work) {
  if (ready()) {
    Run(std::move(work));
    return;
  }
  auto* continuation = new Continuation{std::move(work)};
  Continuation* head = head_.load(std::memory_order_acquire);
  while (head != &done_) {
    continuation->next = head;
    // release: pairs with the exchange in Publish(). acquire: pairs with it the other way.
    if (head_.compare_exchange_weak(head, continuation, std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
      return;
    }
  }
  Run(std::move(continuation->work));
  delete continuation;
}

void StateBase::Publish() {
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
    Run(std::move(in_order->work));
    delete std::exchange(in_order, in_order->next);
  }
}

}  // namespace taskforge::async_internal
