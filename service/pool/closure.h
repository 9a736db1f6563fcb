// Closures as work, without an allocation for each: nodes of one size that are used again.
#ifndef TASKFORGE_POOL_CLOSURE_H_
#define TASKFORGE_POOL_CLOSURE_H_

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "task/work.h"

namespace taskforge {

// Blocks of memory for nodes. Each thread keeps some; what one thread takes and another gives back
// travels in batches through one lock-free ring (magazines: J. Bonwick and J. Adams, "Magazines and
// Vmem", USENIX 2001). So there is an allocation for a batch now and then until enough blocks are
// about, and none afterwards. Thread-safe.
template <size_t kBytes>  // Of each block, aligned to a cache line.
class NodeBlocks {
 public:
  static void* Take();
  static void Give(void* block);
};
extern template class NodeBlocks<64>;
extern template class NodeBlocks<128>;

// Work that calls a function object once and is gone. Made by MakeClosure().
template <typename F>
class Closure final : public Work {
 public:
  // 0: too large for a block.
  static constexpr size_t BlockBytes() {
    if (alignof(F) > 64 || sizeof(Closure) > 128) return 0;
    return sizeof(Closure) <= 64 ? 64 : 128;
  }

  Closure(const Closure&) = delete;
  Closure& operator=(const Closure&) = delete;

  template <typename... Args>
  static Closure* Make(Args&&... args) {
    if constexpr (BlockBytes() != 0) {
      return new (NodeBlocks<BlockBytes()>::Take()) Closure(std::forward<Args>(args)...);
    } else {
      return new Closure(std::forward<Args>(args)...);
    }
  }
  // For one that nobody has run and nobody will.
  void Destroy() {
    if constexpr (BlockBytes() != 0) {
      this->~Closure();
      NodeBlocks<BlockBytes()>::Give(this);
    } else {
      delete this;
    }
  }

 private:
  struct Destroyer {
    void operator()(Closure* closure) const { closure->Destroy(); }
  };

  template <typename G>
  explicit Closure(G&& function, Priority work_priority) : function_(std::forward<G>(function)) {
    priority = work_priority;
    run = [](Work& work, const Dispatch&) {
      const std::unique_ptr<Closure, Destroyer> self(static_cast<Closure*>(&work));
      self->function_();
      return true;
    };
  }
  ~Closure() = default;

  F function_;
};

// A node that runs `function` once, on whatever pool it is submitted to. It belongs to the pool
// once that has accepted it; else Destroy() it. `function` may be move-only; no allocation if it
// takes at most some 100 bytes. What it throws goes to whoever runs the work.
template <typename F>
Closure<std::decay_t<F>>* MakeClosure(Priority priority, F&& function) {
  return Closure<std::decay_t<F>>::Make(std::forward<F>(function), priority);
}

}  // namespace taskforge

#endif  // TASKFORGE_POOL_CLOSURE_H_
