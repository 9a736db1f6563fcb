// What the server has done lately: a line in the log every 30 seconds, if work ran.
#ifndef TASKFORGE_WORK_LOG_H_
#define TASKFORGE_WORK_LOG_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "base/log.h"
#include "base/timer.h"
#include "task/attempt_sink.h"

namespace taskforge {

struct WorkTotals {
  uint64_t ended = 0;       // Tasks that ended since the start.
  size_t waiting = 0;       // For their turn.
  size_t running = 0;       // Attempts.
  int threads = 0;          // Of the pool.
  HistogramSnapshot waits;  // Of attempts that ended since the start.
};

// Between those who run attempts and those who care for what follows: it notices that work runs.
// The first attempt after a rest sets a timer; each time it goes off there is a line and the next
// timer, until nothing has run for a whole period. So a server at rest wakes for nothing.
// Thread-safe.
class WorkLog final : public AttemptSink {
 public:
  using Read = std::function<WorkTotals()>;

  static constexpr absl::Duration kPeriod = absl::Seconds(30);

  // `read` is called on the timer's thread, once a period: it may take a millisecond. All must
  // outlive it, and the timer's callbacks must have ended before it goes.
  WorkLog(AttemptSink& next, const Clock& clock, Timer& timer, Log& log, Read read,
          absl::Duration period = kPeriod);
  WorkLog(const WorkLog&) = delete;
  WorkLog& operator=(const WorkLog&) = delete;

  void AttemptStarted(Task& task) override {
    NoticeWork();
    next_.AttemptStarted(task);
  }
  void AttemptEnded(TaskRef task, AttemptEnd end) override {
    next_.AttemptEnded(std::move(task), std::move(end));
  }

  // Something runs. Two loads, but for the first time in a period.
  void NoticeWork();

 private:
  void SetTimer();
  void EndPeriod();
  void Write(const WorkTotals& totals);

  // Constant after construction.
  AttemptSink& next_;
  const Clock& clock_;
  Timer& timer_;
  Log& log_;
  const Read read_;
  const absl::Duration period_;

  // One order for both (sequentially consistent): whoever notices work stores has_worked_ and then
  // looks at is_timed_; the timer that gives up stores is_timed_ and then looks at has_worked_. So
  // one of them sees the other, and sets the timer.
  std::atomic<bool> has_worked_{false};
  std::atomic<bool> is_timed_{false};

  WorkTotals told_;  // Used by the timer's callbacks alone: there is one at a time.
};

}  // namespace taskforge

#endif  // TASKFORGE_WORK_LOG_H_
