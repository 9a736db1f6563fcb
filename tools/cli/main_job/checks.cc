#include "cli/main_job/checks.h"

#include <zlib.h>

#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "cli/format.h"

namespace taskforge::cli {
namespace {

constexpr std::array<uint32_t, 64> kRoundConstants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

using HashState = std::array<uint32_t, 8>;

void HashBlock(const unsigned char* block, HashState& state) {
  std::array<uint32_t, 64> w;
  for (size_t i = 0; i < 16; ++i) {
    w[i] = uint32_t{block[4 * i]} << 24 | uint32_t{block[4 * i + 1]} << 16 |
           uint32_t{block[4 * i + 2]} << 8 | uint32_t{block[4 * i + 3]};
  }
  for (size_t i = 16; i < 64; ++i) {
    const uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
    const uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (size_t i = 0; i < 64; ++i) {
    const uint32_t sum1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const uint32_t t1 = h + sum1 + ((e & f) ^ (~e & g)) + kRoundConstants[i] + w[i];
    const uint32_t sum0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const uint32_t t2 = sum0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  const HashState added = {a, b, c, d, e, f, g, h};
  for (size_t i = 0; i < 8; ++i) state[i] += added[i];
}

// A number after `"key":` in the object that wordcount answers.
std::optional<uint64_t> NumberOf(absl::string_view json, absl::string_view key) {
  const std::string quoted = absl::StrCat("\"", key, "\"");
  const size_t found = json.find(quoted);
  if (found == absl::string_view::npos) return std::nullopt;
  absl::string_view rest = absl::StripLeadingAsciiWhitespace(json.substr(found + quoted.size()));
  if (!absl::ConsumePrefix(&rest, ":")) return std::nullopt;
  rest = absl::StripLeadingAsciiWhitespace(rest);
  size_t digits = 0;
  while (digits < rest.size() && absl::ascii_isdigit(rest[digits])) ++digits;
  uint64_t number;
  if (!absl::SimpleAtoi(rest.substr(0, digits), &number)) return std::nullopt;
  return number;
}

absl::Status CheckSha256(absl::string_view input, absl::string_view output) {
  const std::string expected = Sha256Hex(input);
  if (absl::StripAsciiWhitespace(output) == expected) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("sha256 should be ", expected, " and is ", Printable(output, 80)));
}

absl::Status CheckWordCount(absl::string_view input, absl::string_view output) {
  const TextCounts expected = CountText(input);
  const auto lines = NumberOf(output, "lines");
  const auto words = NumberOf(output, "words");
  const auto bytes = NumberOf(output, "bytes");
  if (lines == expected.lines && words == expected.words && bytes == expected.bytes) {
    return absl::OkStatus();
  }
  return absl::DataLossError(
      absl::StrFormat("wordcount should be %d lines, %d words, %d bytes and is %s", expected.lines,
                      expected.words, expected.bytes, Printable(output, 160)));
}

absl::Status CheckCompress(absl::string_view input, absl::string_view output) {
  const absl::StatusOr<std::string> inflated = Inflate(output, input.size());
  if (!inflated.ok()) return inflated.status();
  if (*inflated == input) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("compress gave back ", inflated->size(), " bytes of ",
                                          input.size(), ", or others"));
}

}  // namespace

std::string Sha256Hex(absl::string_view bytes) {
  HashState state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  size_t left = bytes.size();
  for (; left >= 64; data += 64, left -= 64) HashBlock(data, state);
  // The rest, a one bit, zeros, and the length in bits: one block or two.
  std::array<unsigned char, 128> tail{};
  if (left > 0) std::memcpy(tail.data(), data, left);
  tail[left] = 0x80;
  const size_t tail_size = left < 56 ? 64 : 128;
  const uint64_t bits = uint64_t{bytes.size()} * 8;
  for (size_t i = 0; i < 8; ++i) {
    tail[tail_size - 1 - i] = static_cast<unsigned char>(bits >> (8 * i));
  }
  for (size_t at = 0; at < tail_size; at += 64) HashBlock(tail.data() + at, state);
  std::string hex;
  for (const uint32_t word : state) absl::StrAppendFormat(&hex, "%08x", word);
  return hex;
}

TextCounts CountText(absl::string_view bytes) {
  TextCounts counts;
  counts.bytes = bytes.size();
  bool in_word = false;
  for (const char byte : bytes) {
    const bool is_space = byte == ' ' || (byte >= '\t' && byte <= '\r');
    counts.lines += byte == '\n';
    counts.words += !is_space && !in_word;
    in_word = !is_space;
  }
  return counts;
}

absl::StatusOr<std::string> Inflate(absl::string_view data, uint64_t max_bytes) {
  z_stream stream{};
  // 15 + 32: gzip and zlib are told apart by their headers.
  if (inflateInit2(&stream, 15 + 32) != Z_OK) return absl::InternalError("zlib does not start");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  std::string content;
  std::array<char, 65536> buffer;
  int state = Z_OK;
  while (state == Z_OK && content.size() <= max_bytes) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = buffer.size();
    state = inflate(&stream, Z_NO_FLUSH);
    content.append(buffer.data(), buffer.size() - stream.avail_out);
  }
  const bool is_whole = state == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  if (content.size() > max_bytes) return absl::DataLossError("compressed data is too long");
  if (!is_whole) return absl::DataLossError("compressed data is damaged");
  return content;
}

absl::Status CheckOutput(absl::string_view handler, absl::string_view input,
                         absl::string_view output) {
  if (handler == "sha256") return CheckSha256(input, output);
  if (handler == "wordcount") return CheckWordCount(input, output);
  if (handler == "compress") return CheckCompress(input, output);
  return absl::InvalidArgumentError(absl::StrCat("nothing is known about ", handler));
}

}  // namespace taskforge::cli
