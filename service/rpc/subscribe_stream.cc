#include "rpc/subscribe_stream.h"

#include <cstddef>
#include <iterator>
#include <utility>

#include "rpc/convert.h"

namespace taskforge {
namespace {

// What may wait here beside what is being written; and the size of a message, of which one event
// may be more.
constexpr size_t kMaxWaitingEvents = 512;
constexpr size_t kMaxWaitingBytes = size_t{1} << 20;
constexpr size_t kMaxMessageBytes = size_t{1} << 20;

void AddAttributes(const EventFields& fields, v1::Event& event) {
  event.set_id(fields.id);
  event.set_source(fields.source);
  event.set_type(fields.type);
  event.set_subject(fields.subject);
  ToProto(fields.time, *event.mutable_time());
  event.set_topic(fields.topic);
  event.set_priority(ToProto(fields.priority));
  for (const auto& [name, value] : fields.attributes) (*event.mutable_attributes())[name] = value;
}

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

bool SubscribeStream::Collect(v1::SubscribeResponse& response, bool& resume) {
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
  size_t bytes = 0;
  while (sent_of_taken_ < taken_.size() && bytes < kMaxMessageBytes) {
    Delivery& delivery = taken_[sent_of_taken_++];
    if (delivery.event) bytes += delivery.event->bytes();
    Add(delivery, response);
    delivery.event = nullptr;
  }
  return true;
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

void SubscribeStream::Add(const Delivery& delivery, v1::SubscribeResponse& response) const {
  v1::Delivery& out = *response.add_deliveries();
  if (!delivery.event) {
    out.mutable_missed()->set_count(delivery.missed);
    out.mutable_missed()->set_priority(ToProto(delivery.priority));
    return;
  }
  v1::Event& event = *out.mutable_event();
  if (const TaskRecordPtr& record = delivery.event->record(); record) {
    AddAttributes(delivery.event->Attributes(), event);
    ToProto(*record, *event.mutable_task(), {.input = !omit_payloads_, .output = !omit_payloads_});
  } else {
    AddAttributes(delivery.event->fields(), event);
    ToProto(delivery.event->fields().data, *event.mutable_data());
  }
}

}  // namespace taskforge
