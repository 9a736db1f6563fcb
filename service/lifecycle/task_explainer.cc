#include "lifecycle/task_explainer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace taskforge {
namespace {

// `3.2s`: to the millisecond, and below a second to the microsecond.
std::string Text(absl::Duration duration) {
  const absl::Duration step =
      duration < absl::Seconds(1) ? absl::Microseconds(1) : absl::Milliseconds(1);
  return absl::FormatDuration(absl::Trunc(duration, step));
}

std::string Text(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string Tasks(size_t count) { return absl::StrCat(count, count == 1 ? " task" : " tasks"); }

// The task as the command line takes it.
std::string Short(const TaskRecord& record) {
  const std::string name = record.name();
  const std::string prefix = TaskName(kDefaultQueue, "");
  return name.compare(0, prefix.size(), prefix) == 0 ? name.substr(prefix.size()) : name;
}

std::string Why(const Boxed<TaskError>& error) {
  if (!error.has_value()) return "";
  return absl::StrCat(" (", error->reason, ": ", error->message, ")");
}

std::string Attempts(const TaskRecord& record) {
  return absl::StrCat("attempt ", record.history->attempts.size(), " of ",
                      record.spec->terms->retry.max_attempts);
}

void ExplainScheduled(const ExplainFacts& facts, TaskExplanation& out) {
  const TaskRecord& record = *facts.record;
  const absl::Time when = record.history->next_attempt_time;
  out.expected_start = when;
  const std::string until = absl::StrCat(Text(when), ", in ", Text(when - facts.now));
  if (record.wait_reason != WaitReason::kRetryBackoff || record.history->attempts.empty()) {
    out.text = absl::StrCat("It waits for its schedule_time, ", until, ".");
    return;
  }
  out.text = absl::StrCat(Attempts(record), " failed", Why(record.history->attempts.back().error),
                          ": the next one begins at ", until, ".");
  out.text[0] = 'A';
  out.advice.push_back(
      "To try at once, cancel it and retry it: the retry is a new task without the backoff.");
}

// What is before it, in words.
std::string Before(const TaskPlace& place) {
  std::string text = absl::StrCat(place.is_exact() ? "" : "at most ", Tasks(place.ahead()),
                                  place.ahead() == 1 ? " is" : " are", " to be started before it");
  std::vector<std::string> parts;
  const auto add = [&parts](size_t count, absl::string_view what) {
    if (count > 0) parts.push_back(absl::StrCat(count, " ", what));
  };
  add(place.more_urgent, "of a higher priority");
  add(place.released, "of its priority that the pool has already");
  add(place.in_queue, "of its queue and priority");
  add(place.in_other_queues, "of other queues, in turns");
  for (size_t i = 0; i < parts.size(); ++i) absl::StrAppend(&text, i == 0 ? ": " : ", ", parts[i]);
  return text;
}

void AddExpectedStart(const ExplainFacts& facts, TaskExplanation& out) {
  const TaskPlace& place = *facts.place;
  const double waited_s = absl::ToDoubleSeconds(place.waited);
  if (place.starts == 0 || waited_s <= 0) return;
  out.starts_per_second = static_cast<double>(place.starts) / waited_s;
  const double ahead = static_cast<double>(place.ahead()) + 1;
  out.expected_start = facts.now + absl::Seconds(ahead / out.starts_per_second);
}

void ExplainTurn(const ExplainFacts& facts, TaskExplanation& out) {
  const TaskPlace& place = *facts.place;
  if (!place.is_in_queue) {
    out.text = "The pool has it already: it starts as soon as a thread comes to it.";
  } else if (place.ahead() == 0) {
    out.text = "It is the next to be started.";
  } else {
    out.text = absl::StrCat("It waits for its turn: ", Before(place), ".");
  }
  AddExpectedStart(facts, out);
  if (out.expected_start.has_value()) {
    absl::StrAppendFormat(&out.text, " At the %.3g starts a second since it waits, that is in %s.",
                          out.starts_per_second, Text(*out.expected_start - facts.now));
  }
  if (place.more_urgent > 0) {
    out.advice.push_back(
        "More urgent work is before it: submit what is not urgent at a lower priority.");
  }
  if (place.ahead() > 0) {
    out.advice.push_back(
        "If this is often so, let more run at once: pool.max_threads, or more workers.");
  }
}

void ExplainQueued(const ExplainFacts& facts, TaskExplanation& out) {
  const TaskRecord& record = *facts.record;
  out.place = facts.place;
  const absl::string_view queue = record.spec->queue;
  if (facts.paused.has_value()) {
    out.paused = facts.paused;
    out.text = absl::StrCat("Its queue \"", queue, "\" is paused since ", Text(facts.paused->time),
                            facts.paused->reason.empty() ? "" : ": ", facts.paused->reason, ".");
    if (facts.place.has_value() && facts.place->is_in_queue) {
      absl::StrAppend(&out.text, " Of its queue and priority, ",
                      facts.place->is_in_queue_exact ? "" : "at most ",
                      Tasks(facts.place->in_queue), " wait before it.");
    }
    out.advice.push_back(absl::StrCat("Resume the queue: taskforge queue resume ", queue));
    return;
  }
  if (record.wait_reason == WaitReason::kNoWorker) {
    out.text = absl::StrCat("No connected worker serves its handler \"",
                            record.spec->handler.view(), "\".");
    if (facts.place.has_value()) {
      absl::StrAppend(&out.text, " When one comes, ", Before(*facts.place), ".");
    }
    out.advice.push_back(absl::StrCat("Start a worker that serves \"", record.spec->handler.view(),
                                      "\": taskforge worker ls shows those that are here"));
    return;
  }
  if (facts.place.has_value()) {
    ExplainTurn(facts, out);
  } else {
    out.text = "It waits for its turn.";
  }
}

void ExplainRunning(const ExplainFacts& facts, TaskExplanation& out) {
  const TaskRecord& record = *facts.record;
  const TaskHistory& history = *record.history;
  out.text =
      absl::StrCat("It runs: ", Attempts(record), ", for ", Text(facts.now - history.start_time));
  if (!history.attempts.empty()) {
    absl::StrAppend(&out.text, ", on ", history.attempts.back().executor);
  }
  if (history.progress.has_value()) {
    absl::StrAppendFormat(&out.text, "; its handler says %.0f %%",
                          history.progress->fraction * 100);
  }
  absl::StrAppend(&out.text, ".");
  if (history.cancel_requested_time.has_value()) {
    absl::StrAppend(&out.text, " It was asked to stop at ", Text(*history.cancel_requested_time),
                    ".");
  }
  out.advice.push_back(absl::StrCat("Follow it: taskforge task watch ", Short(record)));
}

void ExplainEnded(const ExplainFacts& facts, TaskExplanation& out) {
  const TaskRecord& record = *facts.record;
  const TaskHistory& history = *record.history;
  const bool has_run = !history.attempts.empty();
  const std::string at = absl::StrCat(" at ", Text(history.end_time));
  const std::string retry = absl::StrCat("Run it once more: taskforge task retry ", Short(record));
  switch (record.state) {
    case TaskState::kSucceeded:
      out.text =
          absl::StrCat("It succeeded", at, ", in ", Attempts(record), ", after it had waited ",
                       Text(absl::Nanoseconds(history.queue_wait_ns)), " and run ",
                       Text(absl::Nanoseconds(history.run_ns)), ".");
      return;
    case TaskState::kFailed:
      out.text = absl::StrCat("It failed", at, ", in ", Attempts(record), Why(history.error), ".");
      break;
    case TaskState::kCancelled:
      out.text = absl::StrCat("It was cancelled", at,
                              has_run ? ", after it had started." : ", before it had started.");
      break;
    default:
      out.text =
          absl::StrCat("It expired", at, ": ",
                       history.error.has_value() ? history.error->message : "it never ran", ".");
      out.advice.push_back(
          "Give such tasks a later deadline or a longer queue_timeout, or let more run at once.");
      break;
  }
  out.advice.insert(out.advice.begin(), retry);
}

}  // namespace

TaskExplanation Explained(const ExplainFacts& facts) {
  TaskExplanation out;
  out.record = facts.record;
  switch (facts.record->state) {
    case TaskState::kScheduled:
      ExplainScheduled(facts, out);
      break;
    case TaskState::kQueued:
      ExplainQueued(facts, out);
      break;
    case TaskState::kRunning:
      ExplainRunning(facts, out);
      break;
    default:
      ExplainEnded(facts, out);
      break;
  }
  return out;
}

void WaitExplainer::Explain(const std::string& name, Callback done) {
  control_.Get(name, [this, done = std::move(done)](absl::StatusOr<TaskRecordPtr> record) mutable {
    if (!record.ok()) return std::move(done)(record.status());
    ExplainFacts facts;
    facts.record = *std::move(record);
    facts.now = clock_.Now();
    const TaskRef task = control_.FindLive(facts.record->name());
    if (task && facts.record->state == TaskState::kQueued) {
      facts.place = queues_.PlaceOf(*task);
      const absl::StatusOr<QueueStats> queue = queues_.Get(facts.record->spec->queue);
      if (queue.ok() && queue->options.is_paused) facts.paused = queue->options.paused;
    }
    std::move(done)(Explained(facts));
  });
}

}  // namespace taskforge
