// What RocksDB says of itself, in a file that may be full.
#ifndef TASKFORGE_STORE_ROCKSDB_LOG_H_
#define TASKFORGE_STORE_ROCKSDB_LOG_H_

#include <cstdarg>
#include <cstddef>
#include <string>

#include "base/mutex.h"
#include "rocksdb/env.h"

namespace taskforge {

// Appends warnings and errors to `LOG` in its directory; when that is large, it becomes `LOG.old`.
// What cannot be written is dropped: RocksDB's own logger goes through its writer of data files,
// which ends the process when it is used again after a write that failed, and a disk that is full
// for a moment is no reason to die. What counts comes back as the status of a call.
// Thread-safe.
class RocksDbLog final : public rocksdb::Logger {
 public:
  static constexpr size_t kMostBytes = size_t{4} << 20;

  explicit RocksDbLog(const std::string& directory, size_t most_bytes = kMostBytes);
  ~RocksDbLog() override;

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override;

 private:
  // Makes the file, if the directory is there by now. Returns whether there is one.
  bool Open() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string path_;
  const size_t most_bytes_;
  Mutex mu_;
  int fd_ ABSL_GUARDED_BY(mu_) = -1;
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_ROCKSDB_LOG_H_
