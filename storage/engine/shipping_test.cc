#include "storage/engine/shipping.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "storage/base/mutex.h"
#include "storage/engine/segment_folder.h"
#include "storage/engine/segment_format.h"
#include "storage/engine/ship_for_test.h"
#include "storage/engine/store_fixture_for_test.h"

namespace tarn::engine {
namespace {

// Lets records through up to a gate that the test moves.
class Gate final : public CommitShipper {
 public:
  void Journaled(const JournalHead& head) override {
    MutexLock lock(mutex_);
    journaled_ = head.lsn;
    changed_.NotifyAll();
  }
  Status WaitMayApply(Lsn last) override {
    MutexLock lock(mutex_);
    while (last > open_to_ && refusal_.ok()) changed_.Wait(mutex_);
    return refusal_;
  }
  void Visible(const VisibleHead& head) override {
    MutexLock lock(mutex_);
    visible_ = head;
  }
  void OpenTo(Lsn lsn) {
    MutexLock lock(mutex_);
    open_to_ = lsn;
    changed_.NotifyAll();
  }
  void Refuse(Status status) {
    MutexLock lock(mutex_);
    refusal_ = std::move(status);
    changed_.NotifyAll();
  }
  void WaitForJournaled(Lsn lsn) {
    MutexLock lock(mutex_);
    while (journaled_ < lsn) changed_.Wait(mutex_);
  }
  VisibleHead visible() {
    MutexLock lock(mutex_);
    return visible_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  Lsn open_to_ GUARDED_BY(mutex_);
  Lsn journaled_ GUARDED_BY(mutex_);
  VisibleHead visible_ GUARDED_BY(mutex_);
  Status refusal_ GUARDED_BY(mutex_);
};

constexpr Lsn kAll{UINT64_MAX};

// `store_` leads; beside it a follower in a directory of its own.
class ShippingTest : public StoreTest {
 protected:
  void SetUp() override {
    Open();
    west_options_ = options_;
    west_options_.directory = directory_.path() + "/west";
    west_options_.role = NodeRole::kFollower;
    west_options_.shipper = &gate_;
    gate_.OpenTo(kAll);
    OpenWest();
  }
  void TearDown() override {
    gate_.OpenTo(kAll);
    west_.reset();
    StoreTest::TearDown();
  }
  void OpenWest() {
    west_.reset();
    auto west = LocalStore::Open(west_options_, nullptr);
    ASSERT_TRUE(west.ok()) << west.status().ToString();
    west_ = *std::move(west);
  }
  Shipping& east() { return *store_->shipping(); }
  Shipping& west() { return *west_->shipping(); }
  void ExpectEqual() {
    EXPECT_EQ(store_->Stats().last_lsn, west_->Stats().last_lsn);
    EXPECT_EQ(store_->Stats().chain_hash, west_->Stats().chain_hash);
    EXPECT_EQ(store_->Stats().state_hash, west_->Stats().state_hash);
  }

  Gate gate_;
  StoreOptions west_options_;
  std::unique_ptr<LocalStore> west_;
};

TEST_F(ShippingTest, AFollowerBecomesEqualAndStaysSoWhenOpenedAgain) {
  CommitUsers(0, 20);
  Mutation again = PutMutation(Family::kUser, "twice", "x");
  again.blobs = {StageBlob(*store_, "blob of user 3")};  // Equal bytes, stored once on either node.
  MustCommit(std::move(again));
  MustCommit(MutationOf({Delete(Family::kUser, "user5")}));
  FollowAll(east(), *west_);
  ExpectEqual();
  EXPECT_EQ(ValueOf(*west_, Family::kByUser, "count"), Value(Family::kByUser, "count"));
  EXPECT_EQ(ReadBlob(*west_, StageBlob(*store_, "blob of user 7")->info().sha512).value(), "blob of user 7");
  OpenWest();
  ExpectEqual();
  const auto report = Verify(*west_, BlobStore::Depth::kDigest);
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(report->findings, ::testing::IsEmpty());
}

TEST_F(ShippingTest, TellsHowManyBytesAreBehindARecord) {
  EXPECT_EQ(east().BytesBehind(Lsn(0)).value(), 0U);
  CommitUsers(0, 3);
  const uint64_t small = east().BytesBehind(Lsn(3)).value() + east().BytesBehind(Lsn(1)).value();
  Mutation large = PutMutation(Family::kUser, "large", "x");
  large.blobs = {StageBlob(*store_, std::string(500'000, 'x'))};
  MustCommit(std::move(large));
  EXPECT_EQ(east().BytesBehind(Lsn(4)).value(), 0U);
  const uint64_t behind = east().BytesBehind(Lsn(3)).value();
  EXPECT_GT(behind, 500'000U);
  EXPECT_LT(behind, 510'000U);
  EXPECT_LT(small, 20'000U);
  EXPECT_GT(east().BytesBehind(Lsn(0)).value(), east().BytesBehind(Lsn(2)).value());
  EXPECT_EQ(east().BytesBehind(Lsn(5)).code(), Code::kNotFound);
  // In the journal and not visible yet: counted all the same.
  FollowAll(east(), *west_);
  const Lsn visible = west().visible().lsn;
  gate_.OpenTo(visible);
  CommitUsers(3, 5);
  auto first =
      StartFollow(*west_, MustReadRaw(east(), Lsn(5)), FetchBlobs(east(), *west_, MustReadRaw(east(), Lsn(5))));
  auto second =
      StartFollow(*west_, MustReadRaw(east(), Lsn(6)), FetchBlobs(east(), *west_, MustReadRaw(east(), Lsn(6))));
  gate_.WaitForJournaled(Lsn(6));
  EXPECT_EQ(west().BytesBehind(Lsn(6)).value(), 0U);
  EXPECT_GE(west().BytesBehind(Lsn(5)).value(), MustReadRaw(east(), Lsn(6)).payload.size());
  EXPECT_GT(west().BytesBehind(visible).value(), west().BytesBehind(Lsn(5)).value());
  gate_.OpenTo(kAll);
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(second.get().ok());
}

std::string FileContents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void FlipByte(const std::string& path, size_t offset) {
  std::string bytes = FileContents(path);
  bytes[offset] = static_cast<char>(bytes[offset] ^ 0x10);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(bytes[offset]);
}

// What `fetch` of MendBlob is given, in pieces of seven bytes.
std::function<Status(const Shipping::BlobPieceSink&)> Pieces(std::string bytes) {
  return [bytes = std::move(bytes)](const Shipping::BlobPieceSink& sink) {
    for (size_t at = 0; at < bytes.size(); at += 7) RETURN_IF_ERROR(sink(std::string_view(bytes).substr(at, 7)));
    return OkStatus();
  };
}

TEST_F(ShippingTest, ADamagedBlobIsWrittenAgainWhereItStands) {
  CommitUsers(0, 9);
  const std::string bytes = "blob of user 4";
  const Digest digest = StageBlob(*store_, bytes)->info().sha512;
  const std::string path = directory_.path() + "/data/segments/" + SegmentFolder::Name(SegmentId(1));
  const std::string whole = FileContents(path);
  const size_t at = whole.find(bytes);
  ASSERT_NE(at, std::string::npos);
  // Anywhere from its header to its checksum.
  for (const size_t offset : {at - 100, at, at + bytes.size() - 1, at + PaddedBytes(bytes.size()) + 3}) {
    FlipByte(path, offset);
    ASSERT_EQ(store_->blobs().Verify(digest, BlobStore::Depth::kDigest).code(), Code::kCorruption) << offset;
    EXPECT_EQ(store_->blobs().Open(digest).status().code(), Code::kCorruption);
    EXPECT_EQ(east().MendBlob(digest, Pieces(bytes + "!")).code(), Code::kCorruption);
    EXPECT_EQ(east().MendBlob(digest, Pieces(bytes.substr(1))).code(), Code::kCorruption);
    EXPECT_EQ(east().MendBlob(digest, Pieces("blob of user 5")).code(), Code::kCorruption);
    EXPECT_EQ(store_->blobs().Open(digest).status().code(), Code::kCorruption) << "still refused";
    ASSERT_TRUE(east().MendBlob(digest, Pieces(bytes)).ok()) << offset;
    EXPECT_TRUE(store_->blobs().Open(digest).ok());
    EXPECT_EQ(FileContents(path), whole);
  }
  EXPECT_EQ(east().MendBlob(Digest(), Pieces("")).code(), Code::kNotFound);
}

TEST_F(ShippingTest, ASegmentThatIsGoneOrShortIsNoticedWithoutReadingIt) {
  options_.segment_bytes_max = 4'096;
  Open();
  CommitUsers(0, 40);
  ASSERT_TRUE(east().CheckPlaces().ok());
  const std::string folder = directory_.path() + "/data/segments/";
  std::filesystem::remove(folder + SegmentFolder::Name(SegmentId(2)));
  Open();
  const Status gone = east().CheckPlaces();
  EXPECT_EQ(gone.code(), Code::kCorruption);
  EXPECT_NE(gone.message().find("segment 2 is missing"), std::string_view::npos) << gone.ToString();
}

TEST_F(ShippingTest, ARecordIsVisibleOnlyWhenTheShipperSaysSo) {
  CommitUsers(0, 1);
  gate_.OpenTo(Lsn(0));
  RawRecord record = MustReadRaw(east(), Lsn(1));
  auto blobs = FetchBlobs(east(), *west_, record);
  const Digest digest = blobs[0]->info().sha512;
  auto followed = StartFollow(*west_, record, std::move(blobs));
  gate_.WaitForJournaled(Lsn(1));
  EXPECT_EQ(west().journaled().lsn, Lsn(1));
  EXPECT_EQ(west().journaled().chain_hash, record.chain_hash);
  EXPECT_EQ(west_->last_lsn(), Lsn(0));
  EXPECT_EQ(ValueOf(*west_, Family::kUser, "user0"), std::nullopt);
  // It can be sent on already.
  EXPECT_EQ(MustReadRaw(west(), Lsn(1)).payload, record.payload);
  EXPECT_EQ(BytesOf(*west().OpenBlob(digest)), "blob of user 0");
  gate_.OpenTo(Lsn(1));
  EXPECT_TRUE(followed.get().ok());
  EXPECT_NE(ValueOf(*west_, Family::kUser, "user0"), std::nullopt);
  EXPECT_EQ(gate_.visible().lsn, Lsn(1));
  EXPECT_EQ(gate_.visible().state_hash, store_->Stats().state_hash);
}

TEST_F(ShippingTest, ARefusedWaitEndsTheStoreAndLosesNothing) {
  CommitUsers(0, 1);
  gate_.OpenTo(Lsn(0));
  auto followed =
      StartFollow(*west_, MustReadRaw(east(), Lsn(1)), FetchBlobs(east(), *west_, MustReadRaw(east(), Lsn(1))));
  gate_.WaitForJournaled(Lsn(1));
  gate_.Refuse(Unavailable("the leader is gone"));
  EXPECT_EQ(followed.get().code(), Code::kUnavailable);
  EXPECT_EQ(west_->CanCommit().code(), Code::kUnavailable);
  EXPECT_EQ(west_->last_lsn(), Lsn(0));
  gate_.Refuse(OkStatus());
  OpenWest();
  EXPECT_EQ(west_->last_lsn(), Lsn(1));
}

TEST_F(ShippingTest, WhatDoesNotContinueTheJournalIsRefused) {
  CommitUsers(0, 3);
  EXPECT_EQ(Follow(east(), *west_, Lsn(2)).code(), Code::kCorruption);
  ASSERT_TRUE(Follow(east(), *west_, Lsn(1)).ok());
  EXPECT_EQ(Follow(east(), *west_, Lsn(1)).code(), Code::kCorruption);
  RawRecord changed = MustReadRaw(east(), Lsn(2));
  auto blobs = FetchBlobs(east(), *west_, changed);
  changed.payload.back() = static_cast<char>(changed.payload.back() ^ 1);
  EXPECT_EQ(StartFollow(*west_, changed, blobs).get().code(), Code::kCorruption);
  changed = MustReadRaw(east(), Lsn(2));
  changed.epoch = Epoch(9);
  EXPECT_EQ(StartFollow(*west_, changed, blobs).get().code(), Code::kCorruption);
  ASSERT_TRUE(Follow(east(), *west_, Lsn(2)).ok());
  ASSERT_TRUE(Follow(east(), *west_, Lsn(3)).ok());
  ExpectEqual();
}

TEST_F(ShippingTest, ARecordWithoutItsBlobsIsRefused) {
  CommitUsers(0, 1);
  const Status status = StartFollow(*west_, MustReadRaw(east(), Lsn(1)), {}).get();
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_NE(status.message().find("blob "), std::string_view::npos);
  EXPECT_TRUE(Follow(east(), *west_, Lsn(1)).ok());
}

TEST_F(ShippingTest, RolesAreFences) {
  CommitUsers(0, 1);
  EXPECT_EQ(west_->Commit(PutMutation(Family::kUser, "a", "b")).status().code(), Code::kUnavailable);
  ASSERT_TRUE(Follow(east(), *west_, Lsn(1)).ok());
  EXPECT_EQ(StartFollow(*store_, MustReadRaw(east(), Lsn(1)), {}).get().code(), Code::kFailedPrecondition);
  west_options_.role = NodeRole::kLeader;
  west_options_.epoch = Epoch(4);
  OpenWest();
  EXPECT_EQ(west_->Commit(PutMutation(Family::kUser, "a", "b"))->epoch, Epoch(4));
  // The old leader follows: its own LSN 2 is another record, with a lower epoch.
  options_.role = NodeRole::kFollower;
  Open();
  ASSERT_TRUE(Follow(west(), *store_, Lsn(2)).ok());
  EXPECT_EQ(store_->Stats().epoch, Epoch(4));
  ExpectEqual();
}

TEST_F(ShippingTest, ACopyOfTheSegmentsIsTheStore) {
  options_.segment_bytes_max = 1'100'000;
  Open();
  CommitUsers(0, 200);
  for (int i = 0; i < 3; ++i) {
    Mutation large = PutMutation(Family::kUser, "large" + std::to_string(i), "x");
    large.blobs = {StageBlob(*store_, std::string(9'000'000, static_cast<char>('a' + i)))};  // A segment of its own.
    MustCommit(std::move(large));
    CommitUsers(1'000 * (i + 1), 5);
  }
  const std::string copy = directory_.path() + "/copy";
  std::filesystem::create_directories(copy + "/segments");
  const auto listing = east().ListSegments();
  EXPECT_GE(listing.size(), 4U);
  for (const SegmentListing& segment : listing) {
    const auto file = east().OpenSegment(segment.id);
    ASSERT_TRUE(file.ok());
    std::string bytes;
    ASSERT_TRUE((*file)->ReadAt(0, segment.size_bytes, &bytes).ok());
    ASSERT_EQ(bytes.size(), segment.size_bytes);
    std::ofstream(copy + "/segments/" + SegmentFolder::Name(segment.id), std::ios::binary) << bytes;
  }
  CommitUsers(5'000, 5);
  west_options_.directory = copy;
  OpenWest();
  EXPECT_EQ(west_->last_lsn(), Lsn(218));
  FollowAll(east(), *west_);
  ExpectEqual();
}

}  // namespace
}  // namespace tarn::engine
