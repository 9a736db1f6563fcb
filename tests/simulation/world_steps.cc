// What happens in a simulated world, a step at a time: clients, the pool, workers, the store's
// threads and the clocks.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "simulation/world.h"

namespace taskforge {
namespace {

size_t IntentOf(const Payload& input) {
  size_t i = 0;
  (void)absl::SimpleAtoi(input.data.view(), &i);  // Every input of this world is a number.
  return i;
}

TaskError ErrorOf(const char* reason, bool retryable) {
  TaskError error;
  error.code = absl::StatusCode::kInternal;
  error.reason = reason;
  error.message = "as drawn";
  error.retryable = retryable;
  return error;
}

}  // namespace

void World::Step() {
  const uint64_t drawn = Draw(100);
  if (drawn < 20) return Submit();
  if (drawn < 50) return StoreStep();
  if (drawn < 62) return DispatchOne();
  if (drawn < 67) return ClaimOne();
  if (drawn < 78) return FinishOne();
  if (drawn < 86) return AdvanceTime(DrawMs(0, 50));
  if (drawn < 90) return Cancel();
  if (drawn < 93) {
    size_t i = 0;
    if (AnyIntent(i)) Get(i);
    return;
  }
  if (drawn < 95) return Delete();
  if (drawn < 97) return ChangeAQueue();
  if (drawn < 98) return OneIn(2) ? JumpTheWallClock() : ListAPage();
  if (drawn < 99 && has_full_disks_) {
    no_room_until_ = clock_.Monotonic() + DrawMs(1, 300);
    return;
  }
  if (has_crashes_ && OneIn(3)) return OneIn(2) ? StopInOrder() : LoseThePower();
}

void World::SideStep() {
  switch (Draw(8)) {
    case 0:
      return Submit();
    case 1:
      return Cancel();
    case 2:
      return FinishOne();
    case 3:
      return AdvanceTime(DrawMs(0, 20));
    case 4: {
      size_t i = 0;
      if (AnyIntent(i)) Get(i);
      return;
    }
    case 5:
      (void)server_->durable->ReadStep();
      return;
    case 6:
      return ListAPage();
    default:
      if (server_->durable->unanswered() > 0) server_->durable->AnswerStep(0);
  }
}

bool World::AnyIntent(size_t& i) {
  if (oracle_.size() == 0) return false;
  i = Draw(oracle_.size());
  return !oracle_.at(i).name.empty();
}

TaskSpec World::DrawSpec(size_t i) {
  TaskSpec spec;
  spec.handler = OneIn(4) ? kRemoteHandler : kLocalHandler;
  spec.queue = OneIn(3) ? "mail" : kDefaultQueue;
  spec.priority = kPriorities[Draw(kPriorityCount)];
  spec.input.data = absl::StrCat(i);
  switch (Draw(6)) {
    case 0:
      spec.requested_durability = Durability::kMemory;
      break;
    case 1:
      spec.requested_durability = Durability::kBuffered;
      break;
    case 2:
      spec.requested_durability = Durability::kDurable;
      break;
    default:
      break;  // What the server gives: DURABLE.
  }
  if (OneIn(2)) spec.origin.Edit().request_id = absl::StrCat("r", i);
  if (OneIn(6)) spec.origin.Edit().task_id = absl::StrCat("c", i);
  if (OneIn(6)) spec.terms.Edit().schedule_time = clock_.Now() + DrawMs(0, 500);
  if (OneIn(6)) spec.terms.Edit().deadline = clock_.Now() + DrawMs(20, 800);
  if (OneIn(8)) spec.terms.Edit().queue_timeout = DrawMs(10, 400);
  if (OneIn(8)) spec.terms.Edit().run_timeout = DrawMs(10, 200);
  if (OneIn(2)) {
    RetryPolicy& retry = spec.terms.Edit().retry;
    retry.max_attempts = 1 + static_cast<int>(Draw(4));
    retry.min_backoff = DrawMs(1, 100);
  }
  return spec;
}

void World::Submit() {
  if (oracle_.size() > 0 && OneIn(4)) {
    const size_t i = Draw(oracle_.size());
    if (!oracle_.at(i).spec.origin->request_id.empty()) return SubmitIntent(i);
  }
  const size_t i = oracle_.Add();
  oracle_.SetSpec(i, DrawSpec(i));
  SubmitIntent(i);
}

void World::SubmitIntent(size_t i) {
  Happened("submit", i);
  oracle_.Asked(i);
  Submission submission;
  submission.spec = oracle_.at(i).spec;
  const bool was_accepted = oracle_.at(i).accepted;
  submission.on_receipt = [this, i, was_accepted,
                           life = oracle_.life()](absl::StatusOr<SubmitReceipt> receipt) {
    if (!Hears(life)) return;
    if (!receipt.ok()) {
      Happened("refused", i, static_cast<uint64_t>(receipt.status().code()));
      return oracle_.Refused(i, was_accepted, receipt.status());
    }
    Happened(receipt->duplicate ? "known" : "accepted", i);
    accepted_ += receipt->duplicate ? 0 : 1;
    oracle_.Accepted(i, *receipt->record, receipt->duplicate);
  };
  submission.on_finished = [this, i, life = oracle_.life()](const TaskRecordPtr& record) {
    if (!Hears(life)) return;
    Happened("ended", i, static_cast<uint64_t>(record->state));
    ++ended_;
    oracle_.EndTold(i, *record);
  };
  const std::string queue = submission.spec.queue.str();
  const size_t before = TasksIn(queue);
  server_->intake.Submit(std::move(submission));
  // After a recovery there may be more; then none comes in.
  const size_t now = TasksIn(queue);
  if (now > before && now > server_->queues.Get(queue)->options.max_tasks) {
    oracle_.Complain(i, absl::StrCat("I13: the queue holds ", now));
  }
}

size_t World::TasksIn(const std::string& queue) const { return server_->queues.Get(queue)->tasks; }

void World::ListAPage() {
  if (!listing_.has_value()) {
    listing_.emplace();
    for (size_t i = 0; i < oracle_.size(); ++i) {
      if (oracle_.at(i).accepted) listing_->there.push_back(i);
    }
  }
  if (std::exchange(listing_->is_asked, true)) return;
  server_->tasks.List({}, 1 + static_cast<int>(Draw(6)), listing_->token,
                      [this, life = oracle_.life()](absl::StatusOr<TaskPage> page) {
                        if (!Hears(life)) return;
                        if (!page.ok()) return listing_.reset();
                        Listed(*page);
                      });
}

void World::Listed(const TaskPage& page) {
  Happened("page", page.records.size());
  listing_->is_asked = false;
  listing_->token = page.next_page_token;
  for (const TaskRecord& record : page.records) {
    const std::string name = record.name();
    if (listing_->seen.insert(name).second) continue;
    oracle_.Complain(absl::StrCat("List: shows ", name, " twice"));
  }
  if (!listing_->token.empty()) return;
  for (const size_t i : listing_->there) {
    if (listing_->seen.contains(oracle_.at(i).name) || !oracle_.MustBeThere(i)) continue;
    oracle_.Complain(i, "List: is not shown");
  }
  listing_.reset();
}

void World::Cancel() {
  size_t i = 0;
  if (!AnyIntent(i)) return;
  Happened("cancel", i);
  server_->tasks.Cancel(
      oracle_.at(i).name, [this, i, life = oracle_.life()](absl::StatusOr<TaskRecordPtr> record) {
        if (!Hears(life)) return;
        Happened("cancel answered", i, static_cast<uint64_t>(record.status().code()));
        if (record.ok()) return oracle_.CancelAcknowledged(i, **record);
        if (absl::IsNotFound(record.status())) oracle_.NotFound(i);
      });
}

void World::Get(size_t i) {
  server_->tasks.Get(oracle_.at(i).name,
                     [this, i, life = oracle_.life()](absl::StatusOr<TaskRecordPtr> record) {
                       if (!Hears(life)) return;
                       Happened("get answered", i, static_cast<uint64_t>(record.status().code()));
                       if (record.ok()) return oracle_.Shown(i, **record);
                       if (absl::IsNotFound(record.status())) oracle_.NotFound(i);
                     });
}

void World::Delete() {
  size_t i = 0;
  // What was not acknowledged is of no interest; of what lives it is refused.
  if (!AnyIntent(i) || !oracle_.at(i).accepted || oracle_.at(i).deleted) return;
  Happened("delete", i);
  oracle_.DeleteAsked(i);
  server_->tasks.Delete(oracle_.at(i).name,
                        [this, i, life = oracle_.life()](const absl::Status& status) {
                          if (!Hears(life)) return;
                          Happened("delete answered", i, static_cast<uint64_t>(status.code()));
                          oracle_.DeleteAnswered(i, status);
                        });
}

void World::ChangeAQueue() {
  const char* const queue = OneIn(2) ? "mail" : kDefaultQueue;
  server_->order.Forget(queue);
  if (OneIn(3)) {
    Happened("pause");
    (void)server_->queues.Pause(queue, "drawn");
  } else {
    Happened("resume");
    (void)server_->queues.Resume(queue, "drawn");
  }
}

void World::DispatchOne() {
  if (is_dead_ || !server_->pool.CanDispatch()) return;
  dispatched_ = clock_.Now();
  server_->pool.DispatchOne(!OneIn(4));
  dispatched_ = absl::InfinitePast();
}

void World::ClaimOne() {
  if (is_dead_) return;
  for (TaskRef& task : server_->queues.Claim({kRemoteHandler}, 1 + Draw(2))) {
    dispatched_ = clock_.Now();
    std::optional<RemoteAttempt> attempt =
        server_->runner.StartRemote(std::move(task), "workers/w");
    if (attempt.has_value()) StartAttempt(std::move(attempt->attempt), std::move(attempt->done));
    dispatched_ = absl::InfinitePast();
  }
}

void World::StartAttempt(Attempt attempt, Completion done) {
  const size_t i = IntentOf(attempt.input());
  const bool is_local = attempt.spec().handler.view() == kLocalHandler;
  if (!is_dead_) {
    Happened("starts", i, static_cast<uint64_t>(attempt.number()));
    const bool knows_the_time = clock_.Monotonic() >= jumped_at_ + absl::Seconds(1);
    oracle_.Started(i, attempt.task_name(), attempt.number(),
                    knows_the_time ? dispatched_ : absl::InfinitePast());
    const std::string wrong =
        server_->order.Started(attempt.task_name(), attempt.spec(), attempt.number());
    if (!wrong.empty()) oracle_.Complain(i, absl::StrCat("I11: ", wrong));
  }
  if (is_local) server_->pool.HasStarted();
  const bool keeps_seat = is_local && OneIn(2);
  if (keeps_seat) server_->pool.KeepSeat();
  running_.push_back({std::move(attempt), std::move(done), i, keeps_seat});
}

void World::FinishOne() {
  if (running_.empty()) return;
  const size_t n = Draw(running_.size());
  Running running = std::move(running_[n]);
  running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(n));
  const bool heeds = running.attempt.stop_requested() && !OneIn(4);
  const uint64_t drawn = heeds ? 6 : Draw(10);
  bool is_taken = true;
  if (drawn < 6) {
    Payload output;
    output.data = absl::StrCat(running.intent, "/", running.attempt.number());
    is_taken = running.done.Succeed(std::move(output));
  } else if (drawn < 8) {
    is_taken = running.done.Fail(ErrorOf(heeds ? "STOPPED" : "BROKEN", true));
  } else if (drawn < 9) {
    is_taken = running.done.Fail(ErrorOf("USELESS", false));
  } else {
    is_taken = running.done.Lose("the worker is gone");
  }
  if (!is_dead_) Happened("finishes", running.intent, drawn * 2 + (is_taken ? 1 : 0));
  if (running.keeps_seat) server_->pool.LeaveSeat();
}

void World::StoreStep() {
  DurableStore& store = *server_->durable;
  const uint64_t drawn = Draw(6);
  if (drawn == 0 && store.ReadStep()) return;
  // The two committers: one writes while the other answers, or both answer.
  if (drawn < 4 && store.CommitStep()) return;
  if (store.unanswered() > 0) return store.AnswerStep(Draw(store.unanswered()));
  if (!store.CommitStep()) (void)store.ReadStep();
}

void World::AdvanceTime(absl::Duration d) {
  clock_.Advance(d);
  oracle_.NoteWallClock();
  if (is_writing_ || is_dead_) return;
  // A committer that sleeps wakes when a sync is due.
  while (server_->durable->flush_due() <= clock_.Monotonic() && !is_dead_) {
    const MonoTime due = server_->durable->flush_due();
    if (server_->durable->unanswered() == 2) server_->durable->AnswerStep(0);
    if (!server_->durable->CommitStep() || server_->durable->flush_due() == due) return;
  }
}

void World::JumpTheWallClock() {
  if (!has_jumps_) return;
  Happened("wall clock jumps");
  jumped_at_ = clock_.Monotonic();
  clock_.JumpWallClock(absl::Minutes(static_cast<int64_t>(Draw(121))) - absl::Minutes(60));
  oracle_.NoteWallClock();
}

}  // namespace taskforge
