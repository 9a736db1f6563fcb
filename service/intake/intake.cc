#include "intake/intake.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/error.h"
#include "base/sharded_counter.h"
#include "intake/known_tasks.h"
#include "intake/refusals.h"
#include "intake/request_index.h"
#include "intake/shared_names.h"
#include "task/spec_hash.h"
#include "task/uuid.h"

namespace taskforge {
namespace {

constexpr size_t kLabels = TaskQueues::kLabels;

Durability Or(Durability durability, Durability otherwise) {
  return durability == Durability::kUnspecified ? otherwise : durability;
}

}  // namespace

class Intake::Core {
 public:
  Core(IntakeOptions options, const Parts& parts)
      : options_(std::move(options)),
        parts_(parts),
        known_(parts.live_tasks, parts.store),
        requests_(
            std::make_shared<RequestIndex>(options_.max_request_ids, options_.request_id_ttl)),
        submitted_((kLabels + 1) * kPriorityCount * kDecisionCount) {}

  void Submit(Submission&& submission) {
    TaskStore::Appending appending;
    if (Prepare(std::move(submission), appending)) parts_.store.Append({&appending, 1});
  }

  void SubmitBatch(std::vector<Submission>&& submissions) {
    std::vector<TaskStore::Appending> batch;
    batch.reserve(submissions.size());
    for (Submission& submission : submissions) {
      TaskStore::Appending appending;
      if (Prepare(std::move(submission), appending)) batch.push_back(std::move(appending));
    }
    if (!batch.empty()) parts_.store.Append(absl::MakeSpan(batch));
  }

  void SetDraining() { is_draining_.store(true); }
  bool is_draining() const { return is_draining_.load(); }

  IntakeStats Stats() const {
    IntakeStats stats;
    std::vector<std::string> names = parts_.queues.Labels();
    names.resize(kLabels);
    names.push_back("_other");
    for (size_t queue = 0; queue < names.size(); ++queue) {
      const std::string& name = names[queue];
      if (name.empty()) continue;  // So many there were not yet.
      for (Priority priority : kPriorities) {
        for (size_t i = 0; i < kDecisionCount; ++i) {
          const Decision decision = static_cast<Decision>(i);
          stats.submitted.push_back(
              {name, priority, decision, submitted_.Sum(Counter(queue, priority, decision))});
        }
      }
    }
    stats.request_ids = requests_->size();
    return stats;
  }

  IntakeCounts Counts() const {
    IntakeCounts counts;
    for (size_t queue = 0; queue <= kLabels; ++queue) {
      for (const Priority priority : kPriorities) {
        counts.accepted += submitted_.Sum(Counter(queue, priority, Decision::kAccepted));
      }
    }
    counts.begun = acceptances_.Sum(kBegun);
    counts.decided = acceptances_.Sum(kDecided);
    return counts;
  }

 private:
  static constexpr size_t kBegun = 0;
  static constexpr size_t kDecided = 1;

  // A submission on its way. It is large: it is made once and handed on.
  struct Pending {
    explicit Pending(Submission&& given) : submission(std::move(given)) {}

    Submission submission;
    std::string request_key;  // Empty: it has no request_id.
    SpecHash hash;
    bool owns_request =
        false;               // It is the first with its request_id; others may wait for its answer.
    size_t label = kLabels;  // Of its queue; kLabels: there is none, or one of those that share it.
    bool is_queue_known = false;
    Durability queue_durability = Durability::kUnspecified;  // Its queue's; unspecified: none.
    TaskRef task;
  };
  using PendingPtr = std::unique_ptr<Pending>;

  // Decides on a submission and answers it, unless it is to be stored: then true.
  bool Prepare(Submission&& submission, TaskStore::Appending& appending) {
    auto pending = std::make_unique<Pending>(std::move(submission));
    TaskSpec& spec = pending->submission.spec;
    const bool has_request_id = !spec.origin->request_id.empty();
    if (has_request_id) NoteRequest(*pending);
    LookAtQueue(*pending);
    const absl::Time now = parts_.clock.Now();
    std::vector<FieldViolation> violations = std::move(pending->submission.violations);
    for (FieldViolation& violation :
         ValidateAndComplete(spec, options_.defaults, options_.limits, now)) {
      violations.push_back(std::move(violation));
    }
    absl::Status problem = violations.empty() ? CheckNamespace(spec.origin->ns)
                                              : InvalidArgument(std::move(violations));
    if (problem.ok()) problem = CheckDurability(spec, options_.limits);
    SubmissionFacts facts;
    facts.is_valid = problem.ok();
    RequestIndex::Found found;
    if (has_request_id) {
      found = FindRequest(*pending, facts.is_valid);
      if (found.standing == RequestIndex::Standing::kWaits) return false;
    }
    return Continue(std::move(pending), facts, found, std::move(problem), now, appending);
  }

  // Before anything is filled in that may be another when it is repeated.
  static void NoteRequest(Pending& pending) {
    TaskSpec& spec = pending.submission.spec;
    const Priority priority = spec.priority;
    if (!pending.submission.has_priority) spec.priority = Priority::kNormal;
    pending.request_key = RequestKeyOf(spec);
    pending.hash = HashOf(spec);
    spec.priority = priority;
    spec.origin.Edit().request_hash = pending.hash;
  }

  void LookAtQueue(Pending& pending) const {
    Submission& submission = pending.submission;
    const std::optional<TaskQueues::Facts> queue = parts_.queues.Look(submission.spec.queue);
    pending.is_queue_known = queue.has_value();
    if (!queue.has_value()) return;
    pending.label = queue->label;
    if (queue->task_defaults) {
      const QueueTaskDefaults& defaults = queue->task_defaults->values;
      defaults.ApplyTo(submission.spec, submission.has_retry_policy);
      pending.queue_durability = defaults.durability;
    }
    if (submission.has_priority) return;
    submission.spec.priority = queue->default_priority.value_or(submission.spec.priority);
    submission.has_priority = true;
  }

  // What is not valid now may have been when it came first: it is looked for, but stands for
  // nothing new.
  RequestIndex::Found FindRequest(Pending& pending, bool is_valid) {
    const TaskSpec& spec = pending.submission.spec;
    if (!is_valid) return requests_->Find(pending.request_key, pending.hash);
    const Priority priority = spec.priority;
    RequestIndex::Found found = requests_->Begin(pending.request_key, pending.hash,
                                                 parts_.clock.Monotonic(), pending.submission);
    pending.owns_request = found.standing == RequestIndex::Standing::kNew;
    if (found.standing == RequestIndex::Standing::kWaits) {
      submitted_.Add(Counter(pending.label, priority, Decision::kDuplicate));
    }
    return found;
  }

  bool Continue(PendingPtr pending, SubmissionFacts facts, const RequestIndex::Found& found,
                absl::Status problem, absl::Time now, TaskStore::Appending& appending) {
    const TaskSpec& spec = pending->submission.spec;
    if (found.standing == RequestIndex::Standing::kKnown) {
      facts.is_valid = true;  // It was.
      facts.request = SubmissionFacts::Request::kRepeated;
    } else if (found.standing == RequestIndex::Standing::kReused) {
      facts.request = SubmissionFacts::Request::kReused;
      problem = RequestIdReusedError(spec.origin->request_id, found.task.name);
    } else if (problem.ok()) {
      facts.is_queue_known = pending->is_queue_known;
      facts.is_handler_known = parts_.handlers.Knows(spec.handler);
      facts.is_draining = is_draining_.load();
      facts.is_too_much = IsTooMuch(spec, now);
    }
    const Decision decision = Decide(facts);
    switch (decision) {
      case Decision::kAccepted:
        return Accept(std::move(pending), now, appending);
      case Decision::kDuplicate:
        Count(*pending, spec, decision);
        known_.Answer(std::move(pending->submission), found.task);
        return false;
      default:
        if (problem.ok()) problem = WhyNot(spec, facts);
        if (facts.request == SubmissionFacts::Request::kReused) {
          Refuse(*pending, decision, problem);
        } else {
          RefuseUnlessKnown(std::move(pending), decision, problem);
        }
        return false;
    }
  }

  // Reserves, and makes the task.
  bool Accept(PendingPtr pending, absl::Time now, TaskStore::Appending& appending) {
    TaskSpec& asked = pending->submission.spec;
    absl::StatusOr<Admission> admission = parts_.queues.Admit(asked.queue, CostBytes(asked));
    if (!admission.ok()) {
      // Its queue may have gone a moment ago.
      const bool is_gone = absl::IsNotFound(admission.status());
      RefuseUnlessKnown(std::move(pending),
                        is_gone ? Decision::kRejectedInvalid : Decision::kRejectedFull,
                        admission.status());
      return false;
    }
    asked.queue = parts_.queues.NameOf(admission->queue_index());
    asked.handler = shared_handlers_.Share(std::move(asked.handler));
    Ref<TaskRecord> record = MakeRef<TaskRecord>();
    record->uid = parts_.uuids.Next(now);
    record->spec = MakeRef<TaskSpec>(std::move(asked));
    const absl::Time schedule_time = record->spec->terms->schedule_time;
    const bool is_scheduled = schedule_time > now;
    record->state = is_scheduled ? TaskState::kScheduled : TaskState::kQueued;
    record->wait_reason = is_scheduled ? WaitReason::kSchedule : WaitReason::kQueue;
    if (is_scheduled) record->history.Edit().next_attempt_time = schedule_time;
    // What the task asks for, or its queue gives, or the server.
    record->effective_durability = Or(record->spec->requested_durability,
                                      Or(pending->queue_durability, options_.defaults.durability));
    record->create_time = now;

    pending->task = MakeRef<Task>(std::move(record), std::move(admission).value(), parts_.runner);
    acceptances_.Add(kBegun);  // Before it can be found among the living.
    if (!parts_.live_tasks.Insert(pending->task)) {
      acceptances_.Add(kDecided);
      const absl::Status taken = TaskExistsError(pending->task->name());
      RefuseUnlessKnown(std::move(pending), Decision::kRejectedInvalid, taken);
      return false;
    }
    // The one record that task, store and receipt share while the task waits.
    appending.record = pending->task->accepted_record();
    if (!pending->request_key.empty()) {
      appending.request_key = pending->request_key;
      appending.request_hash = pending->hash;
      // `done` has it, and outlives this.
      appending.on_known = [this, stored = pending.get()](KnownRequest known) {
        Known(*stored, std::move(known));
      };
    }
    appending.done = [this, stored = std::move(pending)](const absl::Status& status) {
      Stored(*stored, status);
    };
    return true;
  }

  void Stored(Pending& pending, const absl::Status& status) {
    if (status.ok()) {
      Acknowledge(pending);
      return;
    }
    acceptances_.Add(kDecided);
    parts_.live_tasks.Erase(*pending.task);
    if (absl::IsAlreadyExists(status)) {
      Refuse(pending, Decision::kRejectedInvalid, TaskExistsError(pending.task->name()));
      return;
    }
    const bool is_full = absl::IsResourceExhausted(status);  // It says what to do.
    Refuse(pending, Decision::kRejectedFailed, is_full ? status : StoreFailedError(status));
  }

  // Refuses it, unless the store knows its request_id: from before this index began, or from before
  // it forgot it. Then what has changed since is no reason.
  void RefuseUnlessKnown(PendingPtr pending, Decision decision, const absl::Status& status) {
    if (pending->request_key.empty()) return Refuse(*pending, decision, status);
    const std::string key = pending->request_key;
    parts_.store.FindRequest(key, [this, asked = std::move(pending), decision, status](
                                      const absl::StatusOr<std::optional<KnownRequest>>& known) {
      const bool is_same = known.ok() && known->has_value() &&
                           (asked->owns_request || (*known)->hash == asked->hash);
      if (is_same) {
        Known(*asked, **known);
      } else {
        Refuse(*asked, decision, status);
      }
    });
  }

  void Known(Pending& pending, KnownRequest known) {
    if (pending.task) {  // It has the spec, of which an answer may name the id.
      acceptances_.Add(kDecided);
      parts_.live_tasks.Erase(*pending.task);
      pending.submission.spec = pending.task->spec();
    }
    const TaskSpec& spec = pending.submission.spec;
    if (known.hash != pending.hash) {
      const absl::Status reused = RequestIdReusedError(spec.origin->request_id, known.task_name);
      return Refuse(pending, Decision::kRejectedInvalid, reused);
    }
    Count(pending, spec, Decision::kDuplicate);
    const RequestIndex::TaskId id{std::move(known.task_name), known.uid};
    std::vector<Submission> waiting;
    if (pending.owns_request) {
      waiting = requests_->Settle(pending.request_key, id);
      // It may be forgotten again: the store does not.
      requests_->Ended(pending.request_key, parts_.clock.Monotonic());
    }
    pending.task = nullptr;  // Before the answer: its place is free when the client hears of it.
    known_.Answer(std::move(pending.submission), id);
    for (Submission& submission : waiting) known_.Answer(std::move(submission), id);
  }

  void Acknowledge(Pending& pending) {
    const TaskRef task = std::move(pending.task);
    acceptances_.Add(kDecided);  // Before it counts as accepted.
    task->TryAdvance(TaskPhase::kAccepting, TaskPhase::kQueued);
    Count(pending, task->spec(), Decision::kAccepted);
    const TaskRecordPtr& record = task->accepted_record();
    RequestIndex::TaskId id;
    std::vector<Submission> waiting;
    if (!pending.request_key.empty()) {
      id = {task->name(), record->uid};
      waiting = requests_->Settle(pending.request_key, id);
      // The index may outlive this object in here: a task may end late.
      task->OnFinished([requests = requests_, key = pending.request_key, &clock = parts_.clock](
                           const TaskRecordPtr&) { requests->Ended(key, clock.Monotonic()); });
    }
    std::move(pending.submission.on_receipt)(SubmitReceipt{record, false});
    if (pending.submission.on_finished) {
      task->OnFinished(std::move(pending.submission.on_finished));
    }
    for (Submission& submission : waiting) known_.Answer(std::move(submission), id);
    parts_.waits.Start(task);
  }

  void Refuse(Pending& pending, Decision decision, const absl::Status& status) {
    // The task, if it was made, holds the spec now.
    Count(pending, pending.task ? pending.task->spec() : pending.submission.spec, decision);
    pending.task = nullptr;  // Before the answer: its place is free when the client hears of it.
    std::vector<Submission> waiting;
    if (pending.owns_request) waiting = requests_->Fail(pending.request_key);
    std::move(pending.submission.on_receipt)(status);
    for (Submission& submission : waiting) std::move(submission.on_receipt)(status);
  }

  absl::Status WhyNot(const TaskSpec& spec, const SubmissionFacts& facts) const {
    if (!facts.is_queue_known) return parts_.queues.UnknownError(spec.queue);
    if (!facts.is_handler_known) {
      return HandlerUnknownError(spec.handler, parts_.handlers.Near(spec.handler));
    }
    if (facts.is_too_much && !facts.is_draining) return Overloaded(spec.priority);
    return DrainingError("the server is draining and takes no new tasks: try another one");
  }

  // As SubmissionFacts says it. What other machines run, and what is to run later, is no load now.
  bool IsTooMuch(const TaskSpec& spec, absl::Time now) const {
    if (!parts_.load.IsOverloaded()) return false;
    const absl::Duration limit = options_.shedding.LimitOf(spec.priority);
    if (limit == absl::InfiniteDuration() || spec.terms->schedule_time > now) return false;
    if (parts_.handlers.IsRemote(spec.handler)) return false;
    return parts_.load.OldestWait(spec.priority) > limit;
  }

  absl::Status Overloaded(Priority priority) const {
    const absl::Duration limit = options_.shedding.LimitOf(priority);
    // Read again: it may have changed, which changes nothing in the decision.
    const absl::Duration wait = std::max(limit, parts_.load.OldestWait(priority));
    return PoolOverloadedError(priority, wait, limit);
  }

  static size_t Counter(size_t queue, Priority priority, Decision decision) {
    return (queue * kPriorityCount + Index(priority)) * kDecisionCount +
           static_cast<size_t>(decision);
  }
  void Count(const Pending& pending, const TaskSpec& spec, Decision decision) {
    submitted_.Add(Counter(pending.label, spec.priority, decision));
  }

  // Constant after construction.
  const IntakeOptions options_;
  const Parts parts_;
  // Synchronize themselves.
  const KnownTasks known_;
  SharedNames shared_handlers_;
  const std::shared_ptr<RequestIndex> requests_;
  ShardedCounters submitted_;
  ShardedCounters acceptances_{2};  // kBegun and kDecided.
  std::atomic<bool> is_draining_{false};
};

Intake::Intake(IntakeOptions options, const Parts& parts)
    : core_(std::make_unique<Core>(std::move(options), parts)) {}

Intake::~Intake() = default;

void Intake::Submit(Submission submission) { core_->Submit(std::move(submission)); }

void Intake::SubmitBatch(std::vector<Submission> submissions) {
  core_->SubmitBatch(std::move(submissions));
}

void Intake::SetDraining() { core_->SetDraining(); }

bool Intake::is_draining() const { return core_->is_draining(); }

IntakeStats Intake::Stats() const { return core_->Stats(); }

IntakeCounts Intake::Counts() const { return core_->Counts(); }

}  // namespace taskforge
