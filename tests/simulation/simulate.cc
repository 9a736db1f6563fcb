// Runs simulated worlds, one for each seed, and prints what they violate.
//
//   simulate [--seeds N] [--seed S] [--trace]
//
// N worlds (1) from seed S (1) on. Each violation is printed with the seed; `--seed S --trace` then
// shows all that happened. The last line:
//   simulation seeds=N violations=V seeds_per_minute=M hash=H
// Exit code 0: none; 1: some; 2: wrong usage.
#include <cstdint>
#include <cstdio>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "simulation/world.h"

namespace taskforge {
namespace {

struct Arguments {
  uint64_t seeds = 1;
  uint64_t seed = 1;
  bool trace = false;
};

bool Parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const absl::string_view name = argv[i];
    if (name == "--trace") {
      arguments.trace = true;
      continue;
    }
    uint64_t* const value = name == "--seeds"  ? &arguments.seeds
                            : name == "--seed" ? &arguments.seed
                                               : nullptr;
    if (value == nullptr || ++i == argc || !absl::SimpleAtoi(argv[i], value)) return false;
  }
  return arguments.seeds > 0;
}

int Simulate(const Arguments& arguments) {
  const SystemClock clock;
  const MonoTime begin = clock.Monotonic();
  uint64_t violations = 0;
  uint64_t hash = 0;
  uint64_t accepted = 0;
  uint64_t lives = 0;
  for (uint64_t i = 0; i < arguments.seeds; ++i) {
    WorldOptions options;
    options.seed = arguments.seed + i;
    if (arguments.trace)
      options.trace = [](const std::string& line) { absl::PrintF("%s\n", line); };
    const WorldResult result = World(options).Run();
    hash = hash * 1'099'511'628'211ULL ^ result.hash;
    accepted += result.accepted;
    lives += result.lives;
    for (const std::string& violation : result.violations) {
      ++violations;
      absl::PrintF("violation seed=%d: %s\n", options.seed, violation);
    }
    if (!result.violations.empty())
      absl::PrintF("replay: simulate --seed %d --trace\n", options.seed);
  }
  const double minutes = static_cast<double>(clock.Monotonic() - begin) / 60e9;
  absl::PrintF("simulated %d accepted tasks in %d lives\n", accepted, lives);
  absl::PrintF("simulation seeds=%d violations=%d seeds_per_minute=%.0f hash=%016x\n",
               arguments.seeds, violations, static_cast<double>(arguments.seeds) / minutes, hash);
  return violations == 0 ? 0 : 1;
}

}  // namespace
}  // namespace taskforge

int main(int argc, char** argv) {
  taskforge::Arguments arguments;
  if (!taskforge::Parse(argc, argv, arguments)) {
    std::fputs("usage: simulate [--seeds N] [--seed S] [--trace]\n", stderr);
    return 2;
  }
  return taskforge::Simulate(arguments);
}
