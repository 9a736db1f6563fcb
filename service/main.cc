// taskforged: the server's command line and the life of its process.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/cpu_budget.h"
#include "base/file_system.h"
#include "base/json.h"
#include "composition.h"
#include "config/config.h"
#include "config/logging.h"
#include "config/memory_budget.h"
#include "config/reload.h"
#include "doctor.h"
#include "health_target.h"
#include "rpc/grpc_process.h"
#include "rpc/health_probe.h"
#include "rpc/server.h"
#include "signals.h"
#include "store_commands.h"
#include "version.h"

namespace taskforge {
namespace {

constexpr int kUsageError = 2;

// The options of `serve`, as flags: one for each row of the table.
struct Flags {
  std::string file;
  std::vector<std::pair<std::string, std::string>> values;
};

void AddFlags(CLI::App& command, const OptionTable& table, Flags& flags) {
  command.add_option("-c,--config", flags.file, "YAML file")->envname("TASKFORGE_CONFIG");
  for (const OptionTable::Option& option : table.options()) {
    const std::string key = option.key;
    const std::string help = absl::StrCat(
        option.description, " [", option.default_text.empty() ? "" : option.default_text, "]");
    const bool is_switch = option.default_text == "true" || option.default_text == "false";
    CLI::Option* flag = command.add_option_function<std::string>(
        option.flag(),
        [&flags, key](const std::string& text) { flags.values.emplace_back(key, text); }, help);
    flag->type_name(is_switch ? "BOOL" : "VALUE");
    // A switch alone means true.
    if (is_switch) flag->expected(0, 1)->default_str("true");
  }
}

absl::Status LoadConfig(const Flags& flags, LoadedConfig& loaded) {
  PosixFileSystem files;
  absl::Status status = loaded.Load(
      files, flags.file, [](const char* name) { return std::getenv(name); }, flags.values,
      ReadCpuBudget());
  if (!status.ok()) return status;
  const std::vector<FieldViolation> wrong = loaded.config().rpc.Validate();
  if (wrong.empty()) return absl::OkStatus();
  std::string message;
  for (const FieldViolation& violation : wrong) {
    absl::StrAppend(&message, message.empty() ? "" : "\n", violation.field, ": ",
                    violation.description);
  }
  return absl::InvalidArgumentError(message);
}

int Fail(const absl::Status& status, int code) {
  std::fprintf(stderr, "taskforged: %s\n", std::string(status.message()).c_str());
  return code;
}

// What SIGHUP reads again, and what it changes.
ConfigReloader ReloaderFor(const Flags& flags, const LoadedConfig& loaded, Composition& server,
                           StreamLog& log) {
  ConfigReloader::Targets targets;
  targets.update_pool = [&server](const PoolUpdate& update) { return server.UpdatePool(update); };
  targets.set_log_level = [&log](LogLevel level) { log.SetLevel(level); };
  targets.report = [&server](bool successful) { server.NoteReload(successful); };
  return ConfigReloader(
      loaded, [&flags](LoadedConfig& next) { return LoadConfig(flags, next); }, std::move(targets),
      log);
}

absl::Status WriteReadyFile(const Config& config, const Composition& server) {
  if (config.ready_file.empty()) return absl::OkStatus();
  JsonWriter json;
  json.BeginObject().Key("grpc").String(server.grpc_address());
  json.Key("admin").String(server.admin_address()).EndObject();
  PosixFileSystem files;
  return files.WriteFileAtomically(config.ready_file, json.text() + "\n");
}

// The disk failed: what was written last may be there or not, so nothing more may be acknowledged.
// The next start finds what is there.
[[noreturn]] void EndAtOnce(const absl::Status& why, StreamLog& log) {
  constexpr int kDiskFailed = 74;  // EX_IOERR of sysexits.h.
  log.Error(
      "the disk of the data directory failed: nothing was acknowledged after that, and the "
      "server ends. Mend the disk and start it again: accepted tasks are kept",
      {{"why", why.message()}});
  log.Flush();
  std::_Exit(kDiskFailed);
}

int Serve(const Flags& flags) {
  LoadedConfig loaded;
  absl::Status status = LoadConfig(flags, loaded);
  if (!status.ok()) return Fail(status, kUsageError);
  Config config = loaded.config();
  if (config.persistence.data_dir == PersistenceOptions::kAuto) {
    config.persistence.data_dir =
        StateDirectory([](const char* name) { return std::getenv(name); });
  }
  std::optional<Signals> signals(std::in_place);
  SystemClock clock;
  // Never destroyed: gRPC's library may log until the process ends.
  auto* log = new StreamLog(config.log, clock, stderr);
  RedirectGrpcLog(*log);
  SkipGrpcLockChecks();
  if (config.rpc.insecure_listen) {
    log->Warn("insecure_listen: other machines may reach this server without TLS");
  }
  LogScaled(loaded.table(), *log);
  const CpuBudget budget = ReadCpuBudget();
  PosixFileSystem files;
  absl::StatusOr<std::unique_ptr<Composition>> started = Composition::Start(
      config, budget, files, *log, [log](const absl::Status& why) { EndAtOnce(why, *log); });
  if (!started.ok()) return Fail(started.status(), 1);
  const std::unique_ptr<Composition> server = *std::move(started);
  ConfigReloader reloader = ReloaderFor(flags, loaded, *server, *log);
  signals->Watch(
      [&](const std::string& signal) {
        log->Info("stopping", {{"signal", signal}});
        server->RequestStop();
      },
      [&] { reloader.Reload(); });
  status = WriteReadyFile(config, *server);
  if (!status.ok()) {
    server->Shutdown();
    signals.reset();
    return Fail(status, 1);
  }
  log->Info("serving", {{"grpc", server->grpc_address()},
                        {"admin", server->admin_address()},
                        {"cpus", config.pool.cpus},
                        {"version", kVersion},
                        {"data_dir", config.persistence.data_dir},
                        {"durability", Name(server->Facts().durability)}});
  server->WaitForStop();
  const ShutdownReport report = server->Shutdown();
  log->Info("stopped; what was in memory only is gone", {{"waiting_tasks", report.waiting},
                                                         {"stopped_tasks", report.stopped},
                                                         {"running_tasks", report.running},
                                                         {"results", report.results},
                                                         {"kept_tasks", report.kept}});
  log->Flush();
  // Handlers that still run are not waited for, so nothing that they use may go before the process.
  const int code = report.is_complete ? 0 : 1;
  if (!report.is_quiet()) std::_Exit(code);
  signals.reset();  // It uses what goes now.
  return code;
}

int PrintConfig(const Flags& flags, bool show_origin, bool markdown) {
  LoadedConfig loaded;
  const absl::Status status = LoadConfig(flags, loaded);
  if (!status.ok()) return Fail(status, kUsageError);
  const std::string text = markdown ? loaded.PrintMarkdown() : loaded.Print(show_origin);
  std::fputs(text.c_str(), stdout);
  return 0;
}

int CheckConfig(const Flags& flags) {
  LoadedConfig loaded;
  const absl::Status status = LoadConfig(flags, loaded);
  if (!status.ok()) return Fail(status, kUsageError);
  std::puts("the configuration is valid");
  return 0;
}

int Doctor(const Flags& flags) {
  LoadedConfig loaded;
  const absl::Status status = LoadConfig(flags, loaded);
  const std::vector<Finding> findings = Examine(status, loaded.config(), ReadMachineFacts());
  std::fputs(Render(findings).c_str(), stdout);
  return HasProblem(findings) ? 1 : 0;
}

// Asks the server that the file and the environment configure, unless the probe has an address.
int Health(const Flags& flags, HealthProbeOptions probe) {
  constexpr int kWrongOption = 1;  // As grpc_health_probe has it.
  if (probe.address.empty()) {
    LoadedConfig loaded;
    absl::Status status = LoadConfig(flags, loaded);
    PosixFileSystem files;
    if (status.ok()) status = AimAt(loaded.config(), files, probe);
    if (!status.ok()) return Fail(status, kWrongOption);
  }
  return ProbeHealth(probe);
}

void AddHealth(CLI::App& app, Flags& flags, HealthProbeOptions& probe, int& code) {
  CLI::App* health = app.add_subcommand("health",
                                        "Asks a server how it is: 0 serving, 1 usage, 2 no "
                                        "connection, 3 call failed, 4 not serving.");
  health->add_option("-c,--config", flags.file, "YAML file of the server")
      ->envname("TASKFORGE_CONFIG");
  health->add_option("--address", probe.address,
                     "HOST:PORT or unix:PATH; without it, the server that --config and the "
                     "TASKFORGE_ variables configure, and TLS as they say");
  health->add_option("--service", probe.service, "Empty, liveness, readiness or a service's name.");
  health->add_option("--timeout", probe.timeout_seconds, "Seconds.")->capture_default_str();
  health->add_option("--tls-ca", probe.tls_ca_file, "PEM file: use TLS, and trust these.");
  health->add_option("--tls-cert", probe.tls_certificate_file, "PEM file: use TLS, and show this.");
  health->add_option("--tls-key", probe.tls_key_file, "PEM file: its key.");
  health->add_option("--tls-server-name", probe.tls_server_name,
                     "Name in the server's certificate, if not the host of the address.");
  health->callback([&] { code = Health(flags, probe); });
}

// What needs no configuration, only the directory.
void AddStore(CLI::App& app, int& code) {
  CLI::App* store = app.add_subcommand(
      "store", "Looks into a data directory that no server uses: 0 well, 1 not, 2 usage.");
  store->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, int (*run)(const StoreCommandOptions&)) {
    // Its own: the library gives each command the environment's value, also those not called.
    auto options = std::make_shared<StoreCommandOptions>();
    CLI::App* command = store->add_subcommand(name, help);
    command->add_option("--data-dir", options->data_dir, "The directory.")
        ->envname("TASKFORGE_DATA_DIR")
        ->required();
    command->add_flag("--json", options->is_json, "Print JSON.");
    command->callback([&code, options, run] { code = run(*options); });
  };
  add("inspect", "Says what is in it.", InspectStoreCommand);
  add("verify", "Reads everything, and says what does not fit together.", VerifyStoreCommand);
  add("compact", "Gives room back that nothing needs any more.", CompactStoreCommand);
}

int PrintVersion() {
  std::printf("taskforged %s (%s, %s, gRPC %s)\n", kVersion, kRevision, kCompiler,
              GrpcVersion().c_str());
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app("TaskForge's server: runs prioritized tasks on an adaptive thread pool.",
               "taskforged");
  app.require_subcommand(1);
  LoadedConfig defaults;  // For the names and texts of the flags.
  Flags flags;
  int code = 0;

  CLI::App* serve = app.add_subcommand("serve", "Serves until SIGTERM or SIGINT.");
  AddFlags(*serve, defaults.table(), flags);
  serve->callback([&] { code = Serve(flags); });

  CLI::App* check = app.add_subcommand("check-config", "Says whether the configuration is valid.");
  AddFlags(*check, defaults.table(), flags);
  check->callback([&] { code = CheckConfig(flags); });

  bool show_origin = false;
  bool markdown = false;
  CLI::App* print = app.add_subcommand("print-config", "Prints the configuration as YAML.");
  AddFlags(*print, defaults.table(), flags);
  print->add_flag("--show-origin", show_origin, "Say where each value came from.");
  print->add_flag("--markdown", markdown, "Print the table of defaults instead.");
  print->callback([&] { code = PrintConfig(flags, show_origin, markdown); });

  CLI::App* doctor = app.add_subcommand(
      "doctor", "Says what would go wrong, without serving: 0 no problem, 1 problems, 2 usage.");
  AddFlags(*doctor, defaults.table(), flags);
  doctor->callback([&] { code = Doctor(flags); });

  HealthProbeOptions probe;
  probe.address = "";
  AddHealth(app, flags, probe, code);

  AddStore(app, code);

  app.add_subcommand("version", "Prints the version.")->callback([&] { code = PrintVersion(); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return argc > 1 && std::string(argv[1]) == "health" ? 1 : kUsageError;
  }
  return code;
}

}  // namespace
}  // namespace taskforge

int main(int argc, char** argv) { return taskforge::Main(argc, argv); }
