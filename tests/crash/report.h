// What a campaign counts and says.
#ifndef TASKFORGE_CRASH_REPORT_H_
#define TASKFORGE_CRASH_REPORT_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "crash/history.h"
#include "crash/verdict.h"

namespace taskforge::crash {

// The least load under which a kill counts, in acknowledged submissions a second.
inline constexpr double kLoadFloor = 2'000;

// How one load went, until the signal.
struct CycleLoad {
  int signal = 0;  // That ended the server; 0: none.
  int64_t acknowledged = 0;
  absl::Duration duration;

  double rate() const;
};

// The sums of a campaign.
class Totals {
 public:
  // What the run must have: so many kills under load; no floor: under any load.
  struct Bar {
    int kills = 0;
    bool has_floor = true;
  };

  explicit Totals(const Bar& bar) : bar_(bar) {}

  void Add(const CycleLoad& load);
  void AddStart(absl::Duration duration);
  // How long the server took to end after SIGTERM under load.
  void AddExit(absl::Duration duration);
  // A verdict without its violations, and the violations themselves.
  void Add(const Verdict& verdict);
  void Add(const Violation& violation);
  // Tasks that were looked at again after another restart.
  void AddLookedAtAgain(int64_t tasks) { ended_ += tasks; }

  // Kills that count.
  int kills() const { return kills_; }
  // One line for each invariant, one for the load.
  std::string ToString() const;
  bool has_violations() const;
  // Acknowledged tasks that are gone.
  int64_t lost() const;
  // Why the run proves nothing; empty: it does.
  std::string WhyVoid() const;

 private:
  struct Counts {
    int64_t wrong[3] = {};  // By Wrong.
  };
  std::string Line(Invariant invariant, int cycles, const std::string& what) const;

  const Bar bar_;
  std::array<Counts, kInvariantCount> counts_;
  Verdict sums_;
  int64_t ended_ = 0;
  int kills_ = 0;
  int kills_below_ = 0;  // ... the floor.
  int settlements_ = 0;
  int terminations_ = 0;  // Under load.
  int64_t acknowledged_ = 0;
  absl::Duration load_;
  absl::Duration longest_start_;
  absl::Duration longest_exit_;
};

// All that is known of a violation, for whoever looks for the fault.
std::string Explain(const Violation& violation, uint64_t seed, const std::vector<Event>& history,
                    const std::vector<Found>& found);

}  // namespace taskforge::crash

#endif  // TASKFORGE_CRASH_REPORT_H_
