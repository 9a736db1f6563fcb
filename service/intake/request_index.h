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

// Remembers for each request_id, within its queue and principal, which task it became. Ids whose
// first submission is not answered yet are never forgotten; of the others the oldest go over
// `max_ids`, and each after `ttl`. Thread-safe.
class RequestIndex {
 public:
  RequestIndex(size_t max_ids, absl::Duration ttl);

  // A key for the functions below. REQUIRES: the spec has a request_id.
  static std::string KeyOf(const TaskSpec& spec);

  enum class Standing : uint8_t {
    kNew,     // The first: the caller goes on, and calls Settle or Fail once.
    kWaits,   // The first one has no answer yet: `submission` was taken, to be given out with it.
    kKnown,   // It became the task `task_name`.
    kReused,  // The id stands for other content.
  };
  struct Found {
    Standing standing = Standing::kNew;
    std::string task_name;
  };
  Found Begin(const std::string& key, const SpecHash& hash, MonoTime now, Submission& submission);

  // The first submission became the task. Returns those who wait for that.
  std::vector<Submission> Settle(const std::string& key, const std::string& task_name,
                                 MonoTime now);
  // The first submission was refused: the id is free again. Returns those who wait.
  std::vector<Submission> Fail(const std::string& key);
  // The task is gone: its id is free again, if it stands for that task still.
  void Forget(const std::string& key, const std::string& task_name);

  size_t size() const;

 private:
  static constexpr size_t kShards = 16;

  struct Entry {
    SpecHash hash;
    std::string task_name;  // Empty: not answered yet.
    MonoTime settled;
    std::vector<Submission> waiting;
  };
  struct Settled {
    MonoTime at;
    std::string key;
  };
  struct alignas(64) Shard {  // A cache line each, so that their locks do not disturb each other.
    mutable Mutex mu;
    absl::flat_hash_map<std::string, Entry> entries ABSL_GUARDED_BY(mu);
    std::deque<Settled> oldest ABSL_GUARDED_BY(mu);  // By the time of settling.
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
