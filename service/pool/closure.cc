#include "pool/closure.h"

#include <array>
#include <utility>

#include "sync/mpmc_ring.h"

namespace taskforge {
namespace {

constexpr std::align_val_t kAlignment{64};

// Blocks that travel together.
struct Batch {
  static constexpr size_t kBlocks = 63;

  size_t size = 0;
  std::array<void*, kBlocks> blocks;
};
// Batches of each size that are kept for use, some 16 or 32 MiB. Beyond that their blocks go back
// to the allocator.
constexpr size_t kBatches = 4096;

// Never destroyed: threads may end after main().
template <size_t kBytes>
struct Depot {
  static Depot& Get() {
    static auto* const depot = new Depot;
    return *depot;
  }
  MpmcRing<Batch*> full{kBatches};
  MpmcRing<Batch*> empty{kBatches};
};

void Free(Batch& batch) {
  while (batch.size > 0) ::operator delete(batch.blocks[--batch.size], kAlignment);
}

// What one thread keeps: the batch it works on, and another that spares it the way to the depot
// when it takes and gives by turns.
template <size_t kBytes>
class Magazine {
 public:
  Magazine() = default;
  ~Magazine() {
    Free(*current_);
    Free(*spare_);
  }
  Magazine(const Magazine&) = delete;
  Magazine& operator=(const Magazine&) = delete;

  void* Take() {
    if (current_->size == 0 && !Refill()) return ::operator new(kBytes, kAlignment);
    const size_t size = --current_->size;
    // It was written on another core, and comes to be written here soon.
    if (size >= kAhead) __builtin_prefetch(current_->blocks[size - kAhead], 1);
    return current_->blocks[size];
  }
  void Give(void* block) {
    if (current_->size == Batch::kBlocks) MakeRoom();
    current_->blocks[current_->size++] = block;
  }

 private:
  static constexpr size_t kAhead = 4;

  bool Refill() {
    if (spare_->size != 0) {
      std::swap(current_, spare_);
      return true;
    }
    Batch* full = nullptr;
    if (Depot<kBytes>::Get().full.TryPop(full) != PopResult::kTaken) return false;
    Batch* const empty = current_.release();
    current_.reset(full);
    if (!Depot<kBytes>::Get().empty.TryPush(empty)) delete empty;
    return true;
  }
  void MakeRoom() {
    std::swap(current_, spare_);
    if (current_->size == 0) return;
    if (!Depot<kBytes>::Get().full.TryPush(current_.get())) {
      Free(*current_);
      return;
    }
    (void)current_.release();
    Batch* empty = nullptr;
    const bool has_empty = Depot<kBytes>::Get().empty.TryPop(empty) == PopResult::kTaken;
    current_.reset(has_empty ? empty : new Batch);
  }

  std::unique_ptr<Batch> current_ = std::make_unique<Batch>();
  std::unique_ptr<Batch> spare_ = std::make_unique<Batch>();  // Full or empty.
};

template <size_t kBytes>
Magazine<kBytes>& Mine() {
  thread_local Magazine<kBytes> magazine;
  return magazine;
}

}  // namespace

template <size_t kBytes>
void* NodeBlocks<kBytes>::Take() {
  return Mine<kBytes>().Take();
}

template <size_t kBytes>
void NodeBlocks<kBytes>::Give(void* block) {
  Mine<kBytes>().Give(block);
}

template class NodeBlocks<64>;
template class NodeBlocks<128>;

}  // namespace taskforge
