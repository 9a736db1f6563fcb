// A fault that is seeded into what stands on epochs: there are none, and what is retired is freed
// at once.
#ifndef TASKFORGE_MODEL_NO_EPOCHS_H_
#define TASKFORGE_MODEL_NO_EPOCHS_H_

#include <cstddef>

#include "model/relacy_atomics.h"
#include "sync/epoch.h"

namespace taskforge {
namespace model {

struct NoEpochs : RelacyAtomics {};

}  // namespace model

// Thread-safe, and wrong.
template <>
class BasicEpochDomain<model::NoEpochs> {
 public:
  struct Retired {};
  class Guard {
   public:
    explicit Guard(BasicEpochDomain&) {}
    ~Guard() {}  // As the right one's: not trivial.
  };
  void Retire(Retired* object, void (*destroy)(Retired*)) { destroy(object); }
  void Retire(void* object, void (*destroy)(void*)) { destroy(object); }
  size_t garbage() const { return 0; }
  void Quiesce(size_t) {}
};

}  // namespace taskforge

#endif  // TASKFORGE_MODEL_NO_EPOCHS_H_
