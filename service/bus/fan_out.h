// One event on its way to those who get it.
#ifndef TASKFORGE_BUS_FAN_OUT_H_
#define TASKFORGE_BUS_FAN_OUT_H_

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/ref.h"
#include "bus/event.h"
#include "bus/replay_log.h"
#include "bus/route_table.h"
#include "bus/subscriber.h"
#include "bus/subscriber_group.h"

namespace taskforge {

// Gives every subscriber a reference of its own by one addition to the event's count: the
// publisher's is the first of them, and what nobody took goes back at once at the end. Not
// thread-safe: belongs to the publishing thread.
class FanOut {
 public:
  // Subscribers for whom the publisher must wait.
  using ToWaitFor = absl::InlinedVector<Ref<Subscriber>, 4>;

  explicit FanOut(EventRef event) : event_(event.Leak()) {}
  ~FanOut() {
    if (references_ > 0) event_->Release(references_);
  }
  FanOut(const FanOut&) = delete;
  FanOut& operator=(const FanOut&) = delete;

  const Event& event() const { return *event_; }
  // How many took it.
  uint32_t taken() const { return taken_; }

  // Offers it to all of `matched`, as routed at `now`; adds those that must be waited for.
  // REQUIRES: called once, inside a guard that keeps them.
  void OfferAll(const RouteTable::Matched& matched, MonoTime now, ToWaitFor& to_wait_for) {
    if (matched.empty()) return;
    event_->StampPublished(now);
    const auto further = static_cast<uint32_t>(matched.size() - 1);
    if (further > 0) event_->AddRef(further);
    references_ += further;
    for (size_t i = 0; i < matched.size();) {
      SubscriberGroup* group = matched[i]->group();
      size_t end = i + 1;
      if (group == nullptr) {
        Offer(*matched[i], to_wait_for);
      } else {
        while (end < matched.size() && matched[end]->group() == group) ++end;
        const auto members = absl::MakeConstSpan(matched.data() + i, end - i);
        if (!Offer(group->Choose(members), to_wait_for)) OfferToAnyOf(members, to_wait_for);
      }
      i = end;
    }
  }
  // The same in two steps, for an event that is retained. First under the log's lock, once it has
  // its position: to those who follow the log, at least as far as they have come. Returns those for
  // whom there was no room.
  ReplayLog::NoRoom PlaceWithFollowers(const RouteTable::Matched& matched, MonoTime now) {
    ReplayLog::NoRoom no_room;
    event_->StampPublished(now);
    for (Subscriber* subscriber : matched) {
      ReplayReader* reader = subscriber->reader();
      if (reader == nullptr) continue;
      if (reader->IsBehind(event_->priority())) {
        ++taken_;  // It will read it.
        if (reader->IsHeldUp(event_->priority())) followers_.push_back({subscriber, 0, true});
      } else if (!PlaceWith(*subscriber)) {
        no_room.push_back(reader);
      }
    }
    return no_room;
  }
  // Then outside the lock: to all others. REQUIRES: inside the same guard.
  void OfferToOthers(RouteTable::Matched& matched, MonoTime now, ToWaitFor& to_wait_for) {
    for (const Follower& follower : followers_) {
      follower.subscriber->Announce(follower.news);
      if (!follower.is_held_up) continue;
      if (follower.subscriber->WaitsFor(event_)) {
        to_wait_for.emplace_back(follower.subscriber);
      } else {
        follower.subscriber->Disconnect();
        --taken_;
      }
    }
    const auto follows = [](const Subscriber* each) { return each->reader() != nullptr; };
    matched.erase(std::remove_if(matched.begin(), matched.end(), follows), matched.end());
    OfferAll(matched, now, to_wait_for);
  }
  // REQUIRES: outside any guard; `to_wait_for` is OfferAll()'s or OfferToOthers()'.
  void OfferBlocking(const ToWaitFor& to_wait_for) {
    for (const Ref<Subscriber>& subscriber : to_wait_for) {
      if (subscriber->reader() != nullptr && event_->position() > 0) {
        if (!subscriber->WaitUntilRead(event_)) --taken_;
        continue;
      }
      // One that is too slow is disconnected; its group may have another.
      if (subscriber->OfferBlocking(event_) == Subscriber::Offered::kTaken ||
          (subscriber->group() != nullptr && subscriber->group()->PassOn(event_, *subscriber))) {
        Took();
      }
    }
  }

 private:
  // Who follows the log, and is to be told or waited for.
  struct Follower {
    Subscriber* subscriber;
    uint32_t news;
    bool is_held_up;  // There is no room, or there was none for an event before.
  };

  // False if there is no room.
  bool PlaceWith(Subscriber& subscriber) {
    uint32_t news = 0;
    event_->AddRef();
    const Subscriber::Placed placed = subscriber.Place(event_, news);
    if (placed != Subscriber::Placed::kTaken) event_->Release();
    if (placed == Subscriber::Placed::kTaken) {
      subscriber.SetPlaced(event_->priority(), event_->position());
    }
    if (placed != Subscriber::Placed::kClosed) ++taken_;  // With no room, it will read it.
    const bool has_room = placed != Subscriber::Placed::kNoRoom;
    if (!has_room) news |= 1u << Index(event_->priority());
    if (news != 0) followers_.push_back({&subscriber, news, !has_room});
    return has_room;
  }
  // False if it takes no more.
  bool Offer(Subscriber& subscriber, ToWaitFor& to_wait_for) {
    const Subscriber::Offered offered = subscriber.Offer(event_);
    if (offered == Subscriber::Offered::kTaken) Took();
    if (offered == Subscriber::Offered::kWouldBlock) to_wait_for.emplace_back(&subscriber);
    return offered != Subscriber::Offered::kClosed;
  }
  void OfferToAnyOf(absl::Span<Subscriber* const> members, ToWaitFor& to_wait_for) {
    for (Subscriber* member : members) {
      if (Offer(*member, to_wait_for)) return;
    }
  }
  void Took() {
    ++taken_;
    --references_;
  }

  const Event* const event_;
  uint32_t references_ = 1;  // That are held here.
  uint32_t taken_ = 0;
  absl::InlinedVector<Follower, 4> followers_;
};

}  // namespace taskforge

#endif  // TASKFORGE_BUS_FAN_OUT_H_
