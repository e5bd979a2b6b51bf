#include "storage/base/decompress_stream.h"

#include <gtest/gtest.h>

#include <string>

#include "storage/base/compress.h"
#include "storage/testing/gzip.h"

namespace tarn {
namespace {

std::string GzipOf(std::string_view plain) { return Gzip(plain); }

std::string Zstd(std::string_view plain) {
  std::string out;
  ZstdAppend(plain, 3, &out);
  return out;
}

Status Undo(std::string_view packed, size_t piece_bytes, std::string* plain, uint64_t inflation_max = 2000) {
  const auto stream = DecompressStream::Create(DetectCompression(packed), inflation_max);
  for (size_t at = 0; at < packed.size(); at += piece_bytes) {
    RETURN_IF_ERROR(stream->Append(packed.substr(at, piece_bytes), [&](std::string_view piece) {
      plain->append(piece);
      return OkStatus();
    }));
  }
  return stream->Finish();
}

std::string Sample(size_t bytes) {
  std::string text;
  for (uint32_t state = 1; text.size() < bytes; state = state * 1'664'525 + 1'013'904'223)
    text += std::to_string(state);
  return text;
}

TEST(DecompressStream, UndoesPiecesOfAnySizeAndMembersInARow) {
  for (const auto pack : {GzipOf, Zstd}) {
    const std::string plain = Sample(1'000'000);
    const std::string packed = pack(plain) + pack("") + pack("end");
    for (const size_t piece_bytes : {size_t{1}, size_t{1000}, packed.size()}) {
      std::string undone;
      const Status status = Undo(packed, piece_bytes, &undone);
      ASSERT_TRUE(status.ok()) << status.ToString();
      EXPECT_EQ(undone, plain + "end");
    }
  }
}

TEST(DecompressStream, RefusesHalfAStreamAndDamage) {
  for (const auto pack : {GzipOf, Zstd}) {
    const std::string packed = pack(Sample(10'000));
    std::string undone;
    EXPECT_EQ(Undo(std::string_view(packed).substr(0, packed.size() - 1), 100, &undone).code(), Code::kInvalidArgument);
    std::string damaged = packed;
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
    damaged[damaged.size() - 2] = static_cast<char>(damaged[damaged.size() - 2] ^ 0x55);
    EXPECT_FALSE(Undo(damaged, 100, &undone).ok());
  }
}

TEST(DecompressStream, RefusesABomb) {
  const std::string packed = Zstd(std::string(64 << 20, '\0'));
  std::string undone;
  EXPECT_EQ(Undo(packed, 100, &undone, 100).code(), Code::kTooLarge);
}

TEST(DecompressStream, DetectsByMagic) {
  EXPECT_EQ(DetectCompression(Gzip("x")), Compression::kGzip);
  EXPECT_EQ(DetectCompression(Zstd("x")), Compression::kZstd);
  EXPECT_EQ(DetectCompression("{\"rows\""), Compression::kNone);
  EXPECT_EQ(DetectCompression(""), Compression::kNone);
}

}  // namespace
}  // namespace tarn
