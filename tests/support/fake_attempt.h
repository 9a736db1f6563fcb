// An attempt without a task behind it, for tests of handlers.
#ifndef TASKFORGE_SUPPORT_FAKE_ATTEMPT_H_
#define TASKFORGE_SUPPORT_FAKE_ATTEMPT_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "handlers/attempt.h"
#include "handlers/handler.h"

namespace taskforge {

// Keeps its end. Thread-safe.
class FakeAttempt final : public AttemptState {
 public:
  explicit FakeAttempt(const std::string& input, int number = 1,
                       std::string name = "queues/default/tasks/t")
      : name_(std::move(name)), number_(number) {
    Ref<TaskSpec> spec = MakeRef<TaskSpec>();
    spec->input.data = input;
    spec_ = std::move(spec);
  }

  // Called once the attempt is lost. Set it before anybody can end it.
  std::function<void()> on_lost;

  bool Finish(End end) override {
    const bool is_lost = end.lost;
    {
      MutexLock lock(mu_);
      if (end_.has_value()) return false;
      end_ = std::move(end);
    }
    DropStopCallbacks();
    ended_.Notify();
    if (is_lost && on_lost) on_lost();
    return true;
  }
  void ReportProgress(Progress) override {}
  std::string task_name() const override { return name_; }
  const TaskSpecPtr& shared_spec() const override { return spec_; }
  int number() const override { return number_; }
  uint64_t boot_epoch() const override { return 7; }
  MonoTime stop_time() const override { return MonoTime::Max(); }

  bool has_ended() const { return ended_.HasBeenNotified(); }
  void Wait() { ended_.WaitFor(absl::Seconds(20)); }
  // REQUIRES: it has ended so.
  Payload output() const {
    MutexLock lock(mu_);
    return std::get<Payload>(end_->result);
  }
  TaskError error() const {
    MutexLock lock(mu_);
    return std::get<TaskError>(end_->result);
  }
  bool lost() const {
    MutexLock lock(mu_);
    return end_->lost;
  }

 private:
  const std::string name_;
  TaskSpecPtr spec_;
  const int number_;
  Notification ended_;
  mutable Mutex mu_;
  std::optional<End> end_ ABSL_GUARDED_BY(mu_);
};

inline Ref<FakeAttempt> StartHandler(Handler& handler, const std::string& input, int number = 1) {
  auto attempt = MakeRef<FakeAttempt>(input, number);
  handler.Start(Attempt(attempt), Completion(attempt));
  return attempt;
}

}  // namespace taskforge

#endif  // TASKFORGE_SUPPORT_FAKE_ATTEMPT_H_
