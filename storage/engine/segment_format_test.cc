#include "storage/engine/segment_format.h"

#include <gtest/gtest.h>

#include <iomanip>
#include <sstream>

#include "storage/base/bytes.h"
#include "storage/base/checksum.h"
#include "storage/engine/format_page_for_test.h"
#include "storage/engine/segment_reader.h"
#include "storage/engine/segment_test_journal.h"
#include "storage/testing/fault_fs.h"

namespace tarn::engine {
namespace {

// The salt of FORMAT.md's examples.
class ExampleRandom final : public Random {
 public:
  std::string Bytes(size_t count) override { return std::string("saltsalt").substr(0, count); }
};

// Readable when two of them differ.
std::string Dump(const std::string& bytes) {
  std::ostringstream out;
  for (size_t at = 0; at < bytes.size(); at += 8) {
    out << std::hex << std::setw(4) << std::setfill('0') << at << "  "
        << HexEncode(std::string_view(bytes).substr(at, 8)) << "\n";
  }
  return out.str();
}

class SegmentFormatTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.directory = "/segments";
    options_.file_system = &file_system_;
    options_.random = &random_;
    auto store = SegmentStore::Open(options_);
    ASSERT_TRUE(store.ok());
    store_ = std::move(*store);
    ASSERT_TRUE(store_->StartAppending({}).ok());
  }

  // Writes "hello" as a blob and one log record that is `payload`.
  void WriteGroup() {
    const auto blob = Stage(*store_, "hello");
    ASSERT_TRUE(blob.ok());
    RecordFrame record;
    record.lsn = last_lsn_ = last_lsn_.Next();
    record.epoch = Epoch(1);
    record.time_ms = 1'700'000'000'000;
    record.previous_chain_hash = chain_hash_;
    record.chain_hash = chain_hash_ = Sha256(record.lsn == Lsn(1) ? "chain 1" : "chain 2");
    record.payload = "payload";
    ASSERT_TRUE(store_->AppendGroup({{blob->get()}, {record}}).ok());
  }

  FaultFileSystem file_system_;
  ExampleRandom random_;
  SegmentStoreOptions options_;
  std::unique_ptr<SegmentStore> store_;
  Lsn last_lsn_;
  Sha256Digest chain_hash_;
};

TEST_F(SegmentFormatTest, ASharedSegmentIsWrittenAsThePageSays) {
  options_.segment_bytes_max = 800;  // The second group needs a segment of its own, so the first one is sealed.
  store_ = std::move(*SegmentStore::Open(options_));
  ASSERT_TRUE(store_->StartAppending({}).ok());
  WriteGroup();
  WriteGroup();
  const std::string written = file_system_.Contents("/segments/0000000000000001.seg");
  EXPECT_EQ(Dump(ExampleBytes("a sealed shared segment")), Dump(written));
}

TEST_F(SegmentFormatTest, ASoloSegmentIsWrittenAsThePageSays) {
  options_.upload_budget_bytes = 0;  // So that even "hello" is streamed.
  store_ = std::move(*SegmentStore::Open(options_));
  ASSERT_TRUE(store_->StartAppending({}).ok());
  WriteGroup();
  const std::string solo = file_system_.Contents("/segments/0000000000000001.seg");
  EXPECT_EQ(Dump(ExampleBytes("a solo segment")), Dump(solo));
  const std::string shared = file_system_.Contents("/segments/0000000000000002.seg");
  const std::string reference = ExampleBytes("a solo reference");
  EXPECT_EQ(Dump(reference), Dump(shared.substr(kSegmentHeaderBytes, reference.size())));
}

TEST_F(SegmentFormatTest, ThePagesSharedSegmentDecodes) {
  const std::string bytes = ExampleBytes("a sealed shared segment");
  const auto file = file_system_.Create("/segments/0000000000000001.seg");
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->WriteAt(0, bytes).ok());
  auto store = SegmentStore::Open(options_);
  ASSERT_TRUE(store.ok());
  std::vector<ScannedGroup> groups;
  ASSERT_TRUE(ScanInto(**store, {}, &groups).ok());
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].payloads, std::vector<std::string>{"payload"});
  EXPECT_EQ(groups[0].lsns, std::vector<Lsn>{Lsn(1)});
  ASSERT_EQ(groups[0].blobs.size(), 1u);
  EXPECT_EQ(groups[0].blobs[0].info.sha512, Sha512("hello"));
  EXPECT_EQ(groups[0].blobs[0].info.sha1, Sha1("hello"));
  EXPECT_EQ(*ReadBlob(**store, groups[0].blobs[0]), "hello");
  EXPECT_TRUE(Findings(**store).empty());
}

TEST(SegmentFormat, SizesAreThoseOnDisk) {
  EXPECT_EQ(BlobRecordBytes(0), 128u);
  EXPECT_EQ(BlobRecordBytes(1), 128u + 8 + 8);
  EXPECT_EQ(BlobRecordBytes(64 * 1024), 128u + 64 * 1024 + 8);
  EXPECT_EQ(BlobRecordBytes(64 * 1024 + 1), 128u + 64 * 1024 + 8 + 16);
  EXPECT_EQ(LogRecordBytes(9), 128u + 16);
  EXPECT_EQ(FooterBytes(3), 128u + 120 + 32);
}

// A header as `change` leaves it, with a checksum that holds.
template <typename Change>
std::string Resealed(std::string header, Change change) {
  change(&header);
  const size_t end = header.size() - 8;
  StoreLittleEndian(header.data() + end, Checksum64(std::string_view(header).substr(0, end)));
  return header;
}

TEST(SegmentFormat, ANewerFormatIsNotTakenForDamage) {
  std::string segment;
  AppendSegmentHeader(&segment, {SegmentKind::kShared, SegmentId(1), 7});
  EXPECT_EQ(DecodeSegmentHeader(segment)->salt, 7u);
  EXPECT_EQ(DecodeSegmentHeader(Resealed(segment, [](std::string* h) { (*h)[8] = 2; })).code(),
            Code::kFailedPrecondition);
  EXPECT_EQ(DecodeSegmentHeader(Resealed(segment, [](std::string* h) { (*h)[10] = 9; })).code(),
            Code::kFailedPrecondition);

  std::string record;
  AppendRecordHeader(&record, BlobHeader{});
  EXPECT_TRUE(DecodeRecordHeader(record).ok());
  for (const size_t field : {4u, 5u, 6u}) {  // Kind, format, codec.
    const std::string newer = Resealed(record, [field](std::string* h) { (*h)[field] = 9; });
    EXPECT_EQ(DecodeRecordHeader(newer).code(), Code::kFailedPrecondition) << field;
  }
}

TEST(SegmentFormat, EveryFlippedBitOfAHeaderIsDamage) {
  std::string record;
  AppendRecordHeader(&record, TrailerHeader{.first_lsn = Lsn(1),
                                            .last_lsn = Lsn(2),
                                            .record_count = 2,
                                            .blob_count = 0,
                                            .begin_bytes = 64,
                                            .group_bytes = 300,
                                            .chain_hash = Sha256("x"),
                                            .salt = 1,
                                            .group_checksum = 2});
  for (size_t bit = 0; bit < record.size() * 8; ++bit) {
    std::string damaged = record;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_EQ(DecodeRecordHeader(damaged).code(), Code::kCorruption) << bit;
  }
}

TEST(SegmentFormat, LengthsThatWouldOverflowAreDamage) {
  std::string record;
  AppendRecordHeader(&record, LogHeader{.lsn = Lsn(1),
                                        .epoch = Epoch(1),
                                        .time_ms = 0,
                                        .previous_chain_hash = {},
                                        .chain_hash = {},
                                        .payload_bytes = UINT64_MAX,
                                        .payload_checksum = 0});
  EXPECT_EQ(DecodeRecordHeader(record).code(), Code::kCorruption);
}

}  // namespace
}  // namespace tarn::engine
