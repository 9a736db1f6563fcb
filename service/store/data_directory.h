// The directory in which the durable store keeps its files: whose it is, and of which format.
#ifndef TASKFORGE_STORE_DATA_DIRECTORY_H_
#define TASKFORGE_STORE_DATA_DIRECTORY_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file_system.h"

namespace taskforge {

// What stands in the file FORMAT, as text, which is read before anything else is opened:
//   taskforge data
//   format 1
//   least_reader 1
//   least_writer 1
// A server whose kDataFormat is less than least_writer opens nothing: it says which version does.
struct DataFormat {
  int format = 0;
  int least_reader = 0;
  int least_writer = 0;
};
inline constexpr int kDataFormat = 1;
std::string PrintDataFormat(const DataFormat& format);
// DATA_LOSS: it is no such text.
absl::StatusOr<DataFormat> ParseDataFormat(absl::string_view text);

// Held by one process at a time, from its opening to its end. Thread-compatible.
class DataDirectory {
 public:
  // Makes the directory, for its owner alone, unless it is there; locks it; reads its FORMAT, or
  // writes one into a directory that is empty. FAILED_PRECONDITION, and nothing was written: it is
  // another server's now, of a format that this server must not write, or no data directory.
  // PERMISSION_DENIED, UNAVAILABLE: the system's error, with the path.
  static absl::StatusOr<std::unique_ptr<DataDirectory>> Open(FileSystem& files, std::string path);
  // The same of a directory that is there with a store in it, which stays as it is but for its
  // lock. NOT_FOUND: there is no such directory, or nothing was ever kept in it.
  static absl::StatusOr<std::unique_ptr<DataDirectory>> OpenExisting(FileSystem& files,
                                                                     std::string path);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  const std::string& path() const { return path_; }
  // Of the engine's files, and of the mark of what was synced (sync_mark.h).
  std::string engine_path() const { return path_ + "/db"; }
  std::string mark_path() const { return path_ + "/SYNCED"; }
  // Whether there was none before.
  bool is_new() const { return is_new_; }

 private:
  DataDirectory(std::string path, int lock_fd, bool is_new)
      : path_(std::move(path)), lock_fd_(lock_fd), is_new_(is_new) {}

  const std::string path_;
  const int lock_fd_;
  const bool is_new_;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_DATA_DIRECTORY_H_
