// An executor without threads.
#ifndef TASKFORGE_SUPPORT_INLINE_EXECUTOR_H_
#define TASKFORGE_SUPPORT_INLINE_EXECUTOR_H_

#include <utility>

#include "absl/functional/any_invocable.h"
#include "base/executor.h"

namespace taskforge {

// Runs the work at once, on the calling thread. Thread-safe.
class InlineExecutor final : public Executor {
 public:
  void Execute(absl::AnyInvocable<void() &&> work) override { std::move(work)(); }
};

}  // namespace taskforge

#endif  // TASKFORGE_SUPPORT_INLINE_EXECUTOR_H_
