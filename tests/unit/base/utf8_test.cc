#include "base/utf8.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

struct Sequence {
  absl::string_view bytes;
  uint32_t code_point;
};

// The first and the last of each length, and the neighbours of the surrogates.
constexpr Sequence kSequences[] = {
    {absl::string_view("\0", 1), 0},
    {"\x7F", 0x7F},
    {"\xC2\x80", 0x80},
    {"\xDF\xBF", 0x7FF},
    {"\xE0\xA0\x80", 0x800},
    {"\xED\x9F\xBF", 0xD7FF},
    {"\xEE\x80\x80", 0xE000},
    {"\xEF\xBF\xBF", 0xFFFF},
    {"\xF0\x90\x80\x80", 0x10000},
    {"\xF4\x8F\xBF\xBF", 0x10FFFF},
};

constexpr absl::string_view kNotUtf8[] = {
    // Overlong.
    "\xC0\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xF0\x80\x80\x80",
    "\xF0\x8F\xBF\xBF",
    // Surrogates: the first, the last, and a pair.
    "\xED\xA0\x80", "\xED\xBF\xBF", "\xED\xA0\xBD\xED\xB8\x80",
    // Truncated, at the end and before another character.
    "\xC3", "\xE2", "\xE2\x82", "\xF0", "\xF0\x9F", "\xF0\x9F\x98", "\xC3z", "\xE2\x82z",
    "\xF0\x9F\x98z", "\xE2\x82\xC3\xA9",
    // Above U+10FFFF.
    "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xF7\xBF\xBF\xBF", "\xF8\x88\x80\x80\x80", "\xFE",
    "\xFF",
    // A continuation without a beginning.
    "\x80", "\xBF"};

TEST(Utf8Test, DecodesOneSequence) {
  for (const Sequence& sequence : kSequences) {
    uint32_t code_point = 0;
    EXPECT_EQ(DecodeUtf8(absl::StrCat(sequence.bytes, "z"), code_point), sequence.bytes.size());
    EXPECT_EQ(code_point, sequence.code_point);
    EXPECT_TRUE(IsUtf8(sequence.bytes)) << absl::CHexEscape(sequence.bytes);
  }
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("plain µ → 𝄞"));
}

TEST(Utf8Test, RefusesWhatRfc3629DoesNotHave) {
  for (const absl::string_view bytes : kNotUtf8) {
    uint32_t code_point = 0;
    EXPECT_EQ(DecodeUtf8(bytes, code_point), 0U) << absl::CHexEscape(bytes);
    EXPECT_FALSE(IsUtf8(bytes)) << absl::CHexEscape(bytes);
    EXPECT_FALSE(IsUtf8(absl::StrCat("é, then ", bytes))) << absl::CHexEscape(bytes);
  }
}

// What follows a view does not belong to it.
TEST(Utf8Test, ReadsNothingBeyondTheText) {
  constexpr absl::string_view kEuro = "\xE2\x82\xAC";
  EXPECT_TRUE(IsUtf8(kEuro));
  EXPECT_FALSE(IsUtf8(kEuro.substr(0, 2)));
}

}  // namespace
}  // namespace taskforge
