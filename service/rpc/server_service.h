// ServerService: about the server itself.
#ifndef TASKFORGE_RPC_SERVER_SERVICE_H_
#define TASKFORGE_RPC_SERVER_SERVICE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/histogram.h"
#include "rpc/methods.h"
#include "store/store_backups.h"
#include "task/priority.h"
#include "task/task_state.h"
#include "taskforge/v1/server_service.grpc.pb.h"

namespace taskforge {

// What the server tells about itself.
struct ServerFacts {
  std::string version;
  std::string revision;
  absl::Time start_time;
  uint64_t boot_epoch = 0;
  std::vector<std::string> capabilities;
  Durability durability = Durability::kMemory;
  std::string not_durable;  // For people: what would be gone if the process ended now.
  bool draining = false;

  size_t max_payload_bytes = 0;
  size_t max_output_bytes = 0;
  size_t max_queue_tasks = 0;
  size_t max_queue_bytes = 0;
  size_t max_result_bytes = 0;
  size_t max_batch_items = 0;
  size_t max_message_bytes = 0;
  absl::Duration succeeded_ttl;
  absl::Duration failed_ttl;
};

// What holds of accepted tasks now, measured and asked for rather than read from the configuration.
struct ServerGuarantees {
  Durability durability = Durability::kMemory;  // Of tasks that name none.
  Durability best_durability = Durability::kMemory;
  std::string not_durable;  // As in ServerFacts.
  // With a data directory:
  struct Disk {
    std::string file_system;
    HistogramSnapshot sync_time;  // Of batches since the start.
    absl::Duration flush_interval;
  };
  std::optional<Disk> disk;
  absl::Duration succeeded_ttl;
  absl::Duration failed_ttl;
  absl::Duration request_id_ttl;
  int max_lost_attempts = 0;
  PerPriority<uint64_t> waiting_bounds;  // In dispatches, of a task with nothing ahead.
  std::vector<std::string> caveats;
};

// Composition implements it. Thread-safe.
class ServerControl {
 public:
  virtual ~ServerControl() = default;
  virtual ServerFacts Facts() const = 0;
  // Begins to drain, and returns at once how many tasks wait or run. `timeout`: how long running
  // work may take; none: the configured time. Again: changes nothing.
  virtual uint64_t Drain(std::optional<absl::Duration> timeout) = 0;
  virtual ServerGuarantees Guarantees() const = 0;
  // As StoreBackups::Make has it; without a store on disk FAILED_PRECONDITION, reason BACKUPS_OFF.
  virtual void BackupStore(std::string name, StoreBackups::Callback done) = 0;
};

// Thread-safe.
class ServerService {
 public:
  static constexpr char kName[] = "taskforge.v1.ServerService";

  // `control` must outlive the service.
  explicit ServerService(ServerControl& control) : control_(control) {}

  void AddTo(MethodList& methods);
  grpc::Service& generated() { return generated_; }

 private:
  using Generated = v1::ServerService::AsyncService;

  Reply GetServerInfo(UnaryCall<v1::GetServerInfoRequest, v1::ServerInfo>& call);
  Reply GetGuarantees(UnaryCall<v1::GetGuaranteesRequest, v1::Guarantees>& call);
  Reply BackupStore(UnaryCall<v1::BackupStoreRequest, v1::BackupStoreResponse>& call);
  Reply Drain(UnaryCall<v1::DrainRequest, v1::DrainResponse>& call);

  ServerControl& control_;
  Generated generated_;
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_SERVER_SERVICE_H_
