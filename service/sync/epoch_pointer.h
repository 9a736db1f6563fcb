// A pointer to something immutable, which readers follow without a lock and a writer replaces.
//
// Read-copy-update (P. McKenney and J. Slingwine, 1998) on the epochs of sync/epoch.h.
#ifndef TASKFORGE_SYNC_EPOCH_POINTER_H_
#define TASKFORGE_SYNC_EPOCH_POINTER_H_

#include <atomic>
#include <type_traits>

#include "sync/atomics.h"
#include "sync/epoch.h"

namespace taskforge {

// Does not own what it points to. Thread-safe.
template <typename T, typename Atomics = StdAtomics>
class EpochPointer {
 public:
  explicit EpochPointer(T* first) : pointer_(first) {}
  EpochPointer(const EpochPointer&) = delete;
  EpochPointer& operator=(const EpochPointer&) = delete;

  // What it points to, whole.
  // REQUIRES: the caller is inside a guard of the domain that Replace() is given, and uses the
  // result no longer than the guard lives; or nothing replaces it meanwhile.
  T* Get() const {
    // acquire: pairs with the exchange in Replace().
    return pointer_.load(std::memory_order_acquire);
  }

  // Points to `fresh` from now on. Frees what it pointed to by `destroy` once no reader can see it.
  void Replace(T* fresh, BasicEpochDomain<Atomics>& domain, void (*destroy)(void*)) {
    // release: publishes what is in `fresh` to Get(). acquire: pairs with the exchange before.
    T* old = pointer_.exchange(fresh, std::memory_order_acq_rel);
    domain.Retire(const_cast<std::remove_const_t<T>*>(old), destroy);
  }

 private:
  typename Atomics::template Atomic<T*> pointer_;
};

}  // namespace taskforge

#endif  // TASKFORGE_SYNC_EPOCH_POINTER_H_
