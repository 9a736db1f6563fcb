#include "store/task_tables.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "store/record_codec.h"
#include "store/summary.h"

namespace taskforge {
namespace {

constexpr int kMaxPageSize = 1000;
constexpr char kTokenPrefix[] = "d1-";
constexpr int64_t kSweepsOfLife = 16;
constexpr absl::Duration kLeastSweep = absl::Seconds(1);

absl::StatusOr<std::optional<Uuid>> ParseToken(const std::string& token) {
  if (token.empty()) return std::nullopt;
  if (absl::StartsWith(token, kTokenPrefix)) {
    const std::optional<Uuid> uid =
        ParseUuid(absl::string_view(token).substr(sizeof(kTokenPrefix) - 1));
    if (uid.has_value()) return uid;
  }
  return InvalidArgument({{"page_token", "is not a token of this server: start with none"}});
}

absl::Duration SweepInterval(LifeClass life) {
  return std::max(kLeastSweep, absl::Seconds(int64_t{1} << life) / kSweepsOfLife);
}

bool IsOver(const TaskRecord& record, absl::Time now) { return record.history->expire_time <= now; }

bool Matches(const TaskFilter& filter, const TaskRecord& record, bool is_finished) {
  if (filter.queue.has_value() && record.spec->queue != *filter.queue) return false;
  if (filter.handler.has_value() && record.spec->handler != *filter.handler) return false;
  if (!filter.state.has_value()) return true;
  return IsTerminal(*filter.state) ? is_finished && record.state == *filter.state : !is_finished;
}

// A class of finished tasks, newest first.
struct Source {
  std::unique_ptr<StoreEngine::Cursor> cursor;
  Uuid uid;

  // Reads the key that it is at; false: at the end.
  bool Read() {
    if (!cursor->Valid()) return false;
    uid = ParseUidKey(cursor->key().substr(1)).value_or(Uuid());
    return true;
  }
};

// The newest first, of several classes.
class Merge {
 public:
  void Add(std::unique_ptr<StoreEngine::Cursor> cursor) {
    Source source{std::move(cursor), {}};
    if (source.Read()) {
      sources_.push_back(std::move(source));
    } else if (status_.ok()) {
      status_ = source.cursor->status();
    }
  }

  // Null: at the end, or at an error.
  const Source* Top() const {
    const auto it =
        std::max_element(sources_.begin(), sources_.end(),
                         [](const Source& a, const Source& b) { return a.uid < b.uid; });
    return it == sources_.end() ? nullptr : &*it;
  }
  void Pop(const Source* top) {
    const auto it = sources_.begin() + (top - sources_.data());
    it->cursor->Next();
    if (it->Read()) return;
    if (status_.ok()) status_ = it->cursor->status();
    sources_.erase(it);
  }
  const absl::Status& status() const { return status_; }

 private:
  std::vector<Source> sources_;
  absl::Status status_;
};

absl::Status DamagedError(absl::string_view key, const absl::Status& why) {
  const Uuid uid = ParseUidKey(key).value_or(Uuid());
  return absl::DataLossError(absl::StrCat(why.message(), ", of the living task ", uid.ToString(),
                                          ". Nothing was changed. Restore a backup, or start once "
                                          "with --store-accept-data-loss to go on "
                                          "without it"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TaskTables>> TaskTables::Open(StoreEngine& engine) {
  std::unique_ptr<TaskTables> tables(new TaskTables(engine));
  for (LifeClass life = 0; life <= kForever; ++life) {
    Source last{engine.Scan(StoreTable::kEnded, EndedKey(life, {}), EndedKey(life + 1, {}),
                            StoreEngine::Direction::kBackward),
                {}};
    if (last.Read()) {
      tables->NoteLife(life);
      tables->greatest_uid_ = std::max(tables->greatest_uid_, last.uid);
    }
    const absl::Status status = last.cursor->status();
    if (!status.ok()) return status;
  }
  return tables;
}

absl::StatusOr<std::optional<TaskTables::Found>> TaskTables::Find(absl::string_view ns,
                                                                  absl::string_view task_name,
                                                                  absl::Time now) const {
  const auto named = engine_.Get(StoreTable::kNames, NameKey(ns, task_name));
  if (!named.ok()) return named.status();
  std::optional<Uuid> uid;
  if (named->has_value()) {
    const std::optional<Expiring> entry = ParseExpiring(**named);
    if (entry.has_value() && entry->expires > now) uid = ParseUidKey(entry->value);
  }
  // The server names a task by its UUID.
  if (!uid.has_value()) uid = ParseUuid(task_name.substr(task_name.rfind('/') + 1));
  if (!uid.has_value()) return std::nullopt;

  const auto take = [&](const absl::StatusOr<std::optional<std::string>>& bytes,
                        std::optional<LifeClass> life) -> absl::StatusOr<std::optional<Found>> {
    if (!bytes.ok()) return bytes.status();
    if (!bytes->has_value()) return std::nullopt;
    absl::StatusOr<Ref<TaskRecord>> record = DecodeRecord(**bytes);
    if (!record.ok()) return record.status();
    const bool is_it = TaskNameText(**record).view() == task_name &&
                       (*record)->spec->origin->ns == ns && !(life && IsOver(**record, now));
    if (!is_it) return std::nullopt;
    return Found{*std::move(record), life};
  };
  absl::StatusOr<std::optional<Found>> found =
      take(engine_.Get(StoreTable::kLive, UidKey(*uid)), std::nullopt);
  for (LifeClass life = 0; life <= kForever && found.ok() && !found->has_value(); ++life) {
    if (Has(life)) found = take(engine_.Get(StoreTable::kEnded, EndedKey(life, *uid)), life);
  }
  return found;
}

absl::StatusOr<std::optional<KnownRequest>> TaskTables::FindRequest(absl::string_view key,
                                                                    absl::Time now) const {
  const auto bytes = engine_.Get(StoreTable::kRequests, key);
  if (!bytes.ok()) return bytes.status();
  if (!bytes->has_value()) return std::nullopt;
  const std::optional<Expiring> entry = ParseExpiring(**bytes);
  if (!entry.has_value()) return absl::DataLossError("the store holds a damaged request_id");
  if (entry->expires <= now) return std::nullopt;
  absl::StatusOr<KnownRequest> request = DecodeRequest(entry->value);
  if (!request.ok()) return request.status();
  return *std::move(request);
}

absl::StatusOr<TaskPage> TaskTables::List(const TaskFilter& filter, int page_size,
                                          const std::string& page_token, const LivingTasks& living,
                                          absl::Time now) const {
  const absl::StatusOr<std::optional<Uuid>> before = ParseToken(page_token);
  if (!before.ok()) return before.status();
  const size_t limit = static_cast<size_t>(std::clamp(page_size, 1, kMaxPageSize));
  const bool only_live = filter.state.has_value() && !IsTerminal(*filter.state);
  const bool only_ended = filter.state.has_value() && IsTerminal(*filter.state);
  std::vector<Uuid> live;
  if (!only_ended) live = living.NewestBefore(*before, kMostScanned + 1);
  Merge ended;
  for (LifeClass life = 0; life <= kForever && !only_live; ++life) {
    if (!Has(life)) continue;
    const std::string to = before->has_value() ? EndedKey(life, **before) : EndedKey(life + 1, {});
    ended.Add(engine_.Scan(StoreTable::kEnded, EndedKeyAt(life, OverBefore(life, now)), to,
                           StoreEngine::Direction::kBackward));
  }
  TaskPage page;
  Uuid last;
  size_t next_live = 0;
  for (size_t scanned = 0;; ++scanned) {
    const Source* const top = ended.Top();
    const bool has_live = next_live < live.size();
    if (top == nullptr && !has_live) break;
    if (scanned == kMostScanned || page.records.size() == limit) {
      page.next_page_token = absl::StrCat(kTokenPrefix, last.ToString());
      break;
    }
    // Its end came between the two readings: it is in both, and has ended.
    if (has_live && top != nullptr && top->uid == live[next_live]) ++next_live;
    const bool is_live = next_live < live.size() && (top == nullptr || top->uid < live[next_live]);
    last = is_live ? live[next_live++] : top->uid;
    const absl::Status status = is_live ? ShowLiving(last, filter, now, page)
                                        : ShowEnded(top->cursor->value(), filter, now, page);
    if (!status.ok()) return status;
    if (page.places.size() < page.records.size()) {
      page.places.push_back(absl::StrCat(kTokenPrefix, last.ToString()));
    }
    if (!is_live) ended.Pop(top);
  }
  if (!ended.status().ok()) return ended.status();
  return page;
}

absl::Status TaskTables::ShowLiving(const Uuid& uid, const TaskFilter& filter, absl::Time now,
                                    TaskPage& page) const {
  const auto bytes = engine_.Get(StoreTable::kLive, UidKey(uid));
  if (!bytes.ok()) return bytes.status();
  if (bytes->has_value()) {
    const absl::StatusOr<Ref<TaskRecord>> record = DecodeRecord(**bytes);
    if (!record.ok()) return record.status();
    if (Matches(filter, **record, /*is_finished=*/false)) {
      page.records.push_back(Summary(**record));
    }
    return absl::OkStatus();
  }
  // It has ended since the finished ones were looked at, which so do not show it.
  for (LifeClass life = 0; life <= kForever; ++life) {
    if (!Has(life)) continue;
    const auto ended = engine_.Get(StoreTable::kEnded, EndedKey(life, uid));
    if (!ended.ok()) return ended.status();
    if (ended->has_value()) return ShowEnded(**ended, filter, now, page);
  }
  return absl::OkStatus();  // And was deleted.
}

absl::Status TaskTables::ShowEnded(absl::string_view bytes, const TaskFilter& filter,
                                   absl::Time now, TaskPage& page) {
  const absl::StatusOr<Ref<TaskRecord>> record = DecodeRecord(bytes);
  if (!record.ok()) return record.status();
  if (IsOver(**record, now) || !Matches(filter, **record, /*is_finished=*/true)) {
    return absl::OkStatus();
  }
  page.records.push_back(Summary(**record));
  return absl::OkStatus();
}

absl::Status TaskTables::ForEachLiving(absl::FunctionRef<void(Ref<TaskRecord>)> visit,
                                       size_t* damaged) const {
  const auto living = engine_.Scan(StoreTable::kLive, "", "", StoreEngine::Direction::kForward);
  const auto progress =
      engine_.Scan(StoreTable::kProgress, "", "", StoreEngine::Direction::kForward);
  for (; living->Valid(); living->Next()) {
    absl::StatusOr<Ref<TaskRecord>> record = DecodeRecord(living->value());
    while (progress->Valid() && progress->key() < living->key()) progress->Next();
    if (record.ok() && progress->Valid() && progress->key() == living->key()) {
      const absl::Status status = DecodeProgress(progress->value(), **record);
      if (!status.ok()) record = status;
    }
    if (record.ok()) {
      visit(*std::move(record));
    } else if (damaged != nullptr) {
      ++*damaged;
    } else {
      return DamagedError(living->key(), record.status());
    }
  }
  if (!progress->status().ok()) return progress->status();
  return living->status();
}

absl::StatusOr<bool> TaskTables::Sweep(absl::Time now) {
  bool has_dropped = false;
  for (LifeClass life = 0; life < kForever; ++life) {
    if (!Has(life) || now < swept_[life] + SweepInterval(life)) continue;
    swept_[life] = now;
    const std::string from = EndedKey(life, {});
    const std::string to = EndedKeyAt(life, OverBefore(life, now));
    const auto first = engine_.Scan(StoreTable::kEnded, from, to, StoreEngine::Direction::kForward);
    if (!first->Valid()) {
      if (!first->status().ok()) return first->status();
      continue;
    }
    const absl::Status status = engine_.DropRange(StoreTable::kEnded, from, to);
    if (!status.ok()) return status;
    has_dropped = true;
  }
  return has_dropped;
}

absl::Time TaskTables::NextSweep() const {
  absl::Time next = absl::InfiniteFuture();
  for (LifeClass life = 0; life < kForever; ++life) {
    if (Has(life)) next = std::min(next, swept_[life] + SweepInterval(life));
  }
  return next;
}

}  // namespace taskforge
