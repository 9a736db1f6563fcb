// Gives memory that is free back to the system.
#ifndef TASKFORGE_BASE_FREE_MEMORY_H_
#define TASKFORGE_BASE_FREE_MEMORY_H_

namespace taskforge {

// Asks the allocator that this program was linked with (tcmalloc or the C library's) to return what
// it keeps for later. A few ms of work, during which others may wait for memory. Thread-safe.
void ReleaseFreeMemory();

}  // namespace taskforge

#endif  // TASKFORGE_BASE_FREE_MEMORY_H_
