#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/engine/segment_store_fixture.h"

// What SegmentStore makes of files at open: torn, damaged, missing and left over ones.
namespace tarn::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Call = FaultFileSystem::Call;
using Unsynced = FaultFileSystem::Unsynced;

using SegmentRecoveryTest = SegmentStoreTest;

TEST_F(SegmentRecoveryTest, ATornLastGroupIsCutOff) {
  const GroupWritten first = MustAppend({}, {"one"});
  const GroupWritten second = MustAppend({}, {"two"});
  const std::string path = PathOf(second.begin.segment);
  for (const uint64_t size : {second.end.offset_bytes - 1, second.begin.offset_bytes + 8}) {
    ASSERT_TRUE((*file_system_.OpenReadWrite(path))->Truncate(size).ok());
    Open();
    std::vector<ScannedGroup> groups;
    EXPECT_EQ(*ScanInto(*store_, {}, &groups), first.end);
    EXPECT_THAT(Findings(*store_), IsEmpty()) << "what a crash leaves is no damage";
    EXPECT_EQ(*store_->StartAppending(first.end), size - first.end.offset_bytes);
    EXPECT_EQ(file_system_.Contents(path).size(), first.end.offset_bytes);
    journal_.SetHead({Lsn(1), Sha256(std::string(32, '\0') + "one")});
    MustAppend({}, {"two"});
  }
}

TEST_F(SegmentRecoveryTest, DamageBeforeAWholeGroupIsNotCutOff) {
  const GroupWritten first = MustAppend({}, {"one"});
  const GroupWritten second = MustAppend({}, {"two"});
  file_system_.FlipBit(PathOf(first.begin.segment), first.records[0].offset_bytes + 128, 0);
  EXPECT_THAT(Findings(*store_), ElementsAre(HasSubstr("offset " + std::to_string(first.records[0].offset_bytes))));
  Open();
  std::vector<ScannedGroup> groups;
  const auto end = ScanInto(*store_, {}, &groups);
  EXPECT_EQ(end.code(), Code::kCorruption);
  EXPECT_THAT(std::string(end.status().message()), HasSubstr("0000000000000001.seg offset 64"));
  EXPECT_THAT(groups, IsEmpty());
  EXPECT_EQ(store_->StartAppending({}).code(), Code::kFailedPrecondition) << "nor by a caller that is wrong";
  EXPECT_EQ(file_system_.Contents(PathOf(second.end.segment)).size(), second.end.offset_bytes);
}

TEST_F(SegmentRecoveryTest, DamageInASealedSegmentIsNotCutOff) {
  options_.segment_bytes_max = 2000;
  Reopen({});
  const GroupWritten first = MustAppend({}, {std::string(1500, 'a')});
  MustAppend({}, {std::string(1500, 'b')});
  ASSERT_TRUE(file_system_.Remove("/segments/0000000000000002.seg").ok());  // Then the sealed one is the last.
  file_system_.FlipBit(PathOf(first.begin.segment), first.end.offset_bytes - 1, 3);
  Open();
  std::vector<ScannedGroup> groups;
  EXPECT_EQ(ScanInto(*store_, {}, &groups).code(), Code::kCorruption);
}

TEST_F(SegmentRecoveryTest, AnUnsealedSegmentBeforeOthersIsDamage) {
  options_.segment_bytes_max = 2000;
  Reopen({});
  const GroupWritten first = MustAppend({}, {std::string(1500, 'a')});
  MustAppend({}, {std::string(1500, 'b')});
  ASSERT_TRUE((*file_system_.OpenReadWrite(PathOf(first.begin.segment)))->Truncate(first.end.offset_bytes).ok());
  Open();
  std::vector<ScannedGroup> groups;
  const auto end = ScanInto(*store_, {}, &groups);
  EXPECT_EQ(end.code(), Code::kCorruption);
  EXPECT_THAT(std::string(end.status().message()), HasSubstr("no footer, though later segments exist"));
}

TEST_F(SegmentRecoveryTest, AMissingSegmentOrOneThatWasCutIsDamage) {
  const GroupWritten first = MustAppend({}, {"one"});
  const GroupWritten second = MustAppend({}, {"two"});
  ASSERT_TRUE((*file_system_.OpenReadWrite(PathOf(first.begin.segment)))->Truncate(first.end.offset_bytes).ok());
  Open();
  std::vector<ScannedGroup> groups;
  EXPECT_EQ(ScanInto(*store_, second.end, &groups).code(), Code::kCorruption);
  EXPECT_EQ(store_->StartAppending(second.end).code(), Code::kCorruption);
  ASSERT_TRUE(file_system_.Remove(PathOf(first.begin.segment)).ok());
  Open();
  EXPECT_EQ(ScanInto(*store_, second.end, &groups).code(), Code::kCorruption);
  EXPECT_EQ(store_->StartAppending(second.end).code(), Code::kCorruption);
  std::string buffer;
  EXPECT_EQ(store_->ReadRecord(first.records[0], &buffer).code(), Code::kCorruption);
}

// Somebody publishes a tarball that holds a whole segment, here this very one with everything but the salt right.
TEST_F(SegmentRecoveryTest, AGroupInsideABlobIsNotTakenForOne) {
  MustAppend({}, {"one"});
  std::string segment = file_system_.Contents(PathOf(SegmentId(1)));
  SegmentStoreOptions other = options_;
  FaultFileSystem other_file_system;
  other.file_system = &other_file_system;
  auto forger = std::move(*SegmentStore::Open(other));
  ASSERT_TRUE(forger->StartAppending({}).ok());
  const std::string filler(200, 'f');  // So that offsets agree with those in the victim's file.
  const auto filler_blob = Stage(*forger, filler);
  TestJournal journal;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(forger->AppendGroup({{filler_blob->get()}, {journal.Next("forged")}}).ok());
  }
  const std::string forged = other_file_system.Contents("/segments/0000000000000001.seg");
  // The payload begins 128 bytes into the victim's next group; whatever follows there in the forger's file is copied.
  const uint64_t payload_offset = segment.size() + 128;
  ASSERT_LT(payload_offset, forged.size());
  auto blob = MustStage(forged.substr(payload_offset));
  const GroupWritten torn = MustAppend({blob.get()}, {"two"});
  blob.reset();
  ASSERT_TRUE((*file_system_.OpenReadWrite(PathOf(SegmentId(1))))->Truncate(torn.end.offset_bytes - 8).ok());
  Open();
  std::vector<ScannedGroup> groups;
  const auto end = ScanInto(*store_, {}, &groups);
  ASSERT_TRUE(end.ok()) << end.status().ToString();
  EXPECT_EQ(*end, torn.begin);
}

TEST_F(SegmentRecoveryTest, OrphansAreRemovedAtOpenByWhereTheyAre) {
  options_.upload_budget_bytes = 0;
  Reopen({});
  auto first = MustStage("equal bytes");
  auto second = MustStage("equal bytes");
  const GroupWritten written = MustAppend({second.get()}, {"one"});
  const auto writer = std::move(*store_->NewWriter());
  ASSERT_TRUE(writer->Append("half of it").ok());
  EXPECT_EQ(FileNames().size(), 4u);
  file_system_.Restart(Unsynced::kKept);  // The process dies: nothing is tidied up.
  const auto is_referenced = [&written](const Location& location) {
    return location.segment == written.blobs[0].segment;
  };
  SegmentStoreOptions next = options_;
  const auto survivor = std::move(*SegmentStore::Open(next));
  ASSERT_TRUE(survivor->StartAppending(written.end).ok());
  EXPECT_EQ(*survivor->RemoveOrphanSolos(is_referenced), 2u);
  EXPECT_EQ(FileNames().size(), 2u);
  EXPECT_EQ(*ReadBlob(*survivor, written.blobs[0]), "equal bytes");
}

TEST_F(SegmentRecoveryTest, ADamagedSoloIsKeptAndNamed) {
  options_.upload_budget_bytes = 0;
  Reopen({});
  auto blob = MustStage("a blob of its own");
  const GroupWritten written = MustAppend({blob.get()}, {"one"});
  blob.reset();
  for (const uint64_t offset : {uint64_t{10}, uint64_t{64 + 20}}) {  // File header, record header.
    const std::string path = PathOf(written.blobs[0].segment);
    file_system_.FlipBit(path, offset, 0);
    Open();
    std::vector<ScannedGroup> groups;
    EXPECT_EQ(*ScanInto(*store_, {}, &groups), written.end) << "one blob is damaged, not the journal";
    EXPECT_EQ(*store_->RemoveOrphanSolos([](const Location&) { return false; }), 0u);
    EXPECT_EQ(store_->Open(written.blobs[0]).code(), Code::kCorruption);
    EXPECT_THAT(Findings(*store_), ElementsAre(HasSubstr("0000000000000001.seg")));
    file_system_.FlipBit(path, offset, 0);
  }
}

TEST_F(SegmentRecoveryTest, ReadOnlyChangesNothing) {
  const GroupWritten written = MustAppend({}, {"one"});
  const std::string before = file_system_.Contents(PathOf(SegmentId(1)));
  options_.read_only = true;
  Open();
  EXPECT_EQ(store_->StartAppending(written.end).code(), Code::kFailedPrecondition);
  EXPECT_EQ(store_->NewWriter().code(), Code::kFailedPrecondition);
  EXPECT_THAT(Findings(*store_), IsEmpty());
  EXPECT_EQ(file_system_.Contents(PathOf(SegmentId(1))), before);
}

TEST_F(SegmentRecoveryTest, ASealedLastSegmentStaysSealed) {
  options_.segment_bytes_max = 2000;
  Reopen({});
  const GroupWritten first = MustAppend({}, {std::string(1500, 'a')});
  file_system_.FailCallOf(Call::kCreate, 0, Code::kOutOfSpace);
  EXPECT_EQ(Append({}, {std::string(1500, 'b')}).code(), Code::kOutOfSpace);
  const std::string sealed = file_system_.Contents(PathOf(SegmentId(1)));
  ASSERT_GT(sealed.size(), first.end.offset_bytes);
  Open();
  std::vector<ScannedGroup> groups;
  EXPECT_EQ(*ScanInto(*store_, {}, &groups), first.end);
  EXPECT_EQ(*store_->StartAppending(first.end), 0u);
  EXPECT_EQ(file_system_.Contents(PathOf(SegmentId(1))), sealed);
  const GroupWritten second = MustAppend({}, {std::string(1500, 'b')});
  EXPECT_NE(second.begin.segment, first.begin.segment);
  groups.clear();
  EXPECT_EQ(*ScanInto(*store_, first.end, &groups), second.end);
  EXPECT_EQ(groups.size(), 1u);
}

// The table of a segment that is continued is read back from the file: the footer must list what was there before, too.
TEST_F(SegmentRecoveryTest, AFooterListsWhatEarlierProcessesWrote) {
  options_.segment_bytes_max = 4000;
  Reopen({});
  auto blob = MustStage("tarball");
  GroupWritten last = MustAppend({blob.get()}, {"one"});
  blob.reset();
  Reopen(last.end);
  last = MustAppend({}, {"two", "three"});
  Reopen(last.end);
  MustAppend({}, {std::string(3500, 'x')});
  ASSERT_EQ(FileNames().size(), 2u) << "the first one is sealed";
  EXPECT_THAT(Findings(*store_), IsEmpty()) << "or the footer does not list what is there";
}

}  // namespace
}  // namespace tarn::engine
