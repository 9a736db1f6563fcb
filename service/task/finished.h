// Who is told when a task has ended.
#ifndef TASKFORGE_TASK_FINISHED_H_
#define TASKFORGE_TASK_FINISHED_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/ref.h"
#include "task/task_types.h"

namespace taskforge {

// Who is told of ends. Thread-safe.
class EndListener : public RefCounted<EndListener> {
 public:
  virtual ~EndListener() = default;
  // A task has ended as `record`; `token` is what the listener gave to Finished. Must be short and
  // must not throw.
  virtual void OnFinished(uint64_t token, const TaskRecordPtr& record) = 0;
};

// A call that is made once, with a task's last record. Two words: who waits for many tasks listens
// with a token for each; any callable will do too, and then allocates. Not thread-safe.
class Finished {
 public:
  Finished() = default;
  Finished(std::nullptr_t) {}  // NOLINT(google-explicit-constructor): as a function.
  Finished(Ref<EndListener> listener, uint64_t token)
      : listener_(std::move(listener)), token_(token) {}
  template <typename Callback>
  requires std::invocable<Callback&, const TaskRecordPtr&> Finished(
      Callback callback)  // NOLINT(google-explicit-constructor): as a function.
      : listener_(MakeRef<Once<Callback>>(std::move(callback))) {}

  explicit operator bool() const { return static_cast<bool>(listener_); }
  // Null: it holds none.
  EndListener* listener() const { return listener_.get(); }
  // REQUIRES: it holds one.
  void operator()(const TaskRecordPtr& record) && {
    const Ref<EndListener> listener = std::move(listener_);
    listener->OnFinished(token_, record);
  }

 private:
  template <typename Callback>
  class Once final : public EndListener {
   public:
    explicit Once(Callback callback) : callback_(std::move(callback)) {}
    void OnFinished(uint64_t, const TaskRecordPtr& record) override { callback_(record); }

   private:
    Callback callback_;
  };

  Ref<EndListener> listener_;
  uint64_t token_ = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_TASK_FINISHED_H_
