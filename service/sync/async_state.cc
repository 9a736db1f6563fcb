#include "sync/async_state.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sync/async_state_inl.h"

namespace taskforge::async_internal {
namespace {

// A continuation that sets a result runs that result's continuations within itself. Deeper than
// this they are put aside until the stack has unwound, so that a chain of any length is safe.
constexpr int kDepthMax = 64;

// Of this thread: how deep it is, and what it has put aside. Guarded by being one thread's.
struct Nesting {
  int depth = 0;
  std::vector<Work> aside;
};

Nesting& ThisThread() {
  thread_local Nesting nesting;
  return nesting;
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

void RunContinuation(Work work) {
  Nesting& nesting = ThisThread();
  if (nesting.depth >= kDepthMax) {
    nesting.aside.push_back(std::move(work));
    return;
  }
  ++nesting.depth;
  std::move(work)();
  work = nullptr;  // What it held may set results when it is destroyed: within this depth.
  // By the outermost alone, and within its depth: what is put aside meanwhile comes back here.
  while (nesting.depth == 1 && !nesting.aside.empty()) {
    std::vector<Work> batch = std::exchange(nesting.aside, {});
    for (Work& next : batch) {
      std::move(next)();
      next = nullptr;
    }
  }
  --nesting.depth;
}

template class StateBase<StdAtomics>;

}  // namespace taskforge::async_internal
