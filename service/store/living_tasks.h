// Which tasks of the durable store live, in the order of acceptance.
#ifndef TASKFORGE_STORE_LIVING_TASKS_H_
#define TASKFORGE_STORE_LIVING_TASKS_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/container/btree_set.h"
#include "base/mutex.h"
#include "task/uuid.h"

namespace taskforge {

// Some twenty bytes for each. So that nobody asks the disk, where every task that has ended leaves
// a tombstone for a while, over which a search for those that live would stumble. Thread-safe.
class LivingTasks {
 public:
  // Both return whether that changed anything.
  bool Insert(const Uuid& uid) {
    MutexLock lock(mu_);
    return uids_.insert(uid).second;
  }
  bool Erase(const Uuid& uid) {
    MutexLock lock(mu_);
    return uids_.erase(uid) > 0;
  }
  bool Contains(const Uuid& uid) const {
    MutexLock lock(mu_);
    return uids_.contains(uid);
  }
  size_t size() const {
    MutexLock lock(mu_);
    return uids_.size();
  }
  // At most `limit`, the newest first, of those before `uid`; none: of all.
  std::vector<Uuid> NewestBefore(const std::optional<Uuid>& uid, size_t limit) const {
    std::vector<Uuid> newest;
    MutexLock lock(mu_);
    auto it = uid.has_value() ? uids_.lower_bound(*uid) : uids_.end();
    while (it != uids_.begin() && newest.size() < limit) newest.push_back(*--it);
    return newest;
  }

 private:
  mutable Mutex mu_;
  absl::btree_set<Uuid> uids_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_LIVING_TASKS_H_
