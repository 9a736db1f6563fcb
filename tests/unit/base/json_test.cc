#include "base/json.h"

#include <cmath>
#include <limits>
#include <string>

#include "gtest/gtest.h"

namespace taskforge {
namespace {

std::string Quoted(absl::string_view text) {
  std::string out;
  AppendJsonString(text, out);
  return out;
}

TEST(AppendJsonStringTest, KeepsWhatIsPrintable) {
  EXPECT_EQ(Quoted("plain \xC3\xA9 \xF0\x9F\x98\x80"), "\"plain \xC3\xA9 \xF0\x9F\x98\x80\"");
}

TEST(AppendJsonStringTest, EscapesControlsQuotesAndSeparators) {
  EXPECT_EQ(Quoted("\"\\\n\r\t"), R"("\"\\\n\r\t")");
  EXPECT_EQ(Quoted(absl::string_view("\0\x1b\x7f", 3)), R"("\u0000\u001b\u007f")");
  EXPECT_EQ(Quoted("\xC2\x9B\xE2\x80\xA8"), R"("\u009b\u2028")");
}

// Overlong forms, surrogates, what lies above U+10FFFF, lone and cut-off bytes.
TEST(AppendJsonStringTest, ReplacesWhatIsNotUtf8) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(Quoted("a\xFFz"), "\"a" + r + "z\"");
  EXPECT_EQ(Quoted("\xC0\xAF"), "\"" + r + r + "\"");
  EXPECT_EQ(Quoted("\xED\xA0\x80"), "\"" + r + r + r + "\"");
  EXPECT_EQ(Quoted("\xF4\x90\x80\x80"), "\"" + r + r + r + r + "\"");
  EXPECT_EQ(Quoted("\xE2\x82"), "\"" + r + r + "\"");
  EXPECT_EQ(Quoted("\xC3("), "\"" + r + "(\"");
}

TEST(JsonWriterTest, PutsTheCommas) {
  JsonWriter json;
  json.BeginObject();
  json.Key("a").Int(-1).Key("b").BeginArray().String("x").Uint(2).Bool(true).Null().EndArray();
  json.Key("c").BeginObject().EndObject().Key("d").Double(0.25);
  json.EndObject();
  EXPECT_EQ(json.text(), R"({"a":-1,"b":["x",2,true,null],"c":{},"d":0.25})");
}

TEST(JsonWriterTest, HasNoNumberForInfinity) {
  JsonWriter json;
  json.BeginArray()
      .Double(std::numeric_limits<double>::infinity())
      .Double(std::nan(""))
      .Double(1e300)
      .EndArray();
  EXPECT_EQ(json.text(), "[null,null,1e+300]");
}

}  // namespace
}  // namespace taskforge
