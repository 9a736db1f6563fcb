// Damages the end of the store's log at each offset, in each of three ways, and looks whether what
// was synced is there or the start is refused: never less than was synced, and nobody told.
//
//   tail_damage [--bytes N] [--stride N] [--processes N] [--directory DIR]
//
// --bytes: how much of the end (65536). --stride: each N-th offset only (1). --processes: so many
// at once (2). --directory: where the stores are; in memory it is fast (/dev/shm). Prints the
// counts. Ends with 0 when nothing was silent, 1 when something was, 2 for a call that it does not
// understand.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "store/rocksdb_engine.h"

namespace taskforge::crash {
namespace {

namespace fs = std::filesystem;

constexpr size_t kValueBytes = 100;
constexpr size_t kZeroed = 512;  // A sector.
constexpr size_t kShown = 5;

struct Options {
  size_t bytes = 65'536;
  size_t stride = 1;
  size_t processes = 2;
  std::string directory = "/dev/shm";
};

// How the log of one store may be damaged at an offset.
enum class Damage { kFlipped, kZeroed, kCut };
constexpr Damage kDamages[] = {Damage::kFlipped, Damage::kZeroed, Damage::kCut};

const char* Name(Damage damage) {
  return damage == Damage::kFlipped ? "flipped" : damage == Damage::kZeroed ? "zeroed" : "cut";
}

std::string Damaged(const std::string& sound, size_t at, Damage damage) {
  std::string bytes = sound;
  switch (damage) {
    case Damage::kFlipped:
      bytes[at] = static_cast<char>(bytes[at] ^ 0x04);
      break;
    case Damage::kZeroed:
      for (size_t i = at; i < std::min(at + kZeroed, bytes.size()); ++i) bytes[i] = '\0';
      break;
    case Damage::kCut:
      bytes.resize(at);
      break;
  }
  return bytes;
}

std::string Bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "tail_damage: %s\n", what.c_str());
  std::exit(2);
}

std::string KeyOf(size_t record) { return absl::StrCat("key", record); }

// One process's counts, as it hands them over.
struct Counts {
  size_t damages = 0;
  size_t refused = 0;
  size_t harmless = 0;  // All that was synced is there.
  size_t silent = 0;
};

class Tail {
 public:
  explicit Tail(const fs::path& directory) : directory_(directory) {}

  // A store with at least so many bytes of log, all of it synced and marked.
  void Make(size_t bytes) {
    fs::create_directories(directory_);
    const auto engine = Open();
    if (!engine.ok()) Fail(engine.status().ToString());
    for (; records_ * kValueBytes < bytes; ++records_) {
      const auto batch = (*engine)->NewBatch();
      batch->Put(StoreTable::kLive, KeyOf(records_), std::string(kValueBytes, 'v'));
      const absl::Status status = (*engine)->Write(*batch, /*sync=*/true);
      if (!status.ok()) Fail(status.ToString());
    }
  }

  // Its log is damaged at each `stride`-th offset of the last `bytes`, from the `first`-th on.
  Counts Try(const Options& options, size_t first) {
    const fs::path sound = directory_.string() + ".sound";
    fs::remove_all(sound);
    fs::copy(directory_, sound, fs::copy_options::recursive);
    const fs::path log = Log();
    const std::string bytes = Bytes(log);
    Counts counts;
    const size_t begin = bytes.size() - std::min(options.bytes, bytes.size());
    const size_t step = options.stride * options.processes;
    for (size_t at = begin + first * options.stride; at < bytes.size(); at += step) {
      for (const Damage damage : kDamages) {
        std::ofstream(log, std::ios::binary | std::ios::trunc) << Damaged(bytes, at, damage);
        Look(absl::StrCat(Name(damage), " at ", at, " of ", bytes.size()), counts);
        fs::remove_all(directory_);
        fs::copy(sound, directory_, fs::copy_options::recursive);
      }
    }
    return counts;
  }

 private:
  absl::StatusOr<std::unique_ptr<RocksDbEngine>> Open() const {
    RocksDbEngineOptions options;
    options.path = directory_ / "db";
    options.write_buffer_bytes = size_t{1} << 20;  // So that little room is set aside for a log.
    options.mark_path = directory_ / "SYNCED";
    return RocksDbEngine::Open(options, clock_);
  }
  fs::path Log() const {
    fs::path newest;
    for (const auto& entry : fs::directory_iterator(directory_ / "db")) {
      if (entry.path().extension() == ".log") newest = std::max(newest, entry.path());
    }
    return newest;
  }
  void Look(const std::string& how, Counts& counts) const {
    ++counts.damages;
    const auto engine = Open();
    if (absl::IsDataLoss(engine.status())) {
      ++counts.refused;
      return;
    }
    if (!engine.ok()) Fail(absl::StrCat(how, ": ", engine.status().ToString()));
    for (size_t i = 0; i < records_; ++i) {
      const auto value = (*engine)->Get(StoreTable::kLive, KeyOf(i));
      if (value.ok() && value->has_value()) continue;
      if (counts.silent++ < kShown) {
        std::printf("SILENT: %s: %s is gone\n", how.c_str(), KeyOf(i).c_str());
      }
      return;
    }
    ++counts.harmless;
  }

  const SystemClock clock_;
  const fs::path directory_;
  size_t records_ = 0;
};

Options Parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (i + 1 == argc) Fail(flag + " needs a value");
    size_t* const number = flag == "--bytes"       ? &options.bytes
                           : flag == "--stride"    ? &options.stride
                           : flag == "--processes" ? &options.processes
                                                   : nullptr;
    if (flag == "--directory") {
      options.directory = argv[i + 1];
    } else if (number == nullptr || !absl::SimpleAtoi(argv[i + 1], number) || *number == 0) {
      Fail("not understood: " + flag);
    }
  }
  return options;
}

int Run(const Options& options) {
  std::string above = options.directory + "/taskforge-tail-XXXXXX";
  fs::create_directories(options.directory);
  if (mkdtemp(above.data()) == nullptr) Fail(above);
  std::vector<int> pipes;
  for (size_t i = 0; i < options.processes; ++i) {
    int ends[2];
    if (pipe(ends) != 0) Fail("pipe");
    const pid_t child = fork();
    if (child < 0) Fail("fork");
    if (child == 0) {
      Tail tail(absl::StrCat(above, "/", i));
      tail.Make(options.bytes);
      const Counts counts = tail.Try(options, i);
      std::fflush(stdout);
      _exit(write(ends[1], &counts, sizeof(counts)) == sizeof(counts) ? 0 : 1);
    }
    close(ends[1]);
    pipes.push_back(ends[0]);
  }
  Counts sum;
  bool is_whole = true;
  for (const int end : pipes) {
    Counts counts;
    is_whole = read(end, &counts, sizeof(counts)) == sizeof(counts) && is_whole;
    sum.damages += counts.damages;
    sum.refused += counts.refused;
    sum.harmless += counts.harmless;
    sum.silent += counts.silent;
  }
  while (wait(nullptr) > 0) {
  }
  fs::remove_all(above);
  if (!is_whole) Fail("a process ended before its counts");
  std::printf("I4 tail=%zu stride=%zu damages=%zu refused=%zu harmless=%zu silent=%zu\n",
              options.bytes, options.stride, sum.damages, sum.refused, sum.harmless, sum.silent);
  return sum.silent == 0 && sum.refused > 0 ? 0 : 1;
}

}  // namespace
}  // namespace taskforge::crash

int main(int argc, char** argv) {
  return taskforge::crash::Run(taskforge::crash::Parse(argc, argv));
}
