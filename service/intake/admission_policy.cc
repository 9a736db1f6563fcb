#include "intake/admission_policy.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace taskforge {
namespace {

constexpr absl::Duration kLeast = absl::Milliseconds(10);
constexpr absl::Duration kMost = absl::Hours(1);

bool IsWithin(absl::Duration value) { return value >= kLeast && value <= kMost; }

}  // namespace

absl::Status SheddingOptions::Validate() const {
  std::vector<FieldViolation> violations;
  constexpr absl::string_view kWayOut = "admission.shed_load false refuses nothing";
  if (!IsWithin(low_after)) {
    violations.push_back(
        {"admission.shed_low_after", absl::StrCat("must be 10ms to 1h; ", kWayOut)});
  }
  if (!IsWithin(normal_after)) {
    violations.push_back(
        {"admission.shed_normal_after", absl::StrCat("must be 10ms to 1h; ", kWayOut)});
  }
  if (normal_after < low_after) {
    violations.push_back(
        {"admission.shed_normal_after",
         absl::StrCat("must be at least admission.shed_low_after (",
                      absl::FormatDuration(low_after), "): less urgent work is refused first")});
  }
  return violations.empty() ? absl::OkStatus() : InvalidArgument(std::move(violations));
}

}  // namespace taskforge
