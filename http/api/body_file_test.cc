#include "http/api/body_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "storage/testing/temp_directory.h"

namespace tarn::http {
namespace {

const std::vector<SharedBytes> kText = {ShareString("text")};

std::string Content(const FileRange& file) {
  std::string content(file.length, '\0');
  EXPECT_EQ(::pread(file.fd, content.data(), content.size(), 0), static_cast<ssize_t>(content.size()));
  return content;
}

TEST(BodyFiles, HoldThePiecesOneAfterTheOther) {
  const TempDirectory folder;
  const std::vector<SharedBytes> pieces = {ShareString("one "), ShareString(""), ShareString(std::string(100'000, 'x')),
                                           ShareString(" end")};
  for (const std::string& where : {folder.path(), std::string(), std::string("/nowhere")}) {
    BodyFiles files(where);
    const auto file = files.Make(pieces);
    ASSERT_TRUE(file.has_value()) << where;
    EXPECT_EQ(file->offset, 0u);
    EXPECT_EQ(Content(*file), "one " + std::string(100'000, 'x') + " end") << where;
  }
}

TEST(BodyFiles, TakeMorePiecesThanOneCallDoes) {
  std::vector<SharedBytes> pieces;
  std::string whole;
  for (int i = 0; i < 3000; ++i) {
    pieces.push_back(ShareString(std::to_string(i)));
    whole += std::to_string(i);
  }
  const auto file = BodyFiles("").Make(pieces);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(Content(*file), whole);
}

TEST(BodyFiles, HaveNoName) {
  const TempDirectory folder;
  BodyFiles files(folder.path());
  const auto file = files.Make(kText);
  ASSERT_TRUE(file.has_value());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(BodyFiles, CloseWithTheLastOwner) {
  auto file = BodyFiles("").Make(kText);
  ASSERT_TRUE(file.has_value());
  const int fd = file->fd;
  auto another = *file;
  file.reset();
  EXPECT_NE(::fcntl(fd, F_GETFD), -1);
  another = {};
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

TEST(BodyFiles, AreLimitedInNumber) {
  BodyFiles maker("");
  std::vector<FileRange> files;
  while (auto file = maker.Make(kText)) {
    files.push_back(*std::move(file));
    ASSERT_LE(files.size(), kBodyFilesMax);
  }
  EXPECT_EQ(files.size(), kBodyFilesMax);
  files.pop_back();
  EXPECT_TRUE(maker.Make(kText).has_value());
}

}  // namespace
}  // namespace tarn::http
