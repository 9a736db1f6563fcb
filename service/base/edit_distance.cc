#include "base/edit_distance.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace taskforge {

size_t EditDistance(absl::string_view a, absl::string_view b) {
  // Of the table of all distances between beginnings of the two, one row is kept.
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace taskforge
