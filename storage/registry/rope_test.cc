#include "storage/registry/rope.h"

#include <gtest/gtest.h>

#include "storage/base/bytes.h"
#include "storage/base/checksum.h"
#include "storage/base/random.h"
#include "storage/registry/inflate_for_test.h"
#include "storage/registry/seed_for_test.h"

namespace tarn::registry {
namespace {

constexpr RopeLimits kSmall{.chunk_entries_max = 5, .chunk_plain_bytes_max = 400, .seal_pieces = 3};

std::string JoinEntries(const std::vector<std::string>& entries) {
  std::string out;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i > 0) out += ',';
    out += entries[i];
  }
  return out;
}

std::string Deflated(const Rope& rope) {
  std::vector<SharedBytes> buffers;
  rope.CollectBuffers(&buffers);
  std::string out;
  for (const SharedBytes& buffer : buffers) out += *buffer;
  return out;
}

// The one property: what the rope gives out is what was put in.
void ExpectHolds(const Rope& rope, const std::vector<std::string>& model) {
  const std::string expected = JoinEntries(model);
  const std::string deflated = Deflated(rope);
  bool complete = false;
  ASSERT_EQ(InflateForTest(deflated, -15, &complete), expected);
  ASSERT_TRUE(complete);
  ASSERT_EQ(rope.entry_count(), model.size());
  const DeflateExtent extent = rope.extent();
  ASSERT_EQ(extent.deflated_bytes, deflated.size());
  ASSERT_EQ(extent.plain_bytes, expected.size());
  ASSERT_EQ(extent.crc32,
            crc32(0, reinterpret_cast<const Bytef*>(expected.data()), static_cast<uInt>(expected.size())));
}

std::string RandomEntry(SeededRandom* random) {
  std::string entry = "\"" + std::to_string(random->Below(1000)) + "\":{\"x\":\"";
  entry.append(random->Below(120), static_cast<char>('a' + random->Below(3)));
  return entry + "\"}";
}

TEST(Rope, EmptyRopeIsEmpty) {
  Rope rope;
  ExpectHolds(rope, {});
  EXPECT_FALSE(rope.SealNeeded());
  EXPECT_TRUE(rope.Seal().ok());
}

TEST(Rope, HoldsWhatAModelHoldsThroughRandomChanges) {
  const uint64_t seed = TestSeed(20261124);
  for (uint64_t run = 0; run < 40; ++run) {
    SCOPED_TRACE("run " + std::to_string(run));
    SeededRandom random(seed + run);
    Rope rope(kSmall);
    std::vector<std::string> model;
    std::optional<Rope::SealJob> job;
    for (int step = 0; step < 120; ++step) {
      const size_t index = model.empty() ? 0 : random.Below(model.size());
      const auto at = model.begin() + static_cast<std::ptrdiff_t>(index);
      const uint64_t choice = random.Below(12);
      if (choice < 6 || model.empty()) {
        model.push_back(RandomEntry(&random));
        ASSERT_TRUE(rope.Append(model.back()).ok());
      } else if (choice == 6) {
        *at = RandomEntry(&random);
        ASSERT_TRUE(rope.Replace(index, *at).ok());
      } else if (choice <= 8) {
        model.erase(at);
        ASSERT_TRUE(rope.Remove(index).ok());
      } else if (choice == 9) {  // A seal that takes its time: begun here, installed steps later.
        job = rope.NextSeal();
        const bool is_sound = !job || job->Run().ok();
        ASSERT_TRUE(is_sound);
      } else if (choice == 10 && job) {
        rope.Install(std::move(*job));
        job.reset();
      } else if (choice == 11) {
        Result<Rope> parsed = Rope::Parse(rope.Serialise(), kSmall);
        ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
        rope = std::move(*parsed);
        job.reset();
      }
      ASSERT_NO_FATAL_FAILURE(ExpectHolds(rope, model)) << "step " << step;
    }
    ASSERT_TRUE(rope.Seal().ok());
    EXPECT_FALSE(rope.SealNeeded());
    ASSERT_NO_FATAL_FAILURE(ExpectHolds(rope, model));
    for (size_t i = 0; i < model.size(); ++i) ASSERT_EQ(*rope.Entry(i), model[i]);
  }
}

TEST(Rope, BuilderAndAppendsHoldTheSame) {
  SeededRandom random(9);
  for (const size_t count : {0u, 1u, 4u, 5u, 6u, 10u, 11u, 23u}) {
    RopeBuilder builder(kSmall);
    std::vector<std::string> model;
    for (size_t i = 0; i < count; ++i) {
      model.push_back(RandomEntry(&random));
      builder.Append(model.back());
    }
    Rope rope = builder.Finish();
    ExpectHolds(rope, model);
    EXPECT_FALSE(rope.SealNeeded());
    model.push_back("\"later\":1");
    ASSERT_TRUE(rope.Append(model.back()).ok());
    ExpectHolds(rope, model);
  }
}

TEST(Rope, RemovingTheFirstAgainAndAgainEmptiesIt) {
  Rope rope(kSmall);
  std::vector<std::string> model;
  for (int i = 0; i < 13; ++i) {
    model.push_back("\"" + std::to_string(i) + "\":0");
    ASSERT_TRUE(rope.Append(model.back()).ok());
  }
  while (!model.empty()) {
    model.erase(model.begin());
    ASSERT_TRUE(rope.Remove(0).ok());
    ExpectHolds(rope, model);
  }
  EXPECT_EQ(rope.chunk_count(), 0u);
  ASSERT_TRUE(rope.Append("again").ok());
  ExpectHolds(rope, {"again"});
}

TEST(Rope, AnEditRewritesOneChunkAndSharesTheOthers) {
  Rope rope(kSmall);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(rope.Append(std::to_string(i)).ok());
  std::vector<SharedBytes> before, after;
  rope.CollectBuffers(&before);
  ASSERT_TRUE(rope.Replace(7, "seven").ok());
  rope.CollectBuffers(&after);
  ASSERT_EQ(before.size(), 7u);  // Four chunks and the commas between them.
  ASSERT_EQ(after.size(), 7u);
  for (size_t i = 0; i < before.size(); ++i) EXPECT_EQ(before[i] == after[i], i != 2) << i;
}

TEST(Rope, ALongChunkIsFullBeforeItsLastEntry) {
  Rope rope(kSmall);
  ASSERT_TRUE(rope.Append(std::string(400, 'x')).ok());
  ASSERT_TRUE(rope.Append("y").ok());
  EXPECT_EQ(rope.chunk_count(), 2u);
  ExpectHolds(rope, {std::string(400, 'x'), "y"});
}

TEST(Rope, OnlyTheLastChunkKeepsAWindow) {
  Rope rope(RopeLimits{.chunk_entries_max = 2});
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(rope.Append(std::string(30'000, 'x')).ok());
  ASSERT_EQ(rope.chunk_count(), 10u);
  EXPECT_LT(rope.memory_bytes(), 3 * kDeflateWindowBytes);
}

TEST(Rope, ASealKeepsWhatWasAppendedMeanwhile) {
  Rope rope(RopeLimits{.seal_pieces = 3});
  std::vector<std::string> model;
  const auto append = [&](std::string entry) {
    model.push_back(std::move(entry));
    ASSERT_TRUE(rope.Append(model.back()).ok());
  };
  for (int i = 0; i < 4; ++i) append("\"a" + std::to_string(i) + "\":\"same text each time\"");
  std::optional<Rope::SealJob> job = rope.NextSeal();
  ASSERT_TRUE(job.has_value());
  append("\"b\":\"same text each time\"");
  ASSERT_TRUE(job->Run().ok());
  const uint64_t before = rope.extent().deflated_bytes;
  EXPECT_TRUE(rope.Install(std::move(*job)));
  EXPECT_LT(rope.extent().deflated_bytes, before);
  EXPECT_FALSE(rope.SealNeeded());
  ExpectHolds(rope, model);
}

TEST(Rope, ASealOfAnEditedRopeIsNotInstalled) {
  Rope rope(kSmall);
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(rope.Append(std::to_string(i)).ok());
  std::optional<Rope::SealJob> job = rope.NextSeal();
  ASSERT_TRUE(job.has_value());
  ASSERT_TRUE(job->Run().ok());
  ASSERT_TRUE(rope.Replace(0, "zero").ok());
  EXPECT_FALSE(rope.Install(std::move(*job)));
  ExpectHolds(rope, {"zero", "1", "2", "3", "4", "5"});
}

TEST(Rope, TheSameSealIsNotInstalledTwice) {
  Rope rope(RopeLimits{.seal_pieces = 2});
  std::vector<std::string> model;
  for (int i = 0; i < 3; ++i) {
    model.push_back("\"entry " + std::to_string(i) + "\"");
    ASSERT_TRUE(rope.Append(model.back()).ok());
  }
  std::optional<Rope::SealJob> first = rope.NextSeal(), second = rope.NextSeal();
  ASSERT_TRUE(first->Run().ok());
  ASSERT_TRUE(second->Run().ok());
  EXPECT_TRUE(rope.Install(std::move(*first)));
  for (int i = 3; i < 6; ++i) {
    model.push_back("\"entry " + std::to_string(i) + "\"");
    ASSERT_TRUE(rope.Append(model.back()).ok());
  }
  EXPECT_FALSE(rope.Install(std::move(*second)));
  ExpectHolds(rope, model);
}

TEST(Rope, EveryDamagedByteOnDiskIsNoticed) {
  Rope rope(kSmall);
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(rope.Append("\"" + std::to_string(i) + "\"").ok());
  const std::string bytes = rope.Serialise();
  ASSERT_TRUE(Rope::Parse(bytes, kSmall).ok());
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_EQ(Rope::Parse(bad, kSmall).code(), Code::kCorruption) << i;
    EXPECT_EQ(Rope::Parse(std::string_view(bytes).substr(0, i), kSmall).code(), Code::kCorruption);
  }
  EXPECT_EQ(Rope::Parse(bytes + "x", kSmall).code(), Code::kCorruption);
}

TEST(Rope, LengthsThatDoNotAddUpAreRefusedEvenWithARightChecksum) {
  Rope rope(kSmall);
  ASSERT_TRUE(rope.Append("0123456789").ok());
  std::string bytes = rope.Serialise();
  constexpr size_t kFirstEntryLength = 12 + 44;  // After the header and the chunk's fixed fields.
  ASSERT_EQ(LoadLittleEndian<uint32_t>(bytes.data() + kFirstEntryLength), 10u);
  bytes.resize(bytes.size() - sizeof(uint64_t));
  StoreLittleEndian(bytes.data() + kFirstEntryLength, uint32_t{11});
  AppendLittleEndian(&bytes, Checksum64(bytes));
  EXPECT_EQ(Rope::Parse(bytes, kSmall).status().message(), "rope: entry lengths do not add up");
}

}  // namespace
}  // namespace tarn::registry
