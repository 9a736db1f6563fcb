#include "crash/fault_disk.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

// What is behind this library.
template <typename Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}
#define REAL(function) static auto* const real_##function = Real<decltype(function)>(#function)

namespace {

enum class Mode { kNone, kKill, kTorn, kPower, kPrefix, kEio, kFull, kReadOnly, kNoFiles };

// A change that no sync has brought to the disk, and how it is undone.
struct Change {
  enum class Kind { kBytes, kCreated, kRenamed } kind = Kind::kBytes;
  std::string path;   // Of a rename: the new name.
  std::string other;  // Of a rename: the old name.
  std::string kept;   // Of a rename: where what it replaced is kept; empty: nothing was there.
  off_t offset = 0;   // Of bytes; and:
  std::string bytes;  // what they were before. The file ends at `size` before.
  off_t size = 0;
};

std::string ParentOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

class Disk {
 public:
  static Disk& Get() {
    static Disk* const disk = new Disk();  // Never destroyed: threads write until the end.
    return *disk;
  }

  bool Has(const std::string& path) const {
    return !directory_.empty() && path.compare(0, directory_.size(), directory_) == 0 &&
           (path.size() == directory_.size() || path[directory_.size()] == '/');
  }
  // The file that is open there; null: none of ours.
  const std::string* PathOf(int fd) const {
    const auto it = files_.find(fd);
    return it == files_.end() ? nullptr : &it->second;
  }
  void NoteOpen(int fd, const std::string& path) { files_[fd] = path; }
  void NoteClose(int fd) { files_.erase(fd); }

  // A point is reached. Returns an error number, or 0: go on. `is_write`: it can be torn, and then
  // `tear` does half of it.
  template <typename Tear>
  int Reach(bool is_write, bool is_sync, Tear tear) {
    const uint64_t point = ++*count_;
    if (is_write) ++writes_;
    if (is_sync) ++syncs_;
    const bool is_due = point == at_;
    switch (mode_) {
      case Mode::kTorn:
        if (is_due && is_write) tear();
        [[fallthrough]];
      case Mode::kKill:
        if (is_due) End();
        return 0;
      case Mode::kPower:
        if (is_due) {
          Undo(0);
          End();
        }
        return 0;
      case Mode::kPrefix:
        if (is_due) {
          Undo(changes_.size() / 2);
          End();
        }
        return 0;
      case Mode::kEio:
        return is_sync && syncs_ == at_ ? EIO : 0;
      case Mode::kFull:
        return is_write && writes_ >= at_ && Spend() ? ENOSPC : 0;
      case Mode::kReadOnly:
        return point >= at_ && Spend() ? EROFS : 0;
      default:
        return 0;
    }
  }
  int Reach(bool is_sync = false) {
    return Reach(false, is_sync, [] {});
  }
  // An opening, be it only to read.
  int ReachOpen() { return mode_ == Mode::kNoFiles && ++opens_ >= at_ && Spend() ? EMFILE : 0; }

  bool watches_power() const { return mode_ == Mode::kPower || mode_ == Mode::kPrefix; }
  void Note(Change change) { changes_.push_back(std::move(change)); }
  // The file, or the names in the directory, are on the disk.
  void NoteSync(const std::string& path, bool is_directory) {
    const auto is_kept = [&](const Change& change) {
      if (change.kind == Change::Kind::kBytes) return !is_directory && change.path == path;
      return is_directory && ParentOf(change.path) == path;
    };
    for (const Change& change : changes_) {
      REAL(unlink);
      if (is_kept(change) && !change.kept.empty()) real_unlink(change.kept.c_str());
    }
    changes_.erase(std::remove_if(changes_.begin(), changes_.end(), is_kept), changes_.end());
  }
  // After a rename: what was noted of the old name is of the new one.
  void Rename(const std::string& from, const std::string& to) {
    for (Change& change : changes_) {
      if (change.kind == Change::Kind::kBytes && change.path == from) change.path = to;
    }
    for (auto& [fd, path] : files_) {
      if (path == from) path = to;
    }
  }
  std::string KeepingPlace() { return directory_ + ".kept-" + std::to_string(++kept_); }

  pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;

 private:
  Disk() {
    const char* const directory = getenv(taskforge::crash::kFaultDirectory);
    const char* const count = getenv(taskforge::crash::kFaultCount);
    const char* const mode = getenv(taskforge::crash::kFaultMode);
    const char* const times = getenv(taskforge::crash::kFaultTimes);
    if (directory != nullptr) directory_ = directory;
    if (times != nullptr) times_ = strtoull(times, nullptr, 10);
    if (mode != nullptr) Parse(mode);
    if (count == nullptr) return;
    REAL(open);
    REAL(ftruncate);
    const int fd = real_open(count, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || real_ftruncate(fd, sizeof(uint64_t)) != 0) Complain(count);
    void* const mapped = mmap(nullptr, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) Complain(count);
    count_ = static_cast<uint64_t*>(mapped);
  }

  void Parse(const std::string& text) {
    static const std::pair<const char*, Mode> kModes[] = {
        {"kill", Mode::kKill},     {"torn", Mode::kTorn},       {"power", Mode::kPower},
        {"eio", Mode::kEio},       {"full", Mode::kFull},       {"readonly", Mode::kReadOnly},
        {"prefix", Mode::kPrefix}, {"nofiles", Mode::kNoFiles},
    };
    const size_t colon = text.find(':');
    for (const auto& [name, mode] : kModes) {
      if (text.compare(0, colon, name) == 0) mode_ = mode;
    }
    if (colon != std::string::npos) at_ = strtoull(text.c_str() + colon + 1, nullptr, 10);
  }

  [[noreturn]] static void Complain(const char* what) {
    perror(what);
    abort();
  }
  [[noreturn]] static void End() {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  // Whether the fault is met once more.
  bool Spend() {
    if (times_ == 0) return false;
    --times_;
    return true;
  }
  // The last first, as the disk was before each; those before `first` stay.
  void Undo(size_t first) {
    REAL(rename);
    REAL(unlink);
    for (size_t i = changes_.size(); i-- > first;) {
      const Change& change = changes_[i];
      switch (change.kind) {
        case Change::Kind::kBytes: {
          REAL(open);
          REAL(pwrite);
          REAL(ftruncate);
          const int fd = real_open(change.path.c_str(), O_WRONLY | O_CLOEXEC);
          if (fd < 0) break;  // Removed since.
          const auto size = static_cast<ssize_t>(change.bytes.size());
          if (real_pwrite(fd, change.bytes.data(), change.bytes.size(), change.offset) != size ||
              real_ftruncate(fd, change.size) != 0) {
            Complain(change.path.c_str());
          }
          REAL(close);
          real_close(fd);
          break;
        }
        case Change::Kind::kCreated:
          real_unlink(change.path.c_str());
          break;
        case Change::Kind::kRenamed:
          real_rename(change.path.c_str(), change.other.c_str());
          if (!change.kept.empty()) real_rename(change.kept.c_str(), change.path.c_str());
          break;
      }
    }
  }

  std::string directory_;
  Mode mode_ = Mode::kNone;
  uint64_t at_ = 0;
  uint64_t times_ = UINT64_MAX;
  uint64_t uncounted_ = 0;
  uint64_t* count_ = &uncounted_;
  uint64_t writes_ = 0;
  uint64_t syncs_ = 0;
  uint64_t opens_ = 0;
  uint64_t kept_ = 0;
  std::map<int, std::string> files_;
  std::vector<Change> changes_;
};

class Lock {
 public:
  Lock() { pthread_mutex_lock(&Disk::Get().mu); }
  ~Lock() {
    const int error = errno;
    pthread_mutex_unlock(&Disk::Get().mu);
    errno = error;
  }
};

// Whoever has it open calls nothing else with it meanwhile, as everywhere.
bool IsOurs(int fd) {
  const Lock lock;
  return Disk::Get().PathOf(fd) != nullptr;
}

int Fail(int error) {
  errno = error;
  return -1;
}

std::string Absolute(const char* path) {
  if (path[0] == '/') return path;
  char current[PATH_MAX];
  return getcwd(current, sizeof(current)) == nullptr ? path : std::string(current) + "/" + path;
}
std::string Absolute(int directory, const char* path) {
  if (path[0] == '/' || directory == AT_FDCWD) return Absolute(path);
  const std::string* const above = Disk::Get().PathOf(directory);
  return above == nullptr ? path : *above + "/" + path;
}

// Notes what is about to be overwritten, or to be put at the end.
void NoteBytes(int fd, const std::string& path, off_t offset, size_t size) {
  Change change;
  change.path = path;
  struct stat now;
  if (fstat(fd, &now) != 0) return;
  change.size = now.st_size;
  change.offset = offset;
  if (offset < now.st_size) {
    // The file may be open to be written only.
    REAL(open);
    const int reading = real_open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (reading < 0) return;
    change.bytes.resize(std::min(size, static_cast<size_t>(now.st_size - offset)));
    const ssize_t got = pread(reading, change.bytes.data(), change.bytes.size(), offset);
    REAL(close);
    real_close(reading);
    if (got != static_cast<ssize_t>(change.bytes.size())) return;
  }
  Disk::Get().Note(std::move(change));
}

// `write_some(size)` writes so much of it.
template <typename Write>
ssize_t DoWrite(int fd, off_t offset, size_t size, Write write_some) {
  if (!IsOurs(fd)) return write_some(size);
  const Lock lock;
  Disk& disk = Disk::Get();
  const std::string* const path = disk.PathOf(fd);
  const int error = disk.Reach(true, false, [&] { write_some(size / 2); });
  if (error != 0) return Fail(error);
  if (disk.watches_power()) {
    NoteBytes(fd, *path, offset < 0 ? lseek(fd, 0, SEEK_END) : offset, size);
  }
  return write_some(size);
}

template <typename Open>
int DoOpen(const std::string& path, int flags, Open open_it) {
  const Lock lock;
  Disk& disk = Disk::Get();
  if (!disk.Has(path)) return open_it();
  int error = disk.ReachOpen();
  const bool is_new = (flags & O_CREAT) != 0 && access(path.c_str(), F_OK) != 0;
  if (error == 0 && (is_new || (flags & O_TRUNC) != 0)) error = disk.Reach();
  if (error != 0) return Fail(error);
  const int fd = open_it();
  if (fd < 0) return fd;
  disk.NoteOpen(fd, path);
  if (is_new && disk.watches_power()) {
    Change created;
    created.kind = Change::Kind::kCreated;
    created.path = path;
    disk.Note(std::move(created));
  }
  return fd;
}

template <typename Sync>
int DoSync(int fd, Sync sync) {
  if (!IsOurs(fd)) return sync();
  const Lock lock;
  Disk& disk = Disk::Get();
  const std::string* const path = disk.PathOf(fd);
  struct stat now;
  const bool is_directory = fstat(fd, &now) == 0 && S_ISDIR(now.st_mode);
  const int error = disk.Reach(!is_directory);
  if (error != 0) return Fail(error);
  const int result = sync();
  if (result == 0) disk.NoteSync(*path, is_directory);
  return result;
}

// Of a call that changes the name `path`, or the file under it.
template <typename Act>
int DoChange(const std::string& path, Act act) {
  const Lock lock;
  Disk& disk = Disk::Get();
  if (!disk.Has(path)) return act();
  const int error = disk.Reach();
  return error != 0 ? Fail(error) : act();
}

template <typename Rename>
int DoRename(const std::string& from, const std::string& to, Rename rename_it) {
  const Lock lock;
  Disk& disk = Disk::Get();
  if (!disk.Has(to)) return rename_it();
  const int error = disk.Reach();
  if (error != 0) return Fail(error);
  Change renamed;
  renamed.kind = Change::Kind::kRenamed;
  renamed.path = to;
  renamed.other = from;
  if (disk.watches_power() && access(to.c_str(), F_OK) == 0) {
    REAL(link);
    renamed.kept = disk.KeepingPlace();
    if (real_link(to.c_str(), renamed.kept.c_str()) != 0) return -1;
  }
  const int result = rename_it();
  if (result != 0) return result;
  disk.Rename(from, to);
  if (disk.watches_power()) disk.Note(std::move(renamed));
  return 0;
}

mode_t ModeOf(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

extern "C" {

#define DEFINE_OPEN(name)                                                                 \
  int name(const char* path, int flags, ...) {                                            \
    REAL(name);                                                                           \
    va_list arguments;                                                                    \
    va_start(arguments, flags);                                                           \
    const mode_t mode = ModeOf(flags, arguments);                                         \
    va_end(arguments);                                                                    \
    return DoOpen(Absolute(path), flags, [&] { return real_##name(path, flags, mode); }); \
  }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

// What open() becomes where it is checked at run time.
#define DEFINE_CHECKED_OPEN(name)                                            \
  int name(const char* path, int flags) {                                    \
    using Checked = int(const char*, int);                                   \
    static Checked* const real = Real<Checked>(#name);                       \
    return DoOpen(Absolute(path), flags, [&] { return real(path, flags); }); \
  }
DEFINE_CHECKED_OPEN(__open_2)
DEFINE_CHECKED_OPEN(__open64_2)

#define DEFINE_OPENAT(name)                                                   \
  int name(int directory, const char* path, int flags, ...) {                 \
    REAL(name);                                                               \
    va_list arguments;                                                        \
    va_start(arguments, flags);                                               \
    const mode_t mode = ModeOf(flags, arguments);                             \
    va_end(arguments);                                                        \
    return DoOpen(Absolute(directory, path), flags,                           \
                  [&] { return real_##name(directory, path, flags, mode); }); \
  }
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

int close(int fd) {
  REAL(close);
  {
    const Lock lock;
    Disk::Get().NoteClose(fd);
  }
  return real_close(fd);
}

ssize_t write(int fd, const void* data, size_t size) {
  REAL(write);
  return DoWrite(fd, -1, size, [&](size_t some) { return real_write(fd, data, some); });
}

#define DEFINE_PWRITE(name, offset_type)                                              \
  ssize_t name(int fd, const void* data, size_t size, offset_type offset) {           \
    REAL(name);                                                                       \
    return DoWrite(fd, offset, size,                                                  \
                   [&](size_t some) { return real_##name(fd, data, some, offset); }); \
  }
DEFINE_PWRITE(pwrite, off_t)
DEFINE_PWRITE(pwrite64, off64_t)

#define DEFINE_SYNC(name)                               \
  int name(int fd) {                                    \
    REAL(name);                                         \
    return DoSync(fd, [&] { return real_##name(fd); }); \
  }
DEFINE_SYNC(fsync)
DEFINE_SYNC(fdatasync)

#define DEFINE_TRUNCATE(name, size_type)                          \
  int name(int fd, size_type size) {                              \
    REAL(name);                                                   \
    std::string path;                                             \
    {                                                             \
      const Lock lock;                                            \
      const std::string* const known = Disk::Get().PathOf(fd);    \
      if (known != nullptr) path = *known;                        \
    }                                                             \
    return DoChange(path, [&] { return real_##name(fd, size); }); \
  }
DEFINE_TRUNCATE(ftruncate, off_t)
DEFINE_TRUNCATE(ftruncate64, off64_t)

int unlink(const char* path) {
  REAL(unlink);
  return DoChange(Absolute(path), [&] { return real_unlink(path); });
}
int mkdir(const char* path, mode_t mode) {
  REAL(mkdir);
  return DoChange(Absolute(path), [&] { return real_mkdir(path, mode); });
}
int link(const char* from, const char* to) {
  REAL(link);
  return DoChange(Absolute(to), [&] { return real_link(from, to); });
}
int rename(const char* from, const char* to) {
  REAL(rename);
  return DoRename(Absolute(from), Absolute(to), [&] { return real_rename(from, to); });
}

}  // extern "C"
