// Whole servers under load: growth for blocked work, starvation, overload, a subscriber that stops
// reading. Ends with 1 if anything was wrong.
//   bench_load TASKFORGED [--quick] [SCENARIO...]
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <vector>

#include "load/scenarios.h"

namespace taskforge::bench {

bool Wrong(const char* format, ...) {
  std::printf("WRONG: ");
  va_list arguments;
  va_start(arguments, format);
  std::vprintf(format, arguments);
  va_end(arguments);
  std::printf("\n");
  std::fflush(stdout);
  return false;
}

namespace {

struct Scenario {
  const char* name;
  bool (*run)(const LoadOptions&);
};
constexpr Scenario kScenarios[] = {{"blocking", RunBlockingStep},
                                   {"starvation", RunStarvation},
                                   {"overload", RunOverload},
                                   {"subscriber", RunSlowSubscriber}};

int Usage() {
  std::fprintf(stderr, "usage: bench_load TASKFORGED [--quick] [SCENARIO...]; scenarios:");
  for (const Scenario& scenario : kScenarios) std::fprintf(stderr, " %s", scenario.name);
  std::fprintf(stderr, "\n");
  return 2;
}

int Main(int argc, char** argv) {
  if (argc < 2) return Usage();
  LoadOptions options;
  options.taskforged = argv[1];
  std::vector<Scenario> chosen;
  for (int i = 2; i < argc; ++i) {
    if (std::strcmp(argv[i], "--quick") == 0) {
      options.quick = true;
      continue;
    }
    const auto* found =
        std::find_if(std::begin(kScenarios), std::end(kScenarios),
                     [&](const Scenario& each) { return std::strcmp(each.name, argv[i]) == 0; });
    if (found == std::end(kScenarios)) return Usage();
    chosen.push_back(*found);
  }
  if (chosen.empty()) chosen.assign(std::begin(kScenarios), std::end(kScenarios));
  bool right = true;
  for (const Scenario& scenario : chosen) {
    right = scenario.run(options) && right;
    std::fflush(stdout);
  }
  return right ? 0 : 1;
}

}  // namespace
}  // namespace taskforge::bench

int main(int argc, char** argv) { return taskforge::bench::Main(argc, argv); }
