// taskforge pool get | watch | set | affinity | resizes.
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/format.h"
#include "cli/json_output.h"
#include "cli/pool_view.h"
#include "cli/rpc_error.h"
#include "cli/table.h"
#include "cli/task_options.h"
#include "cli/task_view.h"
#include "taskforge/v1/pool_service.grpc.pb.h"

namespace taskforge::cli {
namespace {

using Stub = v1::PoolService::Stub;

struct SetOptions {
  std::optional<int> min_threads;
  std::optional<int> max_threads;
  std::optional<uint64_t> capacity;
  std::optional<uint64_t> reserved_critical;
  std::optional<uint64_t> reserved_high;
  std::optional<uint64_t> reserved_normal;
  std::optional<bool> allow_growth;
  std::string idle_timeout;
  std::string default_priority;
};

void PrintPool(const Session& session, const v1::Pool& pool) {
  const std::string text = session.options.output == OutputFormat::kTable
                               ? DescribePool(pool, session.colour())
                               : ToJson(pool, session.options.output);
  std::fputs(text.c_str(), stdout);
}

int GetPool(Session& session, Stub& stub) {
  Call call(session);
  v1::Pool pool;
  const grpc::Status status = stub.GetPool(call.context(), v1::GetPoolRequest(), &pool);
  if (!status.ok()) return ReportError(session, status, "pool get");
  PrintPool(session, pool);
  return kExitOk;
}

int WatchPool(Session& session, Stub& stub, const std::string& interval) {
  Call call(session, kNoDeadline);
  v1::WatchPoolRequest request;
  if (!interval.empty()) SetDuration(*ParseDurationText(interval), *request.mutable_interval());
  const auto stream = stub.WatchPool(call.context(), request);
  v1::Pool pool;
  while (stream->Read(&pool)) {
    if (session.options.output == OutputFormat::kTable) {
      std::printf("%s; %s dispatches\n", DescribeThreads(pool).c_str(),
                  FormatCount(pool.dispatches()).c_str());
    } else {
      std::fputs(ToJson(pool, OutputFormat::kJsonLines).c_str(), stdout);
    }
    std::fflush(stdout);
  }
  const grpc::Status status = stream->Finish();
  return status.ok() ? kExitOk : ReportError(session, status, "pool watch");
}

v1::UpdatePoolRequest MakeUpdate(const SetOptions& options) {
  v1::UpdatePoolRequest request;
  v1::PoolSettings& settings = *request.mutable_settings();
  auto& mask = *request.mutable_update_mask();
  if (options.min_threads.has_value()) {
    settings.set_min_threads(*options.min_threads);
    mask.add_paths("min_threads");
  }
  if (options.max_threads.has_value()) {
    settings.set_max_threads(*options.max_threads);
    mask.add_paths("max_threads");
  }
  if (options.capacity.has_value()) {
    settings.set_capacity(*options.capacity);
    mask.add_paths("capacity");
  }
  v1::ReservedCapacity& reserved = *settings.mutable_reserved_capacity();
  if (options.reserved_critical.has_value()) {
    reserved.set_critical(*options.reserved_critical);
    mask.add_paths("reserved_capacity.critical");
  }
  if (options.reserved_high.has_value()) {
    reserved.set_high(*options.reserved_high);
    mask.add_paths("reserved_capacity.high");
  }
  if (options.reserved_normal.has_value()) {
    reserved.set_normal(*options.reserved_normal);
    mask.add_paths("reserved_capacity.normal");
  }
  if (options.allow_growth.has_value()) {
    settings.set_allow_growth(*options.allow_growth);
    mask.add_paths("allow_growth");
  }
  if (!options.idle_timeout.empty()) {
    SetDuration(*ParseDurationText(options.idle_timeout), *settings.mutable_idle_timeout());
    mask.add_paths("idle_timeout");
  }
  if (!options.default_priority.empty()) {
    settings.set_default_priority(*ParsePriority(options.default_priority));
    mask.add_paths("default_priority");
  }
  return request;
}

int SetPool(Session& session, Stub& stub, const SetOptions& options) {
  const v1::UpdatePoolRequest request = MakeUpdate(options);
  if (request.update_mask().paths().empty()) {
    return ReportUsage(absl::InvalidArgumentError("nothing to set"), "pool set");
  }
  Call call(session);
  v1::Pool pool;
  const grpc::Status status = stub.UpdatePool(call.context(), request, &pool);
  if (!status.ok()) return ReportError(session, status, "pool set");
  PrintPool(session, pool);
  return kExitOk;
}

struct AffinityArguments {
  int seat = 0;
  std::string cpus;
};

const CLI::Validator kCpus(
    [](std::string& text) {
      return ParseCpus(text).has_value()
                 ? std::string()
                 : absl::StrCat(text,
                                " names no processors: 0-3,6, or none for all of the server's");
    },
    "CPUS");

int SetAffinity(Session& session, Stub& stub, const AffinityArguments& arguments) {
  Call call(session);
  v1::SetThreadAffinityRequest request;
  request.set_seat(arguments.seat);
  const std::vector<int> cpus = ParseCpus(arguments.cpus).value();
  request.mutable_cpus()->Assign(cpus.begin(), cpus.end());
  v1::Pool pool;
  const grpc::Status status = stub.SetThreadAffinity(call.context(), request, &pool);
  if (!status.ok()) return ReportError(session, status, "pool affinity");
  PrintPool(session, pool);
  return kExitOk;
}

int ListResizes(Session& session, Stub& stub, int limit) {
  Call call(session);
  v1::ListPoolResizesRequest request;
  request.set_page_size(limit);
  v1::ListPoolResizesResponse response;
  const grpc::Status status = stub.ListPoolResizes(call.context(), request, &response);
  if (!status.ok()) return ReportError(session, status, "pool resizes");
  if (session.options.output == OutputFormat::kJson) {
    std::fputs(ToJson(response, OutputFormat::kJson).c_str(), stdout);
    return kExitOk;
  }
  Table table({"TIME", ">FROM", ">TO", "REASON"});
  for (const v1::PoolResize& resize : response.resizes()) {
    if (session.options.output == OutputFormat::kJsonLines) {
      std::fputs(ToJson(resize, OutputFormat::kJsonLines).c_str(), stdout);
    }
    table.Add({FormatTime(resize.time()), absl::StrCat(resize.from_threads()),
               absl::StrCat(resize.to_threads()), FormatReason(resize.reason())});
  }
  if (session.options.output == OutputFormat::kTable) {
    std::fputs(table.Render(session.colour()).c_str(), stdout);
  }
  return kExitOk;
}

void AddSet(CLI::App& group, Session& session, Action& action) {
  CLI::App* set = group.add_subcommand("set", "Change settings, at once");
  auto options = std::make_shared<SetOptions>();
  set->add_option("--min", options->min_threads, "Least number of threads");
  set->add_option("--max", options->max_threads, "Greatest number of threads");
  set->add_option("--capacity", options->capacity, "Places for work that is not of a queue");
  set->add_option("--reserve-critical", options->reserved_critical,
                  "Places of the capacity for critical work only");
  set->add_option("--reserve-high", options->reserved_high, "... for high and critical work only");
  set->add_option("--reserve-normal", options->reserved_normal, "... for all but low work");
  set->add_option("--allow-growth", options->allow_growth, "true or false");
  set->add_option("--idle-timeout", options->idle_timeout, "Before a thread beyond --min ends")
      ->check(kDuration);
  set->add_option("--default-priority", options->default_priority, "For tasks that name none")
      ->check(CLI::IsMember({"low", "normal", "high", "critical"}));
  set->final_callback([&session, &action, options] {
    action = [&session, options] {
      return SetPool(session, *v1::PoolService::NewStub(session.Channel()), *options);
    };
  });
}

void AddAffinity(CLI::App& group, Session& session, Action& action) {
  CLI::App* affinity =
      group.add_subcommand("affinity", "Put the threads of a seat on processors, now and later");
  auto arguments = std::make_shared<AffinityArguments>();
  affinity->add_option("SEAT", arguments->seat, "As `pool get` lists them")
      ->required()
      ->check(CLI::NonNegativeNumber);
  affinity->add_option("CPUS", arguments->cpus, "0-3,6; none: all that the server may use")
      ->required()
      ->check(kCpus);
  affinity->final_callback([&session, &action, arguments] {
    action = [&session, arguments] {
      return SetAffinity(session, *v1::PoolService::NewStub(session.Channel()), *arguments);
    };
  });
}

}  // namespace

void AddPoolCommands(CLI::App& app, Session& session, Action& action) {
  CLI::App* group = app.add_subcommand("pool", "Show the thread pool and change its settings");
  group->require_subcommand(1);
  CLI::App* get = group->add_subcommand("get", "Statistics, settings and every thread");
  SetShow(*get, session, action,
          [&session] { return GetPool(session, *v1::PoolService::NewStub(session.Channel())); });

  CLI::App* watch = group->add_subcommand("watch", "A line every second");
  auto interval = std::make_shared<std::string>();
  watch->add_option("--interval", *interval, "100ms to 1m")->check(kDuration);
  watch->final_callback([&session, &action, interval] {
    action = [&session, interval] {
      return WatchPool(session, *v1::PoolService::NewStub(session.Channel()), *interval);
    };
  });

  AddSet(*group, session, action);
  AddAffinity(*group, session, action);

  CLI::App* resizes = group->add_subcommand("resizes", "The last resizes, each with its reason");
  auto limit = std::make_shared<int>(20);
  resizes->add_option("--limit", *limit, "At most so many")->check(CLI::Range(1, 1000));
  SetShow(*resizes, session, action, [&session, limit] {
    return ListResizes(session, *v1::PoolService::NewStub(session.Channel()), *limit);
  });
}

}  // namespace taskforge::cli
