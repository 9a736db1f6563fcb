#include "handlers/flat_json.h"

#include <gtest/gtest.h>

namespace taskforge {
namespace {

TEST(FlatJson, ReadsStringsNumbersAndBooleans) {
  const auto json = ParseFlatJson(R"( {"a" : "x\n\u0041\"", "b":-1.5e1,"c":true , "d":false} )");
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(std::get<std::string>(json->at("a")), "x\nA\"");
  EXPECT_EQ(std::get<double>(json->at("b")), -15);
  EXPECT_TRUE(std::get<bool>(json->at("c")));
  EXPECT_FALSE(std::get<bool>(json->at("d")));
  EXPECT_TRUE(ParseFlatJson("{}")->empty());
}

TEST(FlatJson, RefusesEverythingElse) {
  for (const char* text :
       {"", "[]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{\"a\":null}",
        "{\"a\":{}}", "{\"a\":\"\\x\"}", "{\"a\":\"", "{\"a\":1,\"a\":2}", "{} x", "{\"a\":\"\n\"}",
        "{\"a\":\"\\u00e9\"}", "{a:1}"}) {
    EXPECT_FALSE(ParseFlatJson(text).ok()) << text;
  }
}

}  // namespace
}  // namespace taskforge
