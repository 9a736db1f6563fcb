// Gathers what is wrong with a request, so that all of it is told at once.
#ifndef TASKFORGE_RPC_VIOLATIONS_H_
#define TASKFORGE_RPC_VIOLATIONS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/error.h"

namespace taskforge {

// Not thread-safe.
class Violations {
 public:
  void Add(absl::string_view field, absl::string_view description) {
    violations_.push_back({std::string(field), std::string(description)});
  }
  void Add(std::vector<FieldViolation> more) {
    for (FieldViolation& violation : more) violations_.push_back(std::move(violation));
  }
  bool empty() const { return violations_.empty(); }

  // INVALID_ARGUMENT with every violation, or OK. Takes what was gathered.
  absl::Status TakeStatus() {
    if (violations_.empty()) return absl::OkStatus();
    return InvalidArgument(std::exchange(violations_, {}));
  }
  // The violations alone, for who tells them together with others.
  std::vector<FieldViolation> Take() { return std::exchange(violations_, {}); }

 private:
  std::vector<FieldViolation> violations_;
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_VIOLATIONS_H_
