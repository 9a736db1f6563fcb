#include "cli/payload_argument.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace taskforge::cli {
namespace {

// A file that is gone with it.
class TempFile {
 public:
  explicit TempFile(const std::string& content)
      : path_(absl::StrCat(::testing::TempDir(), "/payload_argument.", getpid())) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TempFile() { std::remove(path_.c_str()); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;

  std::string argument() const { return "@" + path_; }

 private:
  const std::string path_;
};

TEST(ReadArgument, TakesTextFilesAndEscapedAtSigns) {
  EXPECT_EQ(ReadArgument("text").value(), "text");
  EXPECT_EQ(ReadArgument("@@home").value(), "@home");
  const TempFile file("from\na file");
  EXPECT_EQ(ReadArgument(file.argument()).value(), "from\na file");
  EXPECT_FALSE(ReadArgument("@/no/such/file").ok());
}

TEST(MakePayload, SendsTextAsTextAndFilesAsBytes) {
  EXPECT_EQ(MakePayload("hello", false, "").value().text_data(), "hello");
  const TempFile file("hello");
  EXPECT_EQ(MakePayload(file.argument(), false, "").value().binary_data(), "hello");
  const v1::Payload text = MakePayload(file.argument(), true, "text/plain").value();
  EXPECT_EQ(text.text_data(), "hello");
  EXPECT_EQ(text.content_type(), "text/plain");
}

TEST(MakePayload, SendsAnArgumentThatIsNoTextAsBytes) {
  EXPECT_EQ(MakePayload("\xff", false, "").value().binary_data(), "\xff");
  EXPECT_FALSE(MakePayload("\xff", true, "").ok());
}

std::string Printed(const v1::Payload& payload, bool on_terminal) {
  std::FILE* file = std::tmpfile();
  PrintPayload(payload, on_terminal, file);
  std::string text(static_cast<size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  EXPECT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
  std::fclose(file);
  return text;
}

TEST(PrintPayload, WritesEveryByteIntoAPipe) {
  v1::Payload payload;
  payload.set_binary_data(std::string("\x1b\0\xff", 3));
  EXPECT_EQ(Printed(payload, false), std::string("\x1b\0\xff", 3));
  payload.set_text_data("no line feed");
  EXPECT_EQ(Printed(payload, false), "no line feed");
}

TEST(PrintPayload, IsKindToTerminals) {
  v1::Payload payload;
  payload.set_text_data("text");
  EXPECT_EQ(Printed(payload, true), "text\n");
  payload.set_binary_data("\xff\xff");
  EXPECT_EQ(Printed(payload, true), "(2 B of bytes: redirect to a file to get them)\n");
}

}  // namespace
}  // namespace taskforge::cli
