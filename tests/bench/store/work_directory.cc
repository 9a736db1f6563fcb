#include "store/work_directory.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <system_error>

namespace taskforge::bench {
namespace {

[[noreturn]] void Fail(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

}  // namespace

WorkDirectory::WorkDirectory(const std::string& base, bool only_smoke)
    : path_(std::filesystem::absolute(base) / "taskforge-bench-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) Fail("mkdtemp " + path_);
  struct statfs about {};
  if (statfs(path_.c_str(), &about) != 0) Fail("statfs " + path_);
  if (about.f_type != TMPFS_MAGIC && about.f_type != RAMFS_MAGIC) return;
  std::fprintf(stderr, "%s is in memory, where a sync does nothing: the figures mean nothing%s\n",
               base.c_str(), only_smoke ? "" : "; set TMPDIR to a directory on a disk");
  if (only_smoke) return;
  rmdir(path_.c_str());
  std::exit(1);
}

WorkDirectory::~WorkDirectory() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
  if (error) std::fprintf(stderr, "%s stays: %s\n", path_.c_str(), error.message().c_str());
}

std::string WorkDirectory::Make(const std::string& name) const {
  const std::string directory = path_ + "/" + name;
  if (mkdir(directory.c_str(), 0700) != 0) Fail("mkdir " + directory);
  return directory;
}

int64_t OccupiedBytes(const std::string& directory) {
  int64_t bytes = 0;
  std::error_code error;
  // Files come and go meanwhile: what is gone occupies nothing.
  auto each = std::filesystem::recursive_directory_iterator(directory, error);
  for (; !error && each != std::filesystem::end(each); each.increment(error)) {
    struct stat about {};
    if (lstat(each->path().c_str(), &about) == 0) bytes += about.st_blocks * int64_t{512};
  }
  if (error) {
    std::fprintf(stderr, "reading %s: %s\n", directory.c_str(), error.message().c_str());
    std::exit(1);
  }
  return bytes;
}

std::vector<std::string> MakePayloads(int count, int bytes) {
  std::mt19937_64 random(4711);
  std::vector<std::string> payloads;
  for (int i = 0; i < count; ++i) {
    std::string payload;
    while (payload.size() < static_cast<size_t>(bytes)) {
      const uint64_t eight = random();
      payload.append(reinterpret_cast<const char*>(&eight), sizeof(eight));
    }
    payload.resize(static_cast<size_t>(bytes));
    payloads.push_back(std::move(payload));
  }
  return payloads;
}

}  // namespace taskforge::bench
