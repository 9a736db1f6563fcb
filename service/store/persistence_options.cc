#include "store/persistence_options.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace taskforge {
namespace {

constexpr size_t kLeastWriteBuffer = size_t{4} << 20;
constexpr size_t kLeastCache = size_t{1} << 20;

// Whether `path` is `directory`, or lies in it.
bool IsWithin(const std::string& path, const std::string& directory) {
  if (path.empty()) return false;
  const auto full = [](const std::string& text) {
    return std::filesystem::absolute(text + "/.").lexically_normal();
  };
  const std::filesystem::path outer = full(directory);
  const std::filesystem::path inner = full(path);
  // Both end in a separator, so `outer` has an empty name at its end.
  const auto [at, unused] =
      std::mismatch(outer.begin(), std::prev(outer.end()), inner.begin(), inner.end());
  return at == std::prev(outer.end());
}

}  // namespace

std::vector<std::string> PersistenceOptions::Validate() const {
  std::vector<std::string> errors = store.Validate();
  if (data_dir.empty()) {
    errors.push_back("data_dir: is empty; a directory, auto, or none to keep all in memory");
  }
  if (default_durability == Durability::kUnspecified) {
    errors.push_back("store.durability: durable, buffered or memory");
  }
  if (write_buffer_bytes < kLeastWriteBuffer) {
    errors.push_back(absl::StrCat("store.write_buffer_bytes: is ", write_buffer_bytes,
                                  "; at least ", kLeastWriteBuffer));
  }
  if (is_on() && min_free_bytes < write_buffer_bytes) {
    errors.push_back(absl::StrCat(
        "store.min_free_bytes: is ", min_free_bytes, ", less than store.write_buffer_bytes, ",
        write_buffer_bytes,
        ", which must be free for the store to go on after the disk was full: raise the one, or "
        "lower the other"));
  }
  if (cache_bytes < kLeastCache) {
    errors.push_back(
        absl::StrCat("store.cache_bytes: is ", cache_bytes, "; at least ", kLeastCache));
  }
  if (is_on() && IsWithin(backup_dir, data_dir)) {
    errors.push_back(absl::StrCat("store.backup_dir: ", backup_dir, " lies in data_dir, ", data_dir,
                                  ", which is the store's alone: name another directory"));
  }
  return errors;
}

}  // namespace taskforge
