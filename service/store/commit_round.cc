#include "store/commit_round.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "store/record_codec.h"

namespace taskforge {
namespace {

absl::Status NotFound(absl::string_view task_name) {
  return ReasonError(absl::StatusCode::kNotFound, "TASK_NOT_FOUND",
                     absl::StrCat("there is no task \"", task_name,
                                  "\": it never was, was deleted, or its result_ttl is over"));
}

}  // namespace

void CommitRound::Build(TaskTables& tables, LivingTasks& living, const Settings& settings,
                        absl::Time now, StoreEngine::Batch& batch) {
  tables_ = &tables;
  living_ = &living;
  batch_ = &batch;
  for (size_t i = 0; i < ops_.size(); ++i) {
    StoreOp& op = ops_[i];
    Answering& answer = answers_[i];
    switch (op.kind) {
      case StoreOp::Kind::kAppend:
        Append(op, answer, settings, now);
        break;
      case StoreOp::Kind::kNote:
        Note(op, answer);
        break;
      case StoreOp::Kind::kComplete:
        Complete(op, answer, settings, now);
        break;
      case StoreOp::Kind::kDelete:
        Delete(op, answer, now);
        break;
      case StoreOp::Kind::kSet:
        Set(op, answer);
        break;
    }
    if (!answer.is_written) continue;
    ++written_;
    const bool is_kept = op.kind != StoreOp::Kind::kNote && op.durability == Durability::kDurable;
    needs_sync_ = needs_sync_ || is_kept;
  }
}

void CommitRound::Append(StoreOp& op, Answering& answer, const Settings& settings, absl::Time now) {
  if (!op.request_key.empty()) {
    absl::StatusOr<std::optional<KnownRequest>> known = tables_->FindRequest(op.request_key, now);
    if (!known.ok()) {
      answer.status = known.status();
      return;
    }
    if (known->has_value()) {
      answer.known = **std::move(known);
      return;
    }
  }
  if (op.is_client_named) {
    const auto found = tables_->Find(op.ns, op.task_name, now);
    if (!found.ok()) {
      answer.status = found.status();
      return;
    }
    if (found->has_value() || named_.contains(NameKey(op.ns, op.task_name))) {
      answer.status = ReasonError(absl::StatusCode::kAlreadyExists, "TASK_EXISTS",
                                  absl::StrCat("there is a task \"", op.task_name, "\" already"));
      return;
    }
  }
  if (!settings.room.ok()) {
    answer.status = settings.room;
    return;
  }
  const std::string key = UidKey(op.uid);
  batch_->Put(StoreTable::kLive, key, op.value);
  if (op.is_client_named) {
    std::string name = NameKey(op.ns, op.task_name);
    batch_->Put(StoreTable::kNames, name, ExpiringValue(absl::InfiniteFuture(), key));
    named_.insert(std::move(name));
  }
  if (!op.request_key.empty()) {
    batch_->Put(StoreTable::kRequests, op.request_key,
                ExpiringValue(absl::InfiniteFuture(),
                              EncodeRequest({op.request_hash, op.task_name, op.uid})));
  }
  living_->Insert(op.uid);
  answer.is_written = true;
}

void CommitRound::Note(StoreOp& op, Answering& answer) {
  if (!living_->Contains(op.uid) || ending_.contains(op.uid)) return;  // Its end came first.
  batch_->Put(StoreTable::kProgress, UidKey(op.uid), op.value);
  answer.is_written = true;
}

void CommitRound::Complete(StoreOp& op, Answering& answer, const Settings& settings,
                           absl::Time now) {
  if (!living_->Contains(op.uid) || !ending_.insert(op.uid).second) {
    answer.status = WhyNotLiving(op, now);
    return;
  }
  const std::string key = UidKey(op.uid);
  batch_->DeleteOnce(StoreTable::kLive, key);
  batch_->Delete(StoreTable::kProgress, key);
  has_new_life_ = tables_->NoteLife(op.life) || has_new_life_;
  batch_->Put(StoreTable::kEnded, EndedKey(op.life, op.uid), op.value);
  if (op.is_client_named) {
    batch_->Put(StoreTable::kNames, NameKey(op.ns, op.task_name), ExpiringValue(op.expires, key));
  }
  if (!op.request_key.empty()) {
    batch_->Put(StoreTable::kRequests, op.request_key,
                ExpiringValue(now + settings.request_id_ttl,
                              EncodeRequest({op.request_hash, op.task_name, op.uid})));
  }
  answer.is_written = true;
}

absl::Status CommitRound::WhyNotLiving(const StoreOp& op, absl::Time now) const {
  const auto found = tables_->Find(op.ns, op.task_name, now);
  if (!found.ok()) return found.status();
  const bool ends_now = ending_.contains(op.uid);
  if (!ends_now && !found->has_value()) return NotFound(op.task_name);
  return ReasonError(absl::StatusCode::kFailedPrecondition, "TASK_ENDED",
                     absl::StrCat("task \"", op.task_name, "\" has ended: that stays"));
}

void CommitRound::Delete(StoreOp& op, Answering& answer, absl::Time now) {
  const auto found = tables_->Find(op.ns, op.task_name, now);
  if (!found.ok()) {
    answer.status = found.status();
    return;
  }
  if (!found->has_value()) {
    answer.status = NotFound(op.task_name);
    return;
  }
  const TaskTables::Found& task = **found;
  if (!task.life.has_value()) {
    answer.status =
        ReasonError(absl::StatusCode::kFailedPrecondition, "TASK_NOT_ENDED",
                    absl::StrCat("task \"", op.task_name, "\" has not ended: cancel it first"));
    return;
  }
  batch_->Delete(StoreTable::kEnded, EndedKey(*task.life, task.record->uid));
  batch_->Delete(StoreTable::kNames, NameKey(op.ns, op.task_name));
  answer.is_written = true;
}

void CommitRound::Set(StoreOp& op, Answering& answer) {
  for (const Setting& setting : op.settings) {
    if (setting.value.empty()) {
      batch_->Delete(StoreTable::kMeta, setting.key);
    } else {
      batch_->Put(StoreTable::kMeta, setting.key, setting.value);
    }
  }
  answer.is_written = true;
}

void CommitRound::Settle(LivingTasks& living) {
  for (const Uuid& uid : ending_) living.Erase(uid);
}

void CommitRound::Undo(LivingTasks& living, const absl::Status& status) {
  for (size_t i = ops_.size(); i-- > 0;) {
    if (!std::exchange(answers_[i].is_written, false)) continue;
    answers_[i].status = status;
    if (ops_[i].kind == StoreOp::Kind::kAppend) living.Erase(ops_[i].uid);
  }
}

void CommitRound::AddTo(TaskStoreStats& stats) const {
  for (size_t i = 0; i < ops_.size(); ++i) {
    if (!answers_[i].is_written) continue;
    if (ops_[i].kind == StoreOp::Kind::kAppend) ++stats.appended;
    if (ops_[i].kind == StoreOp::Kind::kComplete) ++stats.completed;
    if (ops_[i].kind == StoreOp::Kind::kDelete) ++stats.deleted;
  }
}

void CommitRound::Answer() {
  for (size_t i = 0; i < ops_.size(); ++i) {
    StoreOp& op = ops_[i];
    Answering& answer = answers_[i];
    if (answer.known.has_value() && op.on_known) {
      std::move(op.on_known)(*std::move(answer.known));
    } else if (op.done) {
      std::move(op.done)(std::move(answer.status));
    }
  }
}

}  // namespace taskforge
