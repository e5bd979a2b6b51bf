// Verify must find every kind of damage, name it, and find nothing in a sound store.
#include <atomic>
#include <fstream>
#include <thread>

#include "storage/base/digest.h"
#include "storage/engine/keys.h"
#include "storage/engine/record_codec.h"
#include "storage/engine/store_fixture_for_test.h"

namespace tarn::engine {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

class VerifyTest : public StoreTest {
 protected:
  void SetUp() override {
    Open();
    CommitUsers(0, 10);
    MustCommit(MutationOf({Delete(Family::kUser, "user3"), Put(Family::kUser, "user4", "changed")}));
  }

  // Behind the store's back.
  void Tamper(const std::function<void(RocksBatch*)>& change) {
    Close();
    {
      RocksOptions rocks_options;
      rocks_options.directory = database();
      rocks_options.block_cache_bytes = rocks_options.write_buffer_bytes = limits::kMiB;
      auto rocks = Rocks::Open(rocks_options);
      ASSERT_TRUE(rocks.ok()) << rocks.status().ToString();
      RocksBatch batch = (*rocks)->NewBatch();
      change(&batch);
      ASSERT_TRUE((*rocks)->Write(&batch).ok());
    }
    Open();
  }
  void ExpectFinding(std::string_view text) {
    EXPECT_THAT(MustVerify(BlobStore::Depth::kChecksums).findings, Contains(HasSubstr(std::string(text))));
  }
  std::string AnySegment() {
    for (const auto& entry : fs::directory_iterator(segments())) return entry.path().string();
    return {};
  }
  // The byte at which `text` is in the only segment.
  void FlipByteOf(std::string_view text) {
    std::fstream file(AnySegment(), std::ios::in | std::ios::out | std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(file)), {});
    const size_t at = bytes.find(text);
    ASSERT_NE(at, std::string::npos);
    file.clear();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(bytes[at] ^ 1));
  }
};

TEST_F(VerifyTest, CountsWhatItReadAndFindsNothingInASoundStore) {
  const VerifyReport report = MustVerify();
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_EQ(report.finding_count, 0u);
  EXPECT_EQ(report.records, 11u);
  EXPECT_EQ(report.blobs, 10u);
  EXPECT_EQ(report.segments, 1u);
  EXPECT_EQ(report.last_lsn, Lsn(11));
  EXPECT_GT(report.bytes_read, 1000u);
}

TEST_F(VerifyTest, FlippedByteOfABlob) {
  FlipByteOf("blob of user 5");
  Open();
  ExpectFinding("");
  const Digest digest = Sha512("blob of user 5");
  EXPECT_EQ(store_->blobs().Open(digest).code(), Code::kCorruption) << "known to be damaged: no longer served";
  EXPECT_EQ(*ReadBlob(*store_, Sha512("blob of user 6")), "blob of user 6");
}

TEST_F(VerifyTest, FlippedByteOfALogRecord) {
  FlipByteOf("user7");
  const VerifyReport report = MustVerify();
  EXPECT_GE(report.finding_count, 1u);
}

TEST_F(VerifyTest, AlteredValue) {
  Tamper([](RocksBatch* batch) { batch->Put(Family::kUser, "user4", "forged"); });
  ExpectFinding("user 7573657234 has another value");
}

TEST_F(VerifyTest, EntryThatNoRecordWrote) {
  Tamper([](RocksBatch* batch) { batch->Put(Family::kUser, "user3", std::string(100, 'u')); });
  ExpectFinding("user 7573657233 is not in the state");
}

TEST_F(VerifyTest, MissingEntry) {
  Tamper([](RocksBatch* batch) { batch->Delete(Family::kUser, "user8"); });
  ExpectFinding("user 7573657238 is missing");
}

TEST_F(VerifyTest, WrongStateHash) {
  AppliedState applied = store_->publication().Get()->applied;
  applied.state_hash.Add(StateHash({1, 0}));
  Tamper([&](RocksBatch* batch) { batch->Put(Family::kNode, kAppliedKey, EncodeAppliedState(applied)); });
  ExpectFinding("state hash differs");
}

TEST_F(VerifyTest, MissingLocation) {
  Tamper([](RocksBatch* batch) { batch->Delete(Family::kLocation, Sha512("blob of user 2").view()); });
  ExpectFinding("has no location");
}

TEST_F(VerifyTest, LocationThatLeadsToAnotherBlob) {
  const std::string other = *Value(Family::kLocation, Sha512("blob of user 1").view());
  Tamper([&](RocksBatch* batch) { batch->Put(Family::kLocation, Sha512("blob of user 2").view(), other); });
  ExpectFinding("contradicts the blob entry");
}

TEST_F(VerifyTest, LogIndexRowThatIsWrongMissingOrTooMany) {
  const std::string other = *Value(Family::kLog, LsnKey(Lsn(1)));
  Tamper([&](RocksBatch* batch) {
    batch->Put(Family::kLog, LsnKey(Lsn(2)), other);
    batch->Delete(Family::kLog, LsnKey(Lsn(3)));
    batch->Put(Family::kLog, LsnKey(Lsn(12)), other);
  });
  ExpectFinding("row of record 2 is wrong");
  ExpectFinding("row of record 3 is missing");
  ExpectFinding("beyond the last log record");
  EXPECT_EQ(store_->log().Read(Lsn(2)).code(), Code::kCorruption);
}

TEST_F(VerifyTest, MissingSoloSegment) {
  Mutation mutation;
  mutation.blobs = {StageBlob(*store_, std::string(limits::kSharedBlobBytesMax + 1, 'L'))};
  MustCommit(std::move(mutation));
  ExpectSound();
  Close();
  uintmax_t largest = 0;
  fs::path solo;
  for (const auto& entry : fs::directory_iterator(segments())) {
    if (entry.file_size() > largest) largest = entry.file_size(), solo = entry.path();
  }
  fs::remove(solo);
  Open();
  ExpectFinding("location ");
}

TEST_F(VerifyTest, RunsBesideCommits) {
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 100; !done; ++i) CommitUsers(i, 1);
  });
  for (int i = 0; i < 5; ++i) ExpectSound();
  done = true;
  writer.join();
}

}  // namespace
}  // namespace tarn::engine
