// Names that become metric labels, numbered in the order in which they were first seen and bounded:
// what comes later is `_other`.
#ifndef TASKFORGE_BASE_LABEL_TABLE_H_
#define TASKFORGE_BASE_LABEL_TABLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/mutex.h"

namespace taskforge {

// Looking a known name up takes no lock. Thread-safe.
class LabelTable {
 public:
  explicit LabelTable(size_t limit) : limit_(limit), places_(4 * limit + 1) {}
  ~LabelTable() {
    for (std::atomic<Entry*>& place : places_) delete place.load(std::memory_order_relaxed);
  }
  LabelTable(const LabelTable&) = delete;
  LabelTable& operator=(const LabelTable&) = delete;

  // How many indices there are, that of `_other` (the last) included.
  size_t count() const { return limit_ + 1; }

  // The name's index; count() - 1 if it came too late.
  size_t Index(absl::string_view name) ABSL_LOCKS_EXCLUDED(mu_) {
    const size_t hash = Hash(name);
    const Entry* found = Find(name, hash);
    if (found != nullptr) return found->index;
    if (full_.load(std::memory_order_acquire)) return limit_;  // acquire: pairs with Insert.
    return Insert(name, hash);
  }

  // The names by index as far as they were given out; `_other` at the end once it was.
  std::vector<std::string> Names() const ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    return names_;
  }
  // The name of an index; `_other` for the last.
  std::string NameOf(size_t index) const ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    return index < names_.size() ? names_[index] : "_other";
  }

 private:
  struct Entry {
    std::string name;
    size_t index;
  };

  static size_t Hash(absl::string_view name) {
    uint64_t hash = 0xCBF29CE484222325ULL;  // FNV-1a: names are short.
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    return static_cast<size_t>(hash);
  }

  const Entry* Find(absl::string_view name, size_t hash) const {
    for (size_t i = 0; i < places_.size(); ++i) {
      // acquire: pairs with the release in Insert; publishes the entry.
      const Entry* entry = places_[(hash + i) % places_.size()].load(std::memory_order_acquire);
      if (entry == nullptr || entry->name == name) return entry;
    }
    return nullptr;
  }

  size_t Insert(absl::string_view name, size_t hash) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    const Entry* found = Find(name, hash);
    if (found != nullptr) return found->index;
    if (names_.size() == limit_) {
      full_.store(true, std::memory_order_release);  // release: pairs with Index.
      return limit_;
    }
    const size_t index = names_.size();
    names_.emplace_back(name);
    size_t place = hash % places_.size();
    while (places_[place].load(std::memory_order_relaxed) != nullptr) {
      place = (place + 1) % places_.size();
    }
    // release: pairs with the acquire in Find(); publishes the entry.
    places_[place].store(new Entry{std::string(name), index}, std::memory_order_release);
    return index;
  }

  const size_t limit_;
  std::vector<std::atomic<Entry*>> places_;  // Open addressing, at most a quarter full.
  std::atomic<bool> full_{false};
  mutable Mutex mu_;
  std::vector<std::string> names_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_LABEL_TABLE_H_
