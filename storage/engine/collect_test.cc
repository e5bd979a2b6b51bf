#include "storage/engine/collect.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/engine/keys.h"
#include "storage/engine/store_fixture_for_test.h"

namespace tarn::engine {
namespace {

class CollectTest : public StoreTest {
 protected:
  CollectTest() {
    options_.segment_bytes_max = 256 * limits::kKiB;  // So that a few blobs seal one.
  }

  std::string BytesOf(int number, size_t size) {
    std::string bytes(size, static_cast<char>('a' + number % 26));
    return bytes.replace(0, 8, std::to_string(10'000'000 + number));
  }

  Digest Put(const std::string& bytes) {
    auto staged = StageBlob(*store_, bytes);
    const Digest digest = staged->info().sha512;
    Mutation mutation = PutMutation(Family::kUser, "holder of " + HexEncode(digest.view()).substr(0, 16), "x");
    mutation.blobs.push_back(std::move(staged));
    MustCommit(std::move(mutation));
    return digest;
  }

  void Begin() {
    Mutation begin;
    begin.event.kind = EventKind::kCollectBlobs;
    MustCommit(std::move(begin));
  }

  static Mutation Deletion(const std::vector<Digest>& digests) {
    Mutation mutation;
    mutation.event.kind = EventKind::kCollectBlobs;
    for (const Digest& digest : digests) mutation.changes.push_back({Family::kBlob, DigestKey(digest), std::nullopt});
    return mutation;
  }

  std::string Read(const Digest& digest) {
    const auto bytes = ReadBlob(*store_, digest);
    return bytes.ok() ? *bytes : bytes.status().ToString();
  }

  SweepReport MustSweep(uint64_t dead_percent = 0) {
    SweepOptions options;
    options.dead_percent = dead_percent;
    auto report = SweepDeadBlobs(*store_, options);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    if (!report.ok()) return {};
    for (const std::string& finding : report->findings) ADD_FAILURE() << finding;
    return *report;
  }

  void ExpectSound() {
    auto report = Verify(*store_, BlobStore::Depth::kDigest);
    ASSERT_TRUE(report.ok());
    for (const std::string& finding : report->findings) ADD_FAILURE() << finding;
  }

  uint64_t DiskBytes() const {
    uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(options_.directory + "/segments")) {
      struct stat info {};
      if (::stat(entry.path().c_str(), &info) == 0) bytes += static_cast<uint64_t>(info.st_blocks) * 512;
    }
    return bytes;
  }
};

TEST_F(CollectTest, GivesTheRoomBackAndKeepsEverythingElse) {
  Open();
  std::vector<Digest> digests;
  for (int i = 0; i < 40; ++i) digests.push_back(Put(BytesOf(i, 40'000)));
  const uint64_t before = DiskBytes();
  Begin();
  std::vector<Digest> dead;
  for (size_t i = 0; i < digests.size(); i += 2) dead.push_back(digests[i]);
  MustCommit(Deletion(dead));
  for (int i = 100; i < 110; ++i)
    digests.push_back(Put(BytesOf(i, 40'000)));  // So that the last of them are in sealed ones.
  const SweepReport report = MustSweep();
  EXPECT_GE(report.blobs, 18u);
  EXPECT_GE(report.segments_rewritten, 5u);
  EXPECT_LT(DiskBytes() + report.bytes / 2, before + 10 * 45'000) << "of " << report.bytes << " bytes";
  const auto expect_all = [&] {
    for (size_t i = 0; i < digests.size(); ++i) {
      const int number = static_cast<int>(i < 40 ? i : i + 60);
      if (i < 40 && i % 2 == 0) {
        EXPECT_EQ(store_->blobs().Open(digests[i]).code(), Code::kNotFound) << i;
      } else {
        EXPECT_EQ(Read(digests[i]), BytesOf(number, 40'000)) << i;
      }
    }
    ExpectSound();
  };
  expect_all();
  EXPECT_EQ(MustSweep().blobs, 0u) << "what was swept is not dead again";
  Open();
  expect_all();
  // The journal alone gives the same: what was collected has left its place, and is not taken for damage.
  Close();
  std::filesystem::remove_all(options_.directory + "/db");
  Open();
  EXPECT_TRUE(store_->recovery().state_rebuilt);
  expect_all();
}

TEST_F(CollectTest, EqualBytesThatComeAgainAreStoredAgain) {
  Open();
  const std::string bytes = BytesOf(1, 50'000);
  const Digest digest = Put(bytes);
  Begin();
  MustCommit(Deletion({digest}));
  EXPECT_EQ(store_->blobs().Open(digest).code(), Code::kNotFound);
  EXPECT_EQ(Put(bytes), digest);
  EXPECT_EQ(Read(digest), bytes);
  for (int i = 0; i < 20; ++i) Put(BytesOf(200 + i, 50'000));
  EXPECT_EQ(MustSweep().blobs, 1u);
  EXPECT_EQ(Read(digest), bytes);
  ExpectSound();
  Close();
  std::filesystem::remove_all(options_.directory + "/db");
  Open();
  EXPECT_EQ(Read(digest), bytes);
  ExpectSound();
}

// In one group, before anybody sees the first of the two.
TEST_F(CollectTest, ComesAgainInTheGroupThatDeletesIt) {
  Open();
  const std::string bytes = BytesOf(1, 1'000);
  const Digest digest = Put(bytes);
  Begin();
  auto staged = StageBlob(*store_, bytes);
  Mutation again = PutMutation(Family::kUser, "again", "x");
  again.blobs.push_back(std::move(staged));
  std::vector<Status> answers;
  Mutex mutex;
  const auto note = [&](const Result<CommitInfo>& info) {
    MutexLock lock(mutex);
    answers.push_back(info.status());
  };
  store_->CommitAsync(PutMutation(Family::kUser, "keeps the journal busy", "x"), note);
  store_->CommitAsync(Deletion({digest}), note);
  store_->CommitAsync(std::move(again), note);
  MustCommit(PutMutation(Family::kUser, "last", "x"));
  for (const Status& answer : answers) EXPECT_TRUE(answer.ok()) << answer.ToString();
  EXPECT_EQ(Read(digest), bytes);
  ExpectSound();
}

TEST_F(CollectTest, WhatIsReferredToSinceItBeganIsNotDeleted) {
  Open();
  const Digest taken = Put(BytesOf(1, 1'000));
  const Digest other = Put(BytesOf(2, 1'000));
  EXPECT_EQ(store_->Commit(Deletion({other})).code(), Code::kFailedPrecondition) << "it has to begin";
  Begin();
  EXPECT_EQ(Put(BytesOf(1, 1'000)), taken);
  EXPECT_EQ(store_->Commit(Deletion({other, taken})).code(), Code::kConflict) << "as a whole";
  EXPECT_EQ(Read(other), BytesOf(2, 1'000));
  MustCommit(Deletion({other}));
  EXPECT_EQ(store_->Commit(Deletion({taken})).code(), Code::kConflict);
  EXPECT_EQ(Read(taken), BytesOf(1, 1'000));
  Begin();
  MustCommit(Deletion({taken}));
  EXPECT_EQ(store_->blobs().Open(taken).code(), Code::kNotFound);
}

TEST_F(CollectTest, ALargeBlobTakesItsSegmentAlong) {
  Open();
  const std::string bytes = BytesOf(1, limits::kSharedBlobBytesMax + 1);
  const Digest digest = Put(bytes);
  auto staged = StageBlob(*store_, BytesOf(2, limits::kSharedBlobBytesMax + 1));  // On its way to a package: not dead.
  Begin();
  MustCommit(Deletion({digest}));
  const SweepReport report = MustSweep();
  EXPECT_EQ(report.segments_removed, 1u);
  EXPECT_GT(report.bytes, limits::kSharedBlobBytesMax);
  const Digest second = staged->info().sha512;
  Mutation mutation = PutMutation(Family::kUser, "user", "x");
  mutation.blobs.push_back(std::move(staged));
  MustCommit(std::move(mutation));
  EXPECT_EQ(Read(second), BytesOf(2, limits::kSharedBlobBytesMax + 1));
  EXPECT_EQ(MustSweep().segments_removed, 0u);
  ExpectSound();
}

TEST_F(CollectTest, WhoeverReadsTheOldFileGoesOn) {
  Open();
  const Digest dead = Put(BytesOf(1, 60'000));
  for (int i = 2; i < 12; ++i) Put(BytesOf(i, 60'000));
  auto reader = store_->blobs().Open(dead);
  ASSERT_TRUE(reader.ok());
  Begin();
  MustCommit(Deletion({dead}));
  EXPECT_EQ(MustSweep().blobs, 1u);
  std::string bytes;
  ASSERT_TRUE(reader->file->ReadAt(reader->offset_bytes, reader->info.size_bytes, &bytes).ok());
  EXPECT_EQ(bytes, BytesOf(1, 60'000));
}

TEST_F(CollectTest, ADryRunSaysTheSameAndChangesNothing) {
  Open();
  const Digest dead = Put(BytesOf(1, 60'000));
  for (int i = 2; i < 12; ++i) Put(BytesOf(i, 60'000));
  const std::set<Digest> condemned{dead};
  SweepOptions options;
  options.dead_percent = 0;
  options.dry_run = true;
  options.condemned = &condemned;
  const auto would = SweepDeadBlobs(*store_, options);
  ASSERT_TRUE(would.ok());
  EXPECT_EQ(Read(dead), BytesOf(1, 60'000));
  Begin();
  MustCommit(Deletion({dead}));
  const SweepReport did = MustSweep();
  EXPECT_EQ(would->blobs, did.blobs);
  EXPECT_EQ(would->bytes, did.bytes);
  EXPECT_EQ(would->segments_rewritten, did.segments_rewritten);
}

TEST_F(CollectTest, ADamagedSegmentIsNamedAndLeftAlone) {
  Open();
  const Digest dead = Put(BytesOf(1, 60'000));
  const Digest damaged = Put(BytesOf(2, 60'000));
  for (int i = 3; i < 12; ++i) Put(BytesOf(i, 60'000));
  const auto reader = store_->blobs().Open(damaged);
  ASSERT_TRUE(reader.ok());
  const std::string path = options_.directory + "/segments/0000000000000001.seg";
  {
    auto file = PosixFileSystem().OpenReadWrite(path);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->WriteAt(reader->offset_bytes + 100, "damage").ok());
  }
  Begin();
  MustCommit(Deletion({dead}));
  SweepOptions options;
  options.dead_percent = 0;
  const auto report = SweepDeadBlobs(*store_, options);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->findings.size(), 1u);
  EXPECT_EQ(report->blobs, 0u);
  EXPECT_FALSE(std::filesystem::exists(options_.directory + "/segments/0000000000000001.part"));
  const auto verified = Verify(*store_, BlobStore::Depth::kChecksums);
  ASSERT_TRUE(verified.ok());
  EXPECT_GT(verified->finding_count, 0u) << "the damage is still there to be found";
}

TEST_F(CollectTest, NotWhileAnotherNodeCopiesTheSegments) {
  Open();
  const Digest dead = Put(BytesOf(1, 60'000));
  for (int i = 2; i < 12; ++i) Put(BytesOf(i, 60'000));
  Begin();
  MustCommit(Deletion({dead}));
  ASSERT_FALSE(store_->shipping()->ListSegments().empty());
  SweepOptions options;
  options.dead_percent = 0;
  EXPECT_EQ(SweepDeadBlobs(*store_, options).code(), Code::kUnavailable);
  clock_.AdvanceMs(61'000);
  EXPECT_EQ(MustSweep().blobs, 1u);
}

TEST_F(CollectTest, PublishesGoOnBesideIt) {
  Open();
  std::vector<Digest> dead;
  for (int i = 0; i < 30; ++i) dead.push_back(Put(BytesOf(i, 30'000)));
  std::atomic<bool> stop = false;
  std::vector<Digest> published;
  Thread publisher([&] {
    for (int i = 1'000; !stop.load(); ++i) published.push_back(Put(BytesOf(i, 10'000)));
  });
  Begin();
  uint64_t swept = 0;
  for (const Digest& digest : dead) {
    MustCommit(Deletion({digest}));
    swept += MustSweep().blobs;
  }
  stop = true;
  publisher.join();
  swept += MustSweep().blobs;
  EXPECT_GE(swept, 25u);
  for (size_t i = 0; i < published.size(); ++i) {
    EXPECT_EQ(Read(published[i]), BytesOf(static_cast<int>(1'000 + i), 10'000));
  }
  ExpectSound();
}

}  // namespace
}  // namespace tarn::engine
