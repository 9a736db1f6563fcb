#include "rpc/server_service.h"

#include "rpc/convert.h"

namespace taskforge {
namespace {

constexpr absl::Duration kMaxDrain = absl::Hours(1);

}  // namespace

void ServerService::AddTo(MethodList& methods) {
  methods.Add(kName, "GetServerInfo", generated_, &Generated::RequestGetServerInfo, *this,
              &ServerService::GetServerInfo);
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
