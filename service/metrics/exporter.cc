#include "metrics/exporter.h"

#include <prometheus/text_serializer.h>

namespace taskforge {

std::string Exporter::Text() const {
  Families families;
  for (const Collector& collect : collectors_) collect(families);
  return prometheus::TextSerializer().Serialize(families.Take());
}

}  // namespace taskforge
