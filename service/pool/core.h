// What submitters, workers and the controller of one pool share.
#ifndef TASKFORGE_POOL_CORE_H_
#define TASKFORGE_POOL_CORE_H_

#include <sched.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "pool/level_rings.h"
#include "pool/options.h"
#include "pool/refiller.h"
#include "pool/seat.h"
#include "pool/slot_table.h"
#include "pool/take_end.h"
#include "pool/wake_list.h"
#include "task/work.h"

namespace taskforge {

// What a worker took, and what it must give back when it is done.
struct Taken {
  Work* work = nullptr;
  uint64_t number = 0;             // As in Dispatch.
  uint64_t counted = 0;            // As in Dispatch.
  bool holds_cap = false;          // A place under the running cap.
  bool background_capped = false;  // The cap was reached: does not count for Low and Normal.
};

// Thread-safe; functions that take a Seat are for the thread that sits on it.
class PoolCore {
 public:
  enum class Phase : int { kOpen, kDraining, kClosed };

  // `options` valid; `clock` outlives the core.
  PoolCore(const PoolOptions& options, const Clock& clock);

  // --- Submitters (core.cc) ---
  absl::Status TrySubmit(Work& work);
  // Submits from the front until one is refused; `why` is set then. Returns how many it took.
  size_t TrySubmitMany(absl::Span<Work* const> batch, absl::Status& why);
  bool TryRelease(Work& work);
  void SubmitReserved(Work& work);
  absl::Status SubmitWait(Work& work, MonoTime deadline);

  // --- Workers (core.cc) ---
  // The next work for the seat: what its slot table owes, else the most urgent. False: nothing that
  // may be run is published.
  bool Take(Seat& seat, Taken& taken);
  // Gives a place under the cap back.
  void ReleaseCap(Seat& seat);
  // Something waits that may be run now, published or about to be.
  bool HasRunnableWork() const;
  // Something that may be run now could be taken at once. For who asks often: it disturbs no
  // submitter.
  bool HasPublishedWork() const;
  // Something waits, be it capped.
  bool HasWork() const { return !rings.empty(); }
  // For a worker that stops searching, parks, or freed the cap: wakes somebody for what may be run;
  // tells the controller of what may not, because more threads may be needed for it.
  void LookAgain();
  // After a change that may have made work runnable: wakes somebody, or tells the controller.
  void NotifyWork();
  // Hands every waiting entry to `give_back`; returns how many.
  template <typename GiveBack>
  size_t TakeAll(GiveBack give_back);

  // --- Controller ---
  // Wakes the controller if it sleeps without ticking.
  void KickIfAsleep();
  // Wakes it in any case.
  void Kick();
  // Gives up the run `ticket` of a seat, on any thread; false: it is not on. The controller settles
  // the rest: what the thread held is given back, and another may take its place.
  bool Abandon(uint32_t seat, uint64_t ticket);
  // An abandoned thread ends. Its last call here.
  void LeaveAbandoned(Seat& seat);
  void SetLiveThreads(int threads);
  int live_threads() const { return live_threads_.load(); }
  // How many threads are busy; of these, how many say that they are blocked.
  struct Activity {
    int busy = 0;
    int blocked = 0;
  };
  Activity CountActivity() const;

  Seat& seat(uint32_t index) const { return *seats_[index].load(std::memory_order_acquire); }
  // Seats that ever had a thread: 0 … count − 1.
  uint32_t seat_count() const { return seat_count_.load(std::memory_order_acquire); }
  // Makes the seat if it is not there yet. Controller only.
  Seat& EnsureSeat(uint32_t index);

  Phase phase() const { return phase_.load(); }
  // Whoever waits for a place is told.
  void SetPhase(Phase phase);
  // The same.
  void SetCapacity(size_t capacity, const ReservedCapacity& reserved);
  bool stopping() const { return stopping_.load(); }
  void SetStopping() { stopping_.store(true); }

  // Whether the calling thread is one of this pool's.
  bool OnWorkerThread() const;
  // Dispatches until now, cancelled ones excepted.
  uint64_t AllDispatches() const { return out.AllDispatches(); }
  // Those of them that count for `priority` in the waiting bound.
  uint64_t CountedDispatches(Priority priority) const {
    return priority <= Priority::kNormal ? out.DispatchesBelowCap() : AllDispatches();
  }

  // Constant after construction, but for what has setters.
  const Clock& clock;
  const SlotLayout layout;
  // Set before Start(), then constant; may be null.
  Refiller* refiller = nullptr;
  // How long an idle worker looks for work before it sleeps; 0: not at all.
  const int64_t search_ns;

  // Synchronize themselves.
  TakeEnd out;
  LevelRings rings;
  WakeList wakes;
  PerPriority<std::atomic<uint64_t>> refused{};
  PerPriority<std::atomic<uint64_t>> returned{};  // Taken out by TakeAll().

  // Futex words. Own line: mostly read.
  alignas(64) std::atomic<uint32_t> kick_sequence{0};
  std::atomic<uint32_t> controller_asleep{0};
  std::atomic<uint32_t> space_sequence{0};  // A place became free while somebody waited for one.
  std::atomic<uint32_t> space_waiters{0};
  std::atomic<uint32_t> idle_sequence{0};  // A worker finished something during a drain.
  // A thread was abandoned, or one that was has left. Not slept on.
  std::atomic<uint32_t> abandon_sequence{0};

 private:
  // After a push.
  void NotifySubmitted(Priority priority);
  // Whether the calling thread may submit.
  absl::Status CheckOpen() const;
  absl::Status Refuse(Priority priority);
  // For who is refused: how many places work of `priority` may use, and why not more.
  std::string Places(Priority priority) const;
  // A place became free: tells who waits for one.
  void TellOfPlace();
  // Pops what is published and counts the dispatch; tells whoever waits for a place; asks for more.
  bool PopAndRefill(Priority priority, bool capped, Taken& taken);
  // The same, but when there is nothing it asks the queues first.
  bool PopDue(Priority priority, bool capped, Taken& taken);
  // Under the cap. False, with `capped`: the due slot is to be kept.
  bool TakeDueBackground(Seat& seat, Priority due, bool& capped, Taken& taken);
  bool TakeBackground(Seat& seat, bool capped, Taken& taken);

  std::array<std::atomic<Seat*>, WakeList::kMaxSeats> seats_{};
  std::array<std::unique_ptr<Seat>, WakeList::kMaxSeats> owned_seats_;
  std::atomic<uint32_t> seat_count_{0};
  std::atomic<int> live_threads_{0};
  std::atomic<Phase> phase_{Phase::kOpen};
  std::atomic<bool> stopping_{false};
};

template <typename GiveBack>
size_t PoolCore::TakeAll(GiveBack give_back) {
  size_t count = 0;
  // What is handed back may have more submitted, of any priority: until all are empty.
  while (!rings.empty()) {
    for (Priority priority : kPriorities) {
      while (rings.size(priority) != 0) {
        const LevelRings::Entry entry = rings.Pop(priority);
        if (entry.work == nullptr) {
          sched_yield();  // Its producer is between claim and publish.
          continue;
        }
        ++count;
        returned[priority].fetch_add(1);
        out.not_dispatched.fetch_add(1);
        give_back(*entry.work);
      }
    }
  }
  return count;
}

}  // namespace taskforge

#endif  // TASKFORGE_POOL_CORE_H_
