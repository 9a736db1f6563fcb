#include "admin/http.h"

#include <zlib.h>

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace taskforge {
namespace {

constexpr int kCompressionLevel = 5;
constexpr int kGzipWindowBits = 15 + 16;  // zlib: the largest window, with gzip's header.
constexpr int kMemoryLevel = 8;           // zlib's default.

// The `q` among the parameters of one element; 1 if there is none, 0 if it is not a number.
double QualityOf(const std::vector<absl::string_view>& element) {
  for (size_t i = 1; i < element.size(); ++i) {
    absl::string_view parameter = absl::StripAsciiWhitespace(element[i]);
    if (!absl::StartsWithIgnoreCase(parameter, "q=")) continue;
    double quality = 0;
    return absl::SimpleAtod(parameter.substr(2), &quality) ? quality : 0;
  }
  return 1;
}

}  // namespace

bool AcceptsGzip(absl::string_view accept_encoding) {
  bool any = false;
  for (const absl::string_view text : absl::StrSplit(accept_encoding, ',')) {
    const std::vector<absl::string_view> element = absl::StrSplit(text, ';');
    const absl::string_view name = absl::StripAsciiWhitespace(element[0]);
    if (absl::EqualsIgnoreCase(name, "gzip")) return QualityOf(element) > 0;
    if (name == "*") any = QualityOf(element) > 0;
  }
  return any;
}

std::string Gzip(absl::string_view body) {
  z_stream stream = {};
  if (deflateInit2(&stream, kCompressionLevel, Z_DEFLATED, kGzipWindowBits, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return "";
  }
  std::string out(deflateBound(&stream, body.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FINISH);
  out.resize(result == Z_STREAM_END ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

}  // namespace taskforge
