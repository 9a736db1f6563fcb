// Where a piece of work runs, injected.
#ifndef TASKFORGE_BASE_EXECUTOR_H_
#define TASKFORGE_BASE_EXECUTOR_H_

#include <utility>

#include "absl/functional/any_invocable.h"

namespace taskforge {

// Thread-safe.
class Executor {
 public:
  virtual ~Executor() = default;
  // Runs `work` once, at some time, on some thread; perhaps before it returns, if the
  // implementation says so. `work` must not throw.
  virtual void Execute(absl::AnyInvocable<void() &&> work) = 0;
};

// Runs the work at once, on the calling thread. Thread-safe.
class InlineExecutor final : public Executor {
 public:
  void Execute(absl::AnyInvocable<void() &&> work) override { std::move(work)(); }
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_EXECUTOR_H_
