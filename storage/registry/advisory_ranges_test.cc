#include "storage/registry/advisory_ranges.h"

#include <gtest/gtest.h>

#include <string>

namespace tarn::registry {
namespace {

using Kind = OsvEvent::Kind;

Advisory WithRanges(const std::vector<OsvEvent>& events) {
  Advisory advisory;
  const auto intervals = IntervalsOf(events);
  EXPECT_TRUE(intervals.ok()) << intervals.status().ToString();
  for (const VersionInterval& interval : MergeIntervals(*intervals)) advisory.ranges.push_back(ToRange(interval));
  return advisory;
}

TEST(AdvisoryRanges, EventsBecomeRanges) {
  struct Case {
    std::vector<OsvEvent> events;
    const char* vulnerable;
    const char* patched;
  };
  for (const Case& c : {
           Case{{{Kind::kIntroduced, "0"}}, "*", "<0.0.0"},
           Case{{{Kind::kIntroduced, "0"}, {Kind::kFixed, "1.2.3"}}, "<1.2.3", ">=1.2.3"},
           Case{{{Kind::kIntroduced, "1.0.0"}, {Kind::kFixed, "1.2.3"}}, ">=1.0.0 <1.2.3", ">=1.2.3"},
           Case{{{Kind::kIntroduced, "1.0.0"}, {Kind::kLastAffected, "1.2.3"}}, ">=1.0.0 <=1.2.3", ">1.2.3"},
           Case{{{Kind::kIntroduced, "1.0.0"}, {Kind::kLastAffected, "1.0.0"}}, "1.0.0", ">1.0.0"},
           Case{{{Kind::kIntroduced, "1.0.0"}}, ">=1.0.0", "<0.0.0"},
           Case{{{Kind::kFixed, "2.1.0"},
                 {Kind::kIntroduced, "2.0.0"},
                 {Kind::kFixed, "1.5.0"},
                 {Kind::kIntroduced, "0"}},
                "<1.5.0 || >=2.0.0 <2.1.0",
                ">=1.5.0 <2.0.0 || >=2.1.0"},
           Case{{{Kind::kIntroduced, "1.0.0"}, {Kind::kFixed, "2.0.0"}, {Kind::kIntroduced, "2.0.0"}},
                ">=1.0.0",
                "<0.0.0"},
           Case{{{Kind::kIntroduced, "1.0.0"}, {Kind::kFixed, "1.0.0"}}, "", "<0.0.0"},
           Case{{{Kind::kFixed, "1.0.0"}}, "", "<0.0.0"},
           Case{{}, "", "<0.0.0"},
           Case{{{Kind::kIntroduced, "1.0.0-rc.1"}, {Kind::kFixed, "1.0.0"}}, ">=1.0.0-rc.1 <1.0.0", ">=1.0.0"},
       }) {
    const Advisory advisory = WithRanges(c.events);
    EXPECT_EQ(VulnerableVersions(advisory), c.vulnerable);
    EXPECT_EQ(PatchedVersions(advisory), c.patched) << c.vulnerable;
    EXPECT_TRUE(IsValidRange(PatchedVersions(advisory)));
    EXPECT_TRUE(IsValidRange(VulnerableVersions(advisory))) << c.vulnerable;
  }
  EXPECT_EQ(IntervalsOf({{Kind::kIntroduced, "one"}}).code(), Code::kInvalidArgument);
}

TEST(AdvisoryRanges, RangesOfSeveralEntriesAreJoined) {
  const auto interval = [](const char* from, const char* to, bool includes_end) {
    VersionInterval made;
    if (*from) made.introduced = Version::Parse(from).value();
    if (*to) made.end = Version::Parse(to).value();
    made.includes_end = includes_end;
    return made;
  };
  const auto text = [](std::vector<VersionInterval> intervals) {
    Advisory advisory;
    for (const VersionInterval& merged : MergeIntervals(std::move(intervals)))
      advisory.ranges.push_back(ToRange(merged));
    return VulnerableVersions(advisory);
  };
  EXPECT_EQ(text({interval("2.0.0", "3.0.0", false), interval("1.0.0", "2.0.0", false)}), ">=1.0.0 <3.0.0");
  EXPECT_EQ(text({interval("1.0.0", "2.0.0", false), interval("1.5.0", "1.6.0", true)}), ">=1.0.0 <2.0.0");
  EXPECT_EQ(text({interval("1.0.0", "2.0.0", false), interval("1.5.0", "2.0.0", true)}), ">=1.0.0 <=2.0.0");
  EXPECT_EQ(text({interval("", "2.0.0", false), interval("", "", false), interval("5.0.0", "6.0.0", false)}), "*");
  EXPECT_EQ(text({interval("1.0.0", "1.1.0", false), interval("2.0.0", "2.1.0", false)}),
            ">=1.0.0 <1.1.0 || >=2.0.0 <2.1.0");
}

TEST(AdvisoryRanges, WhichVersionsAreAffected) {
  Advisory advisory = WithRanges({{Kind::kIntroduced, "1.0.0"}, {Kind::kFixed, "1.2.0"}});
  advisory.versions = {"2.0.0", "3.0.0-beta.1"};
  for (const char* version : {"1.0.0", "1.1.9", "1.2.0-rc.1", "2.0.0", "2.0.0+build", "3.0.0-beta.1", "v1.1.0"}) {
    EXPECT_TRUE(Affects(advisory, version)) << version;
  }
  for (const char* version :
       {"0.9.9", "1.0.0-rc.1", "1.2.0", "2.0.1", "3.0.0", "", "git+https://x/y", "*", "file:.."}) {
    EXPECT_FALSE(Affects(advisory, version)) << version;
  }
}

TEST(AdvisoryRanges, NumbersAreStableAndJavaScriptCanCountThem) {
  EXPECT_EQ(AdvisoryNumber("GHSA-1", "a"), AdvisoryNumber("GHSA-1", "a"));
  EXPECT_NE(AdvisoryNumber("GHSA-1", "a"), AdvisoryNumber("GHSA-1", "b"));
  EXPECT_NE(AdvisoryNumber("GHSA-1", "a"), AdvisoryNumber("GHSA-2", "a"));
  EXPECT_LT(AdvisoryNumber("GHSA-1", "a"), uint64_t{1} << 48);
}

}  // namespace
}  // namespace tarn::registry
