// What is kept of the events on retained topics, for subscribers that come later or come back.
//
// Each event on a retained topic gets a position: one count for all of them, which rises in the
// order in which they were published. Each topic keeps its last events, up to a number; all topics
// together keep up to a number of bytes, and over it the oldest go. What went is remembered for
// some time by its position alone, so that who comes for it is told how much is missing.
//
// A subscription reads from here until it has come to the end; from then on it gets what is new in
// its lanes, as any other. The step between the two is made under the lock under which an event
// gets its position and is pushed, so nothing falls between and nothing comes twice: there is no
// overlap to take out. It reads as fast as it is drained, so a replay, however long, never fills
// its lanes. While it reads, what is on topics that are not retained comes to the lanes beside
// that: between the two there is no order then.
//
// Waits: all publishers of retained topics take one small lock, and hold it while they append and
// push into the lanes of those who follow; readers hold it for at most kMostVisits entries. Topics
// that are not retained never take it. Nothing is called under it that takes a lock or wakes a
// thread, and what is trimmed is destroyed outside it.
#ifndef TASKFORGE_BUS_REPLAY_LOG_H_
#define TASKFORGE_BUS_REPLAY_LOG_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/error.h"
#include "base/mutex.h"
#include "bus/event.h"
#include "bus/subscription.h"
#include "task/priority.h"

namespace taskforge {

struct ReplayOptions {
  // Topics whose events are retained: at most 64 filters (bus/topic.h). None: nothing is retained,
  // and publishing costs nothing more.
  std::vector<std::string> filters;
  // Of each topic; 1 to 1048576.
  size_t max_events = 1024;
  // Of all topics together; 64 KiB or more. An event counts twice with its bytes (Event::bytes; the
  // other is its encoding), and 128 more; a topic with its name and 256. Positions that are
  // remembered without their events take up to 4 MiB besides.
  size_t max_bytes = size_t{64} << 20;

  void Validate(std::vector<FieldViolation>& violations) const;
};

struct ReplayStats {
  size_t topics = 0;
  uint64_t events = 0;
  uint64_t bytes = 0;
  uint64_t appended = 0;  // Since the start.
  uint64_t trimmed = 0;   // Of these, retained no longer.
  uint64_t replayed = 0;  // Read by subscribers, each for itself.
};

// Where one subscription is in the log. Its fields are the log's, but for what stands first.
// Thread-safe.
class ReplayReader {
 public:
  // `filters` must outlive it.
  explicit ReplayReader(const std::vector<std::string>& filters) : filters_(filters) {}

  // Whether events of a priority are to be read from the log; else they come to the lane.
  bool IsBehind(Priority priority) const { return IsIn(behind_, priority); }
  bool IsBehind() const { return behind_.load(std::memory_order_seq_cst) != 0; }
  // ... because there was no room for one, at a policy that drops none: publishers wait for it.
  bool IsHeldUp(Priority priority) const { return IsIn(held_up_, priority); }

 private:
  friend class ReplayLog;

  static bool IsIn(const std::atomic<uint32_t>& set, Priority priority) {
    // seq_cst: a pusher that sets it and then reads the subscriber's state, and a drain that
    // changes that state and then asks here, cannot both miss each other.
    return ((set.load(std::memory_order_seq_cst) >> Index(priority)) & 1) != 0;
  }

  const std::vector<std::string>& filters_;

  // One bit for each priority; changed under the log's lock.
  std::atomic<uint32_t> behind_{(1u << kPriorityCount) - 1};
  std::atomic<uint32_t> held_up_{0};

  // Guarded by the log's lock.
  std::array<uint64_t, kPriorityCount> through_{};  // Read up to here, while behind.
  uint64_t ignored_trims_ = 0;                      // Trims up to this one took nothing from it.
  // Lost where it has not read yet, and forgotten.
  std::array<uint64_t, kPriorityCount> lost_{};
  std::array<bool, kPriorityCount> lost_more_{};
  // By the id of a topic: it wants nothing of it up to here (SubscribeStart::At::kLast).
  absl::flat_hash_map<uint64_t, uint64_t> floors_;
};

// Thread-safe.
class ReplayLog {
 public:
  // Entries that one call of Read() looks at.
  static constexpr size_t kMostVisits = 256;
  // Positions that are remembered after their events went.
  static constexpr size_t kMostRemembered = 8192;

  explicit ReplayLog(ReplayOptions options);
  ~ReplayLog();
  ReplayLog(const ReplayLog&) = delete;
  ReplayLog& operator=(const ReplayLog&) = delete;

  // Whether events of the topic are retained; the answer never changes. Takes no lock.
  bool Retains(absl::string_view topic) const;
  // Whether a topic that one of `filters` stands for may be retained.
  bool MayRetain(const std::vector<std::string>& filters) const;

  // Readers for whose subscribers there was no room.
  using NoRoom = absl::InlinedVector<ReplayReader*, 4>;
  // Gives `event` its position and keeps it; then calls `place`, under the lock, which gives it to
  // those who are not behind and returns those for whom there was no room: these are behind from
  // here on. `place` must take no lock and wake nobody. REQUIRES: the event was never appended.
  template <typename Place>
  void Append(const EventRef& event, Place place) ABSL_LOCKS_EXCLUDED(mu_) {
    Trimmed trimmed;  // Destroyed outside the lock.
    MutexLock lock(mu_);
    AppendLocked(event, trimmed);
    for (ReplayReader* reader : place()) FallBehind(*reader, *event);
  }

  // Puts a reader at its start, and says where that is. It is behind until it reads to the end or
  // is told StartLive(). INVALID_ARGUMENT: a position that this log never gave.
  absl::StatusOr<ReplayPosition> Attach(ReplayReader& reader, const SubscribeStart& start)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Once publishers know of it: at the priorities where it has nothing to read, it is live.
  void StartLive(ReplayReader& reader) ABSL_LOCKS_EXCLUDED(mu_);
  // After this the reader may go. REQUIRES: its subscriber is closed, so it does not fall behind.
  void Detach(ReplayReader& reader) ABSL_LOCKS_EXCLUDED(mu_);

  struct ReadResult {
    size_t deliveries = 0;  // Events, and gaps.
    size_t events = 0;
    uint64_t missed = 0;   // In the gaps.
    uint64_t through = 0;  // All up to this position has been read.
  };
  // Reads on, at one priority: up to `max_events` events, each perhaps behind a gap, and a gap at
  // the end. If it comes to the end of the log, the reader is not behind any more. One caller at a
  // time for each reader. None, and nothing was read: `is_to_read`, asked under the lock, says that
  // what was pushed comes first, or that the reader is not behind any more (StartLive() may have
  // made it live since the caller looked). REQUIRES: `out` has room for 2·max_events + 1.
  std::optional<ReadResult> Read(ReplayReader& reader, Priority priority, size_t max_events,
                                 absl::Span<Delivery> out, absl::FunctionRef<bool()> is_to_read)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Where kEarliest begins now.
  ReplayPosition Oldest() const ABSL_LOCKS_EXCLUDED(mu_);
  // Events of that topic that are retained.
  uint64_t EventsOf(absl::string_view topic) const ABSL_LOCKS_EXCLUDED(mu_);
  ReplayStats Stats() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Topic;
  struct Kept {
    EventRef event;
    Topic* topic = nullptr;
  };
  struct Gone {
    Topic* topic = nullptr;
    uint64_t trim = 0;  // Which trim it was, counted from 1.
  };
  using Trimmed = absl::InlinedVector<EventRef, 2>;
  struct Place {
    uint64_t position = 0;
    Priority priority = Priority::kNormal;
  };

  void AppendLocked(const EventRef& event, Trimmed& trimmed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Topic& TopicOf(absl::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TrimOldest(Topic& topic, Trimmed& trimmed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Topic& TopicOfOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ForgetOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FallBehind(ReplayReader& reader, const Event& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void BecomeLive(ReplayReader& reader, Priority priority) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  ReplayPosition OldestLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  ReplayPosition StartAtLast(ReplayReader& reader, size_t n) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status Resume(ReplayReader& reader, const ReplayPosition& position)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static bool Wants(const ReplayReader& reader, const Topic& topic, uint64_t position);

  // Constant after construction.
  const ReplayOptions options_;

  mutable Mutex mu_;
  uint64_t last_ ABSL_GUARDED_BY(mu_) = 0;   // Position of the newest.
  uint64_t trims_ ABSL_GUARDED_BY(mu_) = 0;  // Events that went, since the start.
  uint64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t replayed_ ABSL_GUARDED_BY(mu_) = 0;
  // By position.
  std::array<absl::btree_map<uint64_t, Kept>, kPriorityCount> kept_ ABSL_GUARDED_BY(mu_);
  std::array<absl::btree_map<uint64_t, Gone>, kPriorityCount> gone_ ABSL_GUARDED_BY(mu_);
  std::deque<Place> remembered_ ABSL_GUARDED_BY(mu_);  // What is in gone_, in the order of trims.
  // Those of which anything is kept or remembered, by name.
  absl::flat_hash_map<absl::string_view, std::unique_ptr<Topic>> topics_ ABSL_GUARDED_BY(mu_);
  uint64_t last_topic_id_ ABSL_GUARDED_BY(mu_) = 0;
  // Of topics that are not there any more: where the last event was that is forgotten.
  std::array<uint64_t, kPriorityCount> vanished_ ABSL_GUARDED_BY(mu_){};
  absl::flat_hash_set<ReplayReader*> behind_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_BUS_REPLAY_LOG_H_
