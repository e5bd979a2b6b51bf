#include "storage/registry/cvss.h"

#include <gtest/gtest.h>

#include <string>

namespace tarn::registry {
namespace {

// Scores of the examples document of CVSS v3.1 (first.org/cvss/v3.1/examples) and of well-known advisories.
TEST(Cvss, BaseScores) {
  struct Case {
    const char* vector;
    int tenths;
  };
  for (const Case& c : {
           Case{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 98},
           Case{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 100},
           Case{"CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 64},
           Case{"CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 61},
           Case{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", 75},
           Case{"CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 31},
           Case{"CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 78},
           Case{"CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 68},
           Case{"CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:C/C:H/I:H/A:H", 91},
           Case{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0},
           Case{"CVSS:3.1/A:H/I:H/C:H/S:U/UI:N/PR:N/AC:L/AV:N", 98},
           Case{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:P/RL:O", 98},
       }) {
    EXPECT_EQ(CvssBaseTenths(c.vector), c.tenths) << c.vector;
  }
}

TEST(Cvss, WhatIsNoVectorHasNoScore) {
  for (const char* vector :
       {"", "CVSS:3.1", "CVSS:3.1/", "CVSS:2.0/AV:N/AC:L/Au:N/C:P/I:P/A:P",
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H",
        "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        "CVSS:3.1/AV:NN/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "CVSS:3.1/AVN/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}) {
    EXPECT_EQ(CvssBaseTenths(vector), std::nullopt) << vector;
  }
}

TEST(Cvss, Ratings) {
  EXPECT_EQ(SeverityOfCvss(0), Severity::kInfo);
  EXPECT_EQ(SeverityOfCvss(39), Severity::kLow);
  EXPECT_EQ(SeverityOfCvss(40), Severity::kModerate);
  EXPECT_EQ(SeverityOfCvss(69), Severity::kModerate);
  EXPECT_EQ(SeverityOfCvss(70), Severity::kHigh);
  EXPECT_EQ(SeverityOfCvss(90), Severity::kCritical);
}

}  // namespace
}  // namespace tarn::registry
