#include "queues/drain_rate.h"

#include <algorithm>
#include <cmath>

namespace taskforge {
namespace {

constexpr double kLeastSampleSeconds = 0.1;
constexpr double kForgetSeconds = 10;

}  // namespace

absl::Duration DrainRate::RetryAfter(MonoTime now, uint64_t given_back, double wanted) {
  const double seconds = static_cast<double>(now - sampled_at_) * 1e-9;
  if (!has_sample_ || seconds > kForgetSeconds) {
    per_second_ = -1;
    has_sample_ = true;
    sampled_at_ = now;
    sampled_ = given_back;
  } else if (seconds >= kLeastSampleSeconds) {
    const double rate = static_cast<double>(given_back - sampled_) / seconds;
    const double weight = per_second_ < 0 ? 1 : 1 - std::exp(-seconds);
    per_second_ = per_second_ < 0 ? rate : per_second_ + weight * (rate - per_second_);
    sampled_at_ = now;
    sampled_ = given_back;
  }
  if (per_second_ < 0) return Unknown();
  if (per_second_ == 0) return Greatest();
  return std::clamp(absl::Seconds(wanted / per_second_), Least(), Greatest());
}

}  // namespace taskforge
