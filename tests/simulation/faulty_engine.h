// The disk of a simulated server: it takes its time, fills up, fails and loses its power when a
// simulation says so.
#ifndef TASKFORGE_SIMULATION_FAULTY_ENGINE_H_
#define TASKFORGE_SIMULATION_FAULTY_ENGINE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "support/sim_engine.h"

namespace taskforge {

// What becomes of one write or sync.
enum class WriteFate {
  kDone,
  kFull,     // There is no room: nothing is written, and the next one may succeed.
  kFailed,   // It is in the log, the sync fails, and from now on everything does.
  kNoPower,  // Nothing is written, now or later.
  kLie,      // It is in the log only, and is said to be synced.
};

// One life of the server on a disk that outlives it. Thread-compatible.
class FaultyEngine final : public StoreEngine {
 public:
  // Asked before each write and sync, on the thread that writes; `is_sync` says whether it is to
  // reach the disk. May do whatever others do while the disk works.
  using Decide = std::function<WriteFate(bool is_sync)>;

  FaultyEngine(SimDisk& disk, Decide decide) : on_disk_(disk), decide_(std::move(decide)) {}

  // Nothing reaches the disk any more.
  void Die() { failure_ = Failed(); }
  bool has_failed() const { return !failure_.ok(); }
  // Whether what a batch wrote may be lost with the power. What was only dropped does not count:
  // it is over anyway.
  bool has_unsynced() const { return has_unsynced_; }

  std::unique_ptr<Batch> NewBatch() override { return on_disk_.NewBatch(); }
  absl::Status Write(Batch& batch, bool sync) override {
    return Do(sync, [&](bool synced) { return on_disk_.Write(batch, synced); });
  }
  absl::Status Sync() override {
    return Do(true, [&](bool synced) { return synced ? on_disk_.Sync() : absl::OkStatus(); });
  }
  absl::StatusOr<std::optional<std::string>> Get(StoreTable table,
                                                 absl::string_view key) const override {
    return on_disk_.Get(table, key);
  }
  std::unique_ptr<Cursor> Scan(StoreTable table, absl::string_view from, absl::string_view to,
                               Direction direction) const override {
    return on_disk_.Scan(table, from, to, direction);
  }
  absl::Status DropRange(StoreTable table, absl::string_view from, absl::string_view to) override {
    return has_failed() ? failure_ : on_disk_.DropRange(table, from, to);
  }
  absl::Status CompactExpired() override { return absl::OkStatus(); }
  StoreEngineStats Stats() const override { return on_disk_.Stats(); }

 private:
  static absl::Status Failed() {
    return ReasonError(absl::StatusCode::kUnavailable, "STORE_FAILED", "the disk failed");
  }

  template <typename Action>
  absl::Status Do(bool sync, Action action) {
    if (has_failed()) return failure_;
    const WriteFate fate = decide_(sync);
    if (has_failed()) return failure_;
    switch (fate) {
      case WriteFate::kDone: {
        absl::Status status = action(sync);
        if (status.ok()) has_unsynced_ = !sync;
        return status;
      }
      case WriteFate::kLie:
        return action(false);
      case WriteFate::kFull:
        return ReasonError(absl::StatusCode::kResourceExhausted, "STORE_FULL", "the disk is full");
      case WriteFate::kFailed: {
        const absl::Status logged = action(false);
        Die();
        return logged.ok() ? failure_ : logged;
      }
      case WriteFate::kNoPower:
        Die();
    }
    return failure_;
  }

  SimEngine on_disk_;
  const Decide decide_;
  absl::Status failure_;
  bool has_unsynced_ = false;
};

}  // namespace taskforge

#endif  // TASKFORGE_SIMULATION_FAULTY_ENGINE_H_
