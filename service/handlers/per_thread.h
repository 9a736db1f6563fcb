// What a handler keeps on each thread that it runs on: a context that costs more to make than to
// use again.
#ifndef TASKFORGE_HANDLERS_PER_THREAD_H_
#define TASKFORGE_HANDLERS_PER_THREAD_H_

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace taskforge {

// The states of one thread, of all handlers. Used through PerThread. Not thread-safe; for its
// thread.
class ThreadStates {
 public:
  // Tells whose state it is. It is held with the state, so no other has its address meanwhile.
  using Owner = std::shared_ptr<const void>;

  // The calling thread's.
  static ThreadStates& Mine();

  ThreadStates() = default;
  // The one that was made last goes first.
  ~ThreadStates();
  ThreadStates(const ThreadStates&) = delete;
  ThreadStates& operator=(const ThreadStates&) = delete;

  // Null: `owner` has none here yet.
  void* Find(const Owner& owner) const;
  void Add(const Owner& owner, std::shared_ptr<void> state);

 private:
  struct Entry {
    Owner owner;
    std::shared_ptr<void> state;  // Of this thread alone; it knows how it is destroyed.
  };
  std::vector<Entry> entries_;  // Few: they are looked through. The oldest first.
};

// A handler's state for each thread, made by `make` the first time that an attempt asks for it
// there, and destroyed there when the thread ends (the pool's threads end when they have been idle
// for long, are abandoned, or the pool stops), in the reverse of the order in which the thread's
// states were made. So a state is never used by two threads, and needs no lock.
//
//   PerThread<Deflater> deflaters(Deflater::Make);
//   … in Start(): Deflater* const deflater = deflaters.Get();
//
// A state outlives the handler that made it if a thread does: it must not refer to it. There may be
// as many as the pool has threads, each held while its thread idles. Copies share their states.
// Thread-safe.
template <typename T>
class PerThread {
 public:
  using Make = std::function<std::unique_ptr<T>()>;

  explicit PerThread(Make make) : owner_(std::make_shared<const char>()), make_(std::move(make)) {}

  // The calling thread's. It stays until the thread ends, and only this thread may use it: it is
  // not for what goes on elsewhere after Start(). Null: `make` made none; that, or what it throws,
  // is of this call alone, and the next one tries again. REQUIRES: `make` does not ask for this
  // very state.
  T* Get() const {
    ThreadStates& mine = ThreadStates::Mine();
    void* state = mine.Find(owner_);
    if (state == nullptr) {
      std::shared_ptr<T> made = make_();
      if (made == nullptr) return nullptr;
      state = made.get();
      mine.Add(owner_, std::move(made));
    }
    return static_cast<T*>(state);
  }

 private:
  const ThreadStates::Owner owner_;
  const Make make_;
};

}  // namespace taskforge

#endif  // TASKFORGE_HANDLERS_PER_THREAD_H_
