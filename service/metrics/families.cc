#include "metrics/families.h"

#include <array>
#include <limits>

namespace taskforge {
namespace {

constexpr std::array<double, 16> kWait = {.00005, .0001, .00025, .0005, .001, .0025, .005, .01,
                                          .025,   .05,   .1,     .25,   .5,   1,     5,    30};
constexpr std::array<double, 17> kRun = {.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05,
                                         .1,    .25,    .5,    1,    5,     30,   60,  300};
constexpr std::array<double, 15> kRpc = {.0005, .001, .0025, .005, .01, .025, .05, .1,
                                         .25,   .5,   1,     2.5,  5,   10,   30};
constexpr std::array<double, 12> kBus = {.000005, .00001, .000025, .00005, .0001, .0005,
                                         .001,    .005,   .01,     .05,    .1,    1};

}  // namespace

absl::Span<const double> WaitBuckets() { return kWait; }
absl::Span<const double> RunBuckets() { return kRun; }
absl::Span<const double> RpcBuckets() { return kRpc; }
absl::Span<const double> BusBuckets() { return kBus; }

prometheus::MetricFamily& Families::Family(const std::string& name, const std::string& help,
                                           prometheus::MetricType type) {
  prometheus::MetricFamily& family = families_[name];
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

prometheus::ClientMetric& Families::Add(const std::string& name, const std::string& help,
                                        prometheus::MetricType type, const Labels& labels) {
  prometheus::ClientMetric& metric = Family(name, help, type).metric.emplace_back();
  for (const auto& [key, value] : labels) {
    prometheus::ClientMetric::Label label;
    label.name = key;
    label.value = value;
    metric.label.push_back(std::move(label));
  }
  return metric;
}

void Families::Counter(const std::string& name, const std::string& help, const Labels& labels,
                       double value) {
  Add(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
}

void Families::Gauge(const std::string& name, const std::string& help, const Labels& labels,
                     double value) {
  Add(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
}

void Families::DeclareGauge(const std::string& name, const std::string& help) {
  Family(name, help, prometheus::MetricType::Gauge);
}

void Families::Histogram(const std::string& name, const std::string& help, const Labels& labels,
                         const HistogramSnapshot& values, absl::Span<const double> bounds) {
  auto& histogram = Add(name, help, prometheus::MetricType::Histogram, labels).histogram;
  for (const double bound : bounds) {
    histogram.bucket.push_back({values.CountAtMost(static_cast<int64_t>(bound * 1e9)), bound});
  }
  histogram.bucket.push_back({values.count, std::numeric_limits<double>::infinity()});
  histogram.sample_count = values.count;
  histogram.sample_sum = static_cast<double>(values.sum) / 1e9;
}

std::vector<prometheus::MetricFamily> Families::Take() {
  std::vector<prometheus::MetricFamily> out;
  out.reserve(families_.size());
  for (auto& [name, family] : families_) out.push_back(std::move(family));
  families_.clear();
  return out;
}

}  // namespace taskforge
