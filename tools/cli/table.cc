#include "cli/table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace taskforge::cli {

size_t DisplayWidth(absl::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;  // Not a continuation byte.
  }));
}

Table::Table(std::vector<std::string> headings) : headings_(std::move(headings)) {
  for (std::string& heading : headings_) {
    to_the_right_.push_back(!heading.empty() && heading[0] == '>');
    if (to_the_right_.back()) heading.erase(0, 1);
  }
}

void Table::Add(std::vector<std::string> cells) {
  cells.resize(headings_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::Render(bool colour) const {
  std::vector<size_t> widths;
  for (const std::string& heading : headings_) widths.push_back(DisplayWidth(heading));
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  const auto line_of = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      const std::string padding(widths[i] - DisplayWidth(cells[i]), ' ');
      if (i > 0) line += "  ";
      line += to_the_right_[i] ? absl::StrCat(padding, cells[i]) : absl::StrCat(cells[i], padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
  };
  std::string text = line_of(headings_);
  if (colour) text = absl::StrCat("\x1b[1m", text, "\x1b[0m");
  text += "\n";
  for (const auto& row : rows_) absl::StrAppend(&text, line_of(row), "\n");
  return text;
}

}  // namespace taskforge::cli
