// The bus with one lock and nothing clever: what the lock-free one is measured against. It runs
// behind the same tests, so a test that is wrong fails here too, and random histories are compared
// between the two.
#ifndef TASKFORGE_SUPPORT_MUTEX_BUS_H_
#define TASKFORGE_SUPPORT_MUTEX_BUS_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/error.h"
#include "base/mutex.h"
#include "bus/bus.h"
#include "bus/topic.h"

namespace taskforge {

// Has Bus's face, without policy kBlock. Thread-safe.
class MutexBus {
  struct Member;

 public:
  class Handle {
   public:
    Handle(MutexBus& bus, std::shared_ptr<Member> member) : bus_(bus), member_(std::move(member)) {}
    ~Handle() { Close(); }
    void Resume() { bus_.Resume(*member_); }
    void Close() { bus_.Close(member_); }
    SubscriptionInfo Info() const { return bus_.Info(*member_); }

   private:
    MutexBus& bus_;
    const std::shared_ptr<Member> member_;
  };

  MutexBus(Bus::Options, DrainExecutor& executor, const Clock&) : executor_(executor) {}

  absl::StatusOr<std::unique_ptr<Handle>> Subscribe(SubscribeOptions options, EventSink& sink)
      ABSL_LOCKS_EXCLUDED(mu_) {
    std::vector<FieldViolation> violations;
    CheckSubscribeOptions(options, violations);
    if (!violations.empty()) return InvalidArgument(std::move(violations));
    auto member = std::make_shared<Member>(std::move(options), sink);
    MutexLock lock(mu_);
    members_.push_back(member);
    return std::make_unique<Handle>(*this, std::move(member));
  }

  Bus::PublishResult Publish(const EventRef& event) ABSL_LOCKS_EXCLUDED(mu_) {
    std::vector<std::shared_ptr<Member>> to_run;
    uint32_t routed = 0;
    {
      MutexLock lock(mu_);
      for (const auto& member : members_) {
        if (member->closed || !Wants(*member, event->topic())) continue;
        if (Offer(*member, event)) ++routed;
        to_run.push_back(member);
      }
    }
    for (const auto& member : to_run) Submit(member);
    return {routed};
  }

 private:
  // An event, or a number of lost ones.
  struct Entry {
    EventRef event;
    uint64_t missed = 0;
  };
  struct Member {
    Member(SubscribeOptions o, EventSink& s)
        : options(std::move(o)), max_events(std::bit_ceil(options.max_events)), sink(s) {}
    const SubscribeOptions options;
    const size_t max_events;
    EventSink& sink;
    // All guarded by the bus's mutex.
    std::array<std::deque<Entry>, kPriorityCount> lanes;
    size_t events = 0;
    size_t bytes = 0;
    uint64_t delivered = 0;
    std::array<uint64_t, kDropReasonCount> dropped{};
    bool closed = false, tell = false, paused = false, running = false, submitted = false;
  };
  // Owns itself until it has run.
  struct Run : Work {
    MutexBus* bus = nullptr;
    std::shared_ptr<Member> member;
  };

  static bool Wants(const Member& member, absl::string_view topic) {
    return std::any_of(member.options.filters.begin(), member.options.filters.end(),
                       [&](const auto& filter) { return Matches(filter, topic); });
  }
  static void AddGap(std::deque<Entry>& lane, bool at_front) {
    Entry* edge = lane.empty() ? nullptr : at_front ? &lane.front() : &lane.back();
    if (edge != nullptr && !edge->event) {
      ++edge->missed;
    } else if (at_front) {
      lane.push_front({nullptr, 1});
    } else {
      lane.push_back({nullptr, 1});
    }
  }
  static bool DropOldest(Member& member, Priority up_to) {
    for (size_t i = 0; i <= Index(up_to); ++i) {
      auto& lane = member.lanes[i];
      const auto oldest = std::find_if(lane.begin(), lane.end(),
                                       [](const Entry& entry) { return bool(entry.event); });
      if (oldest == lane.end()) continue;
      --member.events;
      member.bytes -= oldest->event->bytes();
      ++member.dropped[static_cast<size_t>(DropReason::kOldest)];
      // Only a gap may stand before the oldest, and perhaps one behind it: the three become one.
      uint64_t missed = 1;
      for (auto it = lane.begin(); it != oldest; ++it) missed += it->missed;
      lane.erase(lane.begin(), oldest + 1);
      if (!lane.empty() && !lane.front().event) {
        lane.front().missed += missed;
      } else {
        lane.push_front({nullptr, missed});
      }
      return true;
    }
    return false;
  }
  // Puts an event into the place of the one of its key that waits, if one does.
  static bool Replace(Member& member, const EventRef& event) {
    const auto key_of = [&](const Event& of, std::string& key) {
      key = std::string(of.topic());
      return member.options.conflate_by.empty() ||
             of.FindAttribute(member.options.conflate_by, key);
    };
    std::string key;
    if (!key_of(*event, key)) return false;
    for (auto& lane : member.lanes) {
      for (Entry& entry : lane) {
        std::string waiting;
        if (!entry.event || !key_of(*entry.event, waiting) || waiting != key) continue;
        member.bytes += event->bytes() - entry.event->bytes();
        entry.event = event;
        ++member.dropped[static_cast<size_t>(DropReason::kConflated)];
        return true;
      }
    }
    return false;
  }
  // Whether the event counts as routed.
  static bool Offer(Member& member, const EventRef& event) {
    const size_t bytes = event->bytes();
    const auto fits = [&] {
      return member.events < member.max_events && member.bytes + bytes <= member.options.max_bytes;
    };
    if (member.options.policy == SlowSubscriberPolicy::kConflate &&
        bytes <= member.options.max_bytes && Replace(member, event)) {
      while (member.bytes > member.options.max_bytes && DropOldest(member, event->priority())) {
      }
      return true;
    }
    if (bytes <= member.options.max_bytes) {
      while (!fits() &&
             (member.options.policy == SlowSubscriberPolicy::kDropOldest ||
              member.options.policy == SlowSubscriberPolicy::kConflate) &&
             DropOldest(member, event->priority())) {
      }
    }
    auto& lane = member.lanes[Index(event->priority())];
    if (fits()) {
      lane.push_back({event, 0});
      ++member.events;
      member.bytes += bytes;
      return true;
    }
    if (member.options.policy == SlowSubscriberPolicy::kDisconnect) {
      member.closed = member.tell = true;
      Discard(member, DropReason::kDisconnected);
      return false;
    }
    AddGap(lane, /*at_front=*/false);
    ++member.dropped[static_cast<size_t>(bytes > member.options.max_bytes ? DropReason::kTooLarge
                                                                          : DropReason::kNewest)];
    return true;
  }
  static void Discard(Member& member, DropReason reason) {
    member.dropped[static_cast<size_t>(reason)] += member.events;
    for (auto& lane : member.lanes) lane.clear();
    member.events = member.bytes = 0;
  }

  void Submit(const std::shared_ptr<Member>& member) ABSL_LOCKS_EXCLUDED(mu_) {
    Run* run = new Run;
    {
      MutexLock lock(mu_);
      if (member->submitted) {
        delete run;
        return;
      }
      member->submitted = true;
      for (size_t i = 0; i < kPriorityCount; ++i) {
        if (!member->lanes[i].empty()) run->priority = kPriorities[i];
      }
    }
    run->run = &MutexBus::RunOne;
    run->bus = this;
    run->member = member;
    executor_.SubmitReserved(*run);
  }
  static bool RunOne(Work& work, const Dispatch&) {
    const std::unique_ptr<Run> run(&static_cast<Run&>(work));
    run->bus->Drain(run->member);
    return true;
  }
  void Drain(const std::shared_ptr<Member>& member) ABSL_LOCKS_EXCLUDED(mu_) {
    std::vector<Delivery> batch;
    bool tell = false;
    {
      MutexLock lock(mu_);
      member->submitted = false;
      if (member->running || (member->paused && !member->tell)) return;
      tell = std::exchange(member->tell, false);
      for (size_t i = kPriorityCount; i-- > 0 && batch.empty() && !member->closed;) {
        auto& lane = member->lanes[i];
        for (; !lane.empty() && batch.size() < member->options.max_batch; lane.pop_front()) {
          const Entry& entry = lane.front();
          batch.push_back({entry.event, entry.missed, kPriorities[i]});
          if (!entry.event) continue;
          --member->events;
          member->bytes -= entry.event->bytes();
          ++member->delivered;
        }
      }
      if (batch.empty() && !tell) return;
      member->running = true;
    }
    SinkResult result = SinkResult::kContinue;
    if (tell) {
      member->sink.OnClosed(
          ReasonError(absl::StatusCode::kResourceExhausted, "SLOW_SUBSCRIBER", "too slow"));
    } else {
      result = member->sink.Deliver(batch);
    }
    bool more = false;
    {
      MutexLock lock(mu_);
      member->running = false;
      if (result == SinkResult::kPause) member->paused = true;
      more = HasMore(*member);
    }
    stopped_.SignalAll();
    if (more) Submit(member);
  }
  static bool HasMore(const Member& member) {
    if (member.tell) return true;
    if (member.paused || member.closed) return false;
    return std::any_of(member.lanes.begin(), member.lanes.end(),
                       [](const auto& lane) { return !lane.empty(); });
  }
  void Resume(Member& member) ABSL_LOCKS_EXCLUDED(mu_) {
    std::shared_ptr<Member> found;
    {
      MutexLock lock(mu_);
      member.paused = false;
      for (const auto& each : members_) {
        if (each.get() == &member && HasMore(member)) found = each;
      }
    }
    if (found != nullptr) Submit(found);
  }
  void Close(const std::shared_ptr<Member>& member) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    member->closed = true;
    member->tell = false;
    Discard(*member, DropReason::kClosed);
    members_.remove(member);
    while (member->running) stopped_.Wait(mu_);
  }
  SubscriptionInfo Info(const Member& member) const ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    SubscriptionInfo info;
    info.backlog_events = member.events;
    info.backlog_bytes = member.bytes;
    info.delivered = member.delivered;
    info.dropped_by_reason = member.dropped;
    return info;
  }

  DrainExecutor& executor_;
  mutable Mutex mu_;
  CondVar stopped_;
  std::list<std::shared_ptr<Member>> members_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_SUPPORT_MUTEX_BUS_H_
