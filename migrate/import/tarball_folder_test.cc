#include "migrate/import/tarball_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::migrate {
namespace {

using ::testing::ElementsAre;

TEST(TarballFolder, TriesTheNamesThatFilesHave) {
  EXPECT_THAT(TarballFolder::PathsOf("a", {"1.0.0", "a-1.0.0.tgz", "a-1.0.0.tgz", "", "", ""}),
              ElementsAre("a/a-1.0.0.tgz", "a/-/a-1.0.0.tgz", "a-1.0.0.tgz"));
  // Another scope may have a file of the same name: alone it counts only with the scope in it.
  EXPECT_THAT(TarballFolder::PathsOf("@s/n", {"1.0.0", "", "n-1.0.0.tgz", "", "", ""}),
              ElementsAre("@s/n/n-1.0.0.tgz", "@s/n/-/n-1.0.0.tgz", "@s/n/s-n-1.0.0.tgz", "@s/n/-/s-n-1.0.0.tgz",
                          "s-n-1.0.0.tgz"));
}

TEST(TarballFolder, NeverLeavesTheFolder) {
  for (const std::string file : {"../../etc/passwd", "/etc/passwd", "a/../../b", "..", "x/./y", "a//b"}) {
    for (const std::string& path : TarballFolder::PathsOf("a", {"1.0.0", file, "../" + file, "", "", ""})) {
      EXPECT_EQ(path.find(".."), std::string::npos) << path;
      EXPECT_FALSE(path.starts_with('/')) << path;
    }
  }
}

}  // namespace
}  // namespace tarn::migrate
