#include "crash/campaign.h"

#include <signal.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "crash/history.h"
#include "crash/inventory.h"
#include "crash/load.h"

namespace taskforge::crash {
namespace {

constexpr int kCyclesEach = 8;     // Of a generation.
constexpr int kTerminateEach = 8;  // Of these cycles the last ends by SIGTERM.
// So many for each kill that is asked for, at most: under too little load none counts.
constexpr int kCyclesForKills = 3;
constexpr absl::Duration kStartPatience = absl::Seconds(60);
// What the server may take after SIGTERM, as it is told; and what it takes to be seen ending.
constexpr absl::Duration kGrace = absl::Seconds(10);
constexpr absl::Duration kExitPatience = absl::Seconds(15);
constexpr absl::Duration kQuietPatience = absl::Seconds(60);
constexpr int kUnacknowledgedAgain = 300;
constexpr int kAcknowledgedAgain = 50;
// A call for each task is what a settlement costs; outputs that were right are looked at again in
// this share.
constexpr int kOfTheSecondLook = 8;
constexpr int kViolationsShown = 3;                 // Of each kind.
constexpr int kRates[] = {3'000, 4'000, 6'000, 0};  // 0: all that it takes.
constexpr int kDurable = 3;
constexpr int kMemory = 1;

}  // namespace

Campaign::Campaign(const CampaignOptions& options)
    : options_(options),
      begin_(absl::Now()),
      random_(options.seed),
      totals_({options.kills ? options.kills_min : 0, options.has_floor}) {}

bool Campaign::IsOver() const {
  if (options_.duration > absl::ZeroDuration()) return absl::Now() - begin_ >= options_.duration;
  return totals_.kills() >= options_.kills_min || cycle_ >= kCyclesForKills * options_.kills_min;
}

absl::Status Campaign::Run() {
  do {
    Generation generation;
    generation.setup.binary = options_.taskforged;
    generation.setup.directory = absl::StrCat(options_.directory, "/", generation_++);
    std::filesystem::create_directories(generation.setup.directory);
    generation.setup.flags = {"--shutdown-timeout",
                              absl::FormatDuration(kGrace),
                              "--results-max-records",
                              "1000000",
                              "--limits-max-request-ids",
                              "1000000",
                              "--data-dir",
                              options_.is_durable ? generation.setup.directory + "/data" : "none"};
    // Elsewhere than what the server writes.
    generation.history_path = generation.setup.directory + ".history";
    generation.ledger =
        std::make_unique<Ledger>(options_.seed, next_number_, generation.history_path);
    const absl::Status status = RunGeneration(generation);
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat(status.message(), "\nthe log ends:\n",
                                                      EndOfLog(generation.setup)));
    }
    if (totals_.has_violations()) return absl::OkStatus();
    next_number_ = generation.ledger->next_number();
    std::filesystem::remove_all(generation.setup.directory);
    std::filesystem::remove(generation.history_path);
  } while (!IsOver());
  return absl::OkStatus();
}

absl::Status Campaign::RunGeneration(Generation& generation) {
  for (int i = 0; i < kCyclesEach && (i == 0 || !IsOver()); ++i) {
    ++cycle_;
    generation.ledger->BeginCycle(cycle_);
    const absl::Status status = RunCycle(generation, cycle_ % kTerminateEach != 0);
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat("cycle ", cycle_, ": ", status.message()));
    }
  }
  return Settle(generation);
}

absl::Status Campaign::Start(Generation& generation) {
  if (server_ != nullptr) return absl::OkStatus();
  const absl::Time begin = absl::Now();
  auto server = Server::Start(generation.setup, kStartPatience);
  if (!server.ok()) return server.status();
  totals_.AddStart(absl::Now() - begin);
  server_ = *std::move(server);
  stub_ = v1::TaskService::NewStub(Connect(server_->grpc_address()));
  return absl::OkStatus();
}

absl::Status Campaign::SendSampleAgain(Generation& generation) {
  std::vector<int64_t> numbers =
      generation.ledger->SampleUnacknowledged(kUnacknowledgedAgain, random_);
  const std::vector<int64_t> acknowledged =
      generation.ledger->SampleAcknowledged(kAcknowledgedAgain, random_);
  numbers.insert(numbers.end(), acknowledged.begin(), acknowledged.end());
  return SendAgain(*stub_, *generation.ledger, numbers)
             ? absl::OkStatus()
             : absl::UnavailableError("what was sent again got no answer");
}

absl::Status Campaign::RunCycle(Generation& generation, bool is_killed) {
  absl::Status status = Start(generation);
  if (status.ok()) status = SendSampleAgain(generation);
  if (!status.ok()) return status;
  const absl::Duration moment =
      absl::Milliseconds(20) + absl::Milliseconds(780) * random_.NextDouble();
  if (!options_.kills) return LoadUntil(generation, moment, 0);
  return LoadUntil(generation, moment, is_killed ? SIGKILL : SIGTERM);
}

absl::Status Campaign::LoadUntil(Generation& generation, absl::Duration moment, int signal) {
  LoadOptions options;
  options.rate = kRates[random_.Next64() % std::size(kRates)];
  CycleLoad measured;
  measured.signal = signal;
  absl::Status status;
  {
    Load load(options, *stub_, *generation.ledger, random_.Next64());
    const absl::Time begin = absl::Now();
    std::thread executioner([&] {
      if (server_->AwaitExit(moment).ok()) {
        status = absl::InternalError(absl::StrCat(
            "the server ended under load by itself, exit code ", server_->exit_code()));
      } else {
        measured.acknowledged = load.acknowledged();
        measured.duration = absl::Now() - begin;
        status = End(signal);
      }
      load.Stop();
    });
    load.Run();  // Goes on while the server drains, until it is refused.
    executioner.join();
  }
  generation.ledger->Sync();
  totals_.Add(measured);
  if (signal != 0) server_.reset();
  return status;
}

absl::Status Campaign::End(int signal) {
  if (signal == 0) return absl::OkStatus();
  if (signal == SIGKILL) {
    server_->Signal(SIGKILL);
    return server_->AwaitExit(kExitPatience);
  }
  const absl::Time begin = absl::Now();
  const absl::Status status = Terminate();
  totals_.AddExit(absl::Now() - begin);
  return status;
}

absl::Status Campaign::Terminate() {
  server_->Signal(SIGTERM);
  Violation violation;
  violation.invariant = Invariant::kI14;
  violation.wrong = Wrong::kUnexpected;
  if (!server_->AwaitExit(kExitPatience).ok()) {
    violation.what = "the server goes on after SIGTERM and its grace";
    const absl::Status status = End(SIGKILL);
    if (!status.ok()) return status;
  } else if (server_->exit_code() != 0) {
    violation.what = absl::StrCat("exit code ", server_->exit_code(), " after SIGTERM");
  } else {
    return absl::OkStatus();
  }
  std::printf("VIOLATION I14 unexpected: %s\n  seed %llu, cycle %d\n", violation.what.c_str(),
              static_cast<unsigned long long>(options_.seed), cycle_);
  totals_.Add(violation);
  return absl::OkStatus();
}

absl::Status Campaign::TakeQuietInventory(Generation& generation, int every,
                                          std::vector<Found>& found) {
  const absl::Time give_up = absl::Now() + kQuietPatience;
  for (;;) {
    const absl::Status status = AwaitQuiet(*stub_, give_up - absl::Now());
    if (!status.ok() && !absl::IsDeadlineExceeded(status)) return status;
    auto inventory = TakeInventory(*stub_, generation.ledger->AcknowledgedNames(), every);
    if (!inventory.ok()) return inventory.status();
    found = *std::move(inventory);
    bool has_ended = true;
    for (const Found& task : found) has_ended = has_ended && HasEnded(task.state);
    if (has_ended || absl::Now() > give_up) return absl::OkStatus();
  }
}

absl::Status Campaign::Settle(Generation& generation) {
  generation.ledger->BeginCycle(++cycle_);
  absl::Status status = Start(generation);
  if (status.ok()) status = SendSampleAgain(generation);
  std::vector<Found> found;
  if (status.ok()) status = TakeQuietInventory(generation, 1, found);
  if (!status.ok()) return status;
  generation.ledger->Sync();
  const auto history = ReadHistory(generation.history_path);
  if (!history.ok()) return history.status();
  Rules rules;
  rules.plan_of = [&](int64_t number) { return generation.ledger->PlanOf(number); };
  rules.durability = options_.is_durable ? kDurable : kMemory;
  const Verdict verdict = Judge(rules, *history, found);
  totals_.Add(verdict);
  Conclude(generation, verdict.violations, *history, found);
  if (totals_.has_violations()) return absl::OkStatus();

  if (options_.kills) {  // Once more, and all is as it was.
    status = End(SIGKILL);
    server_.reset();
    if (status.ok()) status = Start(generation);
  }
  std::vector<Found> after;
  if (status.ok()) status = TakeQuietInventory(generation, kOfTheSecondLook, after);
  if (!status.ok()) return status;
  totals_.AddLookedAtAgain(static_cast<int64_t>(found.size()));
  Conclude(generation, Compare(found, after), *history, after);
  status = Terminate();
  server_.reset();
  return status;
}

void Campaign::Conclude(Generation& generation, const std::vector<Violation>& violations,
                        const std::vector<Event>& history, const std::vector<Found>& found) {
  std::map<std::pair<Invariant, Wrong>, int> shown;
  for (const Violation& violation : violations) {
    totals_.Add(violation);
    if (!options_.is_durable) continue;
    if (shown[{violation.invariant, violation.wrong}]++ >= kViolationsShown) continue;
    std::fputs(Explain(violation, options_.seed, history, found).c_str(), stdout);
  }
  if (shown.empty()) return;
  std::printf("%zu violations; the data directory, the log and the history are kept: %s, %s\n",
              violations.size(), generation.setup.directory.c_str(),
              generation.history_path.c_str());
}

}  // namespace taskforge::crash
