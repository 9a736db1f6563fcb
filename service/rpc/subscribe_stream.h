// What one Subscribe stream holds between the bus and the write that is under way.
#ifndef TASKFORGE_RPC_SUBSCRIBE_STREAM_H_
#define TASKFORGE_RPC_SUBSCRIBE_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "base/ref.h"
#include "bus/subscription.h"
#include "rpc/coroutine.h"

namespace taskforge {

// Takes what the bus delivers until a frame's worth waits, then pauses the bus: what is more waits
// in the subscription's own rings, where its policy rules. Thread-safe; Collect belongs to the
// writing coroutine.
class SubscribeStream final : public RefCounted<SubscribeStream>, public EventSink {
 public:
  explicit SubscribeStream(bool omit_payloads) : omit_payloads_(omit_payloads) {}

  SinkResult Deliver(absl::Span<const Delivery> batch) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnClosed(const absl::Status& reason) override { End(reason); }
  // The first status counts.
  void End(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);

  // Appends what waits to `frame`, an encoded SubscribeResponse, up to a message's size; false if
  // nothing does: then `more` tells when. `resume` says that the bus was paused and nothing of what
  // it gave is left.
  bool Collect(std::string& frame, bool& resume) ABSL_LOCKS_EXCLUDED(mu_);
  // From now on each message says how far the client has come, from `start` on. REQUIRES: before
  // the first Collect().
  void Follow(const ReplayPosition& start, uint64_t boot_epoch) {
    position_ = start;
    boot_epoch_ = boot_epoch;
  }
  // Behind what Collect() has added; empty without Follow(). Belongs to the writing coroutine.
  std::string Cursor() const;
  // The events that no Collect() has added. REQUIRES: neither Deliver() nor Collect() is called any
  // more.
  std::vector<EventRef> TakeUnsent() ABSL_LOCKS_EXCLUDED(mu_);
  Wakeup& more() { return more_; }
  bool is_over() const ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status status() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // Constant after construction.
  const bool omit_payloads_;

  // Belongs to the writing coroutine.
  std::vector<Delivery> taken_;
  size_t sent_of_taken_ = 0;
  std::optional<ReplayPosition> position_;
  uint64_t boot_epoch_ = 0;

  Wakeup more_;  // Synchronizes itself.

  mutable Mutex mu_;
  std::vector<Delivery> waiting_ ABSL_GUARDED_BY(mu_);
  size_t waiting_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  bool paused_ ABSL_GUARDED_BY(mu_) = false;
  bool writer_waits_ ABSL_GUARDED_BY(mu_) = false;
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_SUBSCRIBE_STREAM_H_
