#include "replication/frame.h"

#include <gtest/gtest.h>

#include "storage/base/bytes.h"
#include "storage/base/random.h"

namespace tarn::replication {
namespace {

Sha256Digest Hash(char fill) { return *Sha256Digest::FromBytes(std::string(32, fill)); }

std::vector<Frame> AllFrames() {
  const engine::VisibleHead head{Lsn(7), Epoch(2), Hash('c'), {1, 2}};
  return {Hello{1, 1, "node-1", head},
          engine::RawRecord{Lsn(8), Epoch(2), 1'700'000'000'000, Hash('c'), Hash('d'), "payload"},
          Commit{head},
          Heartbeat{Lsn(9), Lsn(8), 1'700'000'000'001, true},
          Refused{Refused::Why::kDiverged, "another history"},
          Ack{"node-2", "http://west.example/", Epoch(2), Lsn(8), Lsn(7), {3, 4}, ""}};
}

std::string BytesOf(const Frame& frame) {
  std::string bytes;
  AppendFrame(frame, &bytes);
  return bytes;
}

// What was read, as bytes again: equal bytes, equal frames.
std::string ReadAgain(FrameReader* reader) {
  auto frame = reader->Next();
  EXPECT_TRUE(frame.ok()) << frame.status().ToString();
  return frame.ok() && frame->has_value() ? BytesOf(**frame) : "";
}

TEST(Frame, ComesBackAsItWent) {
  FrameReader reader;
  for (const Frame& frame : AllFrames()) {
    reader.Push(BytesOf(frame));
    EXPECT_EQ(ReadAgain(&reader), BytesOf(frame));
  }
  EXPECT_TRUE(reader.is_empty());
}

TEST(Frame, ComesBackFromPiecesOfAnySize) {
  std::string all;
  for (const Frame& frame : AllFrames()) all += BytesOf(frame);
  for (const size_t piece : {1, 3, 16, 17, 100}) {
    FrameReader reader;
    std::string again;
    for (size_t at = 0; at < all.size(); at += piece) {
      reader.Push(std::string_view(all).substr(at, piece));
      for (std::string bytes = ReadAgain(&reader); !bytes.empty(); bytes = ReadAgain(&reader)) again += bytes;
    }
    EXPECT_EQ(again, all);
  }
}

// Sent since protocol 1: a change of these bytes is a new version.
TEST(Frame, HasTheBytesOfVersionOne) {
  EXPECT_EQ(HexEncode(BytesOf(Heartbeat{Lsn(9), Lsn(8), 1'700'000'000'001, true})),
            "1900000004010000c82bc2e3f05da593"
            "0900000000000000"
            "0800000000000000"
            "0168e5cf8b010000"
            "01");
}

TEST(Frame, EveryFlippedBitIsNoticed) {
  for (const Frame& frame : AllFrames()) {
    const std::string good = BytesOf(frame);
    for (size_t bit = 0; bit < good.size() * 8; ++bit) {
      std::string bad = good;
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
      FrameReader reader;
      reader.Push(bad);
      const auto read = reader.Next();
      EXPECT_TRUE(!read.ok() || !read->has_value()) << "bit " << bit;  // A longer length waits for more.
    }
  }
}

TEST(Frame, ANewerVersionIsNamed) {
  std::string bytes = BytesOf(AllFrames()[0]);
  bytes[5] = 2;
  FrameReader reader;
  reader.Push(bytes);
  const auto read = reader.Next();
  EXPECT_EQ(read.code(), Code::kFailedPrecondition);
  EXPECT_NE(read.status().message().find("version 2"), std::string_view::npos);
  EXPECT_NE(read.status().message().find("version 1"), std::string_view::npos);
}

TEST(Frame, AnAbsurdLengthIsRefusedAtOnce) {
  std::string bytes(16, '\xff');
  FrameReader reader;
  reader.Push(bytes);
  EXPECT_EQ(reader.Next().status().code(), Code::kCorruption);
}

TEST(Frame, NoiseIsRefused) {
  SeededRandom dice(7);
  for (int i = 0; i < 2'000; ++i) {
    FrameReader reader;
    reader.Push(dice.Bytes(dice.Below(200)));
    const auto read = reader.Next();
    EXPECT_TRUE(!read.ok() || !read->has_value());
  }
}

}  // namespace
}  // namespace tarn::replication
