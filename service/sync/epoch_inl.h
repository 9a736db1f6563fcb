// The bodies of sync/epoch.h: for epoch.cc, and for tests with a policy of their own.
#ifndef TASKFORGE_SYNC_EPOCH_INL_H_
#define TASKFORGE_SYNC_EPOCH_INL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "sync/epoch.h"

namespace taskforge {
namespace epoch_internal {

// A note about an object that is no EpochDomain::Retired.
template <typename Atomics>
struct Note : BasicEpochDomain<Atomics>::Retired {
  Note(void* o, void (*f)(void*)) : object(o), free(f) {}
  void* const object;
  void (*const free)(void*);
};

// Returns how many it freed.
template <typename Retired>
uint64_t Free(Retired* list) {
  uint64_t count = 0;
  while (list != nullptr) {
    Retired* next = list->next;
    void (*destroy)(Retired*) = list->destroy;
    destroy(list);
    list = next;
    ++count;
  }
  return count;
}

}  // namespace epoch_internal

// Why the objects are safe. Let X be unlinked, then stamped r by an RMW of epoch_. The advance
// r -> r+1 is a later RMW of epoch_, so it happens after the unlinking; so does the whole scan of
// the advance r+1 -> r+2, which read r+1. That scan does an RMW of the record of each guard. Either
// it came before the guard's own RMW: then the guard synchronizes with it and cannot reach X. Or it
// saw the guard: then with the epoch r+1 (read from the advance, so X is out of reach) or else the
// advance fails. Or it saw the record free again: then all that the guard did happens before.

template <typename Atomics>
BasicEpochDomain<Atomics>::~BasicEpochDomain() {
  // acquire: pairs with the release in Retire().
  epoch_internal::Free(limbo_.load(std::memory_order_acquire));
  collect_mu_.Lock();  // Nobody holds it; it is for the analysis.
  Retired* const kept = kept_;
  collect_mu_.Unlock();
  epoch_internal::Free(kept);
  // acquire, here and below: pairs with the exchange in Enter() that appended the chunk.
  Chunk* chunk = first_.next.load(std::memory_order_acquire);
  while (chunk != nullptr) {
    Chunk* next = chunk->next.load(std::memory_order_acquire);
    delete chunk;
    chunk = next;
  }
}

template <typename Atomics>
BasicEpochDomain<Atomics>::Guard::Guard(BasicEpochDomain& domain) : record_(domain.Enter()) {}

template <typename Atomics>
BasicEpochDomain<Atomics>::Guard::~Guard() {
  // release: pairs with the scan in TryAdvance(); what the guard read is read.
  record_->epoch.store(0, std::memory_order_release);
}

template <typename Atomics>
typename BasicEpochDomain<Atomics>::Record* BasicEpochDomain<Atomics>::Enter() {
  const size_t start = Atomics::ThreadSlot();
  for (Chunk* chunk = &first_;;) {
    for (size_t i = 0; i < chunk->records.size(); ++i) {
      Record& record = chunk->records[(start + i) % chunk->records.size()];
      if (record.epoch.load(std::memory_order_relaxed) != 0) continue;  // A hint only.
      uint64_t free = 0;
      // acquire: pairs with the advance; whoever enters in an epoch sees all that led to it.
      const uint64_t epoch = epoch_.load(std::memory_order_acquire);
      if (record.epoch.compare_exchange_strong(free, epoch, std::memory_order_seq_cst)) {
        return &record;
      }
    }
    Chunk* next = chunk->next.load(std::memory_order_acquire);  // Pairs with the exchange below.
    if (next == nullptr) {
      Chunk* fresh = new Chunk;
      if (chunk->next.compare_exchange_strong(next, fresh, std::memory_order_seq_cst)) {
        next = fresh;
      } else {
        delete fresh;
      }
    }
    chunk = next;
  }
}

template <typename Atomics>
void BasicEpochDomain<Atomics>::Retire(Retired* object, void (*destroy)(Retired*)) {
  object->destroy = destroy;
  // An RMW, so that the next advance synchronizes with it: see above.
  object->epoch = epoch_.fetch_add(0, std::memory_order_seq_cst);
  Retired* before = limbo_.load(std::memory_order_relaxed);
  do {
    object->next = before;
    // release: pairs with the exchange in Collect(). No ABA: only whole lists are taken.
  } while (!limbo_.compare_exchange_weak(before, object, std::memory_order_release,
                                         std::memory_order_relaxed));
  const uint64_t retired = retired_.fetch_add(1, std::memory_order_relaxed) + 1;  // A counter.
  if (retired % Atomics::kRetiresPerLook != 0) return;
  TryAdvance();
  Collect();
}

template <typename Atomics>
void BasicEpochDomain<Atomics>::Retire(void* object, void (*destroy)(void*)) {
  using Note = epoch_internal::Note<Atomics>;
  Retire(new Note(object, destroy), [](Retired* retired) {
    Note* note = static_cast<Note*>(retired);
    note->free(note->object);
    delete note;
  });
}

template <typename Atomics>
void BasicEpochDomain<Atomics>::Reclaim() {
  TryAdvance();  // Twice: what was unlinked in epoch e is free in e + 2.
  TryAdvance();
  Collect();
}

template <typename Atomics>
void BasicEpochDomain<Atomics>::TryAdvance() {
  // acquire: pairs with the exchange below, of whoever advanced to this epoch.
  uint64_t epoch = epoch_.load(std::memory_order_acquire);
  for (Chunk* chunk = &first_; chunk != nullptr;) {
    for (Record& record : chunk->records) {
      const uint64_t entered = record.epoch.fetch_add(0, std::memory_order_seq_cst);
      if (entered != 0 && entered != epoch) return;
    }
    // An RMW even of nullptr: who appends a chunk after this scan synchronizes with it.
    Chunk* next = nullptr;
    chunk->next.compare_exchange_strong(next, nullptr, std::memory_order_seq_cst);
    chunk = next;
  }
  epoch_.compare_exchange_strong(epoch, epoch + 1, std::memory_order_seq_cst);
}

template <typename Atomics>
void BasicEpochDomain<Atomics>::Collect() {
  if (!collect_mu_.TryLock()) return;
  Retired* old = nullptr;
  Retired* young = nullptr;
  // acquire: pairs with the advance, which came after all guards of the epochs that are over.
  const uint64_t epoch = epoch_.load(std::memory_order_acquire);
  Retired* const kept = kept_;
  // acquire, at the exchange: pairs with the release in Retire().
  for (Retired* list : {limbo_.exchange(nullptr, std::memory_order_acquire), kept}) {
    while (list != nullptr) {
      Retired* next = list->next;
      Retired*& to = list->epoch + 2 <= epoch ? old : young;
      list->next = to;
      to = list;
      list = next;
    }
  }
  kept_ = young;
  collect_mu_.Unlock();
  freed_.fetch_add(epoch_internal::Free(old), std::memory_order_relaxed);  // relaxed: a counter.
}

template <typename Atomics>
void BasicEpochDomain<Atomics>::Quiesce(size_t limit) {
  while (garbage() > limit) {
    TryAdvance();
    Collect();
    if (garbage() > limit) Atomics::Yield();
  }
}

}  // namespace taskforge

#endif  // TASKFORGE_SYNC_EPOCH_INL_H_
