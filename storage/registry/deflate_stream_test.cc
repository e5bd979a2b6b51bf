#include "storage/registry/deflate_stream.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "storage/base/random.h"
#include "storage/registry/inflate_for_test.h"

namespace tarn::registry {
namespace {

uint32_t Crc(std::string_view plain) {
  return static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(plain.data()), static_cast<uInt>(plain.size())));
}

// Text that compresses about as JSON does, with a little noise.
std::string Text(SeededRandom* random, size_t bytes) {
  std::string out;
  while (out.size() < bytes) {
    out += "\"name" + std::to_string(random->Below(50)) + "\":\"value\",";
  }
  out.resize(bytes);
  return out;
}

TEST(DeflateStream, PiecesOfAnySizeInflateToTheirConcatenation) {
  SeededRandom random(1);
  DeflateStream stream;
  std::string expected;
  for (const size_t bytes : {1u, 0u, 5u, 300u, 32767u, 1u, 32768u, 32769u, 2u, 100000u, 7u}) {
    const std::string piece = Text(&random, bytes);
    ASSERT_TRUE(stream.Append(piece).ok());
    expected += piece;
    bool complete = false;
    ASSERT_EQ(InflateForTest(*stream.bytes(), -15, &complete), expected);
    EXPECT_EQ(stream.extent().deflated_bytes, stream.bytes()->size());
    EXPECT_EQ(stream.extent().plain_bytes, expected.size());
    EXPECT_EQ(stream.extent().crc32, Crc(expected));
    EXPECT_EQ(*stream.Plain(), expected);
  }
}

TEST(DeflateStream, APieceRefersBackToTheOnesBefore) {
  SeededRandom random(2);
  const std::string noise = random.Bytes(2000);
  DeflateStream stream;
  ASSERT_TRUE(stream.Append(noise).ok());
  const size_t first = stream.bytes()->size();
  ASSERT_TRUE(stream.Append(noise).ok());
  EXPECT_GT(first, 2000u);
  EXPECT_LT(stream.bytes()->size() - first, 60u);
}

TEST(DeflateStream, AppendingLeavesEarlierHoldersTheirBytes) {
  DeflateStream stream;
  ASSERT_TRUE(stream.Append("one").ok());
  const SharedBytes held = stream.bytes();
  const std::string copy = *held;
  ASSERT_TRUE(stream.Append("two").ok());
  EXPECT_EQ(*held, copy);
  EXPECT_NE(held, stream.bytes());
}

TEST(DeflateStream, ADroppedWindowIsFoundAgain) {
  SeededRandom random(3);
  const std::string first = Text(&random, 50000), second = Text(&random, 500);
  DeflateStream kept, dropped;
  ASSERT_TRUE(kept.Append(first).ok());
  ASSERT_TRUE(dropped.Append(first).ok());
  dropped.DropWindow();
  EXPECT_LE(dropped.memory_bytes() + kDeflateWindowBytes - 100, kept.memory_bytes());
  ASSERT_TRUE(kept.Append(second).ok());
  ASSERT_TRUE(dropped.Append(second).ok());
  EXPECT_EQ(*kept.bytes(), *dropped.bytes());
}

TEST(DeflateStream, TheWindowIsBounded) {
  SeededRandom random(7);
  DeflateStream stream;
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(stream.Append(Text(&random, 5000)).ok());
  EXPECT_LT(stream.memory_bytes(), stream.bytes()->size() + 2 * kDeflateWindowBytes);
}

TEST(DeflateStream, StreamsMayBeConcatenatedInAnyOrder) {
  SeededRandom random(4);
  const std::string one = Text(&random, 4000), two = Text(&random, 90000);
  const DeflateStream a = DeflateStream::FromPlain(one, DeflateEffort::kFast);
  const DeflateStream b = DeflateStream::FromPlain(two, DeflateEffort::kBest);
  bool complete = false;
  EXPECT_EQ(InflateForTest(*b.bytes() + *a.bytes() + *b.bytes(), -15, &complete), two + one + two);
  DeflateExtent extent = b.extent();
  extent.Extend(a.extent());
  extent.Extend(b.extent());
  EXPECT_EQ(extent.crc32, Crc(two + one + two));
  EXPECT_EQ(extent.plain_bytes, 2 * two.size() + one.size());
}

TEST(DeflateStream, PiecesCanBeReplacedAmongOthers) {
  SeededRandom random(5);
  const std::string front = Text(&random, 40000), middle = Text(&random, 60000);
  const std::string rest = Text(&random, 3000);
  DeflateStream stream;
  ASSERT_TRUE(stream.Append(front).ok());
  const uint64_t begin = stream.extent().deflated_bytes;
  for (size_t i = 0; i < middle.size(); i += 1000) {
    ASSERT_TRUE(stream.Append(std::string_view(middle).substr(i, 1000)).ok());
  }
  const uint64_t end = stream.extent().deflated_bytes;
  ASSERT_TRUE(stream.Append(rest).ok());
  std::string run;
  AppendDeflated(front, middle, DeflateEffort::kBest, &run);
  ASSERT_LT(run.size(), end - begin);
  stream.ReplacePieces(begin, end, run);
  bool complete = false;
  EXPECT_EQ(InflateForTest(*stream.bytes(), -15, &complete), front + middle + rest);
  ASSERT_TRUE(stream.Append(rest).ok());
  EXPECT_EQ(*stream.Plain(), front + middle + rest + rest);
}

TEST(AppendInflated, RefusesWhatIsNotTheRecordedStream) {
  SeededRandom random(6);
  const std::string plain = Text(&random, 3000);
  std::string deflated;
  const DeflateExtent extent = AppendDeflated({}, plain, DeflateEffort::kFast, &deflated);
  std::string out = "kept";
  const auto refuses = [&](std::string_view bytes, DeflateExtent claimed) {
    return AppendInflated(bytes, claimed, &out).code() == Code::kCorruption && out == "kept";
  };
  DeflateExtent claimed = extent;
  claimed.plain_bytes = extent.plain_bytes + 1;
  EXPECT_TRUE(refuses(deflated, claimed));
  claimed.plain_bytes = extent.plain_bytes - 1;
  EXPECT_TRUE(refuses(deflated, claimed));
  claimed.plain_bytes = uint64_t{1} << 60;  // Must not be allocated.
  EXPECT_TRUE(refuses(deflated, claimed));
  claimed = extent;
  claimed.crc32 ^= 1;
  EXPECT_TRUE(refuses(deflated, claimed));
  EXPECT_TRUE(refuses(std::string_view(deflated).substr(1), extent));
  for (size_t i = 0; i < deflated.size(); ++i) {
    std::string bad = deflated;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    // The last four bytes, a stored block's lengths, and every other one: all are noticed.
    EXPECT_TRUE(refuses(bad, extent)) << "byte " << i;
  }
  // Bytes behind a final block: right length, right CRC-32, and still not what was recorded.
  const std::string trailing = deflated + std::string("\x03\x00junk", 6);
  claimed = extent;
  claimed.deflated_bytes = trailing.size();
  EXPECT_TRUE(refuses(trailing, claimed));
  EXPECT_TRUE(AppendInflated(deflated, extent, &out).ok());
  EXPECT_EQ(out, "kept" + plain);
}

TEST(DeflateStream, AppendToDamagedBytesIsRefusedAndChangesNothing) {
  const DeflateStream good = DeflateStream::FromPlain("some text", DeflateEffort::kFast);
  std::string bad = *good.bytes();
  bad[2] = static_cast<char>(bad[2] ^ 0x40);
  DeflateStream stream = DeflateStream::FromDeflated(bad, good.extent());
  EXPECT_EQ(stream.Append("more").code(), Code::kCorruption);
  EXPECT_EQ(*stream.bytes(), bad);
  EXPECT_EQ(stream.extent(), good.extent());
}

}  // namespace
}  // namespace tarn::registry
