// A place in a queue's limits, held from before a task is accepted until it has ended.
#ifndef TASKFORGE_TASK_ADMISSION_H_
#define TASKFORGE_TASK_ADMISSION_H_

#include <cstddef>
#include <utility>

namespace taskforge {

// Who keeps the count. Thread-safe.
class AdmissionLedger {
 public:
  virtual ~AdmissionLedger() = default;
  // Takes back the place of one task and its bytes in the queue with this index.
  virtual void GiveBack(size_t queue_index, size_t bytes) = 0;
};

// One admitted task's place; gives it back when it goes. Re-queueing uses the place that is held,
// so it cannot fail. Two words, for there is one in each task: it counts up to 2^16 queues and 2^48
// bytes. Not thread-safe; guarded by its owner. The ledger must outlive it.
class Admission {
 public:
  Admission() = default;
  Admission(AdmissionLedger& ledger, size_t queue_index, size_t bytes)
      : ledger_(&ledger), queue_index_(queue_index), bytes_(bytes) {}
  Admission(Admission&& other) noexcept
      : ledger_(std::exchange(other.ledger_, nullptr)),
        queue_index_(other.queue_index_),
        bytes_(other.bytes_) {}
  Admission& operator=(Admission&& other) noexcept {
    GiveBack();
    ledger_ = std::exchange(other.ledger_, nullptr);
    queue_index_ = other.queue_index_;
    bytes_ = other.bytes_;
    return *this;
  }
  ~Admission() { GiveBack(); }

  // Gives the place back now; later calls do nothing.
  void GiveBack() {
    if (ledger_ != nullptr) std::exchange(ledger_, nullptr)->GiveBack(queue_index_, bytes_);
  }
  size_t queue_index() const { return queue_index_; }
  size_t bytes() const { return bytes_; }
  bool held() const { return ledger_ != nullptr; }

 private:
  AdmissionLedger* ledger_ = nullptr;
  uint64_t queue_index_ : 16 = 0;
  uint64_t bytes_ : 48 = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_TASK_ADMISSION_H_
