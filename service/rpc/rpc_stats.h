// What the server counts of its calls. Names nothing of gRPC, so that metrics/ can read it.
#ifndef TASKFORGE_RPC_RPC_STATS_H_
#define TASKFORGE_RPC_RPC_STATS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "rpc/method_table.h"

namespace taskforge {

inline constexpr size_t kRpcCodeCount = 17;  // OK to UNAUTHENTICATED, as numbered by gRPC.

// One method's counters at one time.
struct RpcMethodStats {
  std::string service;
  std::string method;
  RpcType type = RpcType::kUnary;
  uint64_t started = 0;
  std::array<uint64_t, kRpcCodeCount> handled{};  // By code.
  HistogramSnapshot handling;                     // From acceptance to the end, in nanoseconds.
  uint64_t messages_received = 0;
  uint64_t messages_sent = 0;
};

// All methods are there from the start, at zero.
struct RpcStats {
  std::vector<RpcMethodStats> methods;
  size_t open_calls = 0;  // Streams and long polls that are open now.
};

// One method's counters, written by one polling thread, read by any.
struct MethodStats {
  std::atomic<uint64_t> started{0};
  std::array<std::atomic<uint64_t>, kRpcCodeCount> handled{};
  SingleWriterHistogram handling;
  std::atomic<uint64_t> messages_received{0};
  std::atomic<uint64_t> messages_sent{0};
};

// The counters that one polling thread writes, for every method of the table. Thread-safe, for one
// writing thread.
class RpcStatsShard {
 public:
  RpcStatsShard() : methods_(MethodTable().size()) {}
  MethodStats& of(size_t method_index) { return methods_[method_index]; }
  const MethodStats& of(size_t method_index) const { return methods_[method_index]; }

 private:
  std::vector<MethodStats> methods_;
};

// Adds what a shard holds to `stats`, whose methods are those of the table.
void AddTo(const RpcStatsShard& shard, RpcStats& stats);

// Statistics of every method, at zero.
RpcStats ZeroRpcStats();

}  // namespace taskforge

#endif  // TASKFORGE_RPC_RPC_STATS_H_
