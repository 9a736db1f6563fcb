#include "admin/status.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/json.h"

namespace taskforge {
namespace {

void Seconds(JsonWriter& json, absl::string_view key, std::optional<absl::Duration> value) {
  json.Key(key);
  if (value.has_value()) {
    json.Double(absl::ToDoubleSeconds(*value));
  } else {
    json.Null();
  }
}

absl::string_view NameOf(StatusVerdict::Level level) {
  switch (level) {
    case StatusVerdict::Level::kGood:
      return "good";
    case StatusVerdict::Level::kBusy:
      return "busy";
    case StatusVerdict::Level::kBehind:
      return "behind";
  }
  return "behind";
}

double FillOf(const StatusSnapshot::Queue& queue) {
  double fill = 0;
  if (queue.tasks_limit > 0) {
    fill = static_cast<double>(queue.waiting + queue.running) / queue.tasks_limit;
  }
  if (queue.bytes_limit > 0) {
    fill = std::max(fill, static_cast<double>(queue.bytes) / queue.bytes_limit);
  }
  return fill;
}

void WritePriorities(JsonWriter& json, const std::vector<StatusSnapshot::Priority>& priorities) {
  json.Key("priorities").BeginArray();
  for (const StatusSnapshot::Priority& priority : priorities) {
    json.BeginObject().Key("name").String(priority.name);
    json.Key("waiting").Uint(priority.waiting).Key("started_total").Uint(priority.started_total);
    Seconds(json, "wait_p50", priority.wait_p50);
    Seconds(json, "wait_p99", priority.wait_p99);
    json.EndObject();
  }
  json.EndArray();
}

void WritePool(JsonWriter& json, const StatusSnapshot::Pool& pool) {
  json.Key("pool").BeginObject();
  json.Key("busy").Int(pool.busy).Key("idle").Int(pool.idle).Key("blocked").Int(pool.blocked);
  json.Key("target").Int(pool.target).Key("min").Int(pool.min).Key("max").Int(pool.max);
  json.Key("cpu_limit_cores").Double(pool.cpu_limit_cores);
  json.Key("overloaded").Bool(pool.overloaded);
  json.Key("resizes").BeginArray();
  for (const StatusSnapshot::Resize& resize : pool.resizes) {
    json.BeginObject().Key("time").Int(absl::ToUnixSeconds(resize.time));
    json.Key("from").Int(resize.from_threads).Key("to").Int(resize.to_threads);
    json.Key("reason").String(resize.reason).EndObject();
  }
  json.EndArray().EndObject();
}

void WriteQueues(JsonWriter& json, const std::vector<StatusSnapshot::Queue>& queues) {
  json.Key("queues").BeginArray();
  for (const StatusSnapshot::Queue& queue : queues) {
    json.BeginObject().Key("name").String(queue.name);
    json.Key("waiting").Uint(queue.waiting).Key("running").Uint(queue.running);
    json.Key("tasks_limit").Uint(queue.tasks_limit).Key("bytes").Uint(queue.bytes);
    json.Key("bytes_limit").Uint(queue.bytes_limit).Key("paused").Bool(queue.paused);
    Seconds(json, "oldest_age", queue.oldest_age);
    json.EndObject();
  }
  json.EndArray();
}

void WriteHandlers(JsonWriter& json, const std::vector<StatusSnapshot::Handler>& handlers) {
  json.Key("handlers").BeginArray();
  for (const StatusSnapshot::Handler& handler : handlers) {
    json.BeginObject().Key("name").String(handler.name).Key("kind").String(handler.kind);
    json.Key("succeeded_total").Uint(handler.succeeded_total);
    json.Key("failed_total").Uint(handler.failed_total).EndObject();
  }
  json.EndArray();
}

}  // namespace

StatusVerdict Judge(const StatusSnapshot& snapshot) {
  using Level = StatusVerdict::Level;
  if (snapshot.draining) {
    return {Level::kBusy, "Draining: it finishes what it has and accepts nothing new."};
  }
  uint64_t waiting = 0;
  for (const StatusSnapshot::Queue& queue : snapshot.queues) {
    if (FillOf(queue) >= kBehindFill) {
      return {Level::kBehind,
              absl::StrFormat("Queue %s is %.0f %% full: soon it refuses new tasks.", queue.name,
                              std::min(FillOf(queue), 1.0) * 100)};
    }
    if (queue.paused) continue;
    waiting += queue.waiting;
    if (queue.oldest_age.value_or(absl::ZeroDuration()) > kBehindAge) {
      return {Level::kBehind,
              absl::StrCat("A task in queue ", queue.name, " has waited for ",
                           absl::FormatDuration(absl::Trunc(*queue.oldest_age, absl::Seconds(1))),
                           ".")};
    }
  }
  const StatusSnapshot::Pool& pool = snapshot.pool;
  if (pool.overloaded) {
    return {Level::kBusy,
            "The processors have more to do than they can: more threads would not help."};
  }
  if (pool.max > 0 && pool.busy + pool.blocked >= pool.max) {
    return {Level::kBusy,
            absl::StrCat("All of the ", pool.max, " threads that it may have are at work.")};
  }
  if (waiting > 0) return {Level::kBusy, absl::StrCat(waiting, " tasks wait; none for long.")};
  return {Level::kGood, "Nothing waits."};
}

std::string StatusJson(const StatusSnapshot& snapshot) {
  const StatusVerdict verdict = Judge(snapshot);
  JsonWriter json;
  json.BeginObject();
  json.Key("verdict").BeginObject().Key("level").String(NameOf(verdict.level));
  json.Key("text").String(verdict.text).EndObject();
  json.Key("version").String(snapshot.version).Key("grpc_address").String(snapshot.grpc_address);
  Seconds(json, "uptime", snapshot.uptime);
  json.Key("draining").Bool(snapshot.draining);
  json.Key("submitted_total").Uint(snapshot.submitted_total);
  json.Key("rejected_total").Uint(snapshot.rejected_total);
  json.Key("succeeded_total").Uint(snapshot.succeeded_total);
  json.Key("failed_total").Uint(snapshot.failed_total);
  json.Key("cancelled_total").Uint(snapshot.cancelled_total);
  json.Key("expired_total").Uint(snapshot.expired_total);
  json.Key("workers").Uint(snapshot.workers);
  WritePriorities(json, snapshot.priorities);
  WritePool(json, snapshot.pool);
  WriteQueues(json, snapshot.queues);
  WriteHandlers(json, snapshot.handlers);
  json.Key("bus").BeginObject().Key("subscribers").Uint(snapshot.bus.subscribers);
  json.Key("published_total").Uint(snapshot.bus.published_total);
  json.Key("delivered_total").Uint(snapshot.bus.delivered_total);
  json.Key("dropped_total").Uint(snapshot.bus.dropped_total).EndObject();
  json.EndObject();
  return json.text();
}

}  // namespace taskforge
