#include "config/options.h"

#include <algorithm>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace taskforge {
namespace {

absl::Status ParseAffinity(absl::string_view text, AffinityOptions& out) {
  out.masks.clear();
  if (text == "none") {
    out.mode = AffinityMode::kNone;
  } else if (text == "compact") {
    out.mode = AffinityMode::kCompact;
  } else if (text == "spread") {
    out.mode = AffinityMode::kSpread;
  } else {
    out.mode = AffinityMode::kExplicit;
    for (absl::string_view mask : absl::StrSplit(text, ';')) {
      std::vector<int> cpus;
      for (absl::string_view range : absl::StrSplit(mask, '+')) {
        const std::vector<absl::string_view> ends = absl::StrSplit(range, absl::MaxSplits('-', 1));
        int first = 0;
        int last = 0;
        if (!absl::SimpleAtoi(ends.front(), &first) || !absl::SimpleAtoi(ends.back(), &last) ||
            first < 0 || last < first || last > 4095) {
          return absl::InvalidArgumentError(
              "must be none, compact, spread or processors for each seat such as `0;1` or "
              "`0-3;4+6`");
        }
        for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
      }
      out.masks.push_back(std::move(cpus));
    }
  }
  return absl::OkStatus();
}

std::string PrintAffinity(const AffinityOptions& affinity) {
  switch (affinity.mode) {
    case AffinityMode::kNone:
      return "none";
    case AffinityMode::kCompact:
      return "compact";
    case AffinityMode::kSpread:
      return "spread";
    case AffinityMode::kExplicit:
      break;
  }
  return absl::StrJoin(affinity.masks, ";", [](std::string* out, const std::vector<int>& cpus) {
    absl::StrAppend(out, absl::StrJoin(cpus, "+"));
  });
}

void AddPriority(OptionTable& table, std::string key, std::string description, Priority* target) {
  table.AddCustom(
      std::move(key), std::move(description),
      [target](absl::string_view text) {
        const auto priority = ParsePriority(text);
        if (!priority.has_value()) {
          return absl::InvalidArgumentError("must be low, normal, high or critical");
        }
        *target = *priority;
        return absl::OkStatus();
      },
      [target] { return std::string(Name(*target)); });
}

void BindServer(Config& config, OptionTable& table) {
  RpcServerOptions& rpc = config.rpc;
  table.Add(
      "grpc.listen",
      "Where gRPC is served: HOST:PORT (port 0: any free one) or unix:PATH; several with commas.",
      &rpc.listen);
  table.Add("grpc.polling_threads",
            "Threads that poll gRPC's completion queues. One serves about 60,000 calls a second.",
            &rpc.polling_threads);
  table.AddBytes("grpc.max_message_bytes",
                 "The largest message that is taken; must exceed limits.max_payload_bytes.",
                 &rpc.max_message_bytes);
  table.AddBytes("grpc.max_metadata_bytes", "The largest headers of a call.",
                 &rpc.max_metadata_bytes);
  table.Add("grpc.max_concurrent_streams",
            "Calls at once on one connection; more wait in the client.",
            &rpc.max_concurrent_streams);
  table.Add("grpc.keepalive_interval", "A silent connection is pinged after this long.",
            &rpc.keepalive_interval);
  table.Add("grpc.keepalive_timeout", "... and closed when no answer has come after this long.",
            &rpc.keepalive_timeout);
  table.Add("grpc.min_ping_interval", "Clients that ping more often are told to stop.",
            &rpc.min_ping_interval);
  table.Add("grpc.handshake_timeout",
            "A connection that has not said hello after this long is closed.",
            &rpc.handshake_timeout);
  table.Add("grpc.reflection", "Whether clients may ask for the API's description.",
            &config.reflection);
  table.Add("tls.certificate_file",
            "PEM chain of the server; with tls.key_file it serves TLS only.",
            &rpc.tls_certificate_file);
  table.Add("tls.key_file", "PEM private key.", &rpc.tls_key_file);
  table.Add("tls.client_ca_file",
            "PEM authorities; if set, clients must show a certificate of theirs.",
            &rpc.tls_client_ca_file);
  table.Add("auth.token_file",
            "Lines `role:principal:sha256`, role client or admin; empty: nobody is asked for a "
            "token, and what changes the server answers on loopback only.",
            &config.token_file);
  table.Add("insecure_listen", "Allows addresses that other machines reach, without TLS.",
            &rpc.insecure_listen);
  table.Add("ready_file",
            "Written, whole, once it serves: {\"grpc\":\"HOST:PORT\",\"admin\":\"HOST:PORT\"}.",
            &config.ready_file);
  table.Add("admin.listen",
            "Where /metrics, /livez, /readyz and the status page are served: HOST:PORT.",
            &config.admin.listen);
  table.Add("admin.max_connections", "Connections to the admin port at once.",
            &config.admin.connections_max);
  table.Add("shutdown.delay",
            "Between `not ready` and refusing work, for load balancers to notice.",
            &config.shutdown.delay);
  table.Add("shutdown.timeout",
            "How long accepted work may take to end before the server stops without it.",
            &config.shutdown.timeout);
}

void BindLog(Config& config, OptionTable& table) {
  table.AddCustom(
      "log.format", "text or json.",
      [&config](absl::string_view text) {
        const auto format = ParseLogFormat(text);
        if (format.ok()) config.log.format = *format;
        return format.ok() ? absl::OkStatus() : absl::InvalidArgumentError("must be text or json");
      },
      [&config] { return std::string(config.log.format == LogFormat::kJson ? "json" : "text"); });
  table.AddCustom(
      "log.level", "debug, info, warning or error.",
      [&config](absl::string_view text) {
        const auto level = ParseLogLevel(text);
        if (level.ok()) config.log.level = *level;
        return level.ok() ? absl::OkStatus()
                          : absl::InvalidArgumentError("must be debug, info, warning or error");
      },
      [&config] {
        constexpr const char* kNames[] = {"debug", "info", "warning", "error"};
        return std::string(kNames[static_cast<int>(config.log.level)]);
      });
}

void BindPool(Config& config, OptionTable& table) {
  PoolOptions& pool = config.pool;
  table.Add("pool.min_threads", "Threads that there always are.", &pool.min_threads);
  table.Add("pool.max_threads", "Threads that there may be; 0: max(16, 4 per processor).",
            &pool.max_threads);
  table.Add("pool.idle_timeout",
            "How long a thread beyond the least number may have nothing to do.",
            &pool.idle_timeout);
  table.Add("pool.allow_growth", "Whether the pool may grow beyond min_threads.",
            &pool.allow_growth);
  AddPriority(table, "pool.default_priority",
              "For tasks that name none, where their queue says nothing else.",
              &pool.default_priority);
  table.Add(
      "pool.capacity",
      "Places for work that is submitted to the pool itself (not by tasks, which wait in queues); "
      "while it runs it can be raised to 16384, or to what it was at the start.",
      &pool.capacity);
  table.Add("pool.reserved_capacity.critical",
            "Places of pool.capacity that only critical work may use.",
            &pool.reserved_capacity.critical);
  table.Add("pool.reserved_capacity.high", "... that only high and critical work may use.",
            &pool.reserved_capacity.high);
  table.Add("pool.reserved_capacity.normal", "... that all but low work may use.",
            &pool.reserved_capacity.normal);
  table.Add("pool.cpus", "Processors to count with; 0: what affinity and cgroup allow.",
            &config.cpus);
  table.AddCustom(
      "pool.affinity", "none, compact, spread, or processors for each seat: `0;1` or `0-3;4+6`.",
      [&pool](absl::string_view text) { return ParseAffinity(text, pool.affinity); },
      [&pool] { return PrintAffinity(pool.affinity); });
  table.Add("pool.slots", "W of the waiting bound: slots in each seat's table.",
            &pool.weights.slots);
  table.Add("pool.guaranteed_low", "Slots of W that are guaranteed to low priority.",
            &pool.weights.low);
  table.Add("pool.guaranteed_normal", "... to normal.", &pool.weights.normal);
  table.Add("pool.guaranteed_high", "... to high.", &pool.weights.high);
  table.Add("pool.tick", "How often the controller looks while work waits.", &pool.scaling.tick);
  table.Add("pool.grow_after",
            "How long work must wait without a dispatch before a thread is added.",
            &pool.scaling.queue_wait);
  table.Add("pool.stall_timeout",
            "Work waits and nothing was dispatched for this long: grow, whatever else is known.",
            &pool.scaling.stall_timeout);
  table.Add("pool.flip_hold", "The least time between growing and shrinking.",
            &pool.scaling.flip_hold);
  table.Add("pool.contention_limit",
            "Share of its time for which a thread waits for a processor above which more threads "
            "do not help.",
            &pool.scaling.contention_limit);
  table.Add(
      "pool.spin",
      "How long an idle thread looks for work before it sleeps, while work lately came sooner "
      "than that; between its looks it lets others have the processor.",
      &pool.scaling.spin);
}

void BindStore(PersistenceOptions& options, OptionTable& table) {
  table.Add("data_dir",
            "Where accepted tasks are kept; `none`: in memory only; `auto`: $STATE_DIRECTORY, "
            "$XDG_STATE_HOME/taskforge or ~/.local/state/taskforge.",
            &options.data_dir);
  table.AddCustom(
      "store.durability",
      "Of tasks that name none, where there is a data directory: durable (synced before they are "
      "acknowledged), buffered (synced within store.flush_interval) or memory.",
      [&options](absl::string_view text) {
        const auto durability = ParseDurability(text);
        if (!durability.has_value()) {
          return absl::InvalidArgumentError("must be durable, buffered or memory");
        }
        options.default_durability = *durability;
        return absl::OkStatus();
      },
      [&options] { return std::string(Name(options.default_durability)); });
  table.Add("store.flush_interval", "Within which buffered tasks are synced.",
            &options.store.flush_interval);
  table.AddBytes(
      "store.min_free_bytes",
      "New tasks are refused while the disk has less left, so that accepted ones can end; "
      "of a disk of less than four times that, a quarter.",
      &options.min_free_bytes);
  table.AddBytes("store.write_buffer_bytes", "Of what is not in the store's files yet, in memory.",
                 &options.write_buffer_bytes);
  table.AddBytes("store.cache_bytes", "Of what was read from the store's files.",
                 &options.cache_bytes);
  table.Add("store.accept_data_loss",
            "Starts with what is left where the disk lost what was synced, instead of refusing.",
            &options.accept_data_loss);
  table.Add("store.backup_dir",
            "In which BackupStore makes its copies, on the server's machine; empty: none are made.",
            &options.backup_dir);
}

void BindQueue(OptionTable& table, QueueOptions& queue) {
  const std::string prefix = absl::StrCat("queues.", queue.name, ".");
  table.Add(
      prefix + "max_tasks",
      "Tasks that the queue may hold, running ones included; over it, submissions are refused.",
      &queue.max_tasks);
  table.AddBytes(prefix + "max_bytes",
                 "Their bytes. A default is lowered where the cgroup's memory is less than all of "
                 "max_bytes need.",
                 &queue.max_bytes);
  table.AddCustom(
      prefix + "default_priority", "For its tasks that name none; `none`: pool.default_priority.",
      [&queue](absl::string_view text) {
        queue.default_priority = ParsePriority(text);
        if (text != "none" && !queue.default_priority.has_value()) {
          return absl::InvalidArgumentError("must be none, low, normal, high or critical");
        }
        return absl::OkStatus();
      },
      [&queue] {
        return std::string(queue.default_priority.has_value() ? Name(*queue.default_priority)
                                                              : "none");
      });
  QueueTaskDefaults& defaults = queue.task_defaults;
  table.AddCustom(
      prefix + "default_durability",
      "Of its tasks that name none: memory, buffered or durable; `none`: store.durability.",
      [&defaults](absl::string_view text) {
        const std::optional<Durability> durability = ParseDurability(text);
        if (text != "none" && !durability.has_value()) {
          return absl::InvalidArgumentError("must be none, memory, buffered or durable");
        }
        defaults.durability = durability.value_or(Durability::kUnspecified);
        return absl::OkStatus();
      },
      [&defaults] {
        return std::string(
            defaults.durability == Durability::kUnspecified ? "none" : Name(defaults.durability));
      });
  table.Add(prefix + "default_queue_timeout", "Of its tasks that set none; `none`: none.",
            &defaults.queue_timeout);
  table.Add(prefix + "default_run_timeout",
            "Of its tasks that set none; `none`: tasks.run_timeout.", &defaults.run_timeout);
  table.Add(prefix + "default_max_attempts",
            "How often its tasks are tried that do not say it; backoff as by default.",
            &defaults.retry.max_attempts);
}

void BindTasks(Config& config, OptionTable& table) {
  // The table points into the elements, so they must never move.
  config.queues.queues.reserve(kMaxQueues);
  config.queues.queues.emplace_back();
  BindQueue(table, config.queues.queues.back());
  table.AddGroup("queues", [&config](OptionTable& into, const std::string& name) {
    if (config.queues.queues.size() >= kMaxQueues) return;
    config.queues.queues.emplace_back().name = name;
    BindQueue(into, config.queues.queues.back());
  });
  SheddingOptions& shedding = config.intake.shedding;
  table.Add("admission.shed_load",
            "Whether new tasks of low and normal priority are refused while the pool is overloaded "
            "and what it has waits too long.",
            &shedding.is_on);
  table.Add("admission.shed_low_after",
            "... low ones, when a task that is as urgent or more has waited for this long.",
            &shedding.low_after);
  table.Add("admission.shed_normal_after", "... normal ones.", &shedding.normal_after);
  table.AddBytes("limits.max_payload_bytes", "The largest input of a task and data of an event.",
                 &config.intake.limits.max_input_bytes);
  table.AddBytes("limits.max_output_bytes",
                 "The largest output of a task; beyond it the task fails.",
                 &config.lifecycle.max_output_bytes);
  table.Add("limits.max_request_ids",
            "request_ids of ended tasks that are remembered; beyond it the oldest go.",
            &config.intake.max_request_ids);
  table.Add("limits.request_id_ttl",
            "How long a request_id is remembered after its task has ended.",
            &config.intake.request_id_ttl);
  table.Add("tasks.run_timeout", "Of attempts whose task names none.",
            &config.intake.defaults.run_timeout);
  table.Add(
      "tasks.stop_grace",
      "How long a handler that was asked to stop may take before its attempt ends without it, and "
      "the thread that it holds is given up.",
      &config.runner.stop_grace);
  table.Add("tasks.max_lost_attempts",
            "Attempts that may be lost with their worker before the task fails as POISONED.",
            &config.lifecycle.max_lost_attempts);
  table.Add("results.succeeded_ttl", "How long a succeeded task can be read.",
            &config.lifecycle.succeeded_ttl);
  table.Add("results.failed_ttl", "How long any other finished task can be read.",
            &config.lifecycle.failed_ttl);
  table.Add("results.max_records", "Finished tasks that are kept; beyond it the oldest go.",
            &config.store.max_records);
  table.AddBytes(
      "results.max_bytes",
      "Their bytes; beyond it the oldest outputs go, then the oldest tasks. A default is "
      "lowered as those of the queues are.",
      &config.store.max_bytes);
  table.Add("workers.lease", "A worker that is silent for this long loses its assignments.",
            &config.workers.lease_duration);
  table.Add("workers.max_connected", "Workers at once.", &config.workers.max_workers);
  table.Add("workers.max_handlers",
            "Names of handlers that workers may bring; one that was served once stays known.",
            &config.workers.max_remote_handlers);
  table.Add("bus.max_subscriptions", "Subscriptions at once.", &config.bus.max_subscriptions);
  table.Add("bus.replay.filters",
            "Topics whose last events are kept for subscribers that come later or come back, as "
            "filters with commas between them: `orders.>,task.*.failed.>`; empty: none.",
            &config.bus.replay.filters);
  table.Add("bus.replay.max_events", "Events that are kept of each such topic.",
            &config.bus.replay.max_events);
  table.AddBytes(
      "bus.replay.max_bytes",
      "Their bytes, of all topics together; beyond it the oldest go. While any are kept, a "
      "default is lowered as those of the queues are.",
      &config.bus.replay.max_bytes);
}

}  // namespace

void BindOptions(Config& config, OptionTable& table) {
  BindServer(config, table);
  BindLog(config, table);
  BindPool(config, table);
  BindStore(config.persistence, table);
  BindTasks(config, table);
}

}  // namespace taskforge
