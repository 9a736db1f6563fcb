#include "task/validation.h"

#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace taskforge {
namespace {

bool IsLowerOrDigit(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); }

// `first` for the first character, then characters of `more` or those that `first` admits.
template <typename First>
bool IsName(absl::string_view name, First first, absl::string_view more) {
  if (name.empty() || name.size() > kMaxNameBytes || !first(name.front())) return false;
  for (const char c : name) {
    if (!IsLowerOrDigit(c) && more.find(c) == absl::string_view::npos) return false;
  }
  return true;
}

// Client bytes in a message: printable and short.
std::string Shown(absl::string_view text) {
  constexpr size_t kShown = 64;
  std::string shown;
  for (const char c : text.substr(0, kShown)) shown += absl::ascii_isprint(c) ? c : '?';
  if (text.size() > kShown) shown += "...";
  return shown;
}

// A value as a message shows it.
template <typename T>
const T& InWords(const T& value) {
  return value;
}
std::string InWords(absl::Duration value) { return absl::FormatDuration(value); }
std::string InWords(absl::Time value) { return absl::FormatTime(value, absl::UTCTimeZone()); }
struct FromClient {
  absl::string_view text;
};
std::string InWords(FromClient value) { return Shown(value.text); }

// Collects what is wrong.
class Checker {
 public:
  // `description` is put into words only if it is needed: nearly every task is in order.
  template <typename... Parts>
  void Require(bool holds, absl::string_view field, const Parts&... description) {
    if (!holds) violations_.push_back({std::string(field), absl::StrCat(InWords(description)...)});
  }
  std::vector<FieldViolation> Take() { return std::move(violations_); }

 private:
  std::vector<FieldViolation> violations_;
};

void CheckNames(const TaskSpec& spec, Checker& checker) {
  checker.Require(
      IsQueueName(spec.queue), "parent", "\"queues/", FromClient{spec.queue.view()},
      "\" is not the name of a queue: queues/ and [a-z][a-z0-9_-]{0,62}; leave it empty "
      "for queues/default");
  checker.Require(spec.origin->task_id.empty() || IsTaskId(spec.origin->task_id), "task_id", "\"",
                  FromClient{spec.origin->task_id},
                  "\" is not a task id: [a-z0-9][a-z0-9._-]{0,62}; leave it empty for one that the "
                  "server makes");
  checker.Require(spec.origin->request_id.size() <= kMaxRequestIdBytes, "request_id", "has ",
                  spec.origin->request_id.size(), " bytes; at most ", kMaxRequestIdBytes);
  if (spec.handler.empty()) {
    checker.Require(false, "task.handler",
                    "is required: the name of the handler that runs the task");
  } else {
    checker.Require(
        IsHandlerName(spec.handler), "task.handler", "\"", FromClient{spec.handler.view()},
        "\" is not the name of a handler: [a-z][a-z0-9_-]{0,62}, with dots between such "
        "parts, at most ",
        kMaxHandlerBytes, " bytes");
  }
  checker.Require(spec.terms->result_topic.empty() || IsResultTopic(spec.terms->result_topic),
                  "task.result_topic", "\"", FromClient{spec.terms->result_topic},
                  "\" is not a topic for results: 1 to ", kMaxTopicTokens,
                  " tokens of [A-Za-z0-9_-] with dots between, at most ", kMaxTopicBytes,
                  " bytes, not under task. or sys.");
}

void CheckContent(const TaskSpec& spec, const TaskLimits& limits, Checker& checker) {
  checker.Require(spec.input.data.size() <= limits.max_input_bytes, "task.input", "has ",
                  spec.input.data.size(), " bytes; at most ", limits.max_input_bytes,
                  " (limits.max_payload_bytes): pass a reference to what is greater");
  checker.Require(spec.input.content_type.size() <= kMaxContentTypeBytes, "task.input.content_type",
                  "has ", spec.input.content_type.size(), " bytes; at most ", kMaxContentTypeBytes);
  checker.Require(spec.terms->labels.size() <= kMaxLabels, "task.labels", "has ",
                  spec.terms->labels.size(), " labels; at most ", kMaxLabels);
  for (const auto& [key, value] : spec.terms->labels) {
    checker.Require(IsLabelKey(key), "task.labels", "\"", FromClient{key},
                    "\" is not a label's key: [a-z0-9][a-z0-9._/-]{0,62}");
    if (value.size() <= kMaxLabelValueBytes) continue;
    checker.Require(false, absl::StrCat("task.labels[", Shown(key), "]"), "has ", value.size(),
                    " bytes; at most ", kMaxLabelValueBytes);
  }
}

// A duration of which nothing means `none`.
void CheckTimeout(absl::Duration value, absl::string_view field, Checker& checker) {
  if (value == absl::InfiniteDuration()) return;
  checker.Require(value > absl::ZeroDuration() && value <= TaskRanges::MaxAhead(), field, "is ",
                  value, "; more than 0 and at most 366 days: leave it out for the default");
}

void CheckTimes(const TaskSpec& spec, absl::Time now, Checker& checker) {
  const bool is_scheduled = spec.terms->schedule_time != absl::InfinitePast();
  checker.Require(!is_scheduled || spec.terms->schedule_time <= now + TaskRanges::MaxAhead(),
                  "task.schedule_time", "is ", spec.terms->schedule_time,
                  "; at most 366 days ahead");
  if (spec.terms->deadline != absl::InfiniteFuture()) {
    checker.Require(spec.terms->deadline > now, "task.deadline", "is ", spec.terms->deadline,
                    ", which has passed: it is ", now, " on the server");
    checker.Require(!is_scheduled || spec.terms->deadline > spec.terms->schedule_time,
                    "task.deadline", "is not after schedule_time: the task could never run");
  }
  CheckTimeout(spec.terms->queue_timeout, "task.queue_timeout", checker);
  CheckTimeout(spec.terms->run_timeout, "task.run_timeout", checker);
  if (spec.terms->result_ttl.has_value()) {
    checker.Require(*spec.terms->result_ttl >= absl::ZeroDuration() &&
                        *spec.terms->result_ttl <= TaskRanges::MaxResultTtl(),
                    "task.result_ttl", "is ", *spec.terms->result_ttl,
                    "; 0 to 30 days: leave it out for the default by outcome");
  }
}

// Where the policy of a task stands.
constexpr absl::string_view kRetryField = "task.retry_policy";

void CheckRetry(const RetryPolicy& retry, Checker& checker) {
  checker.Require(retry.max_attempts >= 1 && retry.max_attempts <= kMaxAttempts,
                  "task.retry_policy.max_attempts", "is ", retry.max_attempts, "; 1 to ",
                  kMaxAttempts, ", or 0 for the default of 1");
  checker.Require(retry.min_backoff >= TaskRanges::MinBackoff(), "task.retry_policy.min_backoff",
                  "is ", retry.min_backoff, "; at least 1ms");
  checker.Require(retry.max_backoff <= TaskRanges::MaxBackoff(), "task.retry_policy.max_backoff",
                  "is ", retry.max_backoff, "; at most 24h");
  checker.Require(retry.min_backoff <= retry.max_backoff, "task.retry_policy.max_backoff", "is ",
                  retry.max_backoff, ", less than min_backoff, which is ", retry.min_backoff);
  checker.Require(retry.multiplier >= 1 && retry.multiplier <= kMaxBackoffMultiplier,
                  "task.retry_policy.multiplier", "is ", retry.multiplier, "; 1 to ",
                  kMaxBackoffMultiplier, ", or 0 for the default of 2");
  checker.Require(retry.jitter >= 0 && retry.jitter <= 1, "task.retry_policy.jitter", "is ",
                  retry.jitter, "; 0 to 1: a share of the backoff");
  checker.Require(retry.non_retryable_reasons.size() <= kMaxNonRetryableReasons,
                  "task.retry_policy.non_retryable_reasons", "has ",
                  retry.non_retryable_reasons.size(), " reasons; at most ",
                  kMaxNonRetryableReasons);
  for (size_t i = 0; i < retry.non_retryable_reasons.size(); ++i) {
    const std::string& reason = retry.non_retryable_reasons[i];
    if (!reason.empty() && reason.size() <= kMaxReasonBytes) continue;
    checker.Require(false, absl::StrCat("task.retry_policy.non_retryable_reasons[", i, "]"), "has ",
                    reason.size(), " bytes; 1 to ", kMaxReasonBytes);
  }
}

}  // namespace

bool IsQueueName(absl::string_view name) {
  return IsName(
      name, [](char c) { return absl::ascii_islower(c); }, "_-");
}

bool IsHandlerName(absl::string_view name) {
  if (name.size() > kMaxHandlerBytes) return false;
  for (absl::string_view part : absl::StrSplit(name, '.')) {
    if (!IsQueueName(part)) return false;
  }
  return true;
}

bool IsTaskId(absl::string_view id) { return IsName(id, IsLowerOrDigit, "._-"); }

bool IsLabelKey(absl::string_view key) { return IsName(key, IsLowerOrDigit, "._/-"); }

bool IsResultTopic(absl::string_view topic) {
  if (topic.size() > kMaxTopicBytes) return false;
  const std::vector<absl::string_view> tokens = absl::StrSplit(topic, '.');
  if (tokens.size() > kMaxTopicTokens || tokens[0] == "task" || tokens[0] == "sys") return false;
  for (absl::string_view token : tokens) {
    if (token.empty()) return false;
    for (const char c : token) {
      if (!absl::ascii_isalnum(c) && c != '_' && c != '-') return false;
    }
  }
  return true;
}

std::vector<FieldViolation> ValidateTimeout(absl::string_view field, absl::Duration value) {
  Checker checker;
  CheckTimeout(value, field, checker);
  return checker.Take();
}

std::vector<FieldViolation> ValidateRetryPolicy(absl::string_view field, const RetryPolicy& retry) {
  Checker checker;
  CheckRetry(retry, checker);
  std::vector<FieldViolation> violations = checker.Take();
  for (FieldViolation& violation : violations) {
    violation.field.replace(0, kRetryField.size(), field.data(), field.size());
  }
  return violations;
}

std::vector<FieldViolation> ValidateAndComplete(TaskSpec& spec, const TaskDefaults& defaults,
                                                const TaskLimits& limits, absl::Time now) {
  const RetryPolicy& retry = spec.terms->retry;
  if (retry.max_attempts == 0) spec.terms.Edit().retry.max_attempts = RetryPolicy().max_attempts;
  if (retry.multiplier == 0) spec.terms.Edit().retry.multiplier = RetryPolicy().multiplier;
  Checker checker;
  CheckNames(spec, checker);
  CheckContent(spec, limits, checker);
  CheckTimes(spec, now, checker);
  CheckRetry(spec.terms->retry, checker);
  if (spec.terms->run_timeout == absl::InfiniteDuration() &&
      defaults.run_timeout != absl::InfiniteDuration()) {
    spec.terms.Edit().run_timeout = defaults.run_timeout;
  }
  return checker.Take();
}

absl::Status CheckNamespace(absl::string_view ns) {
  if (ns == kDefaultNamespace) return absl::OkStatus();
  ErrorDetails details;
  details.reason = "NAMESPACE_UNKNOWN";
  details.metadata["namespace"] = Shown(ns);
  return WithDetails(
      absl::NotFoundError(absl::StrCat("there is no namespace \"", Shown(ns), "\", only \"",
                                       kDefaultNamespace, "\", which names need not say")),
      details);
}

absl::Status CheckDurability(const TaskSpec& spec, const TaskLimits& limits) {
  if (spec.requested_durability <= limits.best_durability) return absl::OkStatus();
  ErrorDetails details;
  details.reason = "DURABILITY_NOT_OFFERED";
  details.field_violations.push_back(
      {"task.durability", "is better than this server offers: leave it out for the best there is"});
  return WithDetails(
      absl::UnimplementedError("task.durability: this server keeps tasks less well than asked for; "
                               "leave it out for the best there is"),
      details);
}

}  // namespace taskforge
