#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "store/peers.h"
#include "store/work_directory.h"

namespace taskforge::bench {
namespace {

[[noreturn]] void Fail(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

}  // namespace

Sample RunRawGroupCommit(const std::string& path, int tasks, int64_t bytes, int64_t syncs) {
  const int64_t most = bytes / syncs + 1;
  const std::string piece = MakePayloads(1, static_cast<int>(most)).front();
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) Fail("open " + path);
  const double cpu = ProcessCpuSeconds();
  const double begin = WallSeconds();
  for (int64_t sync = 0, written = 0; sync < syncs; ++sync) {
    const int64_t size = bytes * (sync + 1) / syncs - written;
    if (write(fd, piece.data(), static_cast<size_t>(size)) != size) Fail("write " + path);
    if (fdatasync(fd) != 0) Fail("fdatasync " + path);
    written += size;
  }
  const Sample sample{static_cast<double>(tasks), WallSeconds() - begin, ProcessCpuSeconds() - cpu};
  close(fd);
  if (unlink(path.c_str()) != 0) Fail("unlink " + path);
  return sample;
}

}  // namespace taskforge::bench
