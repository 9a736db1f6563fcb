// The topics that were published on lately, for people.
#ifndef TASKFORGE_BUS_TOPIC_TABLE_H_
#define TASKFORGE_BUS_TOPIC_TABLE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "sync/epoch.h"

namespace taskforge {

struct TopicInfo {
  std::string topic;
  uint64_t published = 0;  // Since it is counted.
  uint64_t retained = 0;   // Of these, can be had now.
  absl::Time last_publish_time;
};

// Tells points on the monotonic clock, which are cheaper to note, as wall-clock time: as it is now,
// whatever it was then. Thread-compatible.
class WallTimes {
 public:
  explicit WallTimes(const Clock& clock) : wall_(clock.Now()), mono_(clock.Monotonic()) {}
  absl::Time Of(MonoTime t) const { return wall_ - absl::Nanoseconds(mono_ - t); }

 private:
  const absl::Time wall_;
  const MonoTime mono_;
};

// Counts by topic in a table of fixed size. A new topic that finds its places taken pushes out the
// one of them that was idle longest, with its count. Reading and counting never wait.
// Thread-safe.
class TopicTable {
 public:
  static constexpr size_t kCapacity = 4096;

  // `epochs` must outlive the table.
  explicit TopicTable(EpochDomain& epochs) : epochs_(epochs) {}
  // REQUIRES: nobody uses it any more.
  ~TopicTable();

  // REQUIRES: the caller is inside a guard of `epochs`.
  void Count(absl::string_view topic, MonoTime now);
  // In no order. Times are told by `clock`, whose Monotonic() the counts were given.
  std::vector<TopicInfo> List(const Clock& clock) const;

 private:
  struct Entry : EpochDomain::Retired {
    Entry(absl::string_view t, int64_t now_ns) : topic(t), last_ns(now_ns) {}
    const std::string topic;
    std::atomic<uint64_t> published{1};
    std::atomic<int64_t> last_ns;
  };
  static constexpr size_t kPlaces = 4;  // That a topic may stand at.

  EpochDomain& epochs_;
  std::array<std::atomic<Entry*>, kCapacity> entries_{};
};

}  // namespace taskforge

#endif  // TASKFORGE_BUS_TOPIC_TABLE_H_
