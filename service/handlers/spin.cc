#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "handlers/built_in.h"

namespace taskforge {
namespace {

// Some microseconds of work between two looks at the clock. Returns what it computed, so that the
// compiler keeps it.
uint64_t Burn(uint64_t x) {
  for (int i = 0; i < 4096; ++i) {
    x ^= x << 13;  // xorshift64 (Marsaglia, 2003).
    x ^= x >> 7;
    x ^= x << 17;
  }
  return x;
}

HandlerResult Spin(const Clock& clock, const Attempt& attempt) {
  absl::Duration duration;
  const std::string text(absl::StripAsciiWhitespace(attempt.input().data.view()));
  if (!absl::ParseDuration(text, &duration) || duration < absl::ZeroDuration() ||
      duration > absl::Hours(1)) {
    return InvalidInput("expected a duration of at most 1h, for example 100ms");
  }
  const MonoTime end = clock.Monotonic() + duration;
  uint64_t x = 88172645463325252ULL;
  while (clock.Monotonic() < end) {
    const StopReason reason = attempt.stop_reason();
    if (reason != StopReason::kNone) return Stopped(reason);
    x = Burn(x);
  }
  Payload output;
  output.content_type = "text/plain";
  output.data = absl::StrCat("spun ", absl::FormatDuration(duration), ", ", absl::Hex(x));
  output.is_text = true;
  return output;
}

}  // namespace

std::unique_ptr<Handler> MakeSpinHandler(const Clock& clock) {
  HandlerInfo info;
  info.name = "spin";
  info.description = "Keeps a processor busy: for demonstrations and tests of the pool.";
  info.version = "1";
  info.input_description = "For how long, at most 1h: 100ms.";
  return std::make_unique<SyncHandler>(
      std::move(info), [&clock](const Attempt& attempt) { return Spin(clock, attempt); });
}

}  // namespace taskforge
