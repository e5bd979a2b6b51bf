#include "storage/testing/fault_fs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace tarn {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Call = FaultFileSystem::Call;
using Unsynced = FaultFileSystem::Unsynced;

class FaultFileSystemTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fs_.CreateDirectory("/d").ok());
    ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  }
  std::unique_ptr<File> MustCreate(const std::string& path) {
    auto file = fs_.Create(path);
    EXPECT_TRUE(file.ok()) << file.status().ToString();
    return file.ok() ? std::move(*file) : nullptr;
  }
  FaultFileSystem fs_{7};
};

TEST_F(FaultFileSystemTest, ReadsWhatWasWrittenLikeAnyOther) {
  const auto file = MustCreate("/d/a");
  ASSERT_TRUE(file->WriteAt(3, "abc").ok());
  std::string bytes;
  ASSERT_TRUE((*fs_.OpenReadOnly("/d/a"))->ReadAt(0, 100, &bytes).ok());
  EXPECT_EQ(bytes, std::string(3, '\0') + "abc");
  EXPECT_EQ(*file->Size(), 6u);
  ASSERT_TRUE(file->Truncate(4).ok());
  EXPECT_EQ(*file->Size(), 4u);
  EXPECT_EQ(fs_.Create("/d/a").code(), Code::kAlreadyExists);
  EXPECT_EQ(fs_.OpenReadOnly("/d/b").code(), Code::kNotFound);
  EXPECT_EQ(fs_.Create("/none/b").code(), Code::kNotFound);
  ASSERT_TRUE(fs_.Rename("/d/a", "/d/c").ok());
  EXPECT_THAT(*fs_.List("/d"), ElementsAre("c"));
  ASSERT_TRUE(fs_.Remove("/d/c").ok());
  EXPECT_THAT(*fs_.List("/d"), IsEmpty());
}

TEST_F(FaultFileSystemTest, APowerCutTakesBytesAndNamesThatWereNotSynced) {
  auto synced = MustCreate("/d/synced");
  ASSERT_TRUE(synced->WriteAt(0, "kept").ok());
  ASSERT_TRUE(synced->Sync().ok());
  ASSERT_TRUE(fs_.SyncDirectory("/d").ok());
  ASSERT_TRUE(synced->WriteAt(0, "lost, and longer").ok());
  auto nameless = MustCreate("/d/nameless");
  ASSERT_TRUE(nameless->WriteAt(0, "bytes").ok());
  ASSERT_TRUE(nameless->Sync().ok());

  fs_.Restart(Unsynced::kLost);
  EXPECT_THAT(*fs_.List("/d"), ElementsAre("synced"));
  EXPECT_EQ(fs_.Contents("/d/synced"), "kept");
  EXPECT_EQ(synced->Sync().code(), Code::kIoError) << "the file of a process that is gone";
}

TEST_F(FaultFileSystemTest, WhatAKilledProcessWroteIsThereAndStillUnsynced) {
  ASSERT_TRUE(MustCreate("/d/a")->WriteAt(0, "bytes").ok());
  fs_.Restart(Unsynced::kKept);
  EXPECT_EQ(fs_.Contents("/d/a"), "bytes");
  fs_.Restart(Unsynced::kLost);
  EXPECT_THAT(*fs_.List("/d"), IsEmpty());
}

TEST_F(FaultFileSystemTest, ALostFolderTakesItsFilesAlong) {
  ASSERT_TRUE(fs_.CreateDirectory("/d/e").ok());
  ASSERT_TRUE(MustCreate("/d/e/a")->Sync().ok());
  ASSERT_TRUE(fs_.SyncDirectory("/d/e").ok());
  fs_.Restart(Unsynced::kLost);
  EXPECT_EQ(fs_.OpenReadOnly("/d/e/a").code(), Code::kNotFound);
}

TEST_F(FaultFileSystemTest, ARenameIsLostOrKeptWhole) {
  std::set<std::vector<std::string>> outcomes;
  for (int round = 0; round < 50; ++round) {
    const auto file = MustCreate("/d/part");
    ASSERT_TRUE(fs_.SyncDirectory("/d").ok());
    ASSERT_TRUE(fs_.Rename("/d/part", "/d/seg").ok());
    fs_.Restart(Unsynced::kAnySubset);
    const std::vector<std::string> names = *fs_.List("/d");
    outcomes.insert(names);
    for (const std::string& name : names) ASSERT_TRUE(fs_.Remove("/d/" + name).ok());
    ASSERT_TRUE(fs_.SyncDirectory("/d").ok());
  }
  EXPECT_THAT(outcomes, ElementsAre(ElementsAre("part"), ElementsAre("seg")));
}

TEST_F(FaultFileSystemTest, TearsUnsyncedWritesAtSectors) {
  std::set<std::string> outcomes;
  for (int round = 0; round < 200; ++round) {
    const std::string path = "/d/" + std::to_string(round);
    const auto file = MustCreate(path);
    ASSERT_TRUE(file->WriteAt(0, std::string(1024, 'o')).ok());
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(fs_.SyncDirectory("/d").ok());
    ASSERT_TRUE(file->WriteAt(0, std::string(1024, 'n')).ok());
    fs_.Restart(Unsynced::kAnySubset);
    outcomes.insert(fs_.Contents(path));
  }
  const std::string o(512, 'o');
  const std::string n(512, 'n');
  EXPECT_THAT(outcomes, ElementsAre(n + n, n + o, o + n, o + o));
}

TEST_F(FaultFileSystemTest, SyncedBytesSurviveWhateverWasLostBesideThem) {
  for (int round = 0; round < 50; ++round) {
    const std::string path = "/d/" + std::to_string(round);
    const auto file = MustCreate(path);
    ASSERT_TRUE(fs_.SyncDirectory("/d").ok());
    ASSERT_TRUE(file->WriteAt(0, "old").ok());
    ASSERT_TRUE(file->WriteAt(0, "new").ok());
    fs_.CutPowerAtCall(0);
    EXPECT_EQ(file->Sync().code(), Code::kIoError);
    fs_.Restart(Unsynced::kAnySubset);
    const std::string after = fs_.Contents(path);
    EXPECT_TRUE(after == "new" || after == "old" || after == std::string(3, '\0') || after.empty()) << after;
  }
}

TEST_F(FaultFileSystemTest, FailsThePlannedCallOnly) {
  const auto file = MustCreate("/d/a");
  fs_.FailCallOf(Call::kWriteAt, 1, Code::kOutOfSpace);
  EXPECT_TRUE(file->WriteAt(0, "aaaa").ok());
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_FALSE(fs_.fault_happened());
  EXPECT_EQ(file->WriteAt(4, "bbbb").code(), Code::kOutOfSpace);
  EXPECT_TRUE(fs_.fault_happened());
  EXPECT_TRUE(fs_.Contents("/d/a").starts_with("aaaa")) << "a prefix may have been written";
  EXPECT_LE(fs_.Contents("/d/a").size(), 8u);
  EXPECT_TRUE(file->WriteAt(4, "bbbb").ok());
  EXPECT_EQ(fs_.call_count(Call::kWriteAt), 3u);
}

TEST_F(FaultFileSystemTest, AfterAFailedSyncALaterOneLies) {
  const auto file = MustCreate("/d/a");
  ASSERT_TRUE(fs_.SyncDirectory("/d").ok());
  ASSERT_TRUE(file->WriteAt(0, "bytes").ok());
  fs_.FailCall(0, Code::kIoError);
  EXPECT_FALSE(file->Sync().ok());
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_EQ(fs_.Contents("/d/a"), "bytes");
  fs_.Restart(Unsynced::kAnySubset);
  EXPECT_EQ(fs_.Contents("/d/a"), "");
}

TEST_F(FaultFileSystemTest, AfterThePowerCutNothingWorksUntilRestart) {
  const auto file = MustCreate("/d/a");
  fs_.CutPowerAtCall(0);
  EXPECT_EQ(file->WriteAt(0, "bytes").code(), Code::kIoError);
  EXPECT_EQ(fs_.List("/d").code(), Code::kIoError);
  EXPECT_EQ(fs_.Remove("/d/a").code(), Code::kIoError);
  fs_.Restart(Unsynced::kLost);
  EXPECT_TRUE(fs_.List("/d").ok());
}

TEST_F(FaultFileSystemTest, FillsUp) {
  const auto file = MustCreate("/d/a");
  fs_.SetCapacity(10);
  EXPECT_TRUE(file->WriteAt(0, "12345678").ok());
  EXPECT_EQ(file->WriteAt(8, "abcd").code(), Code::kOutOfSpace);
  EXPECT_EQ(fs_.Contents("/d/a"), "12345678ab");
  EXPECT_EQ(fs_.FreeSpace("/d")->free_bytes, 0u);
  EXPECT_TRUE(file->WriteAt(0, "overwrite").ok());
  ASSERT_TRUE(file->Truncate(4).ok());
  EXPECT_TRUE(file->WriteAt(4, "abcdef").ok());
}

TEST_F(FaultFileSystemTest, FlipsABitForGood) {
  const auto file = MustCreate("/d/a");
  ASSERT_TRUE(file->WriteAt(0, "a").ok());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(fs_.SyncDirectory("/d").ok());
  fs_.FlipBit("/d/a", 0, 1);
  EXPECT_EQ(fs_.Contents("/d/a"), "c");
  fs_.Restart(Unsynced::kLost);
  EXPECT_EQ(fs_.Contents("/d/a"), "c");
}

}  // namespace
}  // namespace tarn
