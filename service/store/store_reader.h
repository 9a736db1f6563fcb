// The thread of the durable store that reads, and lets go what is over.
#ifndef TASKFORGE_STORE_STORE_READER_H_
#define TASKFORGE_STORE_STORE_READER_H_

#include <deque>
#include <functional>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "store/task_tables.h"

namespace taskforge {

// What everybody who comes after a stop is told: UNAVAILABLE, reason STORE_FAILED.
absl::Status StoreStopped();

// Reads in the order of arrival, and sweeps when it is time. Thread-safe, but for what is said.
class StoreReader {
 public:
  // Called with OK, to read; or with why it is not.
  using Reading = absl::AnyInvocable<void(const absl::Status&) &&>;

  // `tables` says when to `sweep`, by `clock`; both must outlive it. `sweep` is called by the
  // thread or by Step(), without a lock held.
  StoreReader(const TaskTables& tables, const Clock& clock, std::function<void()> sweep)
      : tables_(tables), clock_(clock), sweep_(std::move(sweep)) {}
  ~StoreReader() { Stop(); }

  // Once: from here on there is a thread. Without one its steps are taken by hand (Step, Answer).
  void Start();
  // After Stop() it is told so at once.
  void Enqueue(Reading reading) ABSL_LOCKS_EXCLUDED(mu_);
  // There is a class of finished tasks that the thread does not know yet.
  void WakeSweeper() ABSL_LOCKS_EXCLUDED(mu_);
  // What came before is read, nothing after. Idempotent. Not from a reading.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  // Sweeps if it is time, and reads once. False: there was nothing to do.
  bool Step() ABSL_LOCKS_EXCLUDED(mu_);
  // Reads once. False: nobody waits.
  bool Answer() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mu_);

  const TaskTables& tables_;
  const Clock& clock_;
  const std::function<void()> sweep_;

  Mutex mu_;
  CondVar due_;
  std::deque<Reading> readings_ ABSL_GUARDED_BY(mu_);
  bool is_stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_STORE_READER_H_
