#include "store/persistence_options.h"

#include "absl/strings/str_cat.h"

namespace taskforge {
namespace {

constexpr size_t kLeastWriteBuffer = size_t{4} << 20;
constexpr size_t kLeastCache = size_t{1} << 20;

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
  if (cache_bytes < kLeastCache) {
    errors.push_back(
        absl::StrCat("store.cache_bytes: is ", cache_bytes, "; at least ", kLeastCache));
  }
  return errors;
}

}  // namespace taskforge
