#include "migrate/couch/shasums.h"

#include <gtest/gtest.h>

namespace tarn::migrate {
namespace {

TEST(Shasums, StandBesideTheirTarballs) {
  Shasums shasums;
  const std::string body =
      R"("versions":{"1.0.0":{"dist":{"shasum":"one","tarball":"http://registry.example/a/-/a-1.0.0.tgz"}},)"
      R"("1.1.0":{"dist":{"tarball" : "http://registry.example/a/-/a-1.1.0.tgz", "signatures":[{"keyid":"k"}]}},)"
      R"("2.0.0":{"dist":{"tarball":"http://registry.example/a/-/a-2.0.0.tgz","shasum": "two"}}})";
  EXPECT_EQ(shasums.Find(body, "a-1.0.0.tgz"), "one");
  EXPECT_EQ(shasums.Find(body, "a-1.1.0.tgz"), "");
  EXPECT_EQ(shasums.Find(body, "a-2.0.0.tgz"), "two");
  EXPECT_EQ(shasums.Find(body, "README.md"), "");
  EXPECT_EQ(shasums.Find(body.substr(0, 100), "a-2.0.0.tgz"), "") << "not read yet";
  EXPECT_EQ(shasums.Find(R"({"tarball)", "x"), "");
  EXPECT_EQ(shasums.Find(R"({"tarball":"x)", "x"), "");
}

}  // namespace
}  // namespace tarn::migrate
