// Counters and histograms that many threads write and a scrape reads: each thread writes a part of
// its own, with plain loads and stores; the parts are summed when they are read. Families have many
// members (one for each combination of labels) and take memory only for what is written.
#ifndef TASKFORGE_BASE_SHARDED_COUNTER_H_
#define TASKFORGE_BASE_SHARDED_COUNTER_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "base/histogram.h"
#include "base/mutex.h"
#include "base/thread_slot.h"

namespace taskforge {

// One counter, about 4 KiB. Thread-safe.
class ShardedCounter {
 public:
  void Add(uint64_t amount = 1) {
    const size_t slot = ThreadSlot();
    if (slot < kThreadSlots) {
      SingleWriterAdd(parts_[slot].value, amount);
    } else {
      parts_[slot].value.fetch_add(amount, std::memory_order_relaxed);
    }
  }
  uint64_t Sum() const {
    uint64_t sum = 0;
    for (const Part& part : parts_) sum += part.value.load(std::memory_order_relaxed);
    return sum;
  }

 private:
  struct alignas(64) Part {  // A cache line each, so that writers do not disturb each other.
    std::atomic<uint64_t> value{0};
  };
  std::array<Part, kThreadSlots + 1> parts_{};
};

// For each thread slot a table of cells, made when they are first written. Cell is
// default-constructible, aligned to a cache line, and its readers may run beside its one writer.
// Thread-safe.
template <typename Cell>
class ShardedCells {
 public:
  explicit ShardedCells(size_t count) : count_(count) {}
  ~ShardedCells() {
    for (std::atomic<Table*>& slot : slots_) delete slot.load(std::memory_order_relaxed);
  }
  ShardedCells(const ShardedCells&) = delete;
  ShardedCells& operator=(const ShardedCells&) = delete;

  size_t count() const { return count_; }

  // Calls `write(Cell&)` on this thread's cell. In the overflow slot writers take turns at a lock.
  template <typename Write>
  void WriteCell(size_t index, Write write) ABSL_LOCKS_EXCLUDED(overflow_mu_) {
    const size_t slot = ThreadSlot();
    if (slot < kThreadSlots) {
      write(CellOf(slot, index));
    } else {
      MutexLock lock(overflow_mu_);
      write(CellOf(slot, index));
    }
  }

  // Calls `read(const Cell&)` for each slot in which the cell exists.
  template <typename Read>
  void ReadCells(size_t index, Read read) const {
    for (const std::atomic<Table*>& slot : slots_) {
      // acquire, twice: pair with the releases in CellOf.
      const Table* table = slot.load(std::memory_order_acquire);
      if (table == nullptr) continue;
      const Cell* cell = table->cells[index].load(std::memory_order_acquire);
      if (cell != nullptr) read(*cell);
    }
  }

 private:
  struct Table {
    explicit Table(size_t count) : cells(count) {}
    ~Table() {
      for (std::atomic<Cell*>& cell : cells) delete cell.load(std::memory_order_relaxed);
    }
    std::vector<std::atomic<Cell*>> cells;
  };

  // One writer at a time: the slot's thread, or the holder of overflow_mu_.
  Cell& CellOf(size_t slot, size_t index) {
    Table* table = slots_[slot].load(std::memory_order_relaxed);
    if (table == nullptr) {
      table = new Table(count_);
      slots_[slot].store(table, std::memory_order_release);  // release: pairs with ReadCells.
    }
    Cell* cell = table->cells[index].load(std::memory_order_relaxed);
    if (cell == nullptr) {
      cell = new Cell();
      table->cells[index].store(cell, std::memory_order_release);  // release: as above.
    }
    return *cell;
  }

  const size_t count_;
  std::array<std::atomic<Table*>, kThreadSlots + 1> slots_{};
  Mutex overflow_mu_;
};

// A family of `count` counters. Thread-safe.
class ShardedCounters {
 public:
  explicit ShardedCounters(size_t count)
      : count_(count), cells_((count + kPerCell - 1) / kPerCell) {}

  size_t count() const { return count_; }
  // REQUIRES: index < count().
  void Add(size_t index, uint64_t amount = 1) {
    cells_.WriteCell(index / kPerCell,
                     [&](Cell& cell) { SingleWriterAdd(cell.values[index % kPerCell], amount); });
  }
  uint64_t Sum(size_t index) const {
    uint64_t sum = 0;
    cells_.ReadCells(index / kPerCell, [&](const Cell& cell) {
      sum += cell.values[index % kPerCell].load(std::memory_order_relaxed);
    });
    return sum;
  }

 private:
  static constexpr size_t kPerCell = 16;
  struct alignas(64) Cell {
    std::array<std::atomic<uint64_t>, kPerCell> values{};
  };

  const size_t count_;
  ShardedCells<Cell> cells_;
};

// A family of `count` histograms of durations in nanoseconds. Thread-safe.
class ShardedHistograms {
 public:
  explicit ShardedHistograms(size_t count) : cells_(count) {}

  size_t count() const { return cells_.count(); }
  // REQUIRES: index < count().
  void Record(size_t index, int64_t ns) {
    cells_.WriteCell(index, [ns](Cell& cell) { cell.histogram.Record(ns); });
  }
  void Record(size_t index, absl::Span<const int64_t> ns) {
    cells_.WriteCell(index, [ns](Cell& cell) {
      for (const int64_t each : ns) cell.histogram.Record(each);
    });
  }
  // The sum over all threads; empty when nothing was recorded.
  HistogramSnapshot Snapshot(size_t index) const {
    HistogramSnapshot snapshot;
    cells_.ReadCells(index, [&](const Cell& cell) { cell.histogram.AddTo(snapshot); });
    return snapshot;
  }

 private:
  struct alignas(64) Cell {
    SingleWriterHistogram histogram;
  };
  ShardedCells<Cell> cells_;
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_SHARDED_COUNTER_H_
