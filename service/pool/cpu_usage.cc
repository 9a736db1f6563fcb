#include "pool/cpu_usage.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace taskforge {

void CpuUsage::Open(int tid) {
  Close();
  const std::string task = absl::StrCat("/proc/self/task/", tid);
  schedstat_fd_ = open((task + "/schedstat").c_str(), O_RDONLY | O_CLOEXEC);
  stat_fd_ = open((task + "/stat").c_str(), O_RDONLY | O_CLOEXEC);
}

void CpuUsage::Close() {
  for (int* fd : {&schedstat_fd_, &stat_fd_}) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
  }
  begin_.reset();
  last_.reset();
}

void CpuUsage::Restart(MonoTime now) {
  begin_ = Take(now);
  last_.reset();
}

std::optional<CpuUsage::Sample> CpuUsage::Take(MonoTime now) const {
  if (schedstat_fd_ < 0) return std::nullopt;
  char text[96];
  const ssize_t length = pread(schedstat_fd_, text, sizeof(text) - 1, 0);
  if (length <= 0) return std::nullopt;
  text[length] = '\0';
  unsigned long long running = 0;
  unsigned long long waiting = 0;
  if (std::sscanf(text, "%llu %llu", &running, &waiting) != 2) return std::nullopt;
  if (running == 0) return std::nullopt;  // A kernel without scheduler statistics.
  return Sample{now, running, waiting};
}

bool CpuUsage::IsRunnable() const {
  if (stat_fd_ < 0) return false;
  char text[64];
  const ssize_t length = pread(stat_fd_, text, sizeof(text), 0);
  if (length <= 0) return false;
  // tid (name) state …; the name has at most 15 bytes and may hold anything.
  const absl::string_view stat(text, static_cast<size_t>(length));
  const size_t end_of_name = stat.rfind(") ");
  return end_of_name != absl::string_view::npos && stat.substr(end_of_name + 2, 1) == "R";
}

std::optional<CpuShares> CpuUsage::Read(MonoTime now, int64_t least_ns) {
  if (!begin_.has_value()) {
    begin_ = Take(now);
    return std::nullopt;
  }
  const int64_t window_ns = now - begin_->time;
  if (window_ns < least_ns || window_ns <= 0) return last_;
  const std::optional<Sample> end = Take(now);
  if (!end.has_value()) return std::nullopt;
  const auto share = [&](uint64_t from, uint64_t to) {
    return std::clamp(static_cast<double>(to - from) / static_cast<double>(window_ns), 0.0, 1.0);
  };
  last_ = CpuShares{share(begin_->running_ns, end->running_ns),
                    share(begin_->waiting_ns, end->waiting_ns)};
  begin_ = end;
  if (last_->sleeping() > 0.05 && IsRunnable()) last_->waiting += last_->sleeping();
  return last_;
}

}  // namespace taskforge
