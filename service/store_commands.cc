#include "store_commands.h"

#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/json.h"
#include "store/offline_store.h"

namespace taskforge {
namespace {

constexpr int kWell = 0;
constexpr int kNotWell = 1;
constexpr char kWhatToDo[] =
    "what to do: restore a backup beside it and compare (`taskforged store verify`), or start the "
    "server once with --store-accept-data-loss to go on with what is left";

const Clock& TheClock() {
  static const SystemClock clock;
  return clock;
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "taskforged: %s\n", std::string(status.message()).c_str());
  return kNotWell;
}

absl::StatusOr<std::unique_ptr<OfflineStore>> Open(const StoreCommandOptions& options,
                                                   OfflineStore::Purpose purpose) {
  static PosixFileSystem files;
  return OfflineStore::Open(options.data_dir, purpose, files, TheClock());
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

bool HasTasks(const StoreReport& report) { return report.newest != absl::InfinitePast(); }

void PrintLine(const std::string& line) { std::puts(line.c_str()); }

std::string InspectJson(const OfflineStore& store, const StoreReport& report) {
  JsonWriter json;
  json.BeginObject().Key("data_dir").String(store.path());
  json.Key("format").Int(store.format().format);
  json.Key("least_reader").Int(store.format().least_reader);
  json.Key("least_writer").Int(store.format().least_writer);
  json.Key("boot_epoch").Uint(report.boot_epoch);
  json.Key("clean_stop").Bool(report.is_stopped_clean);
  json.Key("position").Uint(store.position());
  json.Key("synced");
  if (store.mark().ok()) {
    json.Uint(*store.mark());
  } else {
    json.Null();
  }
  json.Key("disk_bytes").Uint(store.disk_bytes()).Key("damaged").Uint(report.damaged);
  if (HasTasks(report)) {
    json.Key("oldest").String(TimeText(report.oldest));
    json.Key("newest").String(TimeText(report.newest));
  }
  json.Key("tasks").BeginObject();
  for (int i = 0; i < kTaskStateCount; ++i) {
    json.Key(Name(static_cast<TaskState>(i))).Uint(report.tasks[static_cast<size_t>(i)]);
  }
  json.EndObject().Key("tables").BeginObject();
  for (size_t i = 0; i < kStoreTableCount; ++i) {
    const StoreReport::Table& table = report.tables[i];
    json.Key(Name(static_cast<StoreTable>(i))).BeginObject();
    json.Key("entries").Uint(table.entries).Key("bytes").Uint(table.bytes);
    json.Key("expired").Uint(table.expired).EndObject();
  }
  return json.EndObject().EndObject().text();
}

std::string SyncedText(const OfflineStore& store) {
  if (!store.mark().ok()) return absl::StrCat("unknown: ", store.mark().status().message());
  const uint64_t mark = *store.mark();
  if (mark <= store.position()) {
    return absl::StrCat("up to ", mark, " at the last mark, and ", store.position(), " is there");
  }
  return absl::StrCat("up to ", mark, ", but the log ends at ", store.position(),
                      ": what was acknowledged is missing");
}

void PrintInspection(const OfflineStore& store, const StoreReport& report) {
  const DataFormat format = store.format();
  PrintLine(absl::StrCat("directory   ", store.path(), ", ", store.disk_bytes(), " bytes"));
  PrintLine(absl::StrCat("format      ", format.format, ", written by format ", format.least_writer,
                         " and later"));
  PrintLine(absl::StrCat("boot epoch  ", report.boot_epoch, ", ",
                         report.is_stopped_clean ? "stopped" : "killed, or its disk failed"));
  PrintLine(absl::StrCat("synced      ", SyncedText(store)));
  std::string tasks;
  for (int i = 0; i < kTaskStateCount; ++i) {
    const uint64_t count = report.tasks[static_cast<size_t>(i)];
    absl::StrAppend(&tasks, i == 0 ? "" : ", ", Name(static_cast<TaskState>(i)), " ", count);
  }
  PrintLine(absl::StrCat("tasks       ", tasks));
  if (HasTasks(report)) {
    PrintLine(absl::StrCat("accepted    from ", TimeText(report.oldest), " to ",
                           TimeText(report.newest)));
  }
  if (report.damaged > 0) {
    PrintLine(absl::StrCat("damaged     ", report.damaged, " records: `taskforged store verify`"));
  }
  PrintLine("");
  PrintLine(absl::StrFormat("%-9s  %10s  %12s  %10s", "TABLE", "ENTRIES", "BYTES", "EXPIRED"));
  for (size_t i = 0; i < kStoreTableCount; ++i) {
    const StoreReport::Table& table = report.tables[i];
    PrintLine(absl::StrFormat("%-9s  %10d  %12d  %10d", Name(static_cast<StoreTable>(i)),
                              table.entries, table.bytes, table.expired));
  }
}

std::string ProblemsJson(const OfflineStore& store, const StoreProblems& problems) {
  JsonWriter json;
  json.BeginObject().Key("data_dir").String(store.path());
  json.Key("records").Uint(problems.records).Key("wrong").Uint(problems.count);
  json.Key("problems").BeginArray();
  for (const std::string& each : problems.told) json.String(each);
  return json.EndArray().EndObject().text();
}

void PrintProblems(const OfflineStore& store, const StoreProblems& problems) {
  for (const std::string& each : problems.told) PrintLine(absl::StrCat("wrong: ", each));
  if (problems.count > problems.told.size()) {
    PrintLine(absl::StrCat("and ", problems.count - problems.told.size(), " more"));
  }
  PrintLine(absl::StrCat(store.path(), ": ", problems.records, " records read, ", problems.count,
                         " wrong"));
  if (problems.count > 0) PrintLine(kWhatToDo);
}

}  // namespace

int InspectStoreCommand(const StoreCommandOptions& options) {
  const auto store = Open(options, OfflineStore::Purpose::kRead);
  if (!store.ok()) return Fail(store.status());
  const absl::StatusOr<StoreReport> report = (*store)->Inspect();
  if (!report.ok()) return Fail(report.status());
  if (options.is_json) {
    PrintLine(InspectJson(**store, *report));
  } else {
    PrintInspection(**store, *report);
  }
  return kWell;
}

int VerifyStoreCommand(const StoreCommandOptions& options) {
  const auto store = Open(options, OfflineStore::Purpose::kRead);
  if (!store.ok()) return Fail(store.status());
  const absl::StatusOr<StoreProblems> problems = (*store)->Verify();
  if (!problems.ok()) return Fail(problems.status());
  if (options.is_json) {
    PrintLine(ProblemsJson(**store, *problems));
  } else {
    PrintProblems(**store, *problems);
  }
  return problems->count == 0 ? kWell : kNotWell;
}

int CompactStoreCommand(const StoreCommandOptions& options) {
  const auto store = Open(options, OfflineStore::Purpose::kCompact);
  if (!store.ok()) return Fail(store.status());
  const uint64_t before = (*store)->disk_bytes();
  const absl::Status status = (*store)->Compact();
  if (!status.ok()) return Fail(status);
  const uint64_t after = (*store)->disk_bytes();
  if (options.is_json) {
    JsonWriter json;
    json.BeginObject().Key("data_dir").String((*store)->path());
    json.Key("bytes_before").Uint(before).Key("bytes_after").Uint(after).EndObject();
    PrintLine(json.text());
  } else {
    PrintLine(absl::StrCat((*store)->path(), ": ", before, " bytes before, ", after, " after"));
  }
  return kWell;
}

}  // namespace taskforge
