#include "task/task_defaults.h"

#include <utility>

#include "task/validation.h"

namespace taskforge {

void QueueTaskDefaults::ApplyTo(TaskSpec& spec, bool has_retry) const {
  const absl::Duration none = absl::InfiniteDuration();
  if (queue_timeout != none && spec.terms->queue_timeout == none) {
    spec.terms.Edit().queue_timeout = queue_timeout;
  }
  if (run_timeout != none && spec.terms->run_timeout == none) {
    spec.terms.Edit().run_timeout = run_timeout;
  }
  if (!has_retry && retry != RetryPolicy()) spec.terms.Edit().retry = retry;
}

std::vector<FieldViolation> QueueTaskDefaults::Validate() const {
  std::vector<FieldViolation> violations = ValidateTimeout("default_queue_timeout", queue_timeout);
  const auto add = [&violations](std::vector<FieldViolation> more) {
    for (FieldViolation& violation : more) violations.push_back(std::move(violation));
  };
  add(ValidateTimeout("default_run_timeout", run_timeout));
  add(ValidateRetryPolicy("default_retry_policy", retry));
  return violations;
}

}  // namespace taskforge
