// What is published: one immutable object, shared by all who get it.
#ifndef TASKFORGE_BUS_EVENT_H_
#define TASKFORGE_BUS_EVENT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/ref.h"
#include "task/priority.h"
#include "task/task_types.h"

namespace taskforge {

// The attributes of CloudEvents 1.0 (https://cloudevents.io), topic and priority.
struct EventFields {
  std::string id;
  std::string source;
  std::string type;
  std::string subject;  // Of a task's event: the task's name.
  absl::Time time;
  std::string topic;
  Priority priority = Priority::kNormal;
  Payload data;
  std::map<std::string, std::string> attributes;  // Extension attributes.
  TaskRecordPtr record;  // Of an event on `task.…`: the task as it was; else null.
};

// Immutable, except for the time at which the bus took it. Thread-safe.
class Event final : public RefCounted<Event> {
 public:
  explicit Event(EventFields fields) : fields_(std::move(fields)), bytes_(BytesOf(fields_)) {}

  const EventFields& fields() const { return fields_; }
  const std::string& topic() const { return fields_.topic; }
  Priority priority() const { return fields_.priority; }
  // What it counts for in byte limits: strings, the task's record and a fixed overhead.
  size_t bytes() const { return bytes_; }

  // When the bus routed it. Relaxed: who reads it got the event through a ring, which orders it.
  void StampPublished(MonoTime now) const {
    published_ns_.store(now.ns, std::memory_order_relaxed);
  }
  MonoTime published() const { return MonoTime{published_ns_.load(std::memory_order_relaxed)}; }

 private:
  static size_t BytesOf(const EventFields& fields);

  const EventFields fields_;
  const size_t bytes_;
  mutable std::atomic<int64_t> published_ns_{0};
};

using EventRef = Ref<const Event>;

inline EventRef MakeEvent(EventFields fields) {
  return EventRef::Adopt(new Event(std::move(fields)));
}

}  // namespace taskforge

#endif  // TASKFORGE_BUS_EVENT_H_
