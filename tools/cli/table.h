// Rows under a heading, in columns that fit.
#ifndef TASKFORGE_CLI_TABLE_H_
#define TASKFORGE_CLI_TABLE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace taskforge::cli {

// Columns of `text` on a terminal, as far as code points tell.
size_t DisplayWidth(absl::string_view text);

// Not thread-safe.
class Table {
 public:
  // A heading that begins with `>` stands for a column of numbers, aligned to the right.
  explicit Table(std::vector<std::string> headings);

  // Missing cells are empty. REQUIRES: no more cells than headings.
  void Add(std::vector<std::string> cells);
  // Lines that end in a line feed, without blanks before it; headings in bold with `colour`.
  std::string Render(bool colour) const;

 private:
  std::vector<std::string> headings_;
  std::vector<bool> to_the_right_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_TABLE_H_
