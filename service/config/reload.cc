#include "config/reload.h"

#include <algorithm>
#include <utility>

namespace taskforge {
namespace {

// Takes the option's value into the plan; false: it needs a restart.
bool PlanAtOnce(const std::string& key, const Config& config, ReloadPlan& plan) {
  if (key == "log.level") {
    plan.log_level = config.log.level;
  } else if (key == "pool.min_threads") {
    plan.pool.min_threads = config.pool.min_threads;
  } else if (key == "pool.max_threads") {
    plan.pool.max_threads = config.pool.max_threads;
  } else if (key == "pool.idle_timeout") {
    plan.pool.idle_timeout = config.pool.idle_timeout;
  } else if (key == "pool.allow_growth") {
    plan.pool.allow_growth = config.pool.allow_growth;
  } else if (key == "pool.default_priority") {
    plan.pool.default_priority = config.pool.default_priority;
  } else if (key == "pool.capacity") {
    plan.pool.capacity = config.pool.capacity;
  } else if (key == "pool.reserved_capacity.critical") {
    plan.pool.reserved_capacity[Priority::kCritical] = config.pool.reserved_capacity.critical;
  } else if (key == "pool.reserved_capacity.high") {
    plan.pool.reserved_capacity[Priority::kHigh] = config.pool.reserved_capacity.high;
  } else if (key == "pool.reserved_capacity.normal") {
    plan.pool.reserved_capacity[Priority::kNormal] = config.pool.reserved_capacity.normal;
  } else {
    return false;
  }
  return true;
}

bool ChangesThePool(const ReloadPlan& plan) {
  return std::any_of(plan.at_once.begin(), plan.at_once.end(),
                     [](const OptionChange& change) { return change.key != "log.level"; });
}

}  // namespace

OptionTexts TextsOf(const OptionTable& table) {
  OptionTexts texts;
  for (const OptionTable::Option& option : table.options()) texts[option.key] = option.print();
  return texts;
}

ReloadPlan PlanReload(const OptionTexts& in_force, const LoadedConfig& next) {
  ReloadPlan plan;
  const OptionTexts wanted = TextsOf(next.table());
  for (const auto& [key, to] : wanted) {
    const auto it = in_force.find(key);
    const std::string from = it == in_force.end() ? "" : it->second;
    if (it != in_force.end() && from == to) continue;
    const bool at_once = PlanAtOnce(key, next.config(), plan);
    (at_once ? plan.at_once : plan.at_restart).push_back({key, from, to});
  }
  for (const auto& [key, from] : in_force) {
    if (!wanted.contains(key)) plan.at_restart.push_back({key, from, ""});
  }
  return plan;
}

ConfigReloader::ConfigReloader(const LoadedConfig& in_force, Load load, Targets targets, Log& log)
    : load_(std::move(load)),
      targets_(std::move(targets)),
      log_(log),
      in_force_(TextsOf(in_force.table())),
      log_level_(in_force.config().log.level) {}

void ConfigReloader::Reload() {
  LoadedConfig next;
  absl::Status status = load_(next);
  if (!status.ok()) return Refuse(status);
  const ReloadPlan plan = PlanReload(in_force_, next);
  if (ChangesThePool(plan)) status = targets_.update_pool(plan.pool);
  if (!status.ok()) return Refuse(status);
  Apply(plan);
  targets_.report(true);
}

void ConfigReloader::Refuse(const absl::Status& why) {
  log_.Error("the configuration was not reloaded: it is not valid, and nothing has changed",
             {{"why", why.message()}});
  targets_.report(false);
}

void ConfigReloader::Apply(const ReloadPlan& plan) {
  const LogLevel level = plan.log_level.value_or(log_level_);
  // The lines below are written if either level wants them.
  targets_.set_log_level(std::min(level, log_level_));
  for (const OptionChange& change : plan.at_once) {
    in_force_[change.key] = change.to;
    log_.Info("an option has changed",
              {{"option", change.key}, {"from", change.from}, {"to", change.to}});
  }
  for (const OptionChange& change : plan.at_restart) {
    log_.Warn("an option differs from what is in force: it needs a restart",
              {{"option", change.key}, {"in_force", change.from}, {"configured", change.to}});
  }
  log_.Info("the configuration was reloaded",
            {{"changed", plan.at_once.size()}, {"need_restart", plan.at_restart.size()}});
  log_level_ = level;
  targets_.set_log_level(level);
}

}  // namespace taskforge
