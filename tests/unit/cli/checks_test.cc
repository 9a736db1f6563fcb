#include "cli/main_job/checks.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

namespace taskforge::cli {
namespace {

// window_bits: 15 for zlib, 31 for gzip.
std::string Deflate(const std::string& text, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(Sha256, MatchesThePublishedVectors) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256Hex(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PadsOverTheEdgeOfABlock) {
  // 55 bytes are the most that share a block with the length; from 56 on it needs one more.
  EXPECT_EQ(Sha256Hex(std::string(55, 'a')),
            "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
  EXPECT_EQ(Sha256Hex(std::string(56, 'a')),
            "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
  EXPECT_EQ(Sha256Hex(std::string(64, 'a')),
            "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
}

TEST(CountText, CountsAsWcDoes) {
  EXPECT_EQ(CountText(""), (TextCounts{0, 0, 0}));
  EXPECT_EQ(CountText("one two\nthree"), (TextCounts{1, 3, 13}));
  EXPECT_EQ(CountText(" \t\v\f\r\n"), (TextCounts{1, 0, 6}));
  EXPECT_EQ(CountText(absl::string_view("a\0b c", 5)), (TextCounts{0, 2, 5}));
}

TEST(Inflate, ReadsGzipAndZlib) {
  const std::string text(100000, 'x');
  EXPECT_EQ(Inflate(Deflate(text, 31), text.size()).value(), text);
  EXPECT_EQ(Inflate(Deflate(text, 15), text.size()).value(), text);
  EXPECT_EQ(Inflate(Deflate("", 31), 0).value(), "");
}

TEST(Inflate, RefusesDamageBombsAndWhatFollows) {
  const std::string good = Deflate(std::string(100000, 'x'), 31);
  EXPECT_FALSE(Inflate(good, 1000).ok());
  EXPECT_FALSE(Inflate(good.substr(0, good.size() - 1), 100000).ok());
  EXPECT_FALSE(Inflate(good + "more", 100000).ok());
  EXPECT_FALSE(Inflate("plain text", 100000).ok());
  EXPECT_FALSE(Inflate("", 100000).ok());
  std::string damaged = good;
  damaged[damaged.size() - 6] = static_cast<char>(damaged[damaged.size() - 6] ^ 1);  // The CRC.
  EXPECT_FALSE(Inflate(damaged, 100000).ok());
}

TEST(CheckOutput, AcceptsWhatIsRight) {
  EXPECT_TRUE(CheckOutput("sha256", "abc", Sha256Hex("abc")).ok());
  EXPECT_TRUE(CheckOutput("wordcount", "a b\n", R"({"lines":1,"words":2,"bytes":4})").ok());
  EXPECT_TRUE(
      CheckOutput("wordcount", "a b\n", R"({ "bytes" : 4, "words" : 2, "lines" : 1 })").ok());
  EXPECT_TRUE(CheckOutput("compress", "abc", Deflate("abc", 31)).ok());
}

TEST(CheckOutput, RefusesWhatIsWrong) {
  EXPECT_FALSE(CheckOutput("sha256", "abc", Sha256Hex("abd")).ok());
  EXPECT_FALSE(CheckOutput("sha256", "abc", "").ok());
  EXPECT_FALSE(CheckOutput("wordcount", "a b\n", R"({"lines":1,"words":3,"bytes":4})").ok());
  EXPECT_FALSE(CheckOutput("wordcount", "a b\n", R"({"lines":1,"words":2})").ok());
  EXPECT_FALSE(CheckOutput("wordcount", "a b\n", "").ok());
  EXPECT_FALSE(CheckOutput("compress", "abc", Deflate("abd", 31)).ok());
  EXPECT_FALSE(CheckOutput("compress", "abc", "abc").ok());
  EXPECT_FALSE(CheckOutput("echo", "abc", "abc").ok());
}

}  // namespace
}  // namespace taskforge::cli
