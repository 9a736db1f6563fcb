#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "handlers/built_in.h"
#include "handlers/flat_json.h"

namespace taskforge {
namespace {

struct Request {
  absl::Duration duration;
  bool blocking = false;
};

std::variant<Request, TaskError> ParseRequest(const Payload& input) {
  Request request;
  std::string duration(absl::StripAsciiWhitespace(input.data.view()));
  if (!duration.empty() && duration[0] == '{') {
    absl::StatusOr<FlatJson> json = ParseFlatJson(duration);
    if (!json.ok()) return InvalidInput(std::string(json.status().message()));
    duration.clear();
    for (const auto& [key, value] : *json) {
      const auto* text = std::get_if<std::string>(&value);
      const auto* flag = std::get_if<bool>(&value);
      if (key == "duration" && text != nullptr) {
        duration = *text;
      } else if (key == "blocking" && flag != nullptr) {
        request.blocking = *flag;
      } else {
        return InvalidInput(
            absl::StrCat("\"", key, "\": expected duration (a text) or blocking (true or false)"));
      }
    }
  }
  if (!absl::ParseDuration(duration, &request.duration) ||
      request.duration < absl::ZeroDuration() || request.duration > absl::Hours(24)) {
    return InvalidInput(
        "expected a duration of at most 24h (100ms), alone or as "
        "{\"duration\":\"100ms\",\"blocking\":true}");
  }
  return request;
}

Payload Slept(absl::Duration duration) {
  Payload output;
  output.content_type = "text/plain";
  output.data = absl::StrCat("slept ", absl::FormatDuration(duration));
  output.is_text = true;
  return output;
}

// A sleep that holds no thread: timer and stop race for the completion.
class Napping {
 public:
  Napping(Timer& timer, Completion done) : timer_(timer), done_(std::move(done)) {}

  void SetTimer(TimerId id) {
    {
      MutexLock lock(mu_);
      id_ = id;
      if (done_.owns()) return;
    }
    timer_.Cancel(id);  // It had ended already.
  }
  void End(HandlerResult result) {
    Completion done;
    TimerId id = 0;
    {
      MutexLock lock(mu_);
      if (!done_.owns()) return;
      done = std::move(done_);
      id = id_;
    }
    if (id != 0) timer_.Cancel(id);
    done.Finish(std::move(result));
  }

 private:
  Timer& timer_;
  Mutex mu_;
  Completion done_ ABSL_GUARDED_BY(mu_);
  TimerId id_ ABSL_GUARDED_BY(mu_) = 0;
};

// Thread-safe.
class SleepHandler final : public Handler {
 public:
  SleepHandler(const Clock& clock, Timer& timer, BlockingScope blocking)
      : clock_(clock), timer_(timer), blocking_(std::move(blocking)) {}

  HandlerInfo info() const override {
    HandlerInfo info;
    info.name = "sleep";
    info.description = "Waits; with `blocking` it holds its thread meanwhile.";
    info.version = "1";
    info.input_description = "For how long: 100ms, or {\"duration\":\"100ms\",\"blocking\":true}.";
    return info;
  }

  void Start(Attempt attempt, Completion done) override {
    std::variant<Request, TaskError> request = ParseRequest(attempt.input());
    if (auto* error = std::get_if<TaskError>(&request)) {
      done.Fail(std::move(*error));
    } else if (std::get<Request>(request).blocking) {
      Block(attempt, std::get<Request>(request).duration, std::move(done));
    } else {
      Nap(attempt, std::get<Request>(request).duration, std::move(done));
    }
  }

 private:
  void Nap(const Attempt& attempt, absl::Duration duration, Completion done);

  void Block(const Attempt& attempt, absl::Duration duration, Completion done) {
    // Shared: the stop callback may still run when this function has returned.
    auto stopped = std::make_shared<Notification>();
    attempt.stop().OnStop([stopped](StopReason) { stopped->Notify(); });
    const auto wait = [&] { stopped->WaitFor(duration); };
    if (blocking_) {
      blocking_(wait);
    } else {
      wait();
    }
    if (stopped->HasBeenNotified()) {
      done.Fail(Stopped(attempt.stop().reason()));
    } else {
      done.Succeed(Slept(duration));
    }
  }

  const Clock& clock_;
  Timer& timer_;
  const BlockingScope blocking_;
};

void SleepHandler::Nap(const Attempt& attempt, absl::Duration duration, Completion done) {
  auto nap = std::make_shared<Napping>(timer_, std::move(done));
  // Weakly: the attempt owns the callback, and the nap the attempt's completion.
  attempt.stop().OnStop([weak = std::weak_ptr<Napping>(nap)](StopReason reason) {
    if (const auto nap = weak.lock()) nap->End(Stopped(reason));
  });
  nap->SetTimer(timer_.ScheduleAt(clock_.Monotonic() + duration,
                                  [nap, duration] { nap->End(Slept(duration)); }));
}

}  // namespace

std::unique_ptr<Handler> MakeSleepHandler(const Clock& clock, Timer& timer,
                                          BlockingScope blocking) {
  return std::make_unique<SleepHandler>(clock, timer, std::move(blocking));
}

}  // namespace taskforge
