// Epoch-based reclamation: readers of a lock-free structure never see memory that was freed.
//
// After K. Fraser, "Practical lock-freedom" (2004), in the form of three epochs. What is unlinked
// in epoch e is freed in epoch e + 2, and the epoch moves on only when every reader inside a guard
// has entered in the current one. There are no standalone fences, which ThreadSanitizer cannot
// follow: entering, stamping and scanning are read-modify-writes of shared words, so that of two
// that meet, the later synchronizes with the earlier.
//
// Why not a packaged library: Debian's liburcu wants every thread registered and is C; folly's
// and libcds's hazard pointers are not in Debian.
#ifndef TASKFORGE_SYNC_EPOCH_H_
#define TASKFORGE_SYNC_EPOCH_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "sync/atomics.h"

namespace taskforge {

// One set of readers and garbage; structures that have nothing to do with each other have a domain
// each. Threads need no registration. Thread-safe.
//
// The bodies are in sync/epoch_inl.h, which who uses EpochDomain need not see.
template <typename Atomics>
class BasicEpochDomain {
  struct Record;

 public:
  // Base of an object that carries its own place in the garbage list, so that retiring it
  // allocates nothing.
  struct Retired {
    typename Atomics::template Plain<Retired*> next = nullptr;
    typename Atomics::template Plain<void (*)(Retired*)> destroy = nullptr;
    typename Atomics::template Plain<uint64_t> epoch = 0;
  };

  BasicEpochDomain() = default;
  // Frees all garbage. REQUIRES: no guard lives.
  ~BasicEpochDomain();
  BasicEpochDomain(const BasicEpochDomain&) = delete;
  BasicEpochDomain& operator=(const BasicEpochDomain&) = delete;

  // While a guard lives, nothing that was reachable since its construction is freed. Guards may
  // nest. Keep them short: a guard holds back the freeing of all that is retired meanwhile.
  // Costs one uncontended read-modify-write. It waits for nobody; the guard after kEpochRecords
  // simultaneous ones (and each so many after it) allocates. Belongs to one thread; not
  // thread-safe.
  class Guard {
   public:
    explicit Guard(BasicEpochDomain& domain);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    Record* const record_;
  };

  // Frees `object` by `destroy` once no guard can see it; on this thread in a later call, or on
  // another that retires. `destroy` must not throw, and must not wait for a guard of this domain.
  // REQUIRES: `object` is unlinked: who enters a guard from now on cannot reach it.
  // May be called inside a guard. Never waits.
  void Retire(Retired* object, void (*destroy)(Retired*));
  // The same for any pointer; allocates a small note.
  void Retire(void* object, void (*destroy)(void*));
  template <typename T>
  void Retire(T* object) {
    Retire(static_cast<void*>(object), [](void* p) { delete static_cast<T*>(p); });
  }

  // Frees what no guard holds back now, and does not wait for those that do: for objects that are
  // few and large. May be called inside a guard, which then holds back what it holds back.
  // REQUIRES: the calling thread is in no `destroy`.
  void Reclaim();
  // How many objects wait to be freed. Without a guard that stays, at most some hundreds; a guard
  // that stays (a preempted reader) lets it grow until the guard ends, so whoever retires in a loop
  // bounds it by Quiesce().
  size_t garbage() const {
    // relaxed: a figure.
    const uint64_t freed = freed_.load(std::memory_order_relaxed);
    const uint64_t retired = retired_.load(std::memory_order_relaxed);
    return retired > freed ? static_cast<size_t>(retired - freed) : 0;
  }
  // Frees until garbage() <= `limit`, and waits for the guards that hold it back.
  // REQUIRES: the calling thread holds no guard of this domain, and is in no `destroy`.
  void Quiesce(size_t limit = 0);

 private:
  template <typename T>
  using AtomicWord = typename Atomics::template Atomic<T>;

  // One line each, since each is written by another thread.
  struct alignas(64) Record {
    AtomicWord<uint64_t> epoch{0};  // 0: free. Else the epoch in which its guard entered.
  };
  struct Chunk {
    std::array<Record, Atomics::kEpochRecords> records;
    AtomicWord<Chunk*> next{nullptr};
  };

  Record* Enter();
  void TryAdvance();
  void Collect();

  AtomicWord<uint64_t> epoch_{1};
  alignas(64) AtomicWord<Retired*> limbo_{nullptr};  // Retired, not yet seen by Collect().
  AtomicWord<uint64_t> retired_{0};
  AtomicWord<uint64_t> freed_{0};
  // Only ever tried: whoever finds it held leaves the work to its holder.
  typename Atomics::Mutex collect_mu_;
  // Seen, but too young to free.
  typename Atomics::template Plain<Retired*> kept_ ABSL_GUARDED_BY(collect_mu_) = nullptr;
  Chunk first_;
};

// Made in epoch.cc.
using EpochDomain = BasicEpochDomain<StdAtomics>;
extern template class BasicEpochDomain<StdAtomics>;

}  // namespace taskforge

#endif  // TASKFORGE_SYNC_EPOCH_H_
