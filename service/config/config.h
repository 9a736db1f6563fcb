// The whole configuration: one struct of the components' options, and where each value came from.
// A flag wins over the environment, that over the file, that over the default.
#ifndef TASKFORGE_CONFIG_CONFIG_H_
#define TASKFORGE_CONFIG_CONFIG_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "admin/admin_server.h"
#include "base/cpu_budget.h"
#include "base/file_system.h"
#include "bus/bus.h"
#include "config/logging.h"
#include "config/option_table.h"
#include "handlers/worker_hub.h"
#include "intake/intake.h"
#include "lifecycle/lifecycle.h"
#include "pool/options.h"
#include "queues/task_queues.h"
#include "rpc/server.h"
#include "runner/runner.h"
#include "store/memory_store.h"
#include "store/persistence_options.h"

namespace taskforge {

struct ShutdownConfig {
  // Between "not ready" and refusing work: time for load balancers to look elsewhere.
  absl::Duration delay = absl::ZeroDuration();
  // How long accepted work may take to end.
  absl::Duration timeout = absl::Seconds(30);
};

struct Config {
  RpcServerOptions rpc;
  bool reflection = true;
  std::string token_file;
  std::string ready_file;
  AdminServerOptions admin;
  ShutdownConfig shutdown;
  LoggingOptions log;
  PoolOptions pool;
  int cpus = 0;  // 0: as the affinity mask and the cgroup allow.
  TaskQueuesOptions queues;
  MemoryStoreOptions store;  // Of what is in memory.
  PersistenceOptions persistence;
  IntakeOptions intake;
  RunnerOptions runner;
  LifecycleOptions lifecycle;
  WorkerHubOptions workers;
  Bus::Options bus;

  // Every error of every component at once; `rpc` checks itself (RpcServerOptions::Validate).
  absl::Status Validate() const;
};

// A configuration with the table that filled it, for print-config. Neither copied nor moved: the
// table points into the configuration. Not thread-safe.
class LoadedConfig {
 public:
  using Getenv = std::function<const char*(const char*)>;

  LoadedConfig();
  LoadedConfig(const LoadedConfig&) = delete;
  LoadedConfig& operator=(const LoadedConfig&) = delete;

  // Fills it from `file` (empty: none), the environment, and `flags` (key, text). Errors say where:
  // `path:line:column`, the variable, or the flag. `budget` gives the pool its processors, and
  // what queues and results hold must fit into its memory (memory_budget.h).
  absl::Status Load(FileSystem& files, const std::string& file, const Getenv& getenv,
                    const std::vector<std::pair<std::string, std::string>>& flags,
                    const CpuBudget& budget);

  const Config& config() const { return config_; }
  OptionTable& table() { return table_; }
  const OptionTable& table() const { return table_; }

  // Every option as YAML that can be loaded again; with where each value came from.
  std::string Print(bool show_origin) const;
  // The table of defaults for service/README.md.
  std::string PrintMarkdown() const;

 private:
  Config config_;
  OptionTable table_;
};

// What `data_dir: auto` means: where a program of this user keeps its state, as systemd says to its
// services ($STATE_DIRECTORY), else by the XDG base directory specification, else as a service of
// the system would.
std::string StateDirectory(const LoadedConfig::Getenv& getenv);

// HOST:PORT or unix:PATH. Whether it is reached from this machine only.
bool IsLocalAddress(const std::string& address);

}  // namespace taskforge

#endif  // TASKFORGE_CONFIG_CONFIG_H_
