#include "store/commit_queue.h"

#include <algorithm>
#include <utility>

namespace taskforge {

bool CommitQueue::Push(absl::Span<StoreOp> ops) {
  bool wake = false;
  {
    MutexLock lock(mu_);
    if (is_stopped_) return false;
    for (StoreOp& op : ops) {
      (op.kind == StoreOp::Kind::kAppend ? appends_ : others_).push_back(std::move(op));
    }
    wake = std::exchange(is_waited_for_, false);
  }
  if (wake) arrived_.Signal();
  return true;
}

void CommitQueue::Move(std::deque<StoreOp>& from, size_t max_ops, size_t max_bytes,
                       std::vector<StoreOp>& batch, size_t& bytes) {
  while (!from.empty() && batch.size() < max_ops) {
    const size_t cost = from.front().Cost();
    if (!batch.empty() && bytes + cost > max_bytes) return;
    bytes += cost;
    batch.push_back(std::move(from.front()));
    from.pop_front();
  }
}

std::vector<StoreOp> CommitQueue::Take(MonoTime deadline) {
  std::vector<StoreOp> batch;
  MutexLock lock(mu_);
  while (appends_.empty() && others_.empty()) {
    if (is_stopped_) return batch;
    is_waited_for_ = true;
    if (!arrived_.WaitUntil(mu_, deadline) && appends_.empty() && others_.empty()) return batch;
  }
  size_t bytes = 0;
  const bool both = !appends_.empty();
  Move(others_, both ? limits_.ops / 2 : limits_.ops, both ? limits_.bytes / 2 : limits_.bytes,
       batch, bytes);
  Move(appends_, limits_.ops, limits_.bytes, batch, bytes);
  Move(others_, limits_.ops, limits_.bytes, batch, bytes);
  return batch;
}

void CommitQueue::Stop() {
  {
    MutexLock lock(mu_);
    is_stopped_ = true;
  }
  arrived_.SignalAll();
}

bool CommitQueue::is_drained() const {
  MutexLock lock(mu_);
  return is_stopped_ && appends_.empty() && others_.empty();
}

size_t CommitQueue::size() const {
  MutexLock lock(mu_);
  return appends_.size() + others_.size();
}

}  // namespace taskforge
