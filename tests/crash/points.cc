#include "crash/points.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/random.h"
#include "crash/fault_disk.h"
#include "crash/history.h"
#include "crash/inventory.h"
#include "crash/ledger.h"
#include "crash/load.h"
#include "crash/report.h"
#include "crash/server.h"
#include "crash/verdict.h"

namespace taskforge::crash {
namespace {

namespace fs = std::filesystem;

constexpr int kBatches = 3;
constexpr int kBatch = 10;
// No task is due later: what a run takes is what its slowest task does.
constexpr int kLatestMs = 200;
constexpr int kMostDelayed = 6;
constexpr absl::Duration kStartPatience = absl::Seconds(30);
constexpr absl::Duration kQuietPatience = absl::Seconds(20);
// What a server gets that may never be quiet, because its disk fails.
constexpr absl::Duration kFaultyPatience = absl::Seconds(2);
constexpr absl::Duration kExitPatience = absl::Seconds(20);
constexpr int kKilled = 128 + SIGKILL;
constexpr int kIncomplete = 1;    // It was told to stop, and ends could not be written in time.
constexpr int kStoreFailed = 74;  // As sysexits.h has it: the server could not keep something.
constexpr int kBuffered = 2;      // As the API numbers it.
constexpr int kShown = 3;
// Beyond what a life that went to its end has counted: no two have quite the same points.
constexpr int64_t kBeyond = 40;
constexpr const char* kCrashes[] = {"kill", "torn", "power", "prefix"};

// A directory that a server is started on, and what its clients know.
struct World {
  Server::Setup setup;
  std::string data;
  std::string history_path;
  std::unique_ptr<Ledger> ledger;
};

std::vector<std::string> EnvironmentOf(const PointsOptions& options, const World& world,
                                       const std::string& mode, int64_t times) {
  std::vector<std::string> environment = {
      absl::StrCat("LD_PRELOAD=", options.fault_disk),
      absl::StrCat(kFaultDirectory, "=", world.data),
      absl::StrCat(kFaultCount, "=", world.setup.directory, "/points"),
      absl::StrCat(kFaultMode, "=", mode),
  };
  if (times > 0) environment.push_back(absl::StrCat(kFaultTimes, "=", times));
  return environment;
}

int64_t PointsOf(const World& world) {
  std::ifstream file(world.setup.directory + "/points", std::ios::binary);
  char bytes[sizeof(uint64_t)] = {};
  file.read(bytes, sizeof(bytes));
  uint64_t points = 0;
  std::memcpy(&points, bytes, sizeof(points));
  return static_cast<int64_t>(points);
}

class Points {
 public:
  explicit Points(const PointsOptions& options) : options_(options), random_(options.seed) {}

  absl::StatusOr<PointsTotals> Run() {
    absl::Status status = CountPoints();
    if (status.ok()) status = CrashInLife();
    if (status.ok() && options_.is_careless) return totals_;
    if (status.ok()) status = CrashInRecovery();
    if (status.ok()) status = Fail();
    if (!status.ok()) return status;
    return totals_;
  }

 private:
  World NewWorld() {
    World world;
    world.setup.binary = options_.taskforged;
    world.setup.directory = absl::StrCat(options_.directory, "/", worlds_++);
    world.data = world.setup.directory + "/data";
    world.setup.flags = {"--shutdown-timeout", "5s", "--data-dir", world.data};
    if (options_.is_careless) {
      for (const char* flag : {"--store-durability", "buffered", "--store-flush-interval", "1m"}) {
        world.setup.flags.emplace_back(flag);
      }
    }
    world.history_path = world.setup.directory + ".history";
    fs::create_directories(world.setup.directory);
    return world;
  }
  World NewWorldWithLedger() {
    World world = NewWorld();
    world.ledger = std::make_unique<Ledger>(options_.seed, QuickTasks(), world.history_path);
    return world;
  }
  void Remove(const World& world) {
    fs::remove_all(world.setup.directory);
    fs::remove(world.history_path);
  }

  // The number of the first of so many tasks in a row of which none takes long.
  int64_t QuickTasks() {
    constexpr int kTasks = kBatches * kBatch;
    const auto is_quick = [&](int64_t number) {
      const Plan plan = PlanOf(options_.seed, number);
      return plan.delay_ms <= kLatestMs && plan.deadline_ms <= 2 * kLatestMs;
    };
    int64_t first = next_number_;
    for (int64_t number = first; number < first + kTasks; ++number) {
      if (!is_quick(number)) first = number + 1;
    }
    next_number_ = first + kTasks;
    return first;
  }

  // What its clients ask of it, until it is done or gone.
  void Load(World& world, v1::TaskService::Stub& stub) {
    Canceller canceller(stub, *world.ledger);
    for (int i = 0; i < kBatches; ++i) {
      v1::SubmitTasksRequest batch;
      v1::SubmitTasksRequest twins;
      world.ledger->Make(kBatch, batch, twins);
      SubmitStream stream(stub, [&](const v1::SubmitTasksResponse& response) {
        world.ledger->Acknowledge(response.acks());
        for (const v1::SubmitAck& ack : response.acks()) {
          const auto number = static_cast<int64_t>(ack.correlation_id());
          if (ack.code() != 0 || ack.duplicate()) continue;
          if (world.ledger->PlanOf(number).is_cancelled) canceller.Cancel(number, ack.name());
        }
      });
      if (!stream.Write(batch)) return;
      if (twins.items_size() > 0 && !stream.Write(twins)) return;
    }
  }

  // A life under that fault. Returns its exit code.
  absl::StatusOr<int> Live(World& world, const std::string& mode, int64_t times, bool is_loaded) {
    world.setup.environment = EnvironmentOf(options_, world, mode, times);
    auto server = Server::Start(world.setup, kStartPatience);
    world.setup.environment.clear();
    if (!server.ok()) {
      // It ended by its fault, as it may; its words are in the log.
      return absl::IsUnavailable(server.status()) ? absl::StatusOr<int>(-1) : server.status();
    }
    auto stub = v1::TaskService::NewStub(Connect((*server)->grpc_address()));
    if (is_loaded) Load(world, *stub);
    // Who is gone is not quiet.
    (void)AwaitQuiet(*stub, mode.rfind("none", 0) == 0 ? kQuietPatience : kFaultyPatience);
    stub.reset();  // A client that does nothing does not hear that the server wants to go.
    (*server)->Signal(SIGTERM);
    const absl::Status ended = (*server)->AwaitExit(kExitPatience);
    if (!ended.ok()) return ended;
    return (*server)->exit_code();
  }

  static absl::StatusOr<std::vector<Found>> TakeQuietInventory(v1::TaskService::Stub& stub,
                                                               const Ledger& ledger) {
    const absl::Time give_up = absl::Now() + kQuietPatience;
    for (;;) {
      const absl::Status status = AwaitQuiet(stub, give_up - absl::Now());
      if (!status.ok()) return status;
      auto found = TakeInventory(stub, ledger.AcknowledgedNames(), 1);
      if (!found.ok()) return found;
      // What went from state to state while each was looked at in turn is not quiet.
      const auto is_over = [](const Found& task) { return HasEnded(task.state); };
      if (std::all_of(found->begin(), found->end(), is_over) || absl::Now() > give_up) return found;
    }
  }

  // The next life, on a sound disk: has it all that was acknowledged? `history` of those that were
  // told so.
  absl::Status Check(World& world, const Ledger& ledger, const std::string& history_path,
                     bool may_send_again, const std::string& what) {
    auto server = Server::Start(world.setup, kStartPatience);
    if (!server.ok()) return server.status();
    auto stub = v1::TaskService::NewStub(Connect((*server)->grpc_address()));
    if (may_send_again) {
      const auto numbers = world.ledger->SampleUnacknowledged(kBatches * kBatch, random_);
      if (!SendAgain(*stub, *world.ledger, numbers)) {
        return absl::UnavailableError("what was sent again got no answer");
      }
    }
    const auto found = TakeQuietInventory(*stub, ledger);
    if (!found.ok()) return found.status();
    stub.reset();
    const auto history = ReadHistory(history_path);
    if (!history.ok()) return history.status();
    Rules rules;
    rules.plan_of = [&](int64_t number) { return ledger.PlanOf(number); };
    if (options_.is_careless) rules.durability = kBuffered;
    const Verdict verdict = Judge(rules, *history, *found);
    totals_.submits += verdict.submits;
    totals_.acknowledged += verdict.acknowledged;
    for (const Violation& violation : verdict.violations) {
      if (totals_.violations++ >= kShown || options_.is_careless) continue;
      std::printf("VIOLATION after %s, kept: %s\n%s", what.c_str(), world.setup.directory.c_str(),
                  Explain(violation, options_.seed, *history, *found).c_str());
    }
    (*server)->Signal(SIGTERM);
    return (*server)->AwaitExit(kExitPatience);
  }

  absl::Status Explained(const World& world, const std::string& what, const absl::Status& status) {
    if (status.ok()) return status;
    return absl::Status(status.code(), absl::StrCat("after ", what, ": ", status.message(),
                                                    "\nkept: ", world.setup.directory,
                                                    "\nthe log ends:\n", EndOfLog(world.setup)));
  }

  // A life and the next one. Returns the exit code of the first.
  absl::StatusOr<int> LifeAndCheck(const std::string& mode, int64_t times = 0) {
    World world = NewWorldWithLedger();
    const absl::StatusOr<int> code = Live(world, mode, times, /*is_loaded=*/true);
    absl::Status status = code.status();
    if (status.ok()) status = Check(world, *world.ledger, world.history_path, true, mode);
    if (!status.ok()) return Explained(world, mode, status);
    if (totals_.violations == 0) Remove(world);
    return code;
  }

  absl::Status CountPoints() {
    World world = NewWorldWithLedger();
    absl::StatusOr<int> code = Live(world, "none", 0, /*is_loaded=*/true);
    if (!code.ok()) return Explained(world, "no fault", code.status());
    if (*code != 0) return absl::InternalError(absl::StrCat("no fault, and exit code ", *code));
    totals_.life_points = PointsOf(world);
    Remove(world);
    if (totals_.life_points > 0) return absl::OkStatus();
    return absl::InternalError("nothing was counted: the library is not between server and disk");
  }

  absl::Status CrashInLife() {
    for (int64_t point = 1; point <= totals_.life_points + kBeyond; point += options_.stride) {
      for (const char* crash : kCrashes) {
        if (options_.is_careless && crash != std::string("power")) continue;
        const absl::StatusOr<int> code = LifeAndCheck(absl::StrCat(crash, ":", point));
        if (!code.ok()) return code.status();
        if (*code == -1 || *code == kKilled) ++totals_.crashes;
      }
      Tell("life", point, totals_.life_points);
    }
    return absl::OkStatus();
  }

  // One life is killed in its middle; copies of what it left are recovered from, and crash in it.
  absl::Status CrashInRecovery() {
    World left = NewWorldWithLedger();
    const std::string middle = absl::StrCat("kill:", totals_.life_points * 3 / 5);
    absl::StatusOr<int> code = Live(left, middle, 0, /*is_loaded=*/true);
    if (!code.ok()) return Explained(left, middle, code.status());
    for (int64_t point = 0; point <= totals_.recovery_points + kBeyond;
         point += point == 0 ? 1 : options_.stride) {
      for (const char* crash : kCrashes) {
        const std::string mode = point == 0 ? "none" : absl::StrCat(crash, ":", point);
        World world = NewWorld();
        fs::copy(left.data, world.data, fs::copy_options::recursive);
        code = Live(world, mode, 0, /*is_loaded=*/false);
        absl::Status status = code.status();
        const std::string what = absl::StrCat(mode, " in the recovery from ", middle);
        if (point == 0) totals_.recovery_points = PointsOf(world);
        if (status.ok()) status = Check(world, *left.ledger, left.history_path, false, what);
        if (!status.ok()) return Explained(world, what, status);
        if (*code == -1 || *code == kKilled) ++totals_.crashes;
        if (totals_.violations == 0) Remove(world);
        if (point == 0) break;
      }
      Tell("recovery", point, totals_.recovery_points);
    }
    if (totals_.violations == 0) Remove(left);
    return absl::OkStatus();
  }

  // The disk fails, is full for a while, can't be written any more; files can't be opened.
  absl::Status Fail() {
    constexpr int64_t kWhile = 5;
    const std::pair<const char*, int64_t> kFaults[] = {
        {"eio", 0}, {"full", kWhile}, {"full", 0}, {"readonly", 0}, {"nofiles", 0}};
    for (const auto& [mode, times] : kFaults) {
      // There are fewer syncs than points.
      const bool is_sync = std::string(mode) == "eio";
      const int stride = is_sync ? 1 + options_.stride / 4 : options_.stride;
      for (int64_t at = 1; at <= totals_.life_points; at += stride) {
        const std::string fault = absl::StrCat(mode, ":", at);
        const absl::StatusOr<int> code = LifeAndCheck(fault, times);
        if (!code.ok()) return code.status();
        const bool is_met = *code != 0;
        if (is_met) ++totals_.faults;
        if (*code > 0 && *code != kStoreFailed && *code != kIncomplete) {
          return absl::InternalError(absl::StrCat(fault, ": exit code ", *code));
        }
        if (!is_met && is_sync && at > kBeyond) break;
      }
      Tell(mode, totals_.life_points, totals_.life_points);
    }
    return absl::OkStatus();
  }

  void Tell(const std::string& what, int64_t point, int64_t points) const {
    std::printf("%s: point %lld of %lld, %lld violations\n", what.c_str(),
                static_cast<long long>(point), static_cast<long long>(points),
                static_cast<long long>(totals_.violations));
    std::fflush(stdout);
  }

  const PointsOptions options_;
  SeededRandom random_;
  PointsTotals totals_;
  int worlds_ = 0;
  int64_t next_number_ = 0;
};

}  // namespace

std::string PointsTotals::ToString() const {
  return absl::StrCat("I2 points=", life_points + recovery_points, " life=", life_points,
                      " recovery=", recovery_points, " crashes=", crashes, " faults=", faults,
                      " submits=", submits, " acknowledged=", acknowledged,
                      " violations=", violations, "\n");
}

absl::StatusOr<PointsTotals> RunPoints(const PointsOptions& options) {
  return Points(options).Run();
}

}  // namespace taskforge::crash
