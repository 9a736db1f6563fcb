#include <zlib.h>

#include "handlers/built_in.h"

namespace taskforge {
namespace {

constexpr int kGzip = 16;  // Added to the window bits: a gzip header, its time zero.

HandlerResult Compress(const Attempt& attempt) {
  const absl::string_view data = attempt.input().data;
  z_stream stream{};
  TaskError error;
  error.code = absl::StatusCode::kResourceExhausted;
  error.reason = "ZLIB";
  error.message = "zlib could not compress the input";
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzip, /*memLevel=*/8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return error;
  }
  std::string compressed(deflateBound(&stream, data.size()), '\0');
  // zlib does not write through next_in; its type says so only when ZLIB_CONST is set.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_out = static_cast<uInt>(compressed.size());
  const int ended = deflate(&stream, Z_FINISH);
  compressed.resize(stream.total_out);
  deflateEnd(&stream);
  if (ended != Z_STREAM_END) return error;
  Payload output;
  output.content_type = "application/gzip";
  output.data = compressed;
  return output;
}

}  // namespace

std::unique_ptr<Handler> MakeCompressHandler() {
  HandlerInfo info;
  info.name = "compress";
  info.description = "Its input as gzip.";
  info.version = "1";
  info.input_description = "Anything.";
  return std::make_unique<SyncHandler>(std::move(info), Compress);
}

}  // namespace taskforge
