#include "rpc/subscribe_stream.h"

#include <cstddef>
#include <iterator>
#include <utility>

#include "rpc/event_encoding.h"
#include "rpc/replay_cursor.h"
#include "taskforge/v1/bus_service.pb.h"

namespace taskforge {
namespace {

// What may wait here beside what is being written; and the size of a message, of which one event
// may be more.
constexpr size_t kMaxWaitingEvents = 512;
constexpr size_t kMaxWaitingBytes = size_t{1} << 20;
constexpr size_t kMaxMessageBytes = size_t{1} << 20;

}  // namespace

SinkResult SubscribeStream::Deliver(absl::Span<const Delivery> batch) {
  bool wake = false;
  bool pause = false;
  {
    MutexLock lock(mu_);
    for (const Delivery& delivery : batch) {
      if (delivery.event) waiting_bytes_ += delivery.event->bytes();
      waiting_.push_back(delivery);
    }
    pause = waiting_.size() >= kMaxWaitingEvents || waiting_bytes_ >= kMaxWaitingBytes;
    if (pause) paused_ = true;
    wake = writer_waits_;
    writer_waits_ = false;
  }
  if (wake) more_.Set();
  return pause ? SinkResult::kPause : SinkResult::kContinue;
}

void SubscribeStream::End(const absl::Status& status) {
  bool wake = false;
  {
    MutexLock lock(mu_);
    if (over_) return;
    over_ = true;
    status_ = status;
    wake = writer_waits_;
    writer_waits_ = false;
  }
  if (wake) more_.Set();
}

bool SubscribeStream::is_over() const {
  MutexLock lock(mu_);
  return over_;
}

absl::Status SubscribeStream::status() const {
  MutexLock lock(mu_);
  return status_;
}

bool SubscribeStream::Collect(std::string& frame, bool& resume) {
  resume = false;
  if (sent_of_taken_ == taken_.size()) {
    taken_.clear();
    sent_of_taken_ = 0;
    MutexLock lock(mu_);
    taken_.swap(waiting_);
    waiting_bytes_ = 0;
    resume = paused_;
    paused_ = false;
    writer_waits_ = taken_.empty() && !over_ && !resume;
    if (taken_.empty()) return false;
  }
  while (sent_of_taken_ < taken_.size() && frame.size() < kMaxMessageBytes) {
    Delivery& delivery = taken_[sent_of_taken_++];
    AppendDelivery(delivery, omit_payloads_, frame);
    if (position_.has_value() && delivery.position > 0) {
      position_->through[Index(delivery.priority)] = delivery.position;
    }
    delivery.event = nullptr;
  }
  if (position_.has_value()) {
    v1::SubscribeResponse cursor;
    cursor.set_cursor(Cursor());
    cursor.AppendToString(&frame);
  }
  return true;
}

std::string SubscribeStream::Cursor() const {
  return position_.has_value() ? ReplayCursorOf(*position_, boot_epoch_) : "";
}

std::vector<EventRef> SubscribeStream::TakeUnsent() {
  taken_.erase(taken_.begin(), taken_.begin() + static_cast<ptrdiff_t>(sent_of_taken_));
  sent_of_taken_ = 0;
  {
    MutexLock lock(mu_);
    taken_.insert(taken_.end(), std::make_move_iterator(waiting_.begin()),
                  std::make_move_iterator(waiting_.end()));
    waiting_.clear();
  }
  std::vector<EventRef> unsent;
  for (Delivery& delivery : taken_) {
    if (delivery.event) unsent.push_back(std::move(delivery.event));
  }
  taken_.clear();
  return unsent;
}

}  // namespace taskforge
