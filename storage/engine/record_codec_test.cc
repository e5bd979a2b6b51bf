#include "storage/engine/record_codec.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/limits.h"
#include "storage/base/random.h"

namespace tarn::engine {
namespace {

BlobInfo InfoOf(std::string_view bytes) { return BlobInfo{Sha512(bytes), Sha1(bytes), bytes.size()}; }

Event PublishEvent() { return Event{EventKind::kPublishVersion, "tarn", "1.0.0", "ann", "key-1"}; }

std::vector<Change> SomeChanges() {
  return {Change{Family::kPackage, "tarn", "record"},
          Change{Family::kVersion, std::string("tarn\0\x01", 6), std::string()},
          Change{Family::kTombstone, std::string("tarn\0\x02", 6), std::nullopt}};
}

void ExpectEqual(const std::vector<Change>& a, const std::vector<Change>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].family, b[i].family);
    EXPECT_EQ(a[i].key, b[i].key);
    EXPECT_EQ(a[i].value, b[i].value);
  }
}

TEST(RecordCodec, RoundTripsPutsEmptyPutsDeletesAndBlobs) {
  const std::vector<BlobInfo> blobs = {InfoOf("one"), InfoOf("")};
  const auto payload = EncodePayload(PublishEvent(), SomeChanges(), blobs);
  ASSERT_TRUE(payload.ok());
  LogRecord record;
  ASSERT_TRUE(DecodePayload(*payload, &record).ok());
  ExpectEqual(record.changes, SomeChanges());
  EXPECT_EQ(record.event.kind, EventKind::kPublishVersion);
  EXPECT_EQ(record.event.package, "tarn");
  EXPECT_EQ(record.event.version, "1.0.0");
  EXPECT_EQ(record.event.actor, "ann");
  EXPECT_EQ(record.event.idempotency_key, "key-1");
  ASSERT_EQ(record.blobs.size(), 2u);
  EXPECT_EQ(record.blobs[0].sha512, Sha512("one"));
  EXPECT_EQ(record.blobs[0].sha1, Sha1("one"));
  EXPECT_EQ(record.blobs[0].size_bytes, 3u);
}

TEST(RecordCodec, CompressesWhatShrinksAndNothingElse) {
  SeededRandom random(5);
  const std::vector<Change> text = {Change{Family::kPackage, "a", std::string(10'000, 'x')}};
  const std::vector<Change> noise = {Change{Family::kPackage, "a", random.Bytes(10'000)}};
  const std::string small = *EncodePayload(PublishEvent(), text, {});
  const std::string large = *EncodePayload(PublishEvent(), noise, {});
  EXPECT_LT(small.size(), 500u);
  EXPECT_EQ(small[0], static_cast<char>(PayloadCodec::kZstd));
  EXPECT_EQ(large[0], static_cast<char>(PayloadCodec::kPlain));
  for (const auto& [payload, changes] : {std::pair{small, text}, std::pair{large, noise}}) {
    LogRecord record;
    ASSERT_TRUE(DecodePayload(payload, &record).ok());
    ExpectEqual(record.changes, changes);
  }
}

TEST(RecordCodec, ReadsAPayloadAtAnyAddress) {
  const std::string payload = *EncodePayload(PublishEvent(), SomeChanges(), {});
  for (size_t shift = 0; shift < 8; ++shift) {
    const std::string moved = std::string(shift, ' ') + payload;
    LogRecord record;
    ASSERT_TRUE(DecodePayload(std::string_view(moved).substr(shift), &record).ok());
    ExpectEqual(record.changes, SomeChanges());
  }
}

// Whatever the bytes are, the answer is a Status; sanitizers see the rest.
TEST(RecordCodec, SurvivesDamageOfEveryByteAndEveryLength) {
  std::vector<Change> many = SomeChanges();
  many.push_back(Change{Family::kPackage, "long", std::string(2'000, 'y')});
  for (const auto& changes : {SomeChanges(), many}) {
    const std::string payload = *EncodePayload(PublishEvent(), changes, std::vector<BlobInfo>{InfoOf("one")});
    LogRecord record;
    for (size_t size = 0; size < payload.size(); ++size) {
      EXPECT_FALSE(DecodePayload(payload.substr(0, size), &record).ok()) << size;
    }
    for (size_t bit = 0; bit < payload.size() * 8; ++bit) {
      std::string damaged = payload;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      (void)DecodePayload(damaged, &record);
    }
  }
}

TEST(RecordCodec, RefusesARecordOverTheLimit) {
  const std::vector<Change> changes = {Change{Family::kPackage, "a", std::string(limits::kRecordBytesMax, 'x')}};
  EXPECT_EQ(EncodePayload(PublishEvent(), changes, {}).code(), Code::kInvalidArgument);
}

TEST(RecordCodec, DoesNotBelieveAHugePlainSize) {
  std::string payload = *EncodePayload(PublishEvent(), SomeChanges(), {});
  StoreLittleEndian(payload.data() + 4, ~uint32_t{0});
  LogRecord record;
  EXPECT_EQ(DecodePayload(payload, &record).code(), Code::kCorruption);
}

TEST(RecordCodec, TellsANewerFormatFromDamage) {
  LogRecord record;
  std::string payload = *EncodePayload(PublishEvent(), SomeChanges(), {});
  payload[1] = 2;
  EXPECT_EQ(DecodePayload(payload, &record).code(), Code::kFailedPrecondition);
  const std::vector<Change> unknown = {Change{static_cast<Family>(31), "a", "b"}};
  EXPECT_EQ(DecodePayload(*EncodePayload(PublishEvent(), unknown, {}), &record).code(), Code::kFailedPrecondition);
}

RecordFrame FrameOf(std::string_view payload) {
  RecordFrame frame{Lsn(7), Epoch(2), 1'700'000'000'000, Sha256("before"), {}, payload};
  frame.chain_hash = ChainHash(frame.previous_chain_hash, frame.lsn, frame.epoch, frame.time_ms, payload);
  return frame;
}

TEST(RecordCodec, ChainHashCoversEveryField) {
  const std::string payload = *EncodePayload(PublishEvent(), SomeChanges(), {});
  const RecordFrame good = FrameOf(payload);
  ASSERT_TRUE(DecodeRecord(good).ok());
  RecordFrame bad = good;
  bad.lsn = Lsn(8);
  EXPECT_EQ(DecodeRecord(bad).code(), Code::kCorruption);
  bad = good;
  bad.epoch = Epoch(3);
  EXPECT_EQ(DecodeRecord(bad).code(), Code::kCorruption);
  bad = good;
  ++bad.time_ms;
  EXPECT_EQ(DecodeRecord(bad).code(), Code::kCorruption);
  bad = good;
  bad.previous_chain_hash = Sha256("other");
  EXPECT_EQ(DecodeRecord(bad).code(), Code::kCorruption);
  const std::string other = *EncodePayload(Event{}, SomeChanges(), {});
  bad = good;
  bad.payload = other;
  EXPECT_EQ(DecodeRecord(bad).code(), Code::kCorruption);
}

// Bytes written by format 1 must be readable for ever, and must not change while it is the current one.
TEST(RecordCodec, GoldenPayloadOfFormat1) {
  std::ifstream file(TARN_SCHEMA_GOLDEN_DIR "/log_record.format1.hex");
  std::string hex, line;
  while (std::getline(file, line)) hex += line;
  const auto golden = HexDecode(hex);
  ASSERT_TRUE(golden.ok()) << "missing or malformed golden file";
  LogRecord record;
  ASSERT_TRUE(DecodePayload(*golden, &record).ok());
  ExpectEqual(record.changes, SomeChanges());
  EXPECT_EQ(record.event.idempotency_key, "key-1");
  EXPECT_EQ(*EncodePayload(PublishEvent(), SomeChanges(), std::vector<BlobInfo>{InfoOf("one")}), *golden);
}

}  // namespace
}  // namespace tarn::engine
