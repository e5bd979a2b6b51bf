#include "storage/engine/disk_watch.h"

#include <gtest/gtest.h>

#include "storage/base/limits.h"
#include "storage/testing/fault_fs.h"
#include "storage/testing/manual_clock.h"

namespace tarn::engine {
namespace {

using limits::kGiB;
using limits::kMiB;

TEST(DiskMarks, HardIsFivePercentWithinTheReserveAndEightGiB) {
  EXPECT_EQ(MarksOf(100 * kGiB, 64 * kMiB).hard_bytes, 5 * kGiB);
  EXPECT_EQ(MarksOf(1000 * kGiB, 64 * kMiB).hard_bytes, 8 * kGiB);
  EXPECT_EQ(MarksOf(100 * kMiB, 64 * kMiB).hard_bytes, 64 * kMiB);
  EXPECT_EQ(MarksOf(100 * kMiB, 0).hard_bytes, 5 * kMiB);
  EXPECT_EQ(MarksOf(1000 * kGiB, 20 * kGiB).hard_bytes, 20 * kGiB);
}

TEST(DiskMarks, SoftIsAboveHard) {
  EXPECT_EQ(MarksOf(100 * kGiB, 64 * kMiB).soft_bytes, 15 * kGiB);
  EXPECT_EQ(MarksOf(1000 * kGiB, 64 * kMiB).soft_bytes, 24 * kGiB);
  EXPECT_EQ(MarksOf(100 * kMiB, 64 * kMiB).soft_bytes, 128 * kMiB);
}

TEST(DiskMarks, RocksMayFillAQuarterOfTheHardMark) {
  EXPECT_EQ(RocksWriteBufferBytes({.hard_bytes = 64 * kMiB}), 16 * kMiB);
  EXPECT_EQ(RocksWriteBufferBytes({.hard_bytes = 8 * kGiB}), 64 * kMiB);
  EXPECT_EQ(RocksWriteBufferBytes({.hard_bytes = kMiB}), kMiB);
}

class DiskWatchTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kCapacity = 100 * kMiB;

  void SetUp() override {
    file_system_.SetCapacity(kCapacity);
    auto watch = DiskWatch::Create(&file_system_, "/", 10 * kMiB, &clock_);
    ASSERT_TRUE(watch.ok());
    watch_ = *std::move(watch);
  }

  FaultFileSystem file_system_;
  ManualClock clock_;
  std::unique_ptr<DiskWatch> watch_;
};

TEST_F(DiskWatchTest, RefusesExactlyWhatWouldCrossTheHardMark) {
  EXPECT_TRUE(watch_->CheckRoom(90 * kMiB).ok());
  EXPECT_EQ(watch_->CheckRoom(90 * kMiB + 1).code(), Code::kOutOfSpace);
  EXPECT_TRUE(watch_->LastKnown().ok()) << "one mutation was too large; the disk is not full";
}

TEST_F(DiskWatchTest, LooksAgainAtAFullDiskOnlyNowAndThen) {
  file_system_.SetCapacity(5 * kMiB);
  EXPECT_TRUE(watch_->LastKnown().ok()) << "not looked at yet";
  EXPECT_EQ(watch_->CheckRoom(0).code(), Code::kOutOfSpace);
  const uint64_t calls = file_system_.call_count(FaultFileSystem::Call::kFreeSpace);
  file_system_.SetCapacity(kCapacity);
  EXPECT_EQ(watch_->LastKnown().code(), Code::kOutOfSpace);
  EXPECT_EQ(file_system_.call_count(FaultFileSystem::Call::kFreeSpace), calls);
  clock_.AdvanceMs(limits::kDiskRecheckMs);
  EXPECT_TRUE(watch_->LastKnown().ok());
}

TEST_F(DiskWatchTest, BallastIsWrittenOnceAndOnlyWhereThereIsPlenty) {
  EnsureBallast(&file_system_, "/ballast", 90 * kMiB, *watch_);
  EXPECT_FALSE(file_system_.OpenReadOnly("/ballast").ok()) << "it would reach below the soft mark";
  EnsureBallast(&file_system_, "/ballast", 3 * kMiB + 1, *watch_);
  EXPECT_EQ(file_system_.Contents("/ballast").size(), 3 * kMiB + 1);
  const uint64_t writes = file_system_.call_count(FaultFileSystem::Call::kWriteAt);
  EnsureBallast(&file_system_, "/ballast", 3 * kMiB + 1, *watch_);
  EXPECT_EQ(file_system_.call_count(FaultFileSystem::Call::kWriteAt), writes);
}

TEST_F(DiskWatchTest, HalfABallastIsRemoved) {
  file_system_.FailCallOf(FaultFileSystem::Call::kWriteAt, 1, Code::kOutOfSpace);
  EnsureBallast(&file_system_, "/ballast", 3 * kMiB, *watch_);
  EXPECT_FALSE(file_system_.OpenReadOnly("/ballast").ok());
}

}  // namespace
}  // namespace tarn::engine
