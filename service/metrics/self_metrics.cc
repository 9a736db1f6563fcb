#include "metrics/component_metrics.h"

namespace taskforge {

void CollectSelf(const SelfStats& stats, Families& families) {
  families.Gauge("taskforge_build_info", "What this is; always 1.",
                 {{"version", stats.version},
                  {"revision", stats.revision},
                  {"compiler", stats.compiler},
                  {"grpc", stats.grpc},
                  {"protobuf", stats.protobuf}},
                 1);
  families.Gauge("taskforge_draining", "1 while the server takes no more work.", {},
                 stats.draining);
  families.Gauge("taskforge_cpu_limit_cores", "Processors that may be used.", {},
                 stats.cpu_limit_cores);
  families.Counter("taskforge_cgroup_cpu_throttled_seconds_total",
                   "Time for which the cgroup's quota held the process back.", {},
                   stats.throttled_seconds);
  families.Gauge("taskforge_config_last_reload_successful",
                 "1 unless the last reload of the configuration was refused.", {},
                 stats.reload_succeeded);
  families.Gauge("taskforge_config_last_reload_success_timestamp_seconds",
                 "When the configuration was last loaded.", {},
                 static_cast<double>(absl::ToUnixSeconds(stats.reload_success_time)));
  families.Counter("taskforge_log_messages_dropped_total",
                   "Log lines that were dropped because writing them was too slow.", {},
                   static_cast<double>(stats.log_messages_dropped));
  if (stats.certificate_expiry.has_value()) {
    families.Gauge("taskforge_tls_certificate_expiry_timestamp_seconds",
                   "When the server's own certificate ends, since the epoch.", {},
                   absl::ToDoubleSeconds(*stats.certificate_expiry - absl::UnixEpoch()));
  }
}

}  // namespace taskforge
