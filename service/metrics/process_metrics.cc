#include "metrics/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace taskforge {
namespace {

std::string ReadProc(const char* path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// Seconds since the epoch when the machine booted; 0 when unknown.
double BootTime() {
  std::istringstream stat(ReadProc("/proc/stat"));
  for (std::string word; stat >> word;) {
    double seconds = 0;
    if (word == "btime" && stat >> seconds) return seconds;
  }
  return 0;
}

int CountOpenDescriptors() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return -1;
  int count = -1;  // The directory's own descriptor does not count.
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.') ++count;
  }
  closedir(directory);
  return count;
}

}  // namespace

void CollectProcess(Families& families) {
  // Fields after the name, which may hold spaces: see proc(5), from field 3 on.
  const std::string stat = ReadProc("/proc/self/stat");
  const size_t end_of_name = stat.rfind(')');
  if (end_of_name != std::string::npos) {
    const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    const double page = static_cast<double>(sysconf(_SC_PAGESIZE));
    std::istringstream fields(stat.substr(end_of_name + 2));
    std::string field;
    double cpu = 0;
    for (int i = 3; fields >> field; ++i) {
      const double value = std::atof(field.c_str());
      if (i == 14 || i == 15) cpu += value / ticks;
      if (i == 22) {
        families.Gauge("process_start_time_seconds", "Start of the process, since the epoch.", {},
                       BootTime() + value / ticks);
      }
      if (i == 23) families.Gauge("process_virtual_memory_bytes", "Virtual memory.", {}, value);
      if (i == 24) {
        families.Gauge("process_resident_memory_bytes", "Resident memory.", {}, value * page);
        break;
      }
    }
    families.Counter("process_cpu_seconds_total", "User and system CPU time.", {}, cpu);
  }
  const int open = CountOpenDescriptors();
  if (open >= 0) families.Gauge("process_open_fds", "Open file descriptors.", {}, open);
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    families.Gauge("process_max_fds", "Most file descriptors.", {},
                   static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace taskforge
