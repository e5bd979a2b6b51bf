#include "http/cli/stall_detector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class StallDetectorTest : public ::testing::Test {
 protected:
  StallDetector::Changes Look(uint64_t disk_ms, uint64_t read_ms = 0) {
    now_ms_ += 500;
    return detector_.Look({{"disk", disk_ms, "sync of 7.seg"}, {"read", read_ms}}, now_ms_);
  }

  StallDetector detector_{{.stall_ms = 5'000, .recovered_ms = 1'000}};
  uint64_t now_ms_ = 0;
};

TEST_F(StallDetectorTest, NothingBeforeTheLimit) {
  EXPECT_THAT(Look(0).began, IsEmpty());
  EXPECT_THAT(Look(4'999).began, IsEmpty());
  EXPECT_TRUE(detector_.verdict().ok());
}

TEST_F(StallDetectorTest, NamesWhatStallsOnce) {
  EXPECT_THAT(Look(5'000).began, ElementsAre("disk"));
  EXPECT_THAT(Look(5'500).began, IsEmpty());
  EXPECT_THAT(Look(6'000, 5'200).began, ElementsAre("read"));
  EXPECT_EQ(detector_.verdict().code(), Code::kUnavailable);
  EXPECT_EQ(detector_.verdict().message(), "stalled: disk for 6000 ms (sync of 7.seg); read for 5200 ms");
}

TEST_F(StallDetectorTest, RecoversByItself) {
  Look(9'000, 9'000);
  EXPECT_THAT(Look(0, 9'500).ended, IsEmpty()) << "well for a moment only";
  EXPECT_THAT(detector_.verdict().message(), HasSubstr("disk (goes on again)"));
  EXPECT_THAT(Look(0, 10'000).ended, IsEmpty());
  EXPECT_THAT(Look(0, 10'500).ended, ElementsAre("disk"));
  EXPECT_THAT(detector_.verdict().message(), Not(HasSubstr("disk")));
  Look(0, 0);
  Look(0, 0);
  EXPECT_THAT(Look(0, 0).ended, ElementsAre("read"));
  EXPECT_TRUE(detector_.verdict().ok());
  EXPECT_THAT(Look(5'000).began, ElementsAre("disk")) << "and again";
}

// A busy disk has always something under way, for some milliseconds.
TEST_F(StallDetectorTest, ABusyOneRecoversToo) {
  Look(9'000);
  Look(12);
  Look(3);
  EXPECT_THAT(Look(40).ended, ElementsAre("disk"));
}

TEST_F(StallDetectorTest, OneThatLetsALittleThroughDoesNot) {
  Look(9'000);
  for (const uint64_t stuck_ms : {100u, 600u, 1'100u, 1'600u, 2'100u, 50u, 550u, 1'050u, 1'550u}) {
    EXPECT_THAT(Look(stuck_ms).ended, IsEmpty()) << stuck_ms;
  }
  EXPECT_FALSE(detector_.verdict().ok());
}

}  // namespace
}  // namespace tarn::cli
