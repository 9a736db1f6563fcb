#include "admin/http.h"

#include <zlib.h>

#include <string>

#include "gtest/gtest.h"

namespace taskforge {
namespace {

std::string Gunzip(const std::string& in, size_t size_max) {
  z_stream stream = {};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string out(size_max, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(GzipTest, ComesBackAsItWas) {
  std::string body;
  for (int i = 0; i < 5000; ++i)
    body += "taskforge_tasks_total{priority=\"high\"} " + std::to_string(i);
  const std::string compressed = Gzip(body);
  EXPECT_LT(compressed.size(), body.size() / 4);
  EXPECT_EQ(Gunzip(compressed, body.size() + 1), body);
  EXPECT_EQ(Gunzip(Gzip(""), 1), "");
}

TEST(AcceptsGzipTest, ReadsTheHeader) {
  const struct {
    const char* header;
    bool accepts;
  } cases[] = {
      {"gzip", true},
      {"deflate, GZIP;q=0.5", true},
      {"*", true},
      {"", false},
      {"identity", false},
      {"gzip;q=0", false},
      {"gzip; q=0.0, *", false},
      {"*;q=0", false},
      {"gzipped", false},
      {"gzip;q=abc", false},
      {"br, *;q=0.1", true},
      {";;,,", false},
  };
  for (const auto& c : cases) EXPECT_EQ(AcceptsGzip(c.header), c.accepts) << c.header;
}

// Names that only look like this machine are the attack.
}  // namespace
}  // namespace taskforge
