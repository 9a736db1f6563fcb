// The names that many tasks have in common, each once in memory.
#ifndef TASKFORGE_INTAKE_SHARED_NAMES_H_
#define TASKFORGE_INTAKE_SHARED_NAMES_H_

#include <array>
#include <cstddef>
#include <utility>

#include "absl/hash/hash.h"
#include "base/mutex.h"
#include "base/shared_text.h"

namespace taskforge {

// Remembers a name in each of its places, the last that was shared there: so it is bounded, and
// names that come often are mostly there. Thread-safe.
class SharedNames {
 public:
  // The same name, with the characters of an earlier one if they are known.
  SharedText Share(SharedText name) {
    Place& place = places_[absl::HashOf(name.view()) % kPlaces];
    MutexLock lock(place.mu);
    if (!(place.name == name)) place.name = std::move(name);
    return place.name;
  }

 private:
  static constexpr size_t kPlaces = 64;
  struct alignas(64) Place {  // A cache line each, so that names do not disturb each other.
    Mutex mu;
    SharedText name ABSL_GUARDED_BY(mu);
  };

  std::array<Place, kPlaces> places_;
};

}  // namespace taskforge

#endif  // TASKFORGE_INTAKE_SHARED_NAMES_H_
