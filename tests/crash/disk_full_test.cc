// A real file system that is full, again and again: commits are refused, reads go on, and commits resume by themselves.
// Needs the right to mount a tmpfs; skipped without it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <thread>

#include "storage/base/digest.h"
#include "storage/base/random.h"
#include "storage/engine/store.h"
#include "storage/testing/builders.h"
#include "storage/testing/temp_directory.h"
#include "tests/crash/crash_rounds.h"

namespace tarn::engine {
namespace {

using limits::kKiB;
using limits::kMiB;

constexpr const char* kSize = "size=64m";

class DiskFull : public ::testing::Test {
 protected:
  void SetUp() override {
    const int mounted = ::mount("tmpfs", mount_point_.path().c_str(), "tmpfs", 0, kSize);
    if (mounted != 0 && errno == EPERM) GTEST_SKIP() << "may not mount";
    ASSERT_EQ(mounted, 0) << "errno " << errno;  // Whoever has the right gets no excuse.
    is_mounted_ = true;
    options_.directory = mount_point_.path() + "/data";
    options_.disk_reserve_bytes = 4 * kMiB;
    options_.ballast_bytes = 0;
    Open();
  }
  void TearDown() override {
    store_.reset();
    if (is_mounted_) {
      EXPECT_EQ(::umount(mount_point_.path().c_str()), 0);
    }
  }

  void Open() {
    store_.reset();
    auto store = Store::Open(options_);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = *std::move(store);
  }
  Mutation NextPublish() {
    const std::string name = "package" + std::to_string(published_);
    Mutation mutation = PutMutation(Family::kPackage, name, random_.Bytes(2 * kKiB));
    mutation.blobs = {StageBlob(*store_, "blob of " + name + std::string(8 * kKiB, '.'))};
    return mutation;
  }
  // Publishes until refused; returns the refusal.
  Status PublishUntilRefused() {
    for (;;) {
      const auto info = store_->Commit(NextPublish());
      if (!info.ok()) return info.status();
      ++published_;
    }
  }
  // Somebody else's file, which leaves about `free_bytes` or, if 0, nothing at all.
  void FillDisk(uint64_t free_bytes) {
    const std::filesystem::space_info space = std::filesystem::space(mount_point_.path());
    const uint64_t size = space.available > free_bytes ? space.available - free_bytes : 0;
    std::ofstream file(filler(), std::ios::binary);
    const std::string piece(64 * kKiB, 'f');
    for (uint64_t written = 0; written < size + piece.size() && file.good(); written += piece.size()) file << piece;
  }
  std::string filler() const { return mount_point_.path() + "/filler"; }

  const TempDirectory mount_point_;
  bool is_mounted_ = false;
  StoreOptions options_;
  SeededRandom random_{CrashSeed()};
  std::unique_ptr<Store> store_;
  uint64_t published_ = 0;
};

TEST_F(DiskFull, RefusesReadsOnAndResumesByItselfManyTimes) {
  for (uint64_t round = 0; round < CrashRounds(20); ++round) {
    FillDisk(round % 2 == 0 ? 5 * kMiB : 0);
    const Status refusal = PublishUntilRefused();
    ASSERT_EQ(refusal.code(), Code::kOutOfSpace) << refusal.ToString();
    ASSERT_EQ(store_->CanCommit().code(), Code::kOutOfSpace);
    if (published_ > 0) {
      const std::string last = "package" + std::to_string(published_ - 1);
      ASSERT_TRUE(ValueOf(*store_, Family::kPackage, last).has_value());
      ASSERT_EQ(*ReadBlob(*store_, Sha512("blob of " + last + std::string(8 * kKiB, '.'))),
                "blob of " + last + std::string(8 * kKiB, '.'));
    }
    std::filesystem::remove(filler());
    while (!store_->CanCommit().ok()) std::this_thread::yield();
    const auto resumed = store_->Commit(NextPublish());
    ASSERT_TRUE(resumed.ok()) << resumed.status().ToString();
    ++published_;
  }
  EXPECT_EQ(store_->last_lsn(), Lsn(published_));
  Open();
  EXPECT_EQ(store_->last_lsn(), Lsn(published_));
  EXPECT_THAT(Verify(*store_, BlobStore::Depth::kDigest)->findings, ::testing::IsEmpty());
}

TEST_F(DiskFull, FillsItUpToTheReserveAndLosesNothing) {
  const Status refusal = PublishUntilRefused();
  ASSERT_EQ(refusal.code(), Code::kOutOfSpace) << refusal.ToString();
  EXPECT_GE(std::filesystem::space(mount_point_.path()).available, 2 * kMiB) << "RocksDB has room left";
  Open();
  EXPECT_EQ(store_->last_lsn(), Lsn(published_));
  EXPECT_THAT(Verify(*store_, BlobStore::Depth::kDigest)->findings, ::testing::IsEmpty());
}

}  // namespace
}  // namespace tarn::engine
