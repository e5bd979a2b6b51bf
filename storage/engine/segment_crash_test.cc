#include <gtest/gtest.h>

#include "storage/engine/segment_crash_harness.h"
#include "storage/testing/test_seed.h"

namespace tarn::engine {
namespace {

using Unsynced = FaultFileSystem::Unsynced;

// Lives that end at random calls, in random ways. The first thing that is wrong, or empty.
std::string RunRandomLives(SegmentCrashHarness& harness, int lives) {
  SeededRandom& random = harness.random();
  for (int life = 0; life < lives; ++life) {
    FaultFileSystem& file_system = harness.file_system();
    const uint64_t after = random.Below(200);
    switch (random.Below(4)) {
      case 0: file_system.FailCall(after, Code::kIoError); break;
      case 1: file_system.FailCall(after, Code::kOutOfSpace); break;
      default: file_system.CutPowerAtCall(after); break;
    }
    std::string wrong = harness.Recover();
    for (int step = 0; step < 30 && wrong.empty() && harness.is_alive(); ++step) wrong = harness.Step();
    if (!wrong.empty()) return wrong;
    harness.Die(static_cast<Unsynced>(random.Below(3)));
  }
  return harness.Recover();
}

TEST(SegmentCrash, RandomGroupsSurviveACrashAtAnyCall) {
  size_t acknowledged = 0;
  for (const uint64_t seed : TestSeeds(60)) {
    SCOPED_TRACE(SeedTrace(seed));
    SegmentCrashHarness harness(seed);
    ASSERT_EQ(RunRandomLives(harness, 12), "");
    acknowledged += harness.acknowledged_count();
  }
  RecordProperty("acknowledged_groups", static_cast<int>(acknowledged));
  EXPECT_GT(acknowledged, 10u) << "the test did not test anything";
}

// A fixed course that passes through everything: open, memory blob, solo blob, seal, next segment.
std::string RunCourse(SegmentCrashHarness& harness) {
  harness.options().segment_bytes_max = 30'000;
  std::string wrong = harness.Recover();
  const std::vector<std::vector<size_t>> groups = {{}, {20'000}, {90'000, 0}, {15'000}, {8}, {60'000}};
  for (const std::vector<size_t>& blob_sizes : groups) {
    if (wrong.empty() && harness.is_alive()) wrong = harness.Commit(blob_sizes, 2);
  }
  return wrong;
}

// The rest of a course that was cut: opens, checks, and goes on writing.
std::string Continue(SegmentCrashHarness& harness) {
  std::string wrong = harness.Recover();
  if (wrong.empty()) wrong = harness.Commit({30'000}, 1);
  if (wrong.empty() && !harness.is_alive()) return "the store does not work after recovery";
  harness.Die(Unsynced::kLost);
  return wrong.empty() ? harness.Recover() : wrong;
}

TEST(SegmentCrash, EveryCallIsTheLastOnce) {
  uint64_t calls = 0;
  for (bool was_cut = true; was_cut; ++calls) {
    for (const Unsynced unsynced : {Unsynced::kLost, Unsynced::kAnySubset, Unsynced::kKept}) {
      SegmentCrashHarness harness(calls);
      harness.file_system().CutPowerAtCall(calls);
      ASSERT_EQ(RunCourse(harness), "") << "power cut at call " << calls;
      was_cut = harness.file_system().fault_happened();
      harness.Die(unsynced);
      ASSERT_EQ(Continue(harness), "") << "after a power cut at call " << calls;
    }
  }
  EXPECT_GT(calls, 50u);
}

TEST(SegmentCrash, EveryCallFailsOnce) {
  for (const Code code : {Code::kIoError, Code::kOutOfSpace}) {
    uint64_t calls = 0;
    for (bool has_failed = true; has_failed; ++calls) {
      for (const Unsynced unsynced : {Unsynced::kLost, Unsynced::kAnySubset, Unsynced::kKept}) {
        SegmentCrashHarness harness(calls);
        harness.file_system().FailCall(calls, code);
        ASSERT_EQ(RunCourse(harness), "") << CodeName(code) << " at call " << calls;
        has_failed = harness.file_system().fault_happened();
        harness.Die(unsynced);
        ASSERT_EQ(Continue(harness), "") << "after " << CodeName(code) << " at call " << calls;
      }
    }
    EXPECT_GT(calls, 50u);
  }
}

// A harness that cannot fail proves nothing: with a promise broken on purpose it must.
TEST(SegmentCrash, TheHarnessNoticesAMissingSync) {
  size_t noticed = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SegmentCrashHarness harness(seed);
    harness.options().skip_sync = true;
    noticed += RunRandomLives(harness, 12).empty() ? 0 : 1;
  }
  EXPECT_EQ(noticed, 20u);
}

TEST(SegmentCrash, TheHarnessNoticesAMissingDirectorySync) {
  size_t noticed = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SegmentCrashHarness harness(seed);
    harness.options().skip_directory_sync = true;
    noticed += RunRandomLives(harness, 12).empty() ? 0 : 1;
  }
  EXPECT_EQ(noticed, 20u);
}

}  // namespace
}  // namespace tarn::engine
