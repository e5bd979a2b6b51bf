#include "http/api/memory_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <vector>

namespace tarn::http {
namespace {

TEST(MemoryFile, HoldsThePiecesOneAfterTheOther) {
  const std::vector<SharedBytes> pieces = {ShareString("one "), ShareString(std::string(100'000, 'x')),
                                           ShareString(" end")};
  const auto file = MakeMemoryFile(pieces);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->offset, 0u);
  std::string content(file->length, '\0');
  ASSERT_EQ(::pread(file->fd, content.data(), content.size(), 0), static_cast<ssize_t>(content.size()));
  EXPECT_EQ(content, "one " + std::string(100'000, 'x') + " end");
}

TEST(MemoryFile, ClosesItsDescriptorWithTheLastOwner) {
  const std::vector<SharedBytes> pieces = {ShareString("text")};
  auto file = MakeMemoryFile(pieces);
  ASSERT_TRUE(file.has_value());
  const int fd = file->fd;
  auto another = *file;
  file.reset();
  EXPECT_NE(::fcntl(fd, F_GETFD), -1);
  another = {};
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

TEST(MemoryFile, AreLimitedInNumber) {
  const std::vector<SharedBytes> pieces = {ShareString("text")};
  std::vector<FileRange> files;
  while (auto file = MakeMemoryFile(pieces)) {
    files.push_back(*std::move(file));
    ASSERT_LE(files.size(), kMemoryFilesMax);
  }
  EXPECT_EQ(files.size(), kMemoryFilesMax);
  files.pop_back();
  EXPECT_TRUE(MakeMemoryFile(pieces).has_value());
}

}  // namespace
}  // namespace tarn::http
