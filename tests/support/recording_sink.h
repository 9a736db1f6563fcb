// A sink that keeps what it gets, and events to send it.
#ifndef TASKFORGE_SUPPORT_RECORDING_SINK_H_
#define TASKFORGE_SUPPORT_RECORDING_SINK_H_

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "bus/event.h"
#include "bus/subscription.h"

namespace taskforge {

inline EventRef EventOn(std::string topic, std::string id, Priority priority = Priority::kNormal,
                        size_t data_bytes = 0) {
  EventFields fields;
  fields.topic = std::move(topic);
  fields.id = std::move(id);
  fields.priority = priority;
  fields.data.data = std::string(data_bytes, 'x');
  return MakeEvent(std::move(fields));
}

inline SubscribeOptions SubscribeTo(std::vector<std::string> filters) {
  SubscribeOptions options;
  options.filters = std::move(filters);
  return options;
}

// Writes down what it gets as text: the id of an event, `-n` for n missed; adjacent gaps of one
// priority as one. Not thread-safe: read it when no drain runs.
class RecordingSink final : public EventSink {
 public:
  SinkResult Deliver(absl::Span<const Delivery> batch) override {
    ++calls;
    largest_batch = std::max(largest_batch, batch.size());
    for (const Delivery& delivery : batch) {
      got.push_back(delivery.event ? delivery.event->Attributes().id
                                   : "-" + std::to_string(delivery.missed));
      auto& lane = by_priority[Index(delivery.priority)];
      auto& gap = open_gap_[Index(delivery.priority)];
      if (delivery.event) {
        lane.push_back(delivery.event->Attributes().id);
        gap = 0;
      } else {
        if (gap > 0) lane.pop_back();
        lane.push_back("-" + std::to_string(gap += delivery.missed));
        missed += delivery.missed;
      }
    }
    return pauses ? SinkResult::kPause : SinkResult::kContinue;
  }
  void OnClosed(const absl::Status& status) override { closed.push_back(status); }

  std::vector<std::string> got;
  std::array<std::vector<std::string>, kPriorityCount> by_priority;
  std::vector<absl::Status> closed;
  uint64_t missed = 0;
  int calls = 0;
  size_t largest_batch = 0;
  bool pauses = false;

 private:
  std::array<uint64_t, kPriorityCount> open_gap_{};
};

}  // namespace taskforge

#endif  // TASKFORGE_SUPPORT_RECORDING_SINK_H_
