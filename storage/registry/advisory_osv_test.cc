#include "storage/registry/advisory_osv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/base/trust_limits.h"

namespace tarn::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A document as GitHub's database writes it, with more members and other affected packages put in.
std::string Document(const std::string& members, const std::string& affected) {
  return R"({"schema_version":"1.4.0","id":"GHSA-aaaa-bbbb-cccc","modified":"2024-05-01T10:00:00.123456Z",)"
         R"("published":"2024-04-01T10:00:00Z",)" +
         (members.empty() ? "" : members + ",") + R"("affected":[)" + affected + "]}";
}
std::string Affected(const std::string& name, const std::string& extent, const std::string& ecosystem = "npm") {
  return R"({"package":{"ecosystem":")" + ecosystem + R"(","name":")" + name + R"("},)" + extent + "}";
}
constexpr char kRange[] = R"("ranges":[{"type":"SEMVER","events":[{"introduced":"1.0.0"},{"fixed":"1.2.0"}]}])";

Advisory Only(const std::string& json) {
  const auto document = ReadOsv(json);
  EXPECT_TRUE(document.ok()) << document.status().ToString();
  EXPECT_EQ(document->affected.size(), 1u);
  return document->affected.front().second;
}

TEST(Osv, ReadsWhatNpmAsksFor) {
  const Advisory advisory = Only(Document(
      R"("aliases":["CVE-2024-1","<b>"],"summary":"Bad\nthing\u001b[31m","severity":[{"type":"CVSS_V4","score":"CVSS:4.0/AV:N"},)"
      R"({"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}],)"
      R"("database_specific":{"severity":"MODERATE","cwe_ids":["CWE-79","x",7]})",
      Affected("left", kRange)));
  EXPECT_EQ(advisory.id, "GHSA-aaaa-bbbb-cccc");
  EXPECT_EQ(advisory.title, "Bad thing [31m") << "one line, and nothing that a terminal obeys";
  EXPECT_EQ(advisory.url, "https://github.com/advisories/GHSA-aaaa-bbbb-cccc");
  EXPECT_EQ(advisory.severity, Severity::kModerate) << "what its authors say comes before what a formula says";
  EXPECT_EQ(advisory.cvss_tenths, 75);
  EXPECT_EQ(advisory.cvss_vector, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H");
  EXPECT_THAT(advisory.cwes, ElementsAre("CWE-79"));
  EXPECT_THAT(advisory.aliases, ElementsAre("CVE-2024-1"));
  EXPECT_EQ(VulnerableVersions(advisory), ">=1.0.0 <1.2.0");
  EXPECT_EQ(advisory.modified_ms - advisory.published_ms, 30ull * 24 * 3'600'000 + 123);
}

TEST(Osv, SeverityFromWhatIsThere) {
  const std::string high = R"("severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}])";
  EXPECT_EQ(Only(Document(high, Affected("left", kRange))).severity, Severity::kHigh);
  EXPECT_EQ(Only(Document(R"("severity":[{"type":"CVSS_V3","score":"junk"}])", Affected("left", kRange))).severity,
            Severity::kModerate);
  EXPECT_EQ(Only(Document(R"("database_specific":{"severity":"odd"})", Affected("left", kRange))).severity,
            Severity::kModerate);
  std::string malware = Document("", Affected("left", R"("versions":["1.0.0"])"));
  malware.replace(malware.find("GHSA-aaaa"), 9, "MAL-2024-");
  const Advisory advisory = Only(malware);
  EXPECT_EQ(advisory.severity, Severity::kCritical);
  EXPECT_EQ(advisory.url, "https://osv.dev/vulnerability/MAL-2024--bbbb-cccc");
  EXPECT_EQ(advisory.title, advisory.id);
}

TEST(Osv, ListedVersionsThatNoRangeHolds) {
  const Advisory advisory = Only(Document(
      "", Affected("left", std::string(kRange) + R"(,"versions":["2.0.0","1.1.0","odd",7,"0.1.0","2.0.0"])") + "," +
              Affected("left", R"("ranges":[{"type":"GIT","events":[{"introduced":"0"}]},)"
                               R"({"type":"ECOSYSTEM","events":[{"introduced":"3.0.0"},{"limit":"3.1.0"}]}])")));
  EXPECT_EQ(VulnerableVersions(advisory), ">=1.0.0 <1.2.0 || >=3.0.0 <3.1.0 || 0.1.0 || 2.0.0");
}

TEST(Osv, OtherEcosystemsAndExtentsOfNothingAreLeftOut) {
  const auto document = ReadOsv(Document(
      "", Affected("left", kRange, "PyPI") + "," + Affected("../bad name", kRange) + "," +
              Affected("none", R"("x":1)") + "," +
              Affected("commits", R"("ranges":[{"type":"GIT","events":[{"introduced":"0"}]}])") + R"(,null,7,{})"));
  ASSERT_TRUE(document.ok()) << document.status().ToString();
  EXPECT_TRUE(document->affected.empty());
}

TEST(Osv, SeveralPackagesOneDocument) {
  const auto document = ReadOsv(
      Document(R"("withdrawn":"2024-06-01T00:00:00Z")", Affected("b", kRange) + "," + Affected("@s/a", kRange)));
  ASSERT_TRUE(document.ok());
  EXPECT_TRUE(document->is_withdrawn);
  ASSERT_EQ(document->affected.size(), 2u);
  EXPECT_EQ(document->affected[0].first, "@s/a");
  EXPECT_EQ(document->affected[1].first, "b");
}

TEST(Osv, RefusesWhatIsNoDocument) {
  const std::string good = Document("", Affected("left", kRange));
  const auto spoiled = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  for (const std::string& text : {std::string(), std::string("[]"), std::string("{}"), good.substr(0, good.size() - 1),
                                  spoiled("GHSA-aaaa-bbbb-cccc", ""), spoiled("GHSA-aaaa-bbbb-cccc", "a b"),
                                  spoiled("GHSA-aaaa-bbbb-cccc", "../x"),
                                  spoiled("GHSA-aaaa-bbbb-cccc", std::string(limits::kAdvisoryIdBytesMax + 1, 'x')),
                                  spoiled("\"modified\"", "\"x\""), spoiled("2024-05-01T10:00:00.123456Z", "yesterday"),
                                  spoiled("\"1.2.0\"", "\"one\"")}) {
    EXPECT_EQ(ReadOsv(text).code(), Code::kInvalidArgument) << text;
  }
  EXPECT_EQ(ReadOsv(good + std::string(limits::kAdvisoryBytesMax, ' ')).code(), Code::kTooLarge);
  std::string events;
  for (size_t i = 0; i <= limits::kAdvisoryRangesMax; ++i) events += R"({"introduced":"1.0.0"},)";
  EXPECT_EQ(ReadOsv(spoiled(R"({"introduced":"1.0.0"},)", events)).code(), Code::kTooLarge);
}

}  // namespace
}  // namespace tarn::registry
