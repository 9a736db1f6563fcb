#include "cli/progress_bar.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/format.h"

namespace taskforge::cli {
namespace {

constexpr int kBarWidth = 30;
constexpr absl::Duration kRedrawInterval = absl::Milliseconds(50);
constexpr absl::Duration kLineInterval = absl::Seconds(5);

}  // namespace

std::string RenderProgress(uint64_t done, uint64_t total, const std::string& note, int bar_width) {
  std::string text;
  if (total > 0) {
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    if (bar_width > 0) {
      const size_t filled = static_cast<size_t>(share * bar_width);
      text = absl::StrCat("[", std::string(filled, '#'),
                          std::string(static_cast<size_t>(bar_width) - filled, '-'), "] ");
    }
    absl::StrAppendFormat(&text, "%3.0f %%  %s of %s", share * 100, FormatCount(done),
                          FormatCount(total));
  } else {
    text = FormatCount(done);
  }
  absl::StrAppend(&text, " tasks");
  if (!note.empty()) absl::StrAppend(&text, "  ", note);
  return text;
}

void ProgressBar::Update(uint64_t done, uint64_t total, const std::string& note) {
  const absl::Time now = absl::Now();
  if (now - last_ < (on_terminal_ ? kRedrawInterval : kLineInterval)) return;
  // Without a terminal a short job needs no line at all.
  const bool is_first = last_ == absl::InfinitePast();
  last_ = now;
  if (on_terminal_) {
    std::fprintf(stderr, "\r\x1b[K%s", RenderProgress(done, total, note, kBarWidth).c_str());
    drawn_ = true;
  } else if (!is_first) {
    std::fprintf(stderr, "%s\n", RenderProgress(done, total, note, 0).c_str());
  }
  std::fflush(stderr);
}

void ProgressBar::Clear() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
  drawn_ = false;
}

}  // namespace taskforge::cli
