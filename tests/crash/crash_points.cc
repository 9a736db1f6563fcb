// Ends a server at each point at which it changes its disk, and shows that the next one has all
// that was acknowledged.
//
//   crash_points TASKFORGED FAULT_DISK [--careless] [--seed S] [--stride N] [--directory DIR]
//
// FAULT_DISK: the library that stands between the server and its disk.
// --careless: a server which acknowledges what it has not synced must be found to lose it.
// --stride: each N-th point only. Prints the count of points. Ends with 0 when nothing is wrong, 1
// when something is, 2 for a call that it does not understand.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "absl/strings/numbers.h"
#include "crash/points.h"

namespace taskforge::crash {
namespace {

[[noreturn]] void WrongUsage(const std::string& what) {
  std::fprintf(stderr, "crash_points: %s\n", what.c_str());
  std::exit(2);
}

int Run(int argc, char** argv) {
  if (argc < 3) WrongUsage("which taskforged, and which library?");
  PointsOptions options;
  options.taskforged = std::filesystem::absolute(argv[1]).string();
  options.fault_disk = std::filesystem::absolute(argv[2]).string();
  std::string above = "/tmp";
  if (const char* const temporary = std::getenv("TMPDIR")) above = temporary;
  for (int i = 3; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--careless") {
      options.is_careless = true;
      --i;
      continue;
    }
    if (i + 1 == argc) WrongUsage(flag + " needs a value");
    const std::string value = argv[i + 1];
    bool is_right = true;
    if (flag == "--seed") {
      is_right = absl::SimpleAtoi(value, &options.seed);
    } else if (flag == "--stride") {
      is_right = absl::SimpleAtoi(value, &options.stride) && options.stride > 0;
    } else if (flag == "--directory") {
      above = value;
    } else {
      is_right = false;
    }
    if (!is_right) WrongUsage("not understood: " + flag);
  }
  std::filesystem::create_directories(above);
  options.directory = std::filesystem::absolute(above).string() + "/taskforge-points-XXXXXX";
  if (mkdtemp(options.directory.data()) == nullptr) {
    std::perror(options.directory.c_str());
    return 1;
  }
  const absl::StatusOr<PointsTotals> totals = RunPoints(options);
  if (!totals.ok()) {
    std::printf("FAILED: seed %llu: %s\n", static_cast<unsigned long long>(options.seed),
                totals.status().ToString().c_str());
    return 1;
  }
  std::fputs(totals->ToString().c_str(), stdout);
  if (!options.is_careless && totals->violations > 0) return 1;
  std::filesystem::remove_all(options.directory);
  if (!options.is_careless) return 0;
  std::printf("careless: %s\n", totals->violations > 0 ? "lost, as must be" : "nothing is lost");
  return totals->violations > 0 ? 0 : 1;
}

}  // namespace
}  // namespace taskforge::crash

int main(int argc, char** argv) { return taskforge::crash::Run(argc, argv); }
