#include "http/api/operator_jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace tarn::http {
namespace {

using ::testing::HasSubstr;

class OperatorJobsTest : public ::testing::Test {
 protected:
  static JsonBody Empty() { return JsonBody::ParseObject("{}").value(); }
  static Result<std::string> Wait(const std::function<bool()>& is_stopping) {
    while (!is_stopping()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return Cancelled("stopping");
  }
  std::string WaitForEnd() {
    while (jobs_.StateJson().find("\"running\"") != std::string::npos) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return jobs_.StateJson();
  }

  OperatorJobs jobs_{
      {{"answer",
        [](const JsonBody&) {
          return OperatorJobs::Work([](const auto&) { return Result<std::string>("{\"a\":1}"); });
        }},
       {"fail",
        [](const JsonBody&) {
          return OperatorJobs::Work([](const auto&) { return Result<std::string>(Corruption("of \"x\"")); });
        }},
       {"wait", [](const JsonBody&) { return OperatorJobs::Work(&Wait); }},
       {"picky", [](const JsonBody&) { return Result<OperatorJobs::Work>(InvalidArgument("no")); }}},
      &SystemClock()};
};

TEST_F(OperatorJobsTest, SaysWhatTheLastOneHasComeTo) {
  EXPECT_THAT(jobs_.StateJson(), HasSubstr("\"state\":\"none\""));
  ASSERT_TRUE(jobs_.Start("answer", Empty()).ok());
  EXPECT_THAT(WaitForEnd(), ::testing::EndsWith(",\"result\":{\"a\":1}}"));
  ASSERT_TRUE(jobs_.Start("fail", Empty()).ok());
  EXPECT_THAT(WaitForEnd(), HasSubstr("\"state\":\"failed\""));
  EXPECT_THAT(jobs_.StateJson(), HasSubstr("of \\\"x\\\""));
  EXPECT_EQ(jobs_.Start("unknown", Empty()).code(), Code::kNotFound);
  EXPECT_EQ(jobs_.Start("picky", Empty()).code(), Code::kInvalidArgument);
}

TEST_F(OperatorJobsTest, OneAtATimeUntilTheNodeStops) {
  ASSERT_TRUE(jobs_.Start("wait", Empty()).ok());
  EXPECT_THAT(jobs_.StateJson(), HasSubstr("\"kind\":\"wait\",\"state\":\"running\""));
  EXPECT_EQ(jobs_.Start("answer", Empty()).code(), Code::kConflict);
  jobs_.Stop();
  EXPECT_THAT(jobs_.StateJson(), HasSubstr("\"state\":\"failed\""));
  EXPECT_EQ(jobs_.Start("answer", Empty()).code(), Code::kUnavailable);
}

}  // namespace
}  // namespace tarn::http
