#include "rpc/rpc_stats.h"

namespace taskforge {

RpcStats ZeroRpcStats() {
  RpcStats stats;
  for (const MethodRule& rule : MethodTable()) {
    RpcMethodStats& method = stats.methods.emplace_back();
    method.service = std::string(rule.service);
    method.method = std::string(rule.method);
    method.type = rule.type;
  }
  return stats;
}

void AddTo(const RpcStatsShard& shard, RpcStats& stats) {
  for (size_t i = 0; i < stats.methods.size(); ++i) {
    const MethodStats& from = shard.of(i);
    RpcMethodStats& to = stats.methods[i];
    to.started += from.started.load(std::memory_order_relaxed);
    for (size_t code = 0; code < kRpcCodeCount; ++code) {
      to.handled[code] += from.handled[code].load(std::memory_order_relaxed);
    }
    from.handling.AddTo(to.handling);
    to.messages_received += from.messages_received.load(std::memory_order_relaxed);
    to.messages_sent += from.messages_sent.load(std::memory_order_relaxed);
  }
}

}  // namespace taskforge
