// How code that may wait (for a disk, a peer, a lock, a sleep) says so to whoever owns its thread,
// and learns whether it may.
#ifndef TASKFORGE_BASE_SCOPED_BLOCKING_H_
#define TASKFORGE_BASE_SCOPED_BLOCKING_H_

namespace taskforge {

// The owner of a thread, who wants to know. Called on that thread only.
class BlockingObserver {
 public:
  virtual ~BlockingObserver() = default;
  virtual void OnBlocked() = 0;
  virtual void OnUnblocked() = 0;
};

// Declares that the calling thread does not need its processor while this lives: the thread pool
// then adds threads for other work. Costs next to nothing on threads that nobody observes. May be
// nested. Not thread-safe: belongs to the thread that made it.
class ScopedBlocking {
 public:
  ScopedBlocking() {
    if (depth_++ == 0 && observer_ != nullptr) observer_->OnBlocked();
  }
  ~ScopedBlocking() {
    if (--depth_ == 0 && observer_ != nullptr) observer_->OnUnblocked();
  }
  ScopedBlocking(const ScopedBlocking&) = delete;
  ScopedBlocking& operator=(const ScopedBlocking&) = delete;

  // For the owner of the calling thread; null: nobody any more. REQUIRES: no ScopedBlocking lives.
  static void Observe(BlockingObserver* observer) { observer_ = observer; }

 private:
  inline static thread_local BlockingObserver* observer_ = nullptr;
  inline static thread_local int depth_ = 0;
};

// Marks the calling thread, while this lives, as one that others depend on and that must never
// wait: an event loop, the timer's. Not thread-safe: belongs to the thread that made it; not
// nested.
class NonBlockingThread {
 public:
  NonBlockingThread() { is_current_ = true; }
  ~NonBlockingThread() { is_current_ = false; }
  NonBlockingThread(const NonBlockingThread&) = delete;
  NonBlockingThread& operator=(const NonBlockingThread&) = delete;

  // Whether the calling thread is one: what would wait does without.
  static bool IsCurrent() { return is_current_; }

 private:
  inline static thread_local bool is_current_ = false;
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_SCOPED_BLOCKING_H_
