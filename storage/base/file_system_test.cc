#include "storage/base/file_system.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace tarn {
namespace {

class PosixFileSystemTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "tarn-fs-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(PosixFileSystemTest, WritesManyPartsAtAnOffsetAndReadsThemBack) {
  auto file = PosixFileSystem().Create(folder_ + "/a");
  ASSERT_TRUE(file.ok());
  std::string digits = "0123456789";
  std::vector<iovec> parts;
  for (int i = 0; i < 200; ++i) parts.push_back({digits.data() + i % 10, 1});
  ASSERT_TRUE((*file)->WriteAt(5, parts).ok());
  ASSERT_TRUE((*file)->Sync().ok());
  EXPECT_EQ(*(*file)->Size(), 205u);
  std::string out;
  ASSERT_TRUE((*file)->ReadAt(195, 100, &out).ok());
  EXPECT_EQ(out, "0123456789");
}

TEST_F(PosixFileSystemTest, SaysWhatIsWrong) {
  EXPECT_EQ(PosixFileSystem().OpenReadOnly(folder_ + "/none").code(), Code::kNotFound);
  ASSERT_TRUE(PosixFileSystem().Create(folder_ + "/a").ok());
  EXPECT_EQ(PosixFileSystem().Create(folder_ + "/a").code(), Code::kAlreadyExists);
  EXPECT_EQ(PosixFileSystem().List(folder_)->size(), 1u);
}

}  // namespace
}  // namespace tarn
