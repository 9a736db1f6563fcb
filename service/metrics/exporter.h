// Makes the text that Prometheus scrapes.
#ifndef TASKFORGE_METRICS_EXPORTER_H_
#define TASKFORGE_METRICS_EXPORTER_H_

#include <functional>
#include <string>
#include <vector>

#include "metrics/families.h"

namespace taskforge {

// Adds families from some component's statistics. Called at each scrape, on the scraper's thread.
using Collector = std::function<void(Families&)>;

// Thread-safe, if its collectors are.
class Exporter {
 public:
  explicit Exporter(std::vector<Collector> collectors) : collectors_(std::move(collectors)) {}

  // text/plain; version=0.0.4
  std::string Text() const;

 private:
  // Constant after construction.
  const std::vector<Collector> collectors_;
};

}  // namespace taskforge

#endif  // TASKFORGE_METRICS_EXPORTER_H_
