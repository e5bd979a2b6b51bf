#include "storage/engine/segment_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "storage/base/random.h"
#include "storage/engine/segment_store_fixture.h"

namespace tarn::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Call = FaultFileSystem::Call;

TEST_F(SegmentStoreTest, ReadsBackWhatAGroupHolds) {
  const std::string bytes = SeededRandom(1).Bytes(200'001);
  const auto blob = MustStage(bytes);
  EXPECT_EQ(blob->info().sha512, Sha512(bytes));
  EXPECT_EQ(blob->info().sha1, Sha1(bytes));
  const auto empty = MustStage("");
  const GroupWritten written = MustAppend({blob.get(), empty.get()}, {"first", "second record"});
  EXPECT_EQ(*ReadBlob(*store_, written.blobs[0]), bytes);
  EXPECT_EQ(*ReadBlob(*store_, written.blobs[1]), "");
  std::string buffer;
  const auto record = store_->ReadRecord(written.records[1], &buffer);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->payload, "second record");
  EXPECT_EQ(record->lsn, Lsn(2));
  EXPECT_TRUE(store_->VerifyBlob(written.blobs[0], BlobStore::Depth::kDigest).ok());
  EXPECT_THAT(Findings(*store_), IsEmpty());
}

TEST_F(SegmentStoreTest, ScanFindsTheGroupsThatWereWritten) {
  auto blob = MustStage("tarball");
  const GroupWritten first = MustAppend({blob.get()}, {"one"});
  blob.reset();
  const GroupWritten second = MustAppend({}, {"two", "three"});
  EXPECT_EQ(first.end, second.begin);
  Open();
  std::vector<ScannedGroup> groups;
  const auto end = ScanInto(*store_, {}, &groups);
  ASSERT_TRUE(end.ok()) << end.status().ToString();
  EXPECT_EQ(*end, second.end);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].blobs[0].payload_offset_bytes, first.blobs[0].payload_offset_bytes);
  EXPECT_EQ(groups[1].payloads, (std::vector<std::string>{"two", "three"}));
  EXPECT_EQ(groups[1].record_positions, second.records);
  groups.clear();
  EXPECT_EQ(*ScanInto(*store_, first.end, &groups), second.end);
  EXPECT_EQ(groups.size(), 1u);
}

TEST_F(SegmentStoreTest, LargeBlobsGetASegmentOfTheirOwn) {
  const std::string bytes = SeededRandom(2).Bytes(limits::kSharedBlobBytesMax + 1);
  auto blob = MustStage(bytes, 256 * limits::kKiB);
  const GroupWritten written = MustAppend({blob.get()}, {"publish"});
  EXPECT_NE(written.blobs[0].segment, written.begin.segment);
  EXPECT_EQ(*ReadBlob(*store_, written.blobs[0]), bytes);
  EXPECT_EQ(store_->GetStats().upload_budget_used_bytes, 0u);
  EXPECT_THAT(Findings(*store_), IsEmpty());
  blob.reset();
  Reopen(written.end);
  EXPECT_EQ(*ReadBlob(*store_, written.blobs[0]), bytes);
}

TEST_F(SegmentStoreTest, SealsAFullSegmentAndGoesOnInANewOne) {
  options_.segment_bytes_max = 20'000;
  Reopen({});
  std::vector<GroupWritten> written;
  for (int i = 0; i < 20; ++i) {
    const auto blob = MustStage(std::string(5000, static_cast<char>('a' + i)));
    written.push_back(MustAppend({blob.get()}, {"publish " + std::to_string(i)}));
  }
  EXPECT_GT(FileNames().size(), 4u);
  EXPECT_THAT(Findings(*store_), IsEmpty());
  Open();
  std::vector<ScannedGroup> groups;
  EXPECT_EQ(*ScanInto(*store_, {}, &groups), written.back().end);
  EXPECT_EQ(groups.size(), written.size());
}

TEST_F(SegmentStoreTest, AFullDiskRefusesTheGroupAndTheStoreGoesOn) {
  auto blob = MustStage("tarball");
  const GroupWritten first = MustAppend({blob.get()}, {"one"});
  const std::string before = file_system_.Contents(PathOf(first.begin.segment));
  file_system_.SetCapacity(before.size() + 500);
  EXPECT_EQ(Append({}, {std::string(1000, 'x')}).code(), Code::kOutOfSpace);
  EXPECT_EQ(file_system_.Contents(PathOf(first.begin.segment)), before) << "what was written is cut off again";
  file_system_.SetCapacity(UINT64_MAX);
  const GroupWritten second = MustAppend({}, {std::string(1000, 'x')});
  EXPECT_EQ(second.begin, first.end);
  EXPECT_THAT(Findings(*store_), IsEmpty());
}

TEST_F(SegmentStoreTest, AFullDiskWhileSealingIsRefusedAndMendsItself) {
  options_.segment_bytes_max = 2000;
  Reopen({});
  MustAppend({}, {std::string(1000, 'a')});
  file_system_.FailCallOf(Call::kWriteAt, 0, Code::kOutOfSpace);  // The footer.
  EXPECT_EQ(Append({}, {std::string(1000, 'b')}).code(), Code::kOutOfSpace);
  file_system_.FailCallOf(Call::kCreate, 0, Code::kOutOfSpace);  // The next segment, after the footer.
  EXPECT_EQ(Append({}, {std::string(1000, 'b')}).code(), Code::kOutOfSpace);
  file_system_.FailCallOf(Call::kWriteAt, 0, Code::kOutOfSpace);  // Its header.
  EXPECT_EQ(Append({}, {std::string(1000, 'b')}).code(), Code::kOutOfSpace);
  MustAppend({}, {std::string(1000, 'b')});
  EXPECT_EQ(FileNames().size(), 2u);
  EXPECT_THAT(Findings(*store_), IsEmpty());
}

TEST_F(SegmentStoreTest, AfterAFailedSyncNothingIsAcceptedUntilReopened) {
  const GroupWritten first = MustAppend({}, {"one"});
  file_system_.FailCallOf(Call::kSync, 0, Code::kOutOfSpace);  // Whatever the reason is said to be.
  EXPECT_EQ(Append({}, {"two"}).code(), Code::kIoError);
  EXPECT_EQ(Append({}, {"two"}).code(), Code::kIoError);
  EXPECT_EQ(file_system_.call_count(Call::kSync), store_->GetStats().syncs) << "no sync was tried again";
  std::string buffer;
  EXPECT_TRUE(store_->ReadRecord(first.records[0], &buffer).ok()) << "reads go on";
}

TEST_F(SegmentStoreTest, AnyOtherWriteErrorStopsTheStore) {
  MustAppend({}, {"one"});
  file_system_.FailCallOf(Call::kWriteAt, 0, Code::kIoError);
  EXPECT_EQ(Append({}, {"two"}).code(), Code::kIoError);
  EXPECT_EQ(Append({}, {"two"}).code(), Code::kIoError);
}

TEST_F(SegmentStoreTest, ADiskTooFullToCutOffWhatWasWrittenStopsTheStore) {
  MustAppend({}, {"one"});
  file_system_.SetCapacity(0);
  file_system_.FailCallOf(Call::kTruncate, 0, Code::kIoError);
  EXPECT_EQ(Append({}, {"two"}).code(), Code::kIoError);
  file_system_.SetCapacity(UINT64_MAX);
  EXPECT_EQ(Append({}, {"two"}).code(), Code::kIoError);
}

TEST_F(SegmentStoreTest, ABlobThatNoGroupTookLeavesNothing) {
  options_.upload_budget_bytes = 0;
  Reopen({});
  auto staged = MustStage("streamed into a file of its own");
  EXPECT_THAT(FileNames(), ElementsAre("0000000000000001.seg"));
  staged.reset();
  EXPECT_THAT(FileNames(), IsEmpty());
  {
    const auto writer = std::move(*store_->NewWriter());
    ASSERT_TRUE(writer->Append("half of it").ok());
    EXPECT_THAT(FileNames(), ElementsAre("0000000000000002.part"));
  }
  EXPECT_THAT(FileNames(), IsEmpty());

  auto refused = MustStage("its group is refused");
  MustAppend({}, {"one"});
  file_system_.FailCallOf(Call::kWriteAt, 0, Code::kOutOfSpace);
  EXPECT_EQ(Append({refused.get()}, {"two"}).code(), Code::kOutOfSpace);
  refused.reset();
  EXPECT_EQ(FileNames().size(), 1u);

  auto taken = MustStage("its group is written");
  const GroupWritten written = MustAppend({taken.get()}, {"two"});
  taken.reset();
  EXPECT_EQ(*ReadBlob(*store_, written.blobs[0]), "its group is written");
}

TEST_F(SegmentStoreTest, OpenComparesTheHeaderWithWhatItWasAskedFor) {
  const auto blob = MustStage("tarball");
  const GroupWritten written = MustAppend({blob.get()}, {"one"});
  Location location = written.blobs[0];
  EXPECT_TRUE(store_->Open(location).ok());
  location.info.size_bytes += 1;
  EXPECT_EQ(store_->Open(location).code(), Code::kCorruption);
  location = written.blobs[0];
  location.info.sha512.mutable_bytes()[63] ^= 1;
  EXPECT_EQ(store_->Open(location).code(), Code::kCorruption);
  location = written.blobs[0];
  location.payload_offset_bytes = 7;
  EXPECT_EQ(store_->VerifyBlob(location, BlobStore::Depth::kChecksums).code(), Code::kCorruption);
  location.segment = SegmentId(99);
  EXPECT_EQ(store_->Open(location).code(), Code::kCorruption);
}

TEST_F(SegmentStoreTest, ReadersKeepTheirBytesWhenTheStoreIsGone) {
  const auto reader = [this] {
    const auto blob = MustStage("tarball");
    return *store_->Open(MustAppend({blob.get()}, {"one"}).blobs[0]);
  }();
  store_.reset();
  std::string bytes;
  ASSERT_TRUE(reader.file->ReadAt(reader.offset_bytes, reader.info.size_bytes, &bytes).ok());
  EXPECT_EQ(bytes, "tarball");
}

TEST_F(SegmentStoreTest, AGroupLongerThanASegmentGetsOneOfItsOwn) {
  options_.segment_bytes_max = 1000;
  Reopen({});
  MustAppend({}, {"small"});
  const GroupWritten large = MustAppend({}, {std::string(5000, 'x')});
  const GroupWritten next = MustAppend({}, {"small"});
  EXPECT_NE(large.begin.segment, next.begin.segment);
  EXPECT_EQ(large.begin.offset_bytes, 64u);
  EXPECT_THAT(Findings(*store_), IsEmpty());
}

TEST_F(SegmentStoreTest, ASegmentIsSealedWhenItsTableIsFull) {
  const auto append_records = [this](size_t count) { return MustAppend({}, std::vector<std::string>(count, "x")); };
  const GroupWritten half = append_records(limits::kSegmentEntriesMax / 2);
  EXPECT_EQ(append_records(limits::kSegmentEntriesMax / 2).begin.segment, half.begin.segment);
  EXPECT_NE(append_records(1).begin.segment, half.begin.segment);
  EXPECT_THAT(Findings(*store_, BlobStore::Depth::kChecksums), IsEmpty());
}

TEST_F(SegmentStoreTest, CountsWhatIsThere) {
  options_.upload_budget_bytes = 0;
  Reopen({});
  auto blob = MustStage("of its own");
  MustAppend({blob.get()}, {"one"});
  SegmentStore::Stats stats = store_->GetStats();
  const uint64_t bytes =
      file_system_.Contents(PathOf(SegmentId(1))).size() + file_system_.Contents(PathOf(SegmentId(2))).size();
  EXPECT_EQ(stats.segment_count, 2u);
  EXPECT_EQ(stats.segment_bytes, bytes);
  EXPECT_EQ(stats.groups_written, 1u);
  blob.reset();
  Open();
  EXPECT_EQ(store_->GetStats().segment_bytes, bytes);
}

TEST_F(SegmentStoreTest, UploadsReadsAndVerifyGoOnWhileGroupsAreWritten) {
  options_.segment_bytes_max = 300'000;
  options_.upload_budget_bytes = 200'000;
  Reopen({});
  constexpr uint64_t kUploads = 20;
  std::array<std::vector<std::unique_ptr<StagedBlob>>, 3> staged;
  std::vector<std::thread> uploads;
  for (size_t i = 0; i < staged.size(); ++i) {
    uploads.emplace_back([this, i, &staged] {
      for (uint64_t n = 0; n < kUploads; ++n)
        staged[i].push_back(MustStage(SeededRandom(i * 100 + n).Bytes(30'000), 5000));
    });
  }
  std::atomic<bool> is_done = false;
  std::vector<std::string> findings;
  std::thread verifier([this, &is_done, &findings] {
    while (!is_done && findings.empty()) findings = Findings(*store_);
  });
  for (int n = 0; n < 50; ++n) MustAppend({}, {std::string(10'000, 'x')});
  for (std::thread& upload : uploads) upload.join();
  for (const auto& blobs : staged) {
    for (const auto& blob : blobs) {
      const GroupWritten written = MustAppend({blob.get()}, {"publish"});
      EXPECT_EQ(Sha512(*ReadBlob(*store_, written.blobs[0])), blob->info().sha512);
    }
  }
  is_done = true;
  verifier.join();
  EXPECT_THAT(findings, IsEmpty());
  EXPECT_THAT(Findings(*store_), IsEmpty());
}

}  // namespace
}  // namespace tarn::engine
