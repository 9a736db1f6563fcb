// The latest event of each key, for a subscriber that wants no more of what waits.
//
// A key that has something waiting has a ticket. The ticket stands in a lane, in the place of the
// first event; newer ones of the key change what it stands for by one compare-and-swap. Whoever
// takes the ticket out of the lane gets the latest event and ends the ticket. The tickets are found
// by a hash table of fixed size whose chains are immutable and replaced whole, as in read-copy-
// update; an epoch domain keeps what a reader sees. Nobody waits.
#ifndef TASKFORGE_BUS_CONFLATION_H_
#define TASKFORGE_BUS_CONFLATION_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "base/ref.h"
#include "bus/event.h"
#include "sync/epoch.h"

namespace taskforge {

// Stands in a lane for the latest event of its key. Thread-safe.
class Ticket final : public Event {
 public:
  // Takes over one reference to `latest`. `key`: its hash and text; without one, nothing replaces
  // `latest`.
  Ticket(std::string key, size_t hash, const Event* latest);
  ~Ticket() override;

  const std::string& key() const { return key_; }
  size_t hash() const { return hash_; }

  // Takes over a reference to `fresh`, for which it stands from now on; returns what it stood for,
  // with its reference. Null, and `fresh` stays the caller's, when the ticket has ended.
  const Event* Replace(const Event* fresh) const {
    const Event* old = latest_.load(std::memory_order_relaxed);
    // acq_rel: with the other changes; whoever gets an event sees what is in it.
    while (old != nullptr &&
           !latest_.compare_exchange_weak(old, fresh, std::memory_order_acq_rel)) {
    }
    return old;
  }
  // Ends it: the latest event, with its reference; null when it has ended.
  const Event* Take() const { return latest_.exchange(nullptr, std::memory_order_acq_rel); }

 private:
  const std::string key_;
  const size_t hash_;
  mutable std::atomic<const Event*> latest_;
};

// The tickets of one subscriber, by key. Thread-safe.
class Conflation {
 public:
  // `attribute`: whose value is an event's key; empty: its topic is. `max_keys`: about so many keys
  // have something waiting at most; more only take longer to find.
  Conflation(std::string attribute, size_t max_keys);
  // REQUIRES: nobody uses it any more.
  ~Conflation();
  Conflation(const Conflation&) = delete;
  Conflation& operator=(const Conflation&) = delete;

  // While it lives, tickets that were found can be looked at.
  class Guard {
   public:
    explicit Guard(Conflation& conflation) : guard_(conflation.epochs_) {}

   private:
    EpochDomain::Guard guard_;
  };

  // The key of an event; false if it lacks the attribute, and so has none.
  bool KeyOf(const Event& event, std::string& key) const;
  // The ticket of a key, or null. REQUIRES: a Guard.
  const Ticket* Find(absl::string_view key, size_t hash) const;
  // Adds a ticket if its key has none. REQUIRES: a Guard.
  bool TryAdd(const Ref<const Ticket>& ticket);
  // Removes a ticket, if it is there. REQUIRES: a Guard.
  void Remove(const Ticket& ticket);

 private:
  struct Node;

  std::atomic<const Node*>& BucketOf(size_t hash) const;

  // Constant after construction.
  const std::string attribute_;
  const size_t mask_;
  const std::unique_ptr<std::atomic<const Node*>[]> buckets_;

  EpochDomain epochs_;  // Synchronizes itself.
};

}  // namespace taskforge

#endif  // TASKFORGE_BUS_CONFLATION_H_
