// What is published: one immutable object, shared by all who get it.
#ifndef TASKFORGE_BUS_EVENT_H_
#define TASKFORGE_BUS_EVENT_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/ref.h"
#include "task/priority.h"
#include "task/task_types.h"

namespace taskforge {

// What a client publishes: the attributes of CloudEvents 1.0 (https://cloudevents.io), topic and
// priority.
struct EventFields {
  std::string id;
  std::string source;
  std::string type;
  std::string subject;
  absl::Time time;
  std::string topic;
  Priority priority = Priority::kNormal;
  Payload data;
  std::map<std::string, std::string> attributes;  // Extension attributes.
};

// What receivers may make of an event (Event::Form).
enum class EventForm : uint8_t { kWhole, kWithoutPayloads };
inline constexpr size_t kEventFormCount = 2;

// Either a client's, or what became of a task; then it holds the task's record and no text of its
// own but the topic. Immutable, except for the time at which the bus took it, its place there, and
// its forms. Thread-safe.
class Event : public RefCounted<Event> {
 public:
  virtual ~Event();

  // What became of a task: the task as it was. Null: it is a client's event.
  const TaskRecordPtr& record() const { return record_; }
  // What the client published. REQUIRES: record() is null.
  const EventFields& fields() const;
  // What fields() would be, of a task's event too (made of its record here), but without `data`.
  EventFields Attributes() const;
  // The value of one: id, source, type, subject or an extension attribute. False: it has none.
  bool FindAttribute(absl::string_view name, std::string& value) const;
  absl::string_view topic() const { return {topic_, topic_size_}; }
  Priority priority() const { return priority_; }
  // What it counts for in byte limits: strings, the task's record and a fixed overhead.
  size_t bytes() const { return bytes_; }

  // What receivers make of it and may share, its encoding say: what `make` returns, called by the
  // first who asks for that form (by more, if they ask at once: one's stays). Lives as long as the
  // event, and does not count in bytes(). Null, and nothing is made: nobody else has the event.
  const std::string* Form(EventForm form, absl::FunctionRef<std::string()> make) const;

  // When the bus routed it. Relaxed: who reads it got the event through a ring, which orders it.
  void StampPublished(MonoTime now) const {
    published_ns_.store(now.ns, std::memory_order_relaxed);
  }
  MonoTime published() const { return MonoTime{published_ns_.load(std::memory_order_relaxed)}; }
  // Where it stands in the log of retained events (bus/replay_log.h); 0: it is in none. Relaxed, as
  // above.
  void StampPosition(uint64_t position) const {
    position_.store(position, std::memory_order_relaxed);
  }
  uint64_t position() const { return position_.load(std::memory_order_relaxed); }

 protected:
  // What `topic` looks at must live as long as the event.
  Event(absl::string_view topic, Priority priority, size_t bytes, TaskRecordPtr record);

 private:
  class Client;
  class OfTask;
  friend Ref<const Event> MakeEvent(EventFields fields);
  friend Ref<const Event> MakeTaskEvent(absl::string_view topic, TaskRecordPtr record);

  // With the count, a cache line down to the forms: one thread writes it and another reads it. The
  // position is for who follows the log.
  const uint32_t bytes_;
  mutable std::atomic<int64_t> published_ns_{0};
  const char* const topic_;
  const uint32_t topic_size_;
  const Priority priority_;
  const TaskRecordPtr record_;
  mutable std::array<std::atomic<const std::string*>, kEventFormCount> forms_{};
  mutable std::atomic<uint64_t> position_{0};
};

using EventRef = Ref<const Event>;

EventRef MakeEvent(EventFields fields);
// The event of a task that has come to record->state. REQUIRES: `record` is not null.
EventRef MakeTaskEvent(absl::string_view topic, TaskRecordPtr record);

}  // namespace taskforge

#endif  // TASKFORGE_BUS_EVENT_H_
