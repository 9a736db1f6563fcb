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
  explicit Event(EventFields fields);
  // A task's event: see MakeTaskEvent().
  Event(std::string topic, TaskRecordPtr record);

  // As they were given. Of a task's event: topic, priority and record only.
  const EventFields& fields() const { return fields_; }
  // All of them, by value: of a task's event, id, source, type, subject, time and extension
  // attributes are made of its record here. `data` is left out.
  EventFields Attributes() const;
  const std::string& topic() const { return fields_.topic; }
  Priority priority() const { return priority_; }
  // What it counts for in byte limits: strings, the task's record and a fixed overhead.
  size_t bytes() const { return bytes_; }

  // When the bus routed it. Relaxed: who reads it got the event through a ring, which orders it.
  void StampPublished(MonoTime now) const {
    published_ns_.store(now.ns, std::memory_order_relaxed);
  }
  MonoTime published() const { return MonoTime{published_ns_.load(std::memory_order_relaxed)}; }

 private:
  static size_t BytesOf(const EventFields& fields);

  // What delivering looks at, in the cache line of the count.
  const Priority priority_;
  const size_t bytes_;
  mutable std::atomic<int64_t> published_ns_{0};
  const EventFields fields_;
};

using EventRef = Ref<const Event>;

inline EventRef MakeEvent(EventFields fields) {
  return EventRef::Adopt(new Event(std::move(fields)));
}
// The event of a task that has come to record->state. Cheap: what its record says is not written
// out before somebody asks for it (Event::Attributes). REQUIRES: `record` is not null.
inline EventRef MakeTaskEvent(std::string topic, TaskRecordPtr record) {
  return EventRef::Adopt(new Event(std::move(topic), std::move(record)));
}

}  // namespace taskforge

#endif  // TASKFORGE_BUS_EVENT_H_
