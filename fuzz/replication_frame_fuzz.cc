#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "replication/frame.h"
#include "storage/base/bytes.h"
#include "storage/base/check.h"
#include "storage/base/checksum.h"

namespace {

// What a peer sends, in pieces whose size the first byte decides: the same frames come out, and are written as they were.
void ReadAll(std::string_view bytes, size_t piece_bytes, std::string* out) {
  using namespace tarn::replication;
  FrameReader reader;
  for (size_t at = 0; at < bytes.size(); at += piece_bytes) {
    reader.Push(bytes.substr(at, piece_bytes));
    while (true) {
      const auto frame = reader.Next();
      if (!frame.ok()) return;
      if (!frame->has_value()) break;
      AppendFrame(**frame, out);
    }
  }
}

// The checksum would keep every mutation out: frames are made good before they are read.
std::string WithGoodSums(std::string bytes) {
  constexpr size_t kHeaderBytes = 16;
  for (size_t at = 0; at + kHeaderBytes <= bytes.size();) {
    const size_t body = tarn::LoadLittleEndian<uint32_t>(bytes.data() + at);
    if (body > bytes.size() - at - kHeaderBytes) break;
    tarn::Checksum64Stream sum;
    sum.Update({bytes.data() + at, 8});
    sum.Update({bytes.data() + at + kHeaderBytes, body});
    tarn::StoreLittleEndian(bytes.data() + at + 8, sum.Sum());
    at += kHeaderBytes + body;
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (const std::string& input : {std::string(bytes), WithGoodSums(std::string(bytes))}) {
    std::string whole;
    std::string pieces;
    ReadAll(input, input.size() + 1, &whole);
    ReadAll(input, std::max<size_t>(data[0], 1), &pieces);
    CHECK(whole == pieces);
    std::string again;
    ReadAll(whole, whole.size() + 1, &again);
    CHECK(again == whole);
  }
  return 0;
}
