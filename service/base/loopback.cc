#include "base/loopback.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace taskforge {

bool IsLoopbackHost(absl::string_view host) {
  absl::string_view name = host;
  absl::string_view port;
  if (absl::StartsWith(host, "[")) {
    const size_t end = host.find(']');
    if (end == absl::string_view::npos) return false;
    name = host.substr(1, end - 1);
    port = host.substr(end + 1);
  } else if (const size_t colon = host.find(':'); colon != absl::string_view::npos) {
    name = host.substr(0, colon);
    port = host.substr(colon);
  }
  int number = 0;
  if (!port.empty() && (port[0] != ':' || !absl::SimpleAtoi(port.substr(1), &number))) return false;
  if (name == "::1" || absl::EqualsIgnoreCase(name, "localhost")) return true;
  const std::vector<absl::string_view> bytes = absl::StrSplit(name, '.');
  if (bytes.size() != 4 || bytes[0] != "127") return false;
  for (const absl::string_view byte : bytes) {
    if (byte.size() > 3 || !absl::SimpleAtoi(byte, &number) || number < 0 || number > 255) {
      return false;
    }
  }
  return true;
}

}  // namespace taskforge
