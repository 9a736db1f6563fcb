// Events of which a receiver can tell whether one is missing, twice there or out of order.
#ifndef TASKFORGE_SUPPORT_NUMBERED_EVENT_H_
#define TASKFORGE_SUPPORT_NUMBERED_EVENT_H_

#include <string>
#include <utility>

#include "bus/event.h"

namespace taskforge {

// Its source is the publisher, its id the number.
inline EventRef Numbered(const std::string& topic, int publisher, int number, Priority priority) {
  EventFields fields;
  fields.topic = topic;
  fields.source = std::to_string(publisher);
  fields.id = std::to_string(number);
  fields.priority = priority;
  return MakeEvent(std::move(fields));
}

}  // namespace taskforge

#endif  // TASKFORGE_SUPPORT_NUMBERED_EVENT_H_
