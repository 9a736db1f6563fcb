#include "bus/event.h"

namespace taskforge {

size_t Event::BytesOf(const EventFields& fields) {
  size_t bytes = sizeof(Event) + fields.id.size() + fields.source.size() + fields.type.size() +
                 fields.subject.size() + fields.topic.size() + fields.data.content_type.size() +
                 fields.data.data.size();
  for (const auto& [name, value] : fields.attributes) {
    bytes += name.size() + value.size() + 64;  // 64: a tree's node.
  }
  if (fields.record != nullptr) bytes += CostBytes(*fields.record);
  return bytes;
}

}  // namespace taskforge
