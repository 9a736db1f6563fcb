#include "base/free_memory.h"

#include <malloc.h>

// Of tcmalloc (gperftools/malloc_extension_c.h): null where the program is linked without it.
extern "C" void MallocExtension_ReleaseFreeMemory() __attribute__((weak));

namespace taskforge {

void ReleaseFreeMemory() {
  if (MallocExtension_ReleaseFreeMemory != nullptr) {
    MallocExtension_ReleaseFreeMemory();
  } else {
    malloc_trim(0);
  }
}

}  // namespace taskforge
