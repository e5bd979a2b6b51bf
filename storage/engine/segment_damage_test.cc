#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/engine/segment_format.h"
#include "storage/engine/segment_store_fixture.h"
#include "storage/engine/segment_table.h"
#include "storage/testing/test_seed.h"

// One flipped bit anywhere: verify finds it, reads refuse it, and a scan never drops a group silently.
namespace tarn::engine {
namespace {

class SegmentDamageTest : public SegmentStoreTest {
 protected:
  // A solo segment, a sealed segment and an active one, as small as they can be.
  void WriteAllKinds() {
    options_.segment_bytes_max = 1200;
    options_.upload_budget_bytes = 16 * limits::kKiB;  // Room for one blob in memory.
    Reopen({});
    auto shared = MustStage("a blob in the group");
    auto solo = MustStage("a blob of its own");
    groups_.push_back(MustAppend({shared.get(), solo.get()}, {"one", "two"}));
    groups_.push_back(MustAppend({}, {"three"}));
    groups_.push_back(MustAppend({}, {"four"}));
    names_ = FileNames();
    ASSERT_EQ(names_.size(), 3u);
  }

  std::string WhatVerifySays(BlobStore::Depth depth) {
    const std::vector<std::string> findings = Findings(*store_, depth);
    return findings.empty() ? "" : findings.front();
  }

  std::vector<GroupWritten> groups_;
  std::vector<std::string> names_;
};

TEST_F(SegmentDamageTest, VerifyFindsEveryFlippedBit) {
  WriteAllKinds();
  ASSERT_EQ(WhatVerifySays(BlobStore::Depth::kChecksums), "");
  for (const std::string& name : names_) {
    const std::string path = "/segments/" + name;
    const uint64_t size = file_system_.Contents(path).size();
    for (uint64_t bit = 0; bit < size * 8; ++bit) {
      file_system_.FlipBit(path, bit / 8, static_cast<int>(bit % 8));
      const std::string found = WhatVerifySays(BlobStore::Depth::kChecksums);
      ASSERT_THAT(found, ::testing::HasSubstr(name)) << "bit " << bit;
      file_system_.FlipBit(path, bit / 8, static_cast<int>(bit % 8));
    }
  }
  EXPECT_EQ(WhatVerifySays(BlobStore::Depth::kDigest), "");
}

TEST_F(SegmentDamageTest, AScanIsCompleteOrNamesTheDamage) {
  WriteAllKinds();
  const GroupWritten& last = groups_.back();
  uint64_t refused = 0;
  for (const std::string& name : names_) {
    const std::string path = "/segments/" + name;
    const uint64_t size = file_system_.Contents(path).size();
    for (uint64_t at = 0; at < size; ++at) {
      const int bit = static_cast<int>(at % 8);
      file_system_.FlipBit(path, at, bit);
      SegmentStoreOptions options = options_;
      options.read_only = true;
      const auto store = SegmentStore::Open(options);
      ASSERT_TRUE(store.ok());
      std::vector<ScannedGroup> groups;
      const auto end = ScanInto(**store, {}, &groups);
      file_system_.FlipBit(path, at, bit);
      if (!end.ok()) {
        EXPECT_EQ(end.code(), Code::kCorruption);
        EXPECT_THAT(std::string(end.status().message()), ::testing::HasSubstr(name));
        ++refused;
        continue;
      }
      // Only of the last group nobody can tell whether it was ever whole; what was applied is known elsewhere.
      const bool is_in_last_group = path == PathOf(last.begin.segment) && at >= last.begin.offset_bytes;
      EXPECT_EQ(groups.size(), is_in_last_group ? 2u : 3u) << name << " offset " << at;
    }
  }
  EXPECT_GT(refused, 1000u);
}

TEST_F(SegmentDamageTest, ABlobOfManyBlocksIsCheckedInEachOfThem) {
  const std::string bytes = SeededRandom(5).Bytes(200'000);
  SegmentPosition end;
  for (const uint64_t budget : {limits::kMiB, uint64_t{0}}) {  // In the group, in a file of its own.
    options_.upload_budget_bytes = budget;
    Reopen(end);
    const auto blob = MustStage(bytes);
    const GroupWritten written = MustAppend({blob.get()}, {"one"});
    end = written.end;
    const Location& location = written.blobs[0];
    for (const uint64_t seed : TestSeeds(100)) {
      SCOPED_TRACE(SeedTrace(seed));
      const uint64_t at = location.payload_offset_bytes + SeededRandom(seed).Below(bytes.size());
      file_system_.FlipBit(PathOf(location.segment), at, 2);
      const Status status = store_->VerifyBlob(location, BlobStore::Depth::kChecksums);
      EXPECT_EQ(status.code(), Code::kCorruption);
      const uint64_t block = (at - location.payload_offset_bytes) / limits::kBlobBlockBytes;
      EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("block " + std::to_string(block)));
      file_system_.FlipBit(PathOf(location.segment), at, 2);
    }
    EXPECT_TRUE(store_->VerifyBlob(location, BlobStore::Depth::kDigest).ok());
  }
}

TEST_F(SegmentDamageTest, ADamagedLogRecordIsNotReturned) {
  const GroupWritten written = MustAppend({}, {"payload"});
  std::string buffer;
  for (uint64_t at = written.records[0].offset_bytes; at < written.records[0].offset_bytes + 128 + 7; ++at) {
    file_system_.FlipBit(PathOf(written.begin.segment), at, 5);
    const auto record = store_->ReadRecord(written.records[0], &buffer);
    EXPECT_FALSE(record.ok()) << at;
    file_system_.FlipBit(PathOf(written.begin.segment), at, 5);
  }
  EXPECT_TRUE(store_->ReadRecord(written.records[0], &buffer).ok());
}

// Checksums that hold do not make it true.
TEST_F(SegmentDamageTest, AFooterThatListsSomethingElseIsFound) {
  options_.segment_bytes_max = 2000;
  Reopen({});
  const GroupWritten first = MustAppend({}, {std::string(1500, 'a')});
  MustAppend({}, {std::string(1500, 'b')});
  const std::string path = PathOf(first.begin.segment);
  const uint64_t salt = DecodeSegmentHeader(file_system_.Contents(path).substr(0, kSegmentHeaderBytes))->salt;
  SegmentTable other;
  other.Add(LogHeader{.lsn = Lsn(7),
                      .epoch = Epoch(1),
                      .time_ms = 0,
                      .previous_chain_hash = {},
                      .chain_hash = {},
                      .payload_bytes = 1500,
                      .payload_checksum = 0},
            kSegmentHeaderBytes);
  const uint64_t footer_offset = first.end.offset_bytes;
  ASSERT_TRUE(
      (*file_system_.OpenReadWrite(path))->WriteAt(footer_offset, other.EncodeFooter(footer_offset, salt)).ok());
  EXPECT_THAT(WhatVerifySays(BlobStore::Depth::kChecksums), ::testing::HasSubstr("footer does not list what is there"));
}

TEST_F(SegmentDamageTest, AGapBetweenGroupsIsNamed) {
  MustAppend({}, {"one"});
  const TestJournal::Head head = journal_.head();
  for (const TestJournal::Head& other : {TestJournal::Head{Lsn(2), head.chain_hash}, TestJournal::Head{head.lsn, {}}}) {
    Reopen({SegmentId(1), 64 + 128 + 8 + 128});
    journal_.SetHead(other);
    const GroupWritten written = MustAppend({}, {"not the next one"});
    std::vector<ScannedGroup> groups;
    const auto end = ScanInto(*store_, {}, &groups);
    EXPECT_EQ(end.code(), Code::kCorruption);
    EXPECT_THAT(std::string(end.status().message()), ::testing::HasSubstr("does not follow LSN 1"));
    ASSERT_TRUE((*file_system_.OpenReadWrite(PathOf(SegmentId(1))))->Truncate(written.begin.offset_bytes).ok());
  }
}

}  // namespace
}  // namespace tarn::engine
