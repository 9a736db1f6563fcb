// The one interface of code that does tasks. It is asynchronous; SyncHandler adapts a function.
#ifndef TASKFORGE_HANDLERS_HANDLER_H_
#define TASKFORGE_HANDLERS_HANDLER_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "handlers/attempt.h"
#include "task/task_types.h"

namespace taskforge {

enum class HandlerKind { kBuiltIn, kRemote };

// What is said of a handler.
struct HandlerInfo {
  std::string name;  // See IsHandlerName in task/validation.h.
  HandlerKind kind = HandlerKind::kBuiltIn;
  std::string description;
  std::string version;
  std::string input_description;  // What its input is, for people.
};

// Thread-safe: attempts run at the same time.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual HandlerInfo info() const = 0;
  // Begins the attempt. `done` is called once, on any thread, before or after Start returns. May
  // use the calling thread (one of the pool's) for as long as the work needs; a handler that will
  // block it says so by a BlockingScope. What it wants to keep on that thread for the attempts to
  // come is a PerThread (per_thread.h).
  virtual void Start(Attempt attempt, Completion done) = 0;
};

// Runs `body` on the calling thread, having declared that it will block, so that whoever owns the
// thread may put another in its place. composition.cc joins it to the pool.
using BlockingScope = std::function<void(absl::AnyInvocable<void() &&> body)>;

// A handler that is a function of its attempt. What the function throws ends the attempt as FAILED,
// reason EXCEPTION, retryable. Thread-safe if the function is.
class SyncHandler final : public Handler {
 public:
  using Function = std::function<HandlerResult(const Attempt&)>;

  SyncHandler(HandlerInfo info, Function function)
      : info_(std::move(info)), function_(std::move(function)) {}

  HandlerInfo info() const override { return info_; }
  void Start(Attempt attempt, Completion done) override;

 private:
  const HandlerInfo info_;
  const Function function_;
};

// The error of a handler that cannot use its input: INVALID_ARGUMENT, reason INVALID_INPUT, not
// retryable.
TaskError InvalidInput(std::string message);
// The error of a handler that stopped because it was asked to: reason STOPPED.
TaskError Stopped(StopReason reason);

}  // namespace taskforge

#endif  // TASKFORGE_HANDLERS_HANDLER_H_
