#include "rpc/server_service.h"

#include <string>
#include <utility>

#include "rpc/convert.h"
#include "rpc/coroutine.h"

namespace taskforge {
namespace {

constexpr absl::Duration kMaxDrain = absl::Hours(1);

}  // namespace

void ServerService::AddTo(MethodList& methods) {
  methods.Add(kName, "GetServerInfo", generated_, &Generated::RequestGetServerInfo, *this,
              &ServerService::GetServerInfo);
  methods.Add(kName, "GetGuarantees", generated_, &Generated::RequestGetGuarantees, *this,
              &ServerService::GetGuarantees);
  methods.Add(kName, "BackupStore", generated_, &Generated::RequestBackupStore, *this,
              &ServerService::BackupStore);
  methods.Add(kName, "Drain", generated_, &Generated::RequestDrain, *this, &ServerService::Drain);
}

Reply ServerService::GetServerInfo(UnaryCall<v1::GetServerInfoRequest, v1::ServerInfo>& call) {
  const ServerFacts facts = control_.Facts();
  v1::ServerInfo& info = call.response();
  info.set_version(facts.version);
  info.set_revision(facts.revision);
  ToProto(facts.start_time, *info.mutable_start_time());
  info.set_boot_epoch(facts.boot_epoch);
  for (const std::string& capability : facts.capabilities) info.add_capabilities(capability);
  info.set_durability(ToProto(facts.durability));
  info.set_not_durable(facts.not_durable);
  info.set_draining(facts.draining);
  info.set_grpc_version(grpc::Version());
  v1::ServerLimits& limits = *info.mutable_limits();
  limits.set_max_payload_bytes(facts.max_payload_bytes);
  limits.set_max_output_bytes(facts.max_output_bytes);
  limits.set_max_queue_tasks(facts.max_queue_tasks);
  limits.set_max_queue_bytes(facts.max_queue_bytes);
  limits.set_max_result_bytes(facts.max_result_bytes);
  limits.set_max_batch_items(static_cast<uint32_t>(facts.max_batch_items));
  limits.set_max_message_bytes(facts.max_message_bytes);
  ToProto(facts.succeeded_ttl, *limits.mutable_succeeded_ttl());
  ToProto(facts.failed_ttl, *limits.mutable_failed_ttl());
  co_return absl::OkStatus();
}

Reply ServerService::GetGuarantees(UnaryCall<v1::GetGuaranteesRequest, v1::Guarantees>& call) {
  const ServerGuarantees held = control_.Guarantees();
  v1::Guarantees& out = call.response();
  out.set_durability(ToProto(held.durability));
  out.set_best_durability(ToProto(held.best_durability));
  out.set_not_durable(held.not_durable);
  if (held.disk.has_value()) {
    const HistogramSnapshot& time = held.disk->sync_time;
    v1::SyncMeasurement& syncs = *out.mutable_syncs();
    syncs.set_count(time.count);
    ToProto(absl::Nanoseconds(time.Quantile(0.5)), *syncs.mutable_median());
    ToProto(absl::Nanoseconds(time.Quantile(0.99)), *syncs.mutable_p99());
    out.set_file_system(held.disk->file_system);
    ToProto(held.disk->flush_interval, *out.mutable_buffered_interval());
  }
  ToProto(held.succeeded_ttl, *out.mutable_succeeded_ttl());
  ToProto(held.failed_ttl, *out.mutable_failed_ttl());
  ToProto(held.request_id_ttl, *out.mutable_request_id_ttl());
  out.set_max_lost_attempts(static_cast<uint32_t>(held.max_lost_attempts));
  for (const Priority priority : kPriorities) {
    v1::WaitingBound& bound = *out.add_waiting_bounds();
    bound.set_priority(ToProto(priority));
    bound.set_dispatches(held.waiting_bounds[priority]);
  }
  for (const std::string& caveat : held.caveats) out.add_caveats(caveat);
  co_return absl::OkStatus();
}

Reply ServerService::BackupStore(UnaryCall<v1::BackupStoreRequest, v1::BackupStoreResponse>& call) {
  auto later = MakeRef<Eventual<absl::StatusOr<StoreBackup>>>();
  control_.BackupStore(call.request().name(),
                       [later](absl::StatusOr<StoreBackup> made) { later->Set(std::move(made)); });
  Eventual<absl::StatusOr<StoreBackup>>& made_later = *later;
  const absl::StatusOr<StoreBackup> made = co_await made_later;
  if (!made.ok()) co_return made.status();
  call.response().set_path(made->path);
  call.response().set_bytes(made->bytes);
  ToProto(made->took, *call.response().mutable_took());
  co_return absl::OkStatus();
}

Reply ServerService::Drain(UnaryCall<v1::DrainRequest, v1::DrainResponse>& call) {
  Violations violations;
  std::optional<absl::Duration> timeout;
  if (call.request().has_timeout()) {
    timeout = DurationFromProto(call.request().timeout(), "timeout", violations);
    if (timeout.has_value() && (*timeout < absl::ZeroDuration() || *timeout > kMaxDrain)) {
      violations.Add("timeout", "want 0 to 1 h");
    }
  }
  if (!violations.empty()) co_return violations.TakeStatus();
  call.response().set_unfinished_tasks(control_.Drain(timeout));
  co_return absl::OkStatus();
}

}  // namespace taskforge
