// Relacy replaces the global operators new and delete, but for those that are told the size, which
// came later: without these, what it gave out would go back to the C library.
#include <cstddef>
#include <new>

#include "model/relacy_atomics.h"

void operator delete(void* object, size_t) noexcept { ::operator delete(object); }
void operator delete[](void* object, size_t) noexcept { ::operator delete[](object); }
