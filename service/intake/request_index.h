// The request_ids that were used, so that a submission which is sent again becomes no second task.
#ifndef TASKFORGE_INTAKE_REQUEST_INDEX_H_
#define TASKFORGE_INTAKE_REQUEST_INDEX_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "task/spec_hash.h"
#include "task/task_api.h"

namespace taskforge {

// Remembers for each request_id, within its namespace, queue and principal, which task it became,
// also when the task's record is gone. Ids whose first submission is not answered yet, or whose
// task has not ended, are never forgotten: there are as many as the queues have places. Of the
// others those whose task ended first go over `max_ids`, and each `ttl` after its task's end.
// Thread-safe.
class RequestIndex {
 public:
  RequestIndex(size_t max_ids, absl::Duration ttl);

  // Keys are those of RequestKeyOf (task/spec_hash.h).
  enum class Standing : uint8_t {
    kNew,     // The first: the caller goes on, and calls Settle or Fail once.
    kWaits,   // The first one has no answer yet: `submission` was taken, to be given out with it.
    kKnown,   // It became `task`.
    kReused,  // The id stands for other content.
  };
  // Both: another task may have the name once the first one's record is gone.
  struct TaskId {
    std::string name;
    Uuid uid;
  };
  struct Found {
    Standing standing = Standing::kNew;
    TaskId task;
  };
  // The same for who would bring nothing new: kKnown, or kNew where it is that, has no answer yet,
  // or stands for other content.
  Found Find(const std::string& key, const SpecHash& hash);
  Found Begin(const std::string& key, const SpecHash& hash, MonoTime now, Submission& submission);

  // The first submission became the task. Returns those who wait for that.
  std::vector<Submission> Settle(const std::string& key, TaskId task);
  // The first submission was refused: the id is free again. Returns those who wait.
  std::vector<Submission> Fail(const std::string& key);
  // The task has ended: from now on its id may be forgotten. Called once, after Settle.
  void Ended(const std::string& key, MonoTime now);

  size_t size() const;

 private:
  static constexpr size_t kShards = 16;

  struct Entry {
    SpecHash hash;
    TaskId task;  // Without a name: not answered yet.
    std::vector<Submission> waiting;
  };
  struct EndedId {
    MonoTime at;
    std::string key;
  };
  struct alignas(64) Shard {  // A cache line each, so that their locks do not disturb each other.
    mutable Mutex mu;
    absl::flat_hash_map<std::string, Entry> entries ABSL_GUARDED_BY(mu);
    std::deque<EndedId> ended ABSL_GUARDED_BY(mu);  // The oldest first; each is in `entries`.
  };

  Shard& ShardOf(const std::string& key);
  // Forgets what is too old or too much.
  void Trim(Shard& shard, MonoTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  const size_t max_ids_in_shard_;
  const absl::Duration ttl_;
  std::array<Shard, kShards> shards_;
};

}  // namespace taskforge

#endif  // TASKFORGE_INTAKE_REQUEST_INDEX_H_
