#include "migrate/couch_file/block_file.h"

#include <gtest/gtest.h>

#include "migrate/couch_file/file_builder_for_test.h"
#include "migrate/couch_file/memory_file_for_test.h"

namespace tarn::couch_file {
namespace {

std::string Bytes(std::string_view text) { return std::string(text); }

// A block of its marker and 4,095 letters, then one of its marker and a few.
std::string TwoBlocks() { return Bytes(std::string_view("\0", 1)) + std::string(4095, 'a') + '\1' + "bcd"; }

TEST(BlockFile, LeavesMarkersOut) {
  const MemoryFile file(TwoBlocks());
  BlockFile blocks(file, 4100);
  uint64_t position = 4094;
  std::string out(4, '\0');
  ASSERT_TRUE(blocks.Read(&position, 4, out.data()).ok());
  EXPECT_EQ(out, "aabc");
  EXPECT_EQ(position, 4099u);
  // A pointer to a marker means what is behind it.
  position = 4096;
  ASSERT_TRUE(blocks.Read(&position, 3, out.data()).ok());
  EXPECT_EQ(out.substr(0, 3), "bcd");
  EXPECT_EQ(blocks.Read(&position, 1, out.data()).code(), Code::kCorruption);
  EXPECT_EQ(*blocks.Marker(0), 0);
  EXPECT_EQ(*blocks.Marker(4096), 1);
}

TEST(BlockFile, CountsThePayloadThatIsLeft) {
  const MemoryFile file(std::string(9000, 'x'));
  for (const uint64_t size : {1u, 4095u, 4096u, 4097u, 8192u, 8193u, 9000u}) {
    BlockFile blocks(file, size);
    uint64_t payload = 0;
    for (uint64_t position = size; position-- > 0;) {
      payload += position % kBlockBytes != 0;
      ASSERT_EQ(blocks.PayloadBytesFrom(position), payload) << size << " " << position;
    }
    EXPECT_EQ(blocks.PayloadBytesFrom(size), 0u);
    EXPECT_EQ(blocks.PayloadBytesFrom(~uint64_t{0}), 0u);
  }
}

TEST(BlockFile, ReadsChunksAtEveryPlaceInABlock) {
  for (uint64_t place = 4096 - 40; place <= 4096 + 2; ++place) {
    for (const auto checksum : {build::Checksum::kNone, build::Checksum::kMd5, build::Checksum::kXxh3}) {
      build::FileBuilder builder;
      while (builder.bytes().size() < place) builder.mutable_bytes()->push_back('.');
      const uint64_t position = builder.Chunk("the data", checksum);
      ASSERT_EQ(position, place);
      const MemoryFile file(builder.bytes());
      BlockFile blocks(file, builder.bytes().size());
      std::string data;
      uint64_t end = 0;
      const Status read = blocks.ReadChunk(position, 8, &data, &end);
      ASSERT_TRUE(read.ok()) << read.ToString();
      EXPECT_EQ(data, "the data");
      EXPECT_EQ(end, builder.bytes().size());
      EXPECT_EQ(blocks.ReadChunk(position, 7, &data).code(), Code::kTooLarge);
    }
  }
}

// MD5 of "abc" is RFC 1321's; XXH3-128's canonical form has the high word first (xxhash, "canonical representation").
TEST(BlockFile, KnowsBothChecksums) {
  EXPECT_TRUE(ChecksumMatches("abc", *HexDecode("900150983cd24fb0d6963f7d28e17f72")));
  EXPECT_TRUE(ChecksumMatches("abc", *HexDecode("06b05ab6733a618578af5f94892f3950")));
  EXPECT_FALSE(ChecksumMatches("abd", *HexDecode("06b05ab6733a618578af5f94892f3950")));
  EXPECT_FALSE(ChecksumMatches("abc", *HexDecode("78af5f94892f395006b05ab6733a6185")));
  EXPECT_FALSE(ChecksumMatches("abc", ""));
}

TEST(BlockFile, RefusesDamagedChunks) {
  const std::string chunk = std::string("\0\x80\0\0\x03", 5) + *HexDecode("900150983cd24fb0d6963f7d28e17f72") + "abc";
  for (size_t i = 1; i < chunk.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = chunk;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      const MemoryFile file(damaged);
      BlockFile blocks(file, damaged.size());
      std::string data;
      // Without the bit that says there is a checksum there is none to be wrong.
      EXPECT_EQ(blocks.ReadChunk(0, 100, &data).ok(), i == 1 && bit == 7) << i << " " << bit;
    }
  }
  for (size_t size = 0; size < chunk.size(); ++size) {
    const MemoryFile file(chunk.substr(0, size));
    BlockFile blocks(file, size);
    std::string data;
    EXPECT_EQ(blocks.ReadChunk(0, 100, &data).code(), Code::kCorruption) << size;
    EXPECT_EQ(blocks.ReadChunk(~uint64_t{0} - size, 100, &data).code(), Code::kCorruption);
  }
}

// A length that the file cannot hold allocates nothing.
TEST(BlockFile, RefusesALengthBeyondTheFile) {
  const std::string bytes = std::string("\0\x7F\xFF\xFF\xFF", 5) + "abc";
  const MemoryFile file(bytes);
  BlockFile blocks(file, bytes.size());
  std::string data;
  EXPECT_EQ(blocks.ReadChunk(0, ~uint64_t{0}, &data).code(), Code::kCorruption);
  EXPECT_LT(data.capacity(), 100u);
}

TEST(BlockFile, NoticesThatTheFileBecameShorter) {
  const MemoryFile file(std::string(100, 'x'));
  BlockFile blocks(file, 10'000);
  uint64_t position = 5000;
  char byte;
  EXPECT_EQ(blocks.Read(&position, 1, &byte).code(), Code::kCorruption);
}

}  // namespace
}  // namespace tarn::couch_file
