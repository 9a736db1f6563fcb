#include "rpc/queue_service.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rpc/convert.h"
#include "rpc/coroutine.h"
#include "rpc/names.h"
#include "rpc/paging.h"

namespace taskforge {
namespace {

using ::taskforge::ToProto;  // The overloads here would hide it.

void ToProto(const QueueAct& act, v1::QueueAct& out) {
  ToProto(act.time, *out.mutable_time());
  out.set_reason(act.reason);
}

void ToProto(const QueueTaskDefaults& defaults, v1::Queue& out) {
  out.set_default_durability(ToProto(defaults.durability));
  if (defaults.queue_timeout != absl::InfiniteDuration()) {
    ToProto(defaults.queue_timeout, *out.mutable_default_queue_timeout());
  }
  if (defaults.run_timeout != absl::InfiniteDuration()) {
    ToProto(defaults.run_timeout, *out.mutable_default_run_timeout());
  }
  if (defaults.retry != RetryPolicy()) {
    ToProto(defaults.retry, *out.mutable_default_retry_policy());
  }
}

bool WasDone(const QueueAct& act) { return act.time != absl::InfinitePast(); }

void ToProto(const QueueStats& stats, v1::Queue& out) {
  const QueueOptions& options = stats.options;
  out.set_name(absl::StrCat("queues/", options.name));
  out.set_max_tasks(options.max_tasks);
  out.set_max_bytes(options.max_bytes);
  if (options.default_priority.has_value()) {
    out.set_default_priority(ToProto(*options.default_priority));
  }
  ToProto(options.task_defaults, out);
  out.set_tasks(stats.tasks);
  out.set_bytes(stats.bytes);
  for (const Priority priority : kPriorities) {
    v1::QueuePriority& waits = *out.add_priorities();
    waits.set_priority(ToProto(priority));
    waits.set_waiting(stats.waiting[priority]);
    ToProto(stats.oldest_age[priority], *waits.mutable_oldest_age());
  }
  out.set_paused(options.is_paused);
  if (WasDone(options.paused)) ToProto(options.paused, *out.mutable_last_pause());
  if (WasDone(options.resumed)) ToProto(options.resumed, *out.mutable_last_resume());
  if (WasDone(options.purged)) ToProto(options.purged, *out.mutable_last_purge());
  out.set_purged_tasks(options.purged_tasks);
}

// The queue that a name means: NOT_FOUND of another namespace; what is no name at all is one of a
// queue that there is not, and the answer names those that there are.
absl::StatusOr<std::string> QueueFrom(absl::string_view name, absl::string_view field) {
  const absl::Status known = CheckNamespaceOf(name);
  if (!known.ok()) return known;
  const absl::string_view queue = StripCollection(name, "queues");
  if (queue.empty()) {
    return InvalidArgument({{std::string(field), "want queues/{queue} or {queue}"}});
  }
  return std::string(queue);
}

// Each field that only the server sets is a violation.
void CheckOutputs(const v1::Queue& queue, Violations& violations) {
  constexpr absl::string_view kWhy = "only the server sets it: leave it out";
  if (queue.tasks() != 0) violations.Add("queue.tasks", kWhy);
  if (queue.bytes() != 0) violations.Add("queue.bytes", kWhy);
  if (queue.priorities_size() != 0) violations.Add("queue.priorities", kWhy);
  if (queue.paused()) violations.Add("queue.paused", "pause it by PauseQueue");
  if (queue.has_last_pause()) violations.Add("queue.last_pause", kWhy);
  if (queue.has_last_resume()) violations.Add("queue.last_resume", kWhy);
  if (queue.has_last_purge()) violations.Add("queue.last_purge", kWhy);
  if (queue.purged_tasks() != 0) violations.Add("queue.purged_tasks", kWhy);
}

QueueTaskDefaults DefaultsFrom(const v1::Queue& queue, Violations& violations) {
  QueueTaskDefaults defaults;
  defaults.durability =
      DurabilityFromProto(queue.default_durability(), "queue.default_durability", violations);
  const auto timeout = [&violations](const google::protobuf::Duration& value,
                                     absl::string_view field) {
    return DurationFromProto(value, field, violations).value_or(absl::InfiniteDuration());
  };
  if (queue.has_default_queue_timeout()) {
    defaults.queue_timeout = timeout(queue.default_queue_timeout(), "queue.default_queue_timeout");
  }
  if (queue.has_default_run_timeout()) {
    defaults.run_timeout = timeout(queue.default_run_timeout(), "queue.default_run_timeout");
  }
  if (queue.has_default_retry_policy()) {
    defaults.retry =
        RetryFromProto(queue.default_retry_policy(), "queue.default_retry_policy", violations);
  }
  return defaults;
}

QueueOptions OptionsFrom(const v1::Queue& queue, Violations& violations) {
  CheckOutputs(queue, violations);
  QueueOptions options;
  options.name = std::string(StripCollection(queue.name(), "queues"));
  if (queue.max_tasks() != 0) options.max_tasks = queue.max_tasks();
  if (queue.max_bytes() != 0) options.max_bytes = queue.max_bytes();
  options.default_priority =
      PriorityFromProto(queue.default_priority(), "queue.default_priority", violations);
  options.task_defaults = DefaultsFrom(queue, violations);
  return options;
}

QueueUpdate UpdateFrom(const v1::UpdateQueueRequest& request, Violations& violations) {
  const v1::Queue& queue = request.queue();
  QueueUpdate update;
  const QueueTaskDefaults defaults = DefaultsFrom(queue, violations);
  if (request.update_mask().paths().empty()) {
    violations.Add("update_mask", "required: which fields to change, for example max_tasks");
  }
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "max_tasks") {
      update.max_tasks = queue.max_tasks();
    } else if (path == "max_bytes") {
      update.max_bytes = queue.max_bytes();
    } else if (path == "default_priority") {
      update.default_priority =
          PriorityFromProto(queue.default_priority(), "queue.default_priority", violations);
    } else if (path == "default_durability") {
      update.default_durability = defaults.durability;
    } else if (path == "default_queue_timeout") {
      update.default_queue_timeout = defaults.queue_timeout;
    } else if (path == "default_run_timeout") {
      update.default_run_timeout = defaults.run_timeout;
    } else if (path == "default_retry_policy") {
      update.default_retry_policy = defaults.retry;
    } else {
      violations.Add("update_mask", absl::StrCat("unknown field \"", path,
                                                 "\"; want max_tasks, max_bytes, default_priority, "
                                                 "default_durability, default_queue_timeout, "
                                                 "default_run_timeout or default_retry_policy"));
    }
  }
  return update;
}

// The core calls its fields by their names alone; here they are those of `queue`.
std::vector<FieldViolation> OfQueue(std::vector<FieldViolation> violations) {
  for (FieldViolation& violation : violations) {
    if (violation.field != "reason") violation.field.insert(0, "queue.");
  }
  return violations;
}

using DoneLater = Ref<Eventual<absl::Status>>;
QueueControl::DoneCallback SetLater(const DoneLater& later) {
  return [later](absl::Status status) { later->Set(std::move(status)); };
}

absl::Status InTermsOfRequest(const absl::Status& status) {
  ErrorDetails details = DetailsOf(status);
  if (details.field_violations.empty()) return status;
  return InvalidArgument(OfQueue(std::move(details.field_violations)));
}

}  // namespace

void QueueService::AddTo(MethodList& methods) {
  const auto add = [&](const char* name, auto request, auto method) {
    methods.Add(kName, name, generated_, request, *this, method);
  };
  add("CreateQueue", &Generated::RequestCreateQueue, &QueueService::CreateQueue);
  add("GetQueue", &Generated::RequestGetQueue, &QueueService::GetQueue);
  add("ListQueues", &Generated::RequestListQueues, &QueueService::ListQueues);
  add("UpdateQueue", &Generated::RequestUpdateQueue, &QueueService::UpdateQueue);
  add("DeleteQueue", &Generated::RequestDeleteQueue, &QueueService::DeleteQueue);
  add("PauseQueue", &Generated::RequestPauseQueue, &QueueService::PauseQueue);
  add("ResumeQueue", &Generated::RequestResumeQueue, &QueueService::ResumeQueue);
  methods.Add(kName, "PurgeQueue", generated_, &Generated::RequestPurgeQueue, *this,
              &QueueService::PurgeQueue, /*waits=*/true);
}

absl::Status QueueService::Show(absl::string_view queue, v1::Queue& out) const {
  const absl::StatusOr<QueueStats> stats = queues_.Get(queue);
  if (!stats.ok()) return stats.status();
  ToProto(*stats, out);
  return absl::OkStatus();
}

Reply QueueService::CreateQueue(UnaryCall<v1::CreateQueueRequest, v1::Queue>& call) {
  const v1::Queue& asked = call.request().queue();
  const absl::Status known = CheckNamespaceOf(asked.name());
  if (!known.ok()) co_return known;
  Violations violations;
  QueueOptions options = OptionsFrom(asked, violations);
  // With what is not of the core; what this server offers, it says itself.
  violations.Add(OfQueue(options.Validate(Durability::kDurable)));
  if (!violations.empty()) co_return violations.TakeStatus();
  const std::string name = options.name;
  const DoneLater later = MakeRef<Eventual<absl::Status>>();
  queues_.Create(std::move(options), SetLater(later));
  Eventual<absl::Status>& done = *later;
  const absl::Status status = co_await done;
  if (!status.ok()) co_return InTermsOfRequest(status);
  co_return Show(name, call.response());
}

Reply QueueService::GetQueue(UnaryCall<v1::GetQueueRequest, v1::Queue>& call) {
  const absl::StatusOr<std::string> queue = QueueFrom(call.request().name(), "name");
  if (!queue.ok()) co_return queue.status();
  co_return Show(*queue, call.response());
}

Reply QueueService::ListQueues(UnaryCall<v1::ListQueuesRequest, v1::ListQueuesResponse>& call) {
  Violations violations;
  const int page_size = PageSizeFrom(call.request().page_size(), violations);
  std::vector<QueueStats> all = queues_.List();
  std::sort(all.begin(), all.end(), [](const QueueStats& a, const QueueStats& b) {
    return a.options.name < b.options.name;
  });
  std::string next = Page(
      all, page_size, call.request().page_token(),
      [](const QueueStats& stats) { return stats.options.name; }, violations,
      [&call](const QueueStats& stats) { ToProto(stats, *call.response().add_queues()); });
  if (!violations.empty()) co_return violations.TakeStatus();
  call.response().set_next_page_token(std::move(next));
  co_return absl::OkStatus();
}

Reply QueueService::UpdateQueue(UnaryCall<v1::UpdateQueueRequest, v1::Queue>& call) {
  const absl::StatusOr<std::string> queue = QueueFrom(call.request().queue().name(), "queue.name");
  if (!queue.ok()) co_return queue.status();
  Violations violations;
  const QueueUpdate update = UpdateFrom(call.request(), violations);
  if (!violations.empty()) co_return violations.TakeStatus();
  const DoneLater later = MakeRef<Eventual<absl::Status>>();
  queues_.Update(*queue, update, SetLater(later));
  Eventual<absl::Status>& done = *later;
  const absl::Status status = co_await done;
  if (!status.ok()) co_return InTermsOfRequest(status);
  co_return Show(*queue, call.response());
}

Reply QueueService::DeleteQueue(UnaryCall<v1::DeleteQueueRequest, google::protobuf::Empty>& call) {
  const absl::StatusOr<std::string> queue = QueueFrom(call.request().name(), "name");
  if (!queue.ok()) co_return queue.status();
  const DoneLater later = MakeRef<Eventual<absl::Status>>();
  queues_.Delete(*queue, SetLater(later));
  Eventual<absl::Status>& done = *later;
  co_return co_await done;
}

Reply QueueService::PauseQueue(UnaryCall<v1::PauseQueueRequest, v1::Queue>& call) {
  const absl::StatusOr<std::string> queue = QueueFrom(call.request().name(), "name");
  if (!queue.ok()) co_return queue.status();
  const DoneLater later = MakeRef<Eventual<absl::Status>>();
  queues_.Pause(*queue, call.request().reason(), SetLater(later));
  Eventual<absl::Status>& done = *later;
  const absl::Status status = co_await done;
  if (!status.ok()) co_return status;
  co_return Show(*queue, call.response());
}

Reply QueueService::ResumeQueue(UnaryCall<v1::ResumeQueueRequest, v1::Queue>& call) {
  const absl::StatusOr<std::string> queue = QueueFrom(call.request().name(), "name");
  if (!queue.ok()) co_return queue.status();
  const DoneLater later = MakeRef<Eventual<absl::Status>>();
  queues_.Resume(*queue, call.request().reason(), SetLater(later));
  Eventual<absl::Status>& done = *later;
  const absl::Status status = co_await done;
  if (!status.ok()) co_return status;
  co_return Show(*queue, call.response());
}

Reply QueueService::PurgeQueue(UnaryCall<v1::PurgeQueueRequest, v1::PurgeQueueResponse>& call) {
  const absl::StatusOr<std::string> queue = QueueFrom(call.request().name(), "name");
  if (!queue.ok()) co_return queue.status();
  auto later = MakeRef<Eventual<absl::StatusOr<uint64_t>>>();
  // Their ends may wait until the disk has room again: the client does not have to.
  call.OnEnd([later](Call::End) {
    later->Set(absl::CancelledError("the call ended before all of it was kept"));
  });
  queues_.Purge(*queue, call.request().reason(),
                [later](absl::StatusOr<uint64_t> purged) { later->Set(std::move(purged)); });
  Eventual<absl::StatusOr<uint64_t>>& purged_later = *later;
  const absl::StatusOr<uint64_t> purged = co_await purged_later;
  if (!purged.ok()) co_return purged.status();
  call.response().set_purged_tasks(*purged);
  co_return Show(*queue, *call.response().mutable_queue());
}

}  // namespace taskforge
