#include "crash/verdict.h"

#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "crash/fitting.h"

namespace taskforge::crash {
namespace {

constexpr int kInvalidArgument = 3;
constexpr int kNotFound = 5;
constexpr int kResourceExhausted = 8;
constexpr int kUnavailable = 14;

// Reads the history once, then looks at each task that is found, then for those that are not.
class Judgement {
 public:
  explicit Judgement(const Rules& rules) : rules_(rules) {}

  void Read(const std::vector<Event>& history) {
    for (const Event& event : history) Read(event);
  }

  void Look(const std::vector<Found>& found) {
    for (const Found& task : found) {
      const auto life = lives_.find(task.number);
      if (life == lives_.end()) {
        Tell(Invariant::kI1, Wrong::kUnexpected, task.number, task.name, "nobody submitted it");
        continue;
      }
      auto& names = found_[task.number];
      names.push_back(task.name);
      if (names.size() > 1 || task.listed > 1) {
        Tell(TwiceIn(life->second), Wrong::kDuplicated, task.number, task.name,
             absl::StrCat("is there more than once, first as ", names[0]));
      }
      Look(life->second, task);
    }
  }

  Verdict Finish() {
    for (const auto& [number, life] : lives_) {
      const Plan plan = rules_.plan_of(number);
      ++verdict_.submits;
      if (life.acknowledged > 0) ++verdict_.acknowledged;
      if (plan.has_request_id) verdict_.sent_again += life.sends - 1;
      if (life.was_cancelled_waiting()) ++verdict_.cancelled;
      if (plan.delay_ms > 0 || plan.deadline_ms > 0) ++verdict_.timed;
      if (life.first_acknowledged > 1) {
        Tell(TwiceIn(life), Wrong::kDuplicated, number, life.name,
             "was accepted more than once, and none was called a duplicate");
      }
      if (life.acknowledged > 0 && !found_.contains(number)) {
        Tell(Invariant::kI1, Wrong::kLost, number, life.name, "was acknowledged, and is gone");
      }
    }
    return std::move(verdict_);
  }

 private:
  void Tell(Invariant invariant, Wrong wrong, int64_t number, std::string name, std::string what) {
    verdict_.violations.push_back({invariant, wrong, number, std::move(name), std::move(what)});
  }

  static Invariant TwiceIn(const Life& life) {
    return life.sends > 1 ? Invariant::kI9 : Invariant::kI1;
  }

  void Read(const Event& event) {
    Life& life = lives_[event.number];
    switch (event.kind) {
      case Event::Kind::kSubmit:
        if (life.sends++ == 0) life.base_us = event.base_us;
        break;
      case Event::Kind::kAccepted:
        ReadAccepted(event, life);
        break;
      case Event::Kind::kRefused:
        ReadRefused(event, life);
        break;
      case Event::Kind::kCancel:
        ++life.cancels;
        break;
      case Event::Kind::kCancelAnswer:
        ReadCancelAnswer(event, life);
        break;
    }
  }

  void ReadAccepted(const Event& event, Life& life) {
    const bool is_duplicate = event.value != 0;
    if (life.acknowledged++ == 0) {
      life.name = event.text;
    } else if (event.text != life.name) {
      Tell(TwiceIn(life), Wrong::kDuplicated, event.number, event.text,
           absl::StrCat("was acknowledged as ", life.name, " before"));
    }
    if (!is_duplicate) ++life.first_acknowledged;
    if (is_duplicate && life.sends < 2) {
      Tell(Invariant::kI9, Wrong::kUnexpected, event.number, event.text,
           "was called a duplicate, and was sent once");
    }
    if (rules_.plan_of(event.number).has_task_id && event.text != NameOf(event.number)) {
      Tell(Invariant::kI1, Wrong::kUnexpected, event.number, event.text, "has another's name");
    }
    if (event.code != rules_.durability) {
      Tell(Invariant::kI1, Wrong::kUnexpected, event.number, event.text,
           absl::StrCat("was acknowledged with durability ", event.code));
    }
  }

  void ReadRefused(const Event& event, Life& life) {
    // A deadline may have passed when the submission arrives.
    const bool is_late = event.code == kInvalidArgument && life.acknowledged == 0 &&
                         rules_.plan_of(event.number).deadline_ms > 0;
    if (event.code == kResourceExhausted || is_late) {
      ++life.not_accepted;
    } else if (event.code != kUnavailable) {
      Tell(TwiceIn(life), Wrong::kUnexpected, event.number, life.name,
           absl::StrCat("was refused with code ", event.code, ", ", event.text));
    }
  }

  void ReadCancelAnswer(const Event& event, Life& life) {
    life.is_cancel_answered = true;
    life.cancel_code = event.code;
    life.cancel_state = static_cast<State>(event.value);
    life.cancel_started = event.started;
    if (event.code == kNotFound) {
      Tell(Invariant::kI1, Wrong::kLost, event.number, life.name,
           "was acknowledged, and the cancel did not find it");
    }
  }

  void Look(const Life& life, const Found& task) {
    const Plan plan = rules_.plan_of(task.number);
    if (task.listed == 0) {
      Tell(Invariant::kI1, Wrong::kUnexpected, task.number, task.name, "is in no list");
    }
    if (life.acknowledged > 0 && task.name != life.name) {
      Tell(TwiceIn(life), Wrong::kDuplicated, task.number, task.name,
           absl::StrCat("was acknowledged as ", life.name));
    }
    if (life.acknowledged == 0 && life.not_accepted == life.sends) {
      Tell(Invariant::kI1, Wrong::kUnexpected, task.number, task.name, "was refused");
    }
    if (const std::string what = WrongEnd(rules_, plan, life, task); !what.empty()) {
      // Work that does not end is lost, wherever it is.
      Tell(Invariant::kI1, HasEnded(task.state) ? Wrong::kUnexpected : Wrong::kLost, task.number,
           task.name, what);
    }
    if (const std::string what = WrongCancel(life, task); !what.empty()) {
      Tell(Invariant::kI10, Wrong::kUnexpected, task.number, task.name, what);
    }
    if (const std::string what = WrongTime(rules_, plan, life, task); !what.empty()) {
      Tell(Invariant::kI12, Wrong::kUnexpected, task.number, task.name, what);
    }
  }

  const Rules& rules_;
  std::map<int64_t, Life> lives_;
  absl::flat_hash_map<int64_t, std::vector<std::string>> found_;
  Verdict verdict_;
};

std::string WithoutOutput(Found task) {
  task.output.clear();
  return task.ToString();
}

}  // namespace

const char* Name(State state) {
  switch (state) {
    case State::kUnspecified:
      return "UNSPECIFIED";
    case State::kScheduled:
      return "SCHEDULED";
    case State::kQueued:
      return "QUEUED";
    case State::kRunning:
      return "RUNNING";
    case State::kSucceeded:
      return "SUCCEEDED";
    case State::kFailed:
      return "FAILED";
    case State::kCancelled:
      return "CANCELLED";
    case State::kExpired:
      return "EXPIRED";
  }
  return "unknown";
}

const char* Name(Invariant invariant) {
  constexpr const char* kNames[kInvariantCount] = {"I1", "I8", "I9", "I10", "I12", "I14"};
  return kNames[static_cast<int>(invariant)];
}

const char* Name(Wrong wrong) {
  constexpr const char* kNames[] = {"lost", "duplicated", "unexpected"};
  return kNames[static_cast<int>(wrong)];
}

std::string Found::ToString() const {
  return absl::StrCat(name, " ", Name(state), ", number ", number, ", listed ", listed,
                      ", attempts started ", started, ", lost ", lost, ", failed ", failed,
                      ", first start ", first_us, ", last start ", last_us, ", end ", ended_us,
                      ", reason \"", reason, "\", output \"", output, "\"");
}

Verdict Judge(const Rules& rules, const std::vector<Event>& history,
              const std::vector<Found>& found) {
  Judgement judgement(rules);
  judgement.Read(history);
  judgement.Look(found);
  return judgement.Finish();
}

std::vector<Violation> Compare(const std::vector<Found>& before, const std::vector<Found>& after) {
  std::vector<Violation> violations;
  std::map<std::string, const Found*> later;
  for (const Found& task : after) later[task.name] = &task;
  for (const Found& task : before) {
    const auto found = later.find(task.name);
    if (found == later.end()) {
      violations.push_back(
          {Invariant::kI8, Wrong::kLost, task.number, task.name, "had ended, and is gone"});
      continue;
    }
    const bool is_same = WithoutOutput(task) == WithoutOutput(*found->second);
    const bool has_outputs = task.is_whole && found->second->is_whole;
    const bool is_same_output = !has_outputs || task.output == found->second->output;
    later.erase(found);
    if (is_same && is_same_output) continue;
    violations.push_back({Invariant::kI8, Wrong::kUnexpected, task.number, task.name,
                          absl::StrCat("had ended, and has changed: it was ", task.ToString())});
  }
  for (const auto& [name, task] : later) {
    violations.push_back({Invariant::kI8, Wrong::kUnexpected, task->number, name,
                          "was not there before, and nobody submitted anything since"});
  }
  return violations;
}

}  // namespace taskforge::crash
