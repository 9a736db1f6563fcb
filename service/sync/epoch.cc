#include "sync/epoch.h"

#include "sync/epoch_inl.h"

namespace taskforge {

template class BasicEpochDomain<StdAtomics>;

}  // namespace taskforge
