// How far a long job is: a bar that redraws itself on a terminal, a plain line now and then
// elsewhere.
#ifndef TASKFORGE_CLI_PROGRESS_BAR_H_
#define TASKFORGE_CLI_PROGRESS_BAR_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace taskforge::cli {

// `[######----]  60 %  600 of 1,000 tasks`; `note` follows. A `total` of 0 is not known; a
// `bar_width` of 0 draws no bar.
std::string RenderProgress(uint64_t done, uint64_t total, const std::string& note, int bar_width);

// Writes to stderr.
// Not thread-safe.
class ProgressBar {
 public:
  explicit ProgressBar(bool on_terminal) : on_terminal_(on_terminal) {}
  // Clears the line, so that what follows begins on a fresh one.
  ~ProgressBar() { Clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Cheap when called often: draws at most 20 times a second (without a terminal every 5 s).
  void Update(uint64_t done, uint64_t total, const std::string& note);
  void Clear();

 private:
  const bool on_terminal_;
  bool drawn_ = false;
  absl::Time last_ = absl::InfinitePast();
};

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_PROGRESS_BAR_H_
