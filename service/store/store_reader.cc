#include "store/store_reader.h"

#include <pthread.h>

#include <utility>

#include "absl/time/time.h"
#include "base/error.h"
#include "base/scoped_blocking.h"

namespace taskforge {

absl::Status StoreStopped() {
  return ReasonError(absl::StatusCode::kUnavailable, "STORE_FAILED", "the store has stopped");
}

void StoreReader::Start() {
  thread_ = std::thread([this] { Run(); });
}

void StoreReader::Enqueue(Reading reading) {
  bool is_taken = false;
  {
    MutexLock lock(mu_);
    is_taken = !is_stopping_;
    if (is_taken) readings_.push_back(std::move(reading));
  }
  if (!is_taken) return std::move(reading)(StoreStopped());
  due_.Signal();
}

void StoreReader::WakeSweeper() {
  // The thread looks at the classes under this lock, and sleeps without giving it up in between.
  { const MutexLock lock(mu_); }
  due_.Signal();
}

void StoreReader::Stop() {
  {
    MutexLock lock(mu_);
    is_stopping_ = true;
  }
  due_.SignalAll();
  if (thread_.joinable()) thread_.join();
}

bool StoreReader::Step() {
  const bool is_sweep_due = tables_.NextSweep() <= clock_.Now();
  if (is_sweep_due) sweep_();
  return Answer() || is_sweep_due;
}

bool StoreReader::Answer() {
  Reading reading;
  {
    MutexLock lock(mu_);
    if (readings_.empty()) return false;
    reading = std::move(readings_.front());
    readings_.pop_front();
  }
  std::move(reading)(absl::OkStatus());
  return true;
}

void StoreReader::Run() {
  pthread_setname_np(pthread_self(), "tf-store-reader");
  const NonBlockingThread others_wait;
  const SystemClock sleep_clock;  // Threads sleep on it, whatever clock was given.
  MutexLock lock(mu_);
  while (true) {
    const absl::Time next_sweep = tables_.NextSweep();
    const absl::Time now = clock_.Now();
    const bool is_sweep_due = next_sweep <= now && !is_stopping_;
    if (readings_.empty() && !is_sweep_due) {
      if (is_stopping_) return;
      const bool has_sweep = next_sweep < absl::InfiniteFuture();
      due_.WaitUntil(mu_,
                     has_sweep ? sleep_clock.Monotonic() + (next_sweep - now) : MonoTime::Max());
      continue;
    }
    mu_.Unlock();
    if (is_sweep_due) sweep_();
    (void)Answer();
    mu_.Lock();
  }
}

}  // namespace taskforge
