// The policy (sync/atomics.h) under which Relacy, Debian's relacy-dev, runs the lock-free code of
// the product: it chooses which thread makes the next access, which of the values that the memory
// model of C++ allows a load returns, when a weak exchange fails for no reason and when memory is
// used again; and it finds data races, uses after free, leaks, deadlocks and failed assertions.
//
// All threads of a model are coroutines of one. Where Relacy is coarser than C++, see
// "Verification" in service/README.md.
#ifndef TASKFORGE_MODEL_RELACY_ATOMICS_H_
#define TASKFORGE_MODEL_RELACY_ATOMICS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <string_view>
#include <type_traits>
#include <utility>

// Not <relacy/relacy.hpp>, which redefines `new`, `delete` and the names of memory orders.
#include <relacy/context.hpp>
#include <relacy/context_base_impl.hpp>
//
#include <relacy/atomic.hpp>
#include <relacy/backoff.hpp>
#include <relacy/test_suite.hpp>
#include <relacy/var.hpp>
//
#include <relacy/stdlib/condition_variable.hpp>
#include <relacy/stdlib/event.hpp>
#include <relacy/stdlib/mutex.hpp>
#include <relacy/stdlib/semaphore.hpp>
#undef $

#include "absl/base/thread_annotations.h"
#include "base/clock.h"

namespace taskforge::model {

using Where = std::source_location;

inline rl::debug_info InfoOf(const Where& where) {
  return rl::debug_info(where.function_name(), where.file_name(), where.line());
}

// What an access to an atomic word is.
enum class Access { kLoad, kStore, kExchange, kCompareExchange, kAdd };

// A fault that is seeded into the code while it is searched: the accesses of one function that have
// one kind and one order get another order, and one of these changes.
struct Fault {
  std::string_view function;  // What its name and class end with: "Notify(".
  Access access = Access::kLoad;
  std::memory_order written = std::memory_order_seq_cst;
  std::memory_order made = std::memory_order_relaxed;
  bool only_loads = false;   // What adds becomes a load.
  bool only_stores = false;  // A compare-and-swap becomes a store, which always succeeds.
  unsigned more = 0;         // A store of a number stores so much more.
};

// The fault that is seeded now, if one is, and how often it was met. Guarded by being used by one
// thread.
inline const Fault* seeded_fault = nullptr;
inline uint64_t seeded_fault_met = 0;

inline bool IsFaulty(Access access, std::memory_order order, const Where& where) {
  if (seeded_fault == nullptr || seeded_fault->access != access) return false;
  if (seeded_fault->written != order) return false;
  const std::string_view name = where.function_name();
  // The name proper comes before the template arguments.
  if (name.substr(0, name.find('[')).find(seeded_fault->function) == name.npos) return false;
  ++seeded_fault_met;
  return true;
}

inline rl::memory_order OrderOf(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return rl::mo_relaxed;
    case std::memory_order_consume:
      return rl::mo_consume;
    case std::memory_order_acquire:
      return rl::mo_acquire;
    case std::memory_order_release:
      return rl::mo_release;
    case std::memory_order_acq_rel:
      return rl::mo_acq_rel;
    case std::memory_order_seq_cst:
      break;
  }
  return rl::mo_seq_cst;
}

inline rl::memory_order OrderOf(Access access, std::memory_order order, const Where& where) {
  return OrderOf(IsFaulty(access, order, where) ? seeded_fault->made : order);
}

// Thread-safe in the model.
template <typename T>
class RelacyAtomic {
 public:
  RelacyAtomic() : RelacyAtomic(T()) {}
  // A constructor is no point at which others may come between: they do not know the word yet.
  RelacyAtomic(T value) {  // NOLINT(google-explicit-constructor): as std::atomic.
    rl::preemption_disabler alone(rl::ctx());
    word_.store(value, rl::mo_relaxed, InfoOf(Where::current()));
  }

  T load(std::memory_order order = std::memory_order_seq_cst,
         const Where& where = Where::current()) const {
    return word_.load(OrderOf(Access::kLoad, order, where), InfoOf(where));
  }
  void store(T value, std::memory_order order = std::memory_order_seq_cst,
             const Where& where = Where::current()) {
    if (IsFaulty(Access::kStore, order, where)) {
      order = seeded_fault->made;
      if constexpr (std::is_integral_v<T>) value += static_cast<T>(seeded_fault->more);
    }
    word_.store(value, OrderOf(order), InfoOf(where));
  }
  T exchange(T value, std::memory_order order = std::memory_order_seq_cst,
             const Where& where = Where::current()) {
    return word_.exchange(value, OrderOf(Access::kExchange, order, where), InfoOf(where));
  }
  T fetch_add(T value, std::memory_order order = std::memory_order_seq_cst,
              const Where& where = Where::current()) {
    if (IsFaulty(Access::kAdd, order, where)) {
      order = seeded_fault->made;
      if (seeded_fault->only_loads) return word_.load(OrderOf(order), InfoOf(where));
    }
    return word_.fetch_add(value, OrderOf(order), InfoOf(where));
  }
  T fetch_sub(T value, std::memory_order order = std::memory_order_seq_cst,
              const Where& where = Where::current()) {
    return word_.fetch_sub(value, OrderOf(Access::kAdd, order, where), InfoOf(where));
  }
  T fetch_or(T value, std::memory_order order = std::memory_order_seq_cst,
             const Where& where = Where::current()) {
    return word_.fetch_or(value, OrderOf(order), InfoOf(where));
  }
  T fetch_and(T value, std::memory_order order = std::memory_order_seq_cst,
              const Where& where = Where::current()) {
    return word_.fetch_and(value, OrderOf(order), InfoOf(where));
  }

  bool compare_exchange_weak(T& expected, T value,
                             std::memory_order order = std::memory_order_seq_cst,
                             const Where& where = Where::current()) {
    return CompareExchange<true>(expected, value, order, where);
  }
  bool compare_exchange_weak(T& expected, T value, std::memory_order order,
                             std::memory_order failure, const Where& where = Where::current()) {
    return CompareExchange<true>(expected, value, order, failure, where);
  }
  bool compare_exchange_strong(T& expected, T value,
                               std::memory_order order = std::memory_order_seq_cst,
                               const Where& where = Where::current()) {
    return CompareExchange<false>(expected, value, order, where);
  }
  bool compare_exchange_strong(T& expected, T value, std::memory_order order,
                               std::memory_order failure, const Where& where = Where::current()) {
    return CompareExchange<false>(expected, value, order, failure, where);
  }

 private:
  friend struct RelacyAtomics;

  template <bool kMayFail>
  bool CompareExchange(T& expected, T value, std::memory_order order, const Where& where) {
    if (IsFaulty(Access::kCompareExchange, order, where)) {
      order = seeded_fault->made;
      if (seeded_fault->only_stores) {
        word_.store(value, OrderOf(order), InfoOf(where));
        return true;
      }
    }
    return word_.compare_exchange(rl::bool_t<kMayFail>(), expected, value, OrderOf(order),
                                  InfoOf(where));
  }
  // Relacy wants a failure order that is no stronger than the other, which a fault may have made
  // weak.
  template <bool kMayFail>
  bool CompareExchange(T& expected, T value, std::memory_order order, std::memory_order failure,
                       const Where& where) {
    const rl::memory_order made = OrderOf(Access::kCompareExchange, order, where);
    if (made != OrderOf(order)) {
      return word_.compare_exchange(rl::bool_t<kMayFail>(), expected, value, made, InfoOf(where));
    }
    return word_.compare_exchange(rl::bool_t<kMayFail>(), expected, value, made, OrderOf(failure),
                                  InfoOf(where));
  }

  rl::atomic<T> word_;
};

// Memory whose accesses must be ordered by something else; making it and destroying it are writes.
template <typename T>
class RelacyPlain {
 public:
  RelacyPlain() : RelacyPlain(T()) {}
  RelacyPlain(T value)  // NOLINT(google-explicit-constructor): as T.
      : value_(std::move(value)) {
    NoteWrite();
  }
  RelacyPlain(const RelacyPlain& other) : RelacyPlain(other.Get()) {}
  ~RelacyPlain() { NoteWrite(); }
  RelacyPlain& operator=(const RelacyPlain& other) { return *this = T(other.Get()); }
  RelacyPlain& operator=(T value) {
    NoteWrite();
    value_ = std::move(value);
    return *this;
  }
  operator const T&() const { return Get(); }  // NOLINT(google-explicit-constructor): as T.
  const T& Get() const {
    static_cast<void>(accesses_(rl::debug_info("plain memory")).load());
    return value_;
  }

 private:
  void NoteWrite() { accesses_(rl::debug_info("plain memory")).store(++writes_); }

  T value_;
  unsigned writes_ = 0;
  rl::var<unsigned> accesses_;
};

// Thread-safe in the model.
class ABSL_LOCKABLE RelacyMutex {
 public:
  void Lock(const Where& where = Where::current()) ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    mutex_.lock(InfoOf(where));
  }
  void Unlock(const Where& where = Where::current()) ABSL_UNLOCK_FUNCTION() {
    mutex_.unlock(InfoOf(where));
  }
  bool TryLock(const Where& where = Where::current()) ABSL_EXCLUSIVE_TRYLOCK_FUNCTION(true) {
    return mutex_.try_lock(InfoOf(where));
  }

 private:
  rl::mutex mutex_;
};

// The policy. Thread-safe in the model.
struct RelacyAtomics {
  template <typename T>
  using Atomic = RelacyAtomic<T>;
  template <typename T>
  using Plain = RelacyPlain<T>;
  template <typename T>
  static const T& Read(const RelacyPlain<T>& plain) {
    return plain.Get();
  }
  using Mutex = RelacyMutex;

  // As the kernel does it: the comparison with the newest value and the falling asleep are one
  // step. Wakes for no reason, and at the deadline, if there is one, at any time.
  static bool Wait(RelacyAtomic<uint32_t>& word, uint32_t expected, MonoTime deadline,
                   const Where& where = Where::current()) {
    rl::context& context = rl::ctx();
    context.sched();
    if (word.word_.debug_value() != expected) {
      context.yield(1, InfoOf(where));  // Who has seen the newest value loads no older one.
      return true;
    }
    return word.word_.wait(context, deadline != MonoTime::Max(), context.is_random_sched(),
                           InfoOf(where)) != rl::unpark_reason_timeout;
  }
  static void Wake(RelacyAtomic<uint32_t>& word, int count, const Where& where = Where::current()) {
    rl::context& context = rl::ctx();
    context.sched();
    word.word_.wake(context, count, InfoOf(where));
  }
  static void Yield(const Where& where = Where::current()) { rl::yield(1, InfoOf(where)); }
  static size_t ThreadSlot() { return rl::thread_index(); }

  // As few as show what there is to see: the second guard at once appends a chunk.
  static constexpr size_t kEpochRecords = 1;
  static constexpr uint64_t kRetiresPerLook = 1;
};

}  // namespace taskforge::model

#endif  // TASKFORGE_MODEL_RELACY_ATOMICS_H_
