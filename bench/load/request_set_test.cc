#include "bench/load/request_set.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace tarn::bench {
namespace {

class PutSet : public testing::Test {
 protected:
  void TearDown() override { std::remove(options_.put_set_file.c_str()); }

  bool BuildFrom(const std::string& content) {
    options_.port = 4873;
    options_.put_set_file = testing::TempDir() + "put_set";
    std::ofstream(options_.put_set_file, std::ios::binary) << content;
    return set_.Build(options_, &error_);
  }

  Options options_;
  RequestSet set_;
  std::string error_;
};

TEST(RequestSet, TakesGetTargetsInTurn) {
  Options options;
  options.port = 4873;
  options.get_paths = {"/a", "/b"};
  options.headers = {"Accept: application/json"};
  RequestSet set;
  std::string error;
  ASSERT_TRUE(set.Build(options, &error)) << error;
  EXPECT_EQ(set.Next()->head, "GET /a HTTP/1.1\r\nHost: 127.0.0.1:4873\r\nAccept: application/json\r\n\r\n");
  EXPECT_EQ(set.Next()->target_index, 1U);
  EXPECT_EQ(set.Next()->target_index, 0U);
}

TEST_F(PutSet, HandsOutEachRecordOnce) {
  ASSERT_TRUE(BuildFrom("/a 3\nx\ny\n/b 2\n{}\n")) << error_;
  EXPECT_EQ(set_.Next()->body, "x\ny");
  const auto second = set_.Next();
  EXPECT_EQ(second->body, "{}");
  EXPECT_TRUE(second->head.starts_with("PUT /b HTTP/1.1\r\n")) << second->head;
  EXPECT_TRUE(second->head.ends_with("Content-Length: 2\r\n\r\n")) << second->head;
  EXPECT_FALSE(set_.Next());
}

TEST_F(PutSet, RefusesATruncatedBodyAndNamesItsOffset) {
  EXPECT_FALSE(BuildFrom("/a 1\nx\n/b 9\n{}\n"));
  EXPECT_NE(error_.find("byte 7"), std::string::npos) << error_;
}

TEST_F(PutSet, RefusesARecordWithoutLength) { EXPECT_FALSE(BuildFrom("/a\nx\n")); }

TEST_F(PutSet, RefusesALengthPastTheEndOfTheFile) { EXPECT_FALSE(BuildFrom("/a 18446744073709551615\nx\n")); }

}  // namespace
}  // namespace tarn::bench
