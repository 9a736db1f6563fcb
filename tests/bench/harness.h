// How the benchmarks compare: ours and a peer run in turn, pair by pair, so that a machine whose
// speed drifts slows both; the ratio is taken within each pair, and medians and quartiles are told.
#ifndef TASKFORGE_BENCH_HARNESS_H_
#define TASKFORGE_BENCH_HARNESS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace taskforge::bench {

// What one run of one contender did.
struct Sample {
  double items = 0;  // Tasks, calls or events done.
  double wall_seconds = 0;
  double cpu_seconds = 0;  // Of every process that took part, as far as it is known.

  double rate() const { return wall_seconds > 0 ? items / wall_seconds : 0; }
};

struct Contender {
  std::string name;
  std::function<Sample()> run;
};

struct Options {
  int rounds = 7;
  bool quick = false;
  bool smoke = false;

  // How much to do in one run: `full`, or with --quick `less`; next to nothing with --smoke.
  int Count(int full, int less) const { return smoke ? less / 100 : quick ? less : full; }
  double Seconds(double full, double less) const {
    return smoke ? less / 100 : quick ? less : full;
  }
};

// `--quick`: three rounds. `--smoke`: one round, whose figures mean nothing; it shows that the
// benchmark and its peers still run. Exits with 2 on anything else.
Options ParseOptions(int argc, char** argv);

struct Quartiles {
  double low = 0;
  double median = 0;
  double high = 0;
};
Quartiles QuartilesOf(std::vector<double> values);
// The value below which the share `q` of the values lies, between two if need be; 0 for none.
double QuantileOf(std::vector<double> values, double q);

// Runs every contender once to warm up, then `rounds` times in turn; prints a line for each.
// Returns the samples by contender.
std::vector<std::vector<Sample>> RunInterleaved(const std::string& title, int rounds,
                                                const std::vector<Contender>& contenders);

// Prints `ratio NAME VALUE` (ours over theirs, median of the pairs; bigger is better) and the
// quartiles behind it. Returns the median.
double PrintRatio(const std::string& name, const std::vector<Sample>& ours,
                  const std::vector<Sample>& theirs);

// CPU seconds of this process.
double ProcessCpuSeconds();
// CPU seconds of another process, from /proc; 0 when it is gone.
double ProcessCpuSeconds(int pid);
double WallSeconds();

}  // namespace taskforge::bench

#endif  // TASKFORGE_BENCH_HARNESS_H_
