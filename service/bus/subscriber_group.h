// Subscribers who share the events, as the queue groups of NATS do
// (https://docs.nats.io/nats-concepts/core-nats/queue): each event goes to one of them.
#ifndef TASKFORGE_BUS_SUBSCRIBER_GROUP_H_
#define TASKFORGE_BUS_SUBSCRIBER_GROUP_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/types/span.h"
#include "base/mutex.h"
#include "base/ref.h"
#include "bus/event.h"

namespace taskforge {

class Subscriber;

// An event goes to the member whose filters match and for whom the fewest events wait; among equals
// it goes round. So a member that is slow or stands still gets little. At most once: what a member
// was given and lost with its stream is lost. Order: for one publisher, one member and one
// priority, except for what comes over from a member that left: that comes behind what waits.
// Thread-safe.
class SubscriberGroup final : public RefCounted<SubscriberGroup> {
 public:
  explicit SubscriberGroup(std::string name) : name_(std::move(name)) {}

  const std::string& name() const { return name_; }

  void Join(Ref<Subscriber> member) ABSL_LOCKS_EXCLUDED(mu_);
  void Leave(const Subscriber& member) ABSL_LOCKS_EXCLUDED(mu_);

  // The one of `members`, who match, that is next to get an event. REQUIRES: not empty.
  Subscriber& Choose(absl::Span<Subscriber* const> members);

  // Gives an event that waited with `from` to another member that wants it and has room now, and
  // takes over the reference; false if there is none. No policy is applied: nobody is disconnected
  // for what another left behind.
  bool PassOn(const Event* event, const Subscriber& from) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const std::string name_;
  std::atomic<uint32_t> turn_{0};
  Mutex mu_;  // Not taken by publishers, unless a member leaves beside them.
  std::vector<Ref<Subscriber>> members_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_BUS_SUBSCRIBER_GROUP_H_
