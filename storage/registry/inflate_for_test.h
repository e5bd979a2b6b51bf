#pragma once

#include <zlib.h>

#include <string>
#include <string_view>

#include "storage/registry/packument_body.h"

namespace tarn::registry {

// Inflates with zlib's streaming decoder, which shares no code with the one under test: what npm's
// and curl's decoders see. Empty, and *complete false, for anything but one whole gzip member
// (window_bits 31) or, with -15, any number of raw blocks.
inline std::string InflateForTest(std::string_view bytes, int window_bits, bool* complete) {
  z_stream stream{};
  *complete = false;
  if (inflateInit2(&stream, window_bits) != Z_OK) return {};
  std::string plain;
  std::string buffer(1 << 16, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  int code = Z_OK;
  while (code == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    code = inflate(&stream, Z_NO_FLUSH);
    plain.append(buffer, 0, buffer.size() - stream.avail_out);
  }
  const bool is_end = window_bits > 15 ? code == Z_STREAM_END : code == Z_BUF_ERROR;
  *complete = is_end && stream.avail_in == 0;
  inflateEnd(&stream);
  return *complete ? plain : std::string();
}

inline std::string Join(const PackumentBody& body) {
  std::string out;
  for (const SharedBytes& buffer : body.buffers) out.append(*buffer);
  return out;
}

// What a client decodes from the body, or the words "not a gzip member".
inline std::string Decode(const PackumentBody& body) {
  if (body.coding == PackumentCoding::kIdentity) return Join(body);
  bool complete = false;
  std::string plain = InflateForTest(Join(body), 31, &complete);
  return complete ? plain : "not a gzip member";
}

}  // namespace tarn::registry
