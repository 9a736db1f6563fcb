#include "harness.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>

namespace taskforge::bench {

Options ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--quick") == 0) {
      options.quick = true;
      options.rounds = 3;
    } else if (std::strcmp(argv[i], "--smoke") == 0) {
      options.smoke = true;
      options.rounds = 1;
    } else {
      std::fprintf(stderr, "unknown option %s; there are --quick and --smoke\n", argv[i]);
      std::exit(2);
    }
  }
  return options;
}

double QuantileOf(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double position = q * static_cast<double>(values.size() - 1);
  const size_t below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, values.size() - 1);
  const double share = position - static_cast<double>(below);
  return values[below] * (1 - share) + values[above] * share;
}

Quartiles QuartilesOf(std::vector<double> values) {
  return {QuantileOf(values, 0.25), QuantileOf(values, 0.5), QuantileOf(values, 0.75)};
}

std::vector<std::vector<Sample>> RunInterleaved(const std::string& title, int rounds,
                                                const std::vector<Contender>& contenders) {
  std::vector<std::vector<Sample>> samples(contenders.size());
  for (const Contender& contender : contenders) contender.run();
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < contenders.size(); ++i) samples[i].push_back(contenders[i].run());
  }
  std::printf("%s (%d rounds, interleaved)\n", title.c_str(), rounds);
  for (size_t i = 0; i < contenders.size(); ++i) {
    std::vector<double> rates;
    std::vector<double> cpu;
    for (const Sample& sample : samples[i]) {
      rates.push_back(sample.rate());
      cpu.push_back(sample.items > 0 ? sample.cpu_seconds / sample.items * 1e9 : 0);
    }
    const Quartiles rate = QuartilesOf(rates);
    std::printf("  %-28s %12.0f/s  [%.0f .. %.0f]  cpu %.0f ns each\n", contenders[i].name.c_str(),
                rate.median, rate.low, rate.high, QuartilesOf(cpu).median);
  }
  std::fflush(stdout);
  return samples;
}

double PrintRatio(const std::string& name, const std::vector<Sample>& ours,
                  const std::vector<Sample>& theirs) {
  std::vector<double> ratios;
  for (size_t i = 0; i < ours.size() && i < theirs.size(); ++i) {
    ratios.push_back(ours[i].rate() / theirs[i].rate());
  }
  const Quartiles quartiles = QuartilesOf(ratios);
  std::printf("ratio %s %.2f  (quartiles %.2f .. %.2f)\n", name.c_str(), quartiles.median,
              quartiles.low, quartiles.high);
  std::fflush(stdout);
  return quartiles.median;
}

double ProcessCpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double ProcessCpuSeconds(int pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::stringstream text;
  text << in.rdbuf();
  const std::string line = text.str();
  const size_t end_of_name = line.rfind(')');
  if (end_of_name == std::string::npos) return 0;
  std::istringstream fields(line.substr(end_of_name + 2));
  std::string field;
  double user = 0;
  double system = 0;
  for (int i = 3; fields >> field; ++i) {
    if (i == 14) user = std::atof(field.c_str());
    if (i == 15) {
      system = std::atof(field.c_str());
      break;
    }
  }
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double WallSeconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace taskforge::bench
