// Where the benchmarks of durable stores keep their files, and what they write.
#ifndef TASKFORGE_BENCH_STORE_WORK_DIRECTORY_H_
#define TASKFORGE_BENCH_STORE_WORK_DIRECTORY_H_

#include <cstdint>
#include <string>
#include <vector>

namespace taskforge::bench {

// A new directory. Removed by the destructor; it stays when the benchmark ends with a message.
class WorkDirectory {
 public:
  // Below `base`; its path is absolute. What cannot be made ends the benchmark with a message, and
  // so does a file system in memory, whose syncs do nothing, unless `only_smoke`.
  WorkDirectory(const std::string& base, bool only_smoke);
  ~WorkDirectory();
  WorkDirectory(const WorkDirectory&) = delete;
  WorkDirectory& operator=(const WorkDirectory&) = delete;

  const std::string& path() const { return path_; }
  // Makes a directory in it; its path.
  std::string Make(const std::string& name) const;

 private:
  std::string path_;
};

// What the files below a directory occupy on the disk, preallocated room included.
int64_t OccupiedBytes(const std::string& directory);

// `count` texts of `bytes` bytes that no compressor makes smaller, the same in every run.
std::vector<std::string> MakePayloads(int count, int bytes);

}  // namespace taskforge::bench

#endif  // TASKFORGE_BENCH_STORE_WORK_DIRECTORY_H_
