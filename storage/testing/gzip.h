#pragma once

#include <zlib.h>

#include <string>
#include <string_view>

#include "storage/base/check.h"

namespace tarn {

// One gzip member, by zlib's own encoder, as other programs would make it. `level` 0: stored, so that the bytes stay to be
// seen in it. Whoever includes this links ZLIB::ZLIB.
inline std::string Gzip(std::string_view plain, int level = 6) {
  constexpr int kGzipWindow = 15 + 16;
  constexpr int kMemoryLevel = 8;  // zlib's usual one.
  z_stream stream{};
  CHECK(deflateInit2(&stream, level, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, plain.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace tarn
