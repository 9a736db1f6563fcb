// Where a piece of work runs, injected.
#ifndef TASKFORGE_BASE_EXECUTOR_H_
#define TASKFORGE_BASE_EXECUTOR_H_

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

}  // namespace taskforge

#endif  // TASKFORGE_BASE_EXECUTOR_H_
