#include <zlib.h>

#include <optional>
#include <string>

#include "handlers/built_in.h"
#include "handlers/per_thread.h"

namespace taskforge {
namespace {

constexpr int kGzip = 16;  // Added to the window bits: a gzip header, its time zero.

// What deflate() works in, 260 KiB: to clear it for each small input took longer than the rest.
class Deflater {
 public:
  // Null: no memory.
  static std::unique_ptr<Deflater> Make() {
    auto deflater = std::make_unique<Deflater>();
    const int made = deflateInit2(&deflater->stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                                  MAX_WBITS + kGzip, /*memLevel=*/8, Z_DEFAULT_STRATEGY);
    return made == Z_OK ? std::move(deflater) : nullptr;
  }

  Deflater() = default;
  ~Deflater() { deflateEnd(&stream_); }  // Does nothing to one that was not made.
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // None: zlib could not.
  std::optional<std::string> Compress(absl::string_view data) {
    // It is as new after this, whatever became of the last input.
    if (deflateReset(&stream_) != Z_OK) return std::nullopt;
    std::string output(deflateBound(&stream_, data.size()), '\0');
    // zlib does not write through next_in; its type says so only when ZLIB_CONST is set.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    stream_.avail_in = static_cast<uInt>(data.size());
    stream_.next_out = reinterpret_cast<Bytef*>(output.data());
    stream_.avail_out = static_cast<uInt>(output.size());
    const int ended = deflate(&stream_, Z_FINISH);
    output.resize(stream_.total_out);
    if (ended != Z_STREAM_END) return std::nullopt;
    return output;
  }

 private:
  z_stream stream_{};
};

HandlerResult Compress(const Attempt& attempt, Deflater* deflater) {
  std::optional<std::string> data;
  if (deflater != nullptr) data = deflater->Compress(attempt.input().data);
  if (!data.has_value()) {
    TaskError error;
    error.code = absl::StatusCode::kResourceExhausted;
    error.reason = "ZLIB";
    error.message = "zlib could not compress the input";
    return error;
  }
  Payload output;
  output.content_type = "application/gzip";
  output.data = *data;
  return output;
}

}  // namespace

std::unique_ptr<Handler> MakeCompressHandler() {
  HandlerInfo info;
  info.name = "compress";
  info.description = "Its input as gzip.";
  info.version = "1";
  info.input_description = "Anything.";
  const PerThread<Deflater> deflaters(Deflater::Make);
  return std::make_unique<SyncHandler>(std::move(info), [deflaters](const Attempt& attempt) {
    return Compress(attempt, deflaters.Get());
  });
}

}  // namespace taskforge
