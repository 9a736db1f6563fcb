// How far one text is from another, for "did you mean ...".
#ifndef TASKFORGE_BASE_EDIT_DISTANCE_H_
#define TASKFORGE_BASE_EDIT_DISTANCE_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace taskforge {

// Levenshtein's distance: the least number of bytes to insert, remove or replace that makes `b` of
// `a`. Takes time in proportion to the product of their lengths, so cut what a caller sent first.
// Thread-safe.
size_t EditDistance(absl::string_view a, absl::string_view b);

}  // namespace taskforge

#endif  // TASKFORGE_BASE_EDIT_DISTANCE_H_
