#include "bus/event.h"

#include <algorithm>
#include <memory>
#include <new>

#include "absl/strings/str_cat.h"
#include "task/trace.h"

namespace taskforge {
namespace {

// When the task came to its state.
absl::Time TimeOf(const TaskRecord& record) {
  if (IsTerminal(record.state)) return record.history->end_time;
  if (record.state == TaskState::kRunning) return record.history->start_time;
  return record.history->attempts.empty() ? record.create_time
                                          : record.history->attempts.back().ended_time;
}

size_t BytesOf(const EventFields& fields) {
  size_t bytes = sizeof(EventFields) + fields.id.size() + fields.source.size() +
                 fields.type.size() + fields.subject.size() + fields.topic.size() +
                 fields.data.content_type.size() + fields.data.data.size();
  for (const auto& [name, value] : fields.attributes) {
    bytes += name.size() + value.size() + 64;  // 64: a tree's node.
  }
  return bytes;
}

}  // namespace

// What stands before the event it belongs to, so that the event's topic can look at it.
struct ClientFields {
  const EventFields given;
};

class Event::Client final : public ClientFields, public Event {
 public:
  explicit Client(EventFields all)
      : ClientFields{std::move(all)},
        Event(given.topic, given.priority, sizeof(Client) + BytesOf(given), nullptr) {}
};

// With its topic behind it, in one piece of memory.
class Event::OfTask final : public Event {
 public:
  static EventRef Make(absl::string_view topic, TaskRecordPtr record) {
    const size_t bytes = sizeof(OfTask) + topic.size();
    void* const place = ::operator new(bytes);
    char* const text = static_cast<char*>(place) + sizeof(OfTask);
    std::copy(topic.begin(), topic.end(), text);
    const Priority priority = record->spec->priority;
    const size_t cost = bytes + CostBytes(*record);
    return EventRef::Adopt(new (place)
                               OfTask({text, topic.size()}, priority, cost, std::move(record)));
  }
  void operator delete(void* place) { ::operator delete(place); }

 private:
  using Event::Event;
};

EventRef MakeEvent(EventFields fields) {
  return EventRef::Adopt(new Event::Client(std::move(fields)));
}

EventRef MakeTaskEvent(absl::string_view topic, TaskRecordPtr record) {
  return Event::OfTask::Make(topic, std::move(record));
}

Event::Event(absl::string_view topic, Priority priority, size_t bytes, TaskRecordPtr record)
    : bytes_(static_cast<uint32_t>(std::min<size_t>(bytes, UINT32_MAX))),
      topic_(topic.data()),
      topic_size_(static_cast<uint32_t>(topic.size())),
      priority_(priority),
      record_(std::move(record)) {}

Event::~Event() {
  // relaxed: who lets go last has seen all that was done with it.
  for (const auto& form : forms_) delete form.load(std::memory_order_relaxed);
}

const std::string* Event::Form(EventForm form, absl::FunctionRef<std::string()> make) const {
  std::atomic<const std::string*>& place = forms_[static_cast<size_t>(form)];
  // acquire: pairs with the exchange below.
  const std::string* known = place.load(std::memory_order_acquire);
  if (known != nullptr || !IsShared()) return known;
  auto made = std::make_unique<const std::string>(make());
  if (place.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
    known = made.release();
  }
  return known;
}

const EventFields& Event::fields() const { return static_cast<const Client*>(this)->given; }

EventFields Event::Attributes() const {
  EventFields all;
  all.topic = std::string(topic());
  all.priority = priority_;
  if (!record_) {
    const EventFields& given = fields();
    all.id = given.id;
    all.source = given.source;
    all.type = given.type;
    all.subject = given.subject;
    all.time = given.time;
    all.attributes = given.attributes;
    return all;
  }
  const TaskOrigin& origin = *record_->spec->origin;
  all.id = absl::StrCat(record_->uid.ToString(), "/", record_->revision);
  all.source = "taskforge";
  all.type = absl::StrCat("taskforge.task.", Name(record_->state));
  all.subject = record_->name();
  all.time = TimeOf(*record_);
  if (!origin.traceparent.empty()) all.attributes[kTraceparentAttribute] = origin.traceparent;
  if (!origin.x_request_id.empty()) all.attributes[kXRequestIdAttribute] = origin.x_request_id;
  return all;
}

bool Event::FindAttribute(absl::string_view name, std::string& value) const {
  const auto find = [&](const EventFields& fields) {
    if (name == "id" || name == "source" || name == "type" || name == "subject") {
      value = name == "id"       ? fields.id
              : name == "source" ? fields.source
              : name == "type"   ? fields.type
                                 : fields.subject;
      return !value.empty();
    }
    const auto it = fields.attributes.find(std::string(name));
    if (it == fields.attributes.end()) return false;
    value = it->second;
    return true;
  };
  if (!record_) return find(fields());
  if (name != "subject") return find(Attributes());
  value = record_->name();  // What is asked for most, without the rest.
  return true;
}

}  // namespace taskforge
