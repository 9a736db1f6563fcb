// SIGHUP: the configuration is read again, what can change while the server runs changes, and what
// cannot is named.
#ifndef TASKFORGE_CONFIG_RELOAD_H_
#define TASKFORGE_CONFIG_RELOAD_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/log.h"
#include "config/config.h"
#include "config/option_table.h"
#include "pool/thread_pool.h"

namespace taskforge {

// The value of each option, by its key.
using OptionTexts = std::map<std::string, std::string>;
OptionTexts TextsOf(const OptionTable& table);

struct OptionChange {
  std::string key;
  std::string from;  // Empty: there was no such option (a new queue).
  std::string to;    // Empty: there is none any more.
};

// What follows from a new configuration: a pure function of it and of what is in force.
struct ReloadPlan {
  std::vector<OptionChange> at_once;
  std::vector<OptionChange> at_restart;
  // The values of `at_once`: log.level and those settings of the pool that UpdatePool changes too.
  std::optional<LogLevel> log_level;
  PoolUpdate pool;
};
ReloadPlan PlanReload(const OptionTexts& in_force, const LoadedConfig& next);

// Not thread-safe: used by the thread that takes the signals.
class ConfigReloader {
 public:
  // Fills a configuration from where the first one came from.
  using Load = std::function<absl::Status(LoadedConfig&)>;
  struct Targets {
    // Changes all of it or, on error, nothing.
    std::function<absl::Status(const PoolUpdate&)> update_pool;
    std::function<void(LogLevel)> set_log_level;
    // Whether what was asked for is valid and has been done.
    std::function<void(bool)> report;
  };

  // `in_force`: what the server started with; not used later. `log` must outlive it.
  ConfigReloader(const LoadedConfig& in_force, Load load, Targets targets, Log& log);

  // Applies what differs from what is in force, with one line in the log for each option. A
  // configuration that is wrong, or that the pool refuses, changes nothing, and is told. Settings
  // that were changed through the API stay, unless their options have changed too.
  void Reload();

 private:
  void Refuse(const absl::Status& why);
  void Apply(const ReloadPlan& plan);

  // Constant after construction.
  const Load load_;
  const Targets targets_;
  Log& log_;

  OptionTexts in_force_;
  LogLevel log_level_;
};

}  // namespace taskforge

#endif  // TASKFORGE_CONFIG_RELOAD_H_
