// Turns plain numbers into the metric families of the text format. The exporter rebuilds all of
// them at each scrape, so nothing on a hot path knows of metrics, labels or this library.
#ifndef TASKFORGE_METRICS_FAMILIES_H_
#define TASKFORGE_METRICS_FAMILIES_H_

#include <prometheus/metric_family.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/histogram.h"

namespace taskforge {

using Labels = std::vector<std::pair<std::string, std::string>>;

// Upper bounds in seconds; +Inf is added.
absl::Span<const double> WaitBuckets();  // .00005 … 30
absl::Span<const double> RunBuckets();   // .0001 … 300
absl::Span<const double> RpcBuckets();   // .0005 … 30
absl::Span<const double> BusBuckets();   // .000005 … 1

// Families by name, in the order of their names. Not thread-safe: made for one scrape.
class Families {
 public:
  void Counter(const std::string& name, const std::string& help, const Labels& labels,
               double value);
  void Gauge(const std::string& name, const std::string& help, const Labels& labels, double value);
  // Names a gauge that may have no series now, so that readers of /metrics learn of it.
  void DeclareGauge(const std::string& name, const std::string& help);
  // `values` in nanoseconds, told in seconds. `_count` is the sum of the buckets, so `+Inf` always
  // equals it.
  void Histogram(const std::string& name, const std::string& help, const Labels& labels,
                 const HistogramSnapshot& values, absl::Span<const double> bounds);

  std::vector<prometheus::MetricFamily> Take();

 private:
  prometheus::MetricFamily& Family(const std::string& name, const std::string& help,
                                   prometheus::MetricType type);
  prometheus::ClientMetric& Add(const std::string& name, const std::string& help,
                                prometheus::MetricType type, const Labels& labels);

  std::map<std::string, prometheus::MetricFamily> families_;
};

}  // namespace taskforge

#endif  // TASKFORGE_METRICS_FAMILIES_H_
