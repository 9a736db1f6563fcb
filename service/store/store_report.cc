#include "store/store_report.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "store/record_codec.h"
#include "store/store_keys.h"
#include "task/spec_hash.h"

namespace taskforge {
namespace {

constexpr std::array<StoreTable, kStoreTableCount> kTables = {
    StoreTable::kMeta,  StoreTable::kLive,  StoreTable::kProgress,
    StoreTable::kEnded, StoreTable::kNames, StoreTable::kRequests};

absl::Status ForEach(
    const StoreEngine& engine, StoreTable table,
    absl::FunctionRef<void(absl::string_view key, absl::string_view value)> visit) {
  const auto cursor = engine.Scan(table, "", "", StoreEngine::Direction::kForward);
  for (; cursor->Valid(); cursor->Next()) visit(cursor->key(), cursor->value());
  return cursor->status();
}

// The number under a key of kMeta; 0: it is not there, or is none.
absl::StatusOr<uint64_t> MetaNumber(const StoreEngine& engine, absl::string_view key) {
  const auto text = engine.Get(StoreTable::kMeta, key);
  if (!text.ok()) return text.status();
  uint64_t number = 0;
  return text->has_value() && absl::SimpleAtoi(**text, &number) ? number : 0;
}

// Of a key of kEnded.
std::optional<Uuid> UidOfEnded(absl::string_view key) {
  if (key.empty()) return std::nullopt;
  return ParseUidKey(key.substr(1));
}

// As the table of names keeps it: in milliseconds.
absl::Time Kept(absl::Time expires) {
  if (expires == absl::InfiniteFuture()) return expires;
  return absl::FromUnixMillis(absl::ToUnixMillis(expires));
}

bool IsOver(const TaskRecord& record, absl::Time now) {
  return record.history.is_set() && Kept(record.history->expire_time) <= now;
}

// The records and what is found wrong with them.
class Verification {
 public:
  Verification(const StoreEngine& engine, absl::Time now) : engine_(engine), now_(now) {}

  absl::StatusOr<StoreProblems> Run() {
    const std::pair<StoreTable, void (Verification::*)(absl::string_view, absl::string_view)>
        checks[] = {{StoreTable::kLive, &Verification::CheckLive},
                    {StoreTable::kProgress, &Verification::CheckProgress},
                    {StoreTable::kEnded, &Verification::CheckEnded},
                    {StoreTable::kNames, &Verification::CheckName},
                    {StoreTable::kRequests, &Verification::CheckRequest}};
    for (const auto& [table, check] : checks) {
      table_ = table;
      const absl::Status status = ForEach(
          engine_, table, [&, check = check](absl::string_view key, absl::string_view value) {
            ++found_.records;
            (this->*check)(key, value);
          });
      if (!status.ok()) return status;
      if (!status_.ok()) return status_;
    }
    return std::move(found_);
  }

 private:
  void Wrong(absl::string_view key, absl::string_view what) {
    if (++found_.count > StoreProblems::kMostTold) return;
    const absl::string_view uid_bytes =
        table_ == StoreTable::kEnded && !key.empty() ? key.substr(1) : key;
    const std::optional<Uuid> uid = ParseUidKey(uid_bytes);
    const bool has_uid = uid.has_value() && !EntriesExpire(table_);
    found_.told.push_back(absl::StrCat(
        Name(table_), " ", has_uid ? uid->ToString() : absl::CHexEscape(key), ": ", what));
  }

  std::optional<std::string> Get(StoreTable table, absl::string_view key) {
    absl::StatusOr<std::optional<std::string>> value = engine_.Get(table, key);
    if (value.ok()) return *std::move(value);
    if (status_.ok()) status_ = value.status();
    return std::nullopt;
  }
  bool Has(StoreTable table, absl::string_view key) { return Get(table, key).has_value(); }
  bool HasEnded(const Uuid& uid) {
    for (LifeClass life = 0; life <= kForever; ++life) {
      if (Has(StoreTable::kEnded, EndedKey(life, uid))) return true;
    }
    return false;
  }

  // The record of a task under its key; null: it is no such thing.
  const TaskRecord* Decode(absl::string_view key, absl::string_view value,
                           const std::optional<Uuid>& uid) {
    if (!uid.has_value()) {
      Wrong(key, "is no key of a task");
      return nullptr;
    }
    absl::StatusOr<Ref<TaskRecord>> record = DecodeRecord(value);
    if (!record.ok()) {
      Wrong(key, record.status().message());
      return nullptr;
    }
    record_ = *std::move(record);
    if (record_->uid == *uid) return &*record_;
    Wrong(key, "holds the record of another task");
    return nullptr;
  }

  void CheckLive(absl::string_view key, absl::string_view value) {
    const std::optional<Uuid> uid = ParseUidKey(key);
    const TaskRecord* const record = Decode(key, value, uid);
    if (record == nullptr) return;
    if (IsTerminal(record->state)) Wrong(key, "has ended, and stands among the living");
    CheckNamed(key, *record);
    if (record->spec->origin->request_id.empty()) return;
    const std::optional<std::string> bytes =
        Get(StoreTable::kRequests, RequestKeyOf(*record->spec));
    const std::optional<Expiring> entry = bytes.has_value() ? ParseExpiring(*bytes) : std::nullopt;
    const absl::StatusOr<KnownRequest> request =
        entry.has_value() ? DecodeRequest(entry->value) : absl::NotFoundError("");
    if (!request.ok() || request->uid != *uid) {
      Wrong(key, "its request_id does not lead to it: sent again, it would run twice");
    }
  }

  // Whether the name that a client gave the task leads to it.
  void CheckNamed(absl::string_view key, const TaskRecord& record) {
    const TaskOrigin& origin = *record.spec->origin;
    if (origin.task_id.empty()) return;
    const std::optional<std::string> bytes =
        Get(StoreTable::kNames, NameKey(origin.ns, TaskNameText(record).view()));
    const std::optional<Expiring> entry = bytes.has_value() ? ParseExpiring(*bytes) : std::nullopt;
    if (!entry.has_value() || ParseUidKey(entry->value) != record.uid) {
      Wrong(key, absl::StrCat("its name \"", origin.task_id, "\" does not lead to it"));
    }
  }

  void CheckProgress(absl::string_view key, absl::string_view value) {
    const std::optional<std::string> living = Get(StoreTable::kLive, key);
    if (!living.has_value()) return Wrong(key, "is a note of a task that does not live");
    absl::StatusOr<Ref<TaskRecord>> record = DecodeRecord(*living);
    if (!record.ok()) return;  // Told of the record itself.
    const absl::Status status = DecodeProgress(value, **record);
    if (!status.ok()) return Wrong(key, status.message());
    if (IsTerminal((*record)->state)) Wrong(key, "says that a living task has ended");
  }

  void CheckEnded(absl::string_view key, absl::string_view value) {
    const std::optional<Uuid> uid = UidOfEnded(key);
    const TaskRecord* const record = Decode(key, value, uid);
    if (record == nullptr) return;
    if (!IsTerminal(record->state))
      return Wrong(key, "has not ended, and stands among the finished");
    if (static_cast<LifeClass>(key.front()) != LifeClassOf(*record)) {
      Wrong(key, "stands in a class of life that is not its own: it would go at a wrong time");
    }
    if (Has(StoreTable::kLive, UidKey(*uid))) Wrong(key, "stands among the living too");
    if (!IsOver(*record, now_)) CheckNamed(key, *record);
  }

  void CheckName(absl::string_view key, absl::string_view value) {
    const std::optional<Expiring> entry = ParseExpiring(value);
    const std::optional<Uuid> uid = entry.has_value() ? ParseUidKey(entry->value) : std::nullopt;
    if (!uid.has_value()) return Wrong(key, "is no name of a task");
    if (entry->expires <= now_) return;
    if (Has(StoreTable::kLive, UidKey(*uid))) return;
    if (!HasEnded(*uid)) Wrong(key, "names a task that is not there");
  }

  // One whose time runs is of a task that has ended, which may have gone before it.
  void CheckRequest(absl::string_view key, absl::string_view value) {
    const std::optional<Expiring> entry = ParseExpiring(value);
    const absl::StatusOr<KnownRequest> request =
        entry.has_value() ? DecodeRequest(entry->value) : absl::NotFoundError("");
    if (!request.ok()) return Wrong(key, "is no request_id");
    if (entry->expires != absl::InfiniteFuture()) return;
    if (!Has(StoreTable::kLive, UidKey(request->uid))) {
      Wrong(key, "is kept for a living task that is not there");
    }
  }

  const StoreEngine& engine_;
  const absl::Time now_;
  StoreTable table_ = StoreTable::kMeta;  // That is looked at.
  Ref<TaskRecord> record_;
  absl::Status status_;  // The engine's first error.
  StoreProblems found_;
};

}  // namespace

absl::string_view Name(StoreTable table) {
  constexpr const char* kNames[] = {"meta", "live", "progress", "ended", "names", "requests"};
  return kNames[static_cast<size_t>(table)];
}

absl::StatusOr<StoreProblems> VerifyRecords(const StoreEngine& engine, absl::Time now) {
  return Verification(engine, now).Run();
}

absl::StatusOr<StoreReport> InspectStore(const StoreEngine& engine, absl::Time now) {
  StoreReport report;
  const absl::StatusOr<uint64_t> epoch = MetaNumber(engine, kBootEpochKey);
  if (!epoch.ok()) return epoch.status();
  const absl::StatusOr<uint64_t> stopped = MetaNumber(engine, kStoppedEpochKey);
  if (!stopped.ok()) return stopped.status();
  report.boot_epoch = *epoch;
  report.is_stopped_clean = *epoch != 0 && *stopped == *epoch;
  const auto add_task = [&](absl::StatusOr<Ref<TaskRecord>> record, StoreReport::Table& table) {
    if (!record.ok()) {
      ++report.damaged;
      return;
    }
    if (IsTerminal((*record)->state) && IsOver(**record, now)) {
      ++table.expired;
      return;
    }
    ++report.tasks[static_cast<size_t>((*record)->state)];
    report.oldest = std::min(report.oldest, (*record)->create_time);
    report.newest = std::max(report.newest, (*record)->create_time);
  };
  absl::Status status;
  for (const StoreTable each : kTables) {
    StoreReport::Table& table = report.tables[static_cast<size_t>(each)];
    const absl::Status read =
        ForEach(engine, each, [&](absl::string_view key, absl::string_view value) {
          ++table.entries;
          table.bytes += key.size() + value.size();
          if (EntriesExpire(each)) {
            const std::optional<Expiring> entry = ParseExpiring(value);
            if (!entry.has_value()) ++report.damaged;
            if (entry.has_value() && entry->expires <= now) ++table.expired;
          } else if (each == StoreTable::kEnded) {
            add_task(DecodeRecord(value), table);
          } else if (each == StoreTable::kLive) {
            absl::StatusOr<Ref<TaskRecord>> record = DecodeRecord(value);
            const auto progress = engine.Get(StoreTable::kProgress, key);
            if (!progress.ok()) status = progress.status();
            if (record.ok() && progress.ok() && progress->has_value()) {
              const absl::Status noted = DecodeProgress(**progress, **record);
              if (!noted.ok()) record = noted;
            }
            add_task(std::move(record), table);
          }
        });
    if (!read.ok()) return read;
    if (!status.ok()) return status;
  }
  return report;
}

}  // namespace taskforge
