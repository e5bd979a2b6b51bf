#include "bench/load/options.h"

#include <gtest/gtest.h>

namespace tarn::bench {
namespace {

std::vector<std::string> Valid() {
  return {"--port", "4873", "--requests", "10", "--seconds", "1", "--get", "/lodash"};
}

bool Accepts(const std::vector<std::string>& extra) {
  std::vector<std::string> arguments = Valid();
  arguments.insert(arguments.end(), extra.begin(), extra.end());
  std::string error;
  const bool accepted = ParseOptions(arguments, &error).has_value();
  EXPECT_EQ(accepted, error.empty());
  return accepted;
}

TEST(Options, DefaultsToOneConnectionAndStatus200) {
  std::string error;
  const auto options = ParseOptions(Valid(), &error);
  ASSERT_TRUE(options) << error;
  EXPECT_EQ(options->connection_count, 1U);
  EXPECT_EQ(options->expected_statuses, std::vector<int>{200});
}

TEST(Options, RefusesAddressesOutsideLoopback) {
  EXPECT_TRUE(Accepts({"--address", "127.0.0.1"}));
  EXPECT_TRUE(Accepts({"--address", "127.9.8.7"}));
  EXPECT_TRUE(Accepts({"--address", "::1"}));
  EXPECT_FALSE(Accepts({"--address", "10.0.0.1"}));
  EXPECT_FALSE(Accepts({"--address", "0.0.0.0"}));
  EXPECT_FALSE(Accepts({"--address", "::"}));
  EXPECT_FALSE(Accepts({"--address", "::ffff:10.0.0.1"}));
  EXPECT_FALSE(Accepts({"--address", "localhost"}));
}

TEST(Options, RefusesAnUnboundedRun) {
  std::string error;
  EXPECT_FALSE(ParseOptions({"--port", "1", "--requests", "1", "--get", "/"}, &error));
  error.clear();
  EXPECT_FALSE(ParseOptions({"--port", "1", "--seconds", "1", "--get", "/"}, &error));
}

TEST(Options, RefusesValuesPastTheirLimits) {
  EXPECT_TRUE(Accepts({"--connections", "4096"}));
  EXPECT_FALSE(Accepts({"--connections", "4097"}));
  EXPECT_FALSE(Accepts({"--connections", "0"}));
  EXPECT_TRUE(Accepts({"--seconds", "600"}));
  EXPECT_FALSE(Accepts({"--seconds", "600.1"}));
  EXPECT_FALSE(Accepts({"--seconds", "nan"}));
  EXPECT_FALSE(Accepts({"--port", "65536"}));
  EXPECT_FALSE(Accepts({"--requests", "1x"}));
}

TEST(Options, RefusesMixedMethodsUnknownNamesAndHeaderInjection) {
  EXPECT_FALSE(Accepts({"--put-set", "bodies"}));
  EXPECT_FALSE(Accepts({"--post", "x"}));
  EXPECT_FALSE(Accepts({"--rate"}));
  EXPECT_FALSE(Accepts({"--header", "A: b\r\nC: d"}));
  EXPECT_FALSE(Accepts({"--get", "no-slash"}));
}

}  // namespace
}  // namespace tarn::bench
