#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "replication/testing/simulation.h"
#include "storage/base/logging.h"

namespace tarn::replication {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t usual) {
  const char* const text = std::getenv(name);
  return text == nullptr ? usual : std::stoull(text);
}

std::string Words(const SimulationOutcome& outcome) {
  std::string words;
  for (const std::string& violation : outcome.violations) words += "  " + violation + "\n";
  return words;
}

class SimulationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SetLogLevel(std::getenv("TARN_SIM_LOG") == nullptr ? static_cast<LogLevel>(4) : LogLevel::kDebug);
    // What a real disk adds is not looked for here.
    if (std::filesystem::is_directory("/dev/shm")) ::setenv("TMPDIR", "/dev/shm", 0);
  }
};

// TARN_SIM_SEEDS: how many; TARN_SIM_FIRST_SEED: from which on; TARN_SIM_RUN_MS: how long each has faults, by its own clock.
TEST_F(SimulationTest, EveryPromiseIsKeptWhateverHappens) {
  const uint64_t first = FromEnvironment("TARN_SIM_FIRST_SEED", 1);
  const uint64_t count = FromEnvironment("TARN_SIM_SEEDS", 4);
  SimulationOutcome sum;
  uint64_t failures = 0;
  for (uint64_t seed = first; seed < first + count && failures < 10; ++seed) {
    SimulationOptions options;
    options.seed = seed;
    options.run_ms = FromEnvironment("TARN_SIM_RUN_MS", options.run_ms);
    const SimulationOutcome outcome = Simulate(options);
    EXPECT_EQ(Words(outcome), "") << "repeat with TARN_SIM_FIRST_SEED=" << seed << " TARN_SIM_SEEDS=1";
    failures += !outcome.violations.empty();
    sum.acknowledged += outcome.acknowledged;
    sum.refused += outcome.refused;
    sum.crashes += outcome.crashes;
    sum.hand_overs += outcome.hand_overs;
    sum.promotions += outcome.promotions;
    sum.set_aside += outcome.set_aside;
    sum.reconnects += outcome.reconnects;
  }
  std::printf(
      "%llu seeds from %llu: %llu writes acknowledged, %llu not; %llu crashes, %llu hand-overs, %llu promotions, "
      "%llu records set aside, %llu reconnects\n",
      static_cast<unsigned long long>(count), static_cast<unsigned long long>(first),
      static_cast<unsigned long long>(sum.acknowledged), static_cast<unsigned long long>(sum.refused),
      static_cast<unsigned long long>(sum.crashes), static_cast<unsigned long long>(sum.hand_overs),
      static_cast<unsigned long long>(sum.promotions), static_cast<unsigned long long>(sum.set_aside),
      static_cast<unsigned long long>(sum.reconnects));
  if (count < 100) return;
  // The faults are there, and so is the work.
  EXPECT_GT(sum.acknowledged, 10 * count);
  EXPECT_GT(sum.crashes, count);
  EXPECT_GT(sum.hand_overs, 0U);
  EXPECT_GT(sum.promotions, 0U);
  EXPECT_GT(sum.set_aside, 0U);
}

// The stream broke while records waited for their place in the journal, behind others that waited to be committed: the follower
// waited for the former before it asked for the stream that would tell of the latter.
TEST_F(SimulationTest, AStreamThatBreaksWhileTheCommitterIsFullBeginsAgain) {
  SimulationOptions options;
  options.seed = 742;
  options.run_ms = 4'000;
  EXPECT_EQ(Words(Simulate(options)), "");
}

TEST_F(SimulationTest, ASeedGoesTheSameWayAgain) {
  SimulationOptions options;
  options.seed = 4711;
  options.run_ms = 4'000;
  const SimulationOutcome one = Simulate(options);
  const SimulationOutcome other = Simulate(options);
  EXPECT_EQ(one.switches, other.switches);
  EXPECT_EQ(one.acknowledged, other.acknowledged);
  EXPECT_EQ(one.records, other.records);
}

// Whether one of a few seeds notices, and says so in these words.
bool IsFound(SimulationOptions options, uint64_t seeds, const char* words) {
  for (options.seed = 1; options.seed <= seeds; ++options.seed) {
    if (Words(Simulate(options)).find(words) != std::string::npos) return true;
  }
  return false;
}

TEST_F(SimulationTest, AShipperThatSkipsOneRecordIsFound) {
  SimulationOptions options;
  options.skip_record = 5;
  EXPECT_TRUE(IsFound(options, 10, "the nodes are not equal"));
}

TEST_F(SimulationTest, AFollowerThatSaysItHasOneRecordMoreIsFound) {
  SimulationOptions options;
  options.acks_ahead = true;
  EXPECT_TRUE(IsFound(options, 20, "it is in sync, but the acknowledged record"));
}

TEST_F(SimulationTest, AJournalThatIsNotSyncedIsFound) {
  SimulationOptions options;
  options.skip_sync = true;
  EXPECT_TRUE(IsFound(options, 20, "lost acknowledged records"));
}

}  // namespace
}  // namespace tarn::replication
