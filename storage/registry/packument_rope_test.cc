#include "storage/registry/packument_rope.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "storage/base/clock.h"
#include "storage/base/logging.h"
#include "storage/base/random.h"
#include "storage/registry/inflate_for_test.h"
#include "storage/registry/seed_for_test.h"
#include "storage/testing/synthetic_packument.h"

namespace tarn::registry {
namespace {

constexpr RopeLimits kSmall{.chunk_entries_max = 5, .chunk_plain_bytes_max = 900, .seal_pieces = 3};
constexpr char kBaseUrl[] = "https://npm.example/r";

// The package as plain lists, and its documents rendered the long way.
struct Model {
  std::vector<VersionEntry> versions;
  std::vector<std::pair<std::string, uint64_t>> times;
  PackumentHead head;

  static std::string Inserted(const ManifestFragment& fragment) {
    std::string json = fragment.json;
    if (fragment.base_offset > 0) json.insert(fragment.base_offset, kBaseUrl);
    return json;
  }

  std::string Render(PackumentForm form) const {
    const PackumentFrame frame = FramePackument(head, form, times.size());
    std::string out = frame.opening;
    const char* comma = "";
    for (const VersionEntry& entry : versions) {
      out += comma + JsonString(entry.version) + ":" +
             Inserted(form == PackumentForm::kFull ? entry.full : entry.abbreviated);
      comma = ",";
    }
    out += frame.middle;
    comma = "";
    for (const auto& [version, time_ms] : times) {
      out += comma + JsonString(version) + ":\"" + FormatIsoTime(time_ms) + "\"";
      comma = ",";
    }
    return out + frame.time_end + frame.closing;
  }
};

VersionEntry SmallVersion(SeededRandom* random, std::string version) {
  VersionEntry entry;
  entry.version = std::move(version);
  entry.time_ms = 1'600'000'000'000 + random->Below(1'000'000'000);
  const std::string note(random->Below(200), 'n');
  entry.full.json = "{\"note\":\"" + note + "\",\"emoji\":\"\xf0\x9f\x90\xa7 caf\xc3\xa9\",\"t\":\"";
  entry.full.base_offset = static_cast<uint32_t>(entry.full.json.size());
  entry.full.json += "/x.tgz\"}";
  entry.abbreviated.json = "{\"t\":\"/x.tgz\"}";
  entry.abbreviated.base_offset = 6;
  return entry;
}

void ExpectServes(const PackumentRope& rope, const Model& model) {
  for (const PackumentForm form : {PackumentForm::kFull, PackumentForm::kAbbreviated}) {
    const std::string expected = model.Render(form);
    const auto gzip = rope.AssembleGzip(form);
    ASSERT_EQ(Decode(*gzip), expected);
    ASSERT_EQ(gzip->length, Join(*gzip).size());
    ASSERT_EQ(gzip->identity_length, expected.size());
    const auto identity = rope.Assemble(form, PackumentCoding::kIdentity);
    ASSERT_TRUE(identity.ok()) << identity.status().ToString();
    ASSERT_EQ(Join(**identity), expected);
    ASSERT_EQ((*identity)->length, expected.size());
    ASSERT_EQ((*identity)->rev, model.head.rev);
  }
}

TEST(PackumentRope, ServesWhatAModelRendersThroughRandomChanges) {
  const uint64_t seed = TestSeed(20261124);
  for (uint64_t run = 0; run < 25; ++run) {
    SCOPED_TRACE("run " + std::to_string(run));
    SeededRandom random(seed + run);
    auto rope = std::make_unique<PackumentRope>(kBaseUrl, kSmall);
    Model model;
    model.head.name = "p";
    for (int step = 0; step < 60; ++step) {
      const size_t count = model.versions.size();
      const size_t ordinal = count == 0 ? 0 : random.Below(count);
      const uint64_t choice = random.Below(10);
      if (choice < 5 || count == 0) {
        model.versions.push_back(SmallVersion(&random, "1.0." + std::to_string(step)));
        model.times.emplace_back(model.versions.back().version, model.versions.back().time_ms);
        ASSERT_TRUE(rope->Append(model.versions.back()).ok());
      } else if (choice == 5) {
        VersionEntry entry = SmallVersion(&random, model.versions[ordinal].version);
        ASSERT_TRUE(rope->Replace(ordinal, entry).ok());
        model.versions[ordinal] = entry;
      } else if (choice <= 7) {
        model.versions.erase(model.versions.begin() + static_cast<std::ptrdiff_t>(ordinal));
        ASSERT_TRUE(rope->Remove(ordinal).ok());
      } else if (choice == 8) {
        ASSERT_TRUE(rope->Seal().ok());
      } else {
        auto parsed = PackumentRope::Parse(rope->Serialise(), kSmall);
        ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
        rope = std::move(*parsed);
      }
      model.head.rev = std::to_string(step) + "-x";
      model.head.modified_ms = 1'700'000'000'000 + static_cast<uint64_t>(step);
      if (random.Below(3) == 0) model.head.readme = random.Below(2) ? "" : "# \xe2\x98\x83";
      rope->SetHead(model.head);
      ASSERT_NO_FATAL_FAILURE(ExpectServes(*rope, model)) << "step " << step;
    }
    const bool sealed = rope->Seal().ok() && !rope->SealNeeded();
    EXPECT_TRUE(sealed);
    ASSERT_NO_FATAL_FAILURE(ExpectServes(*rope, model));
  }
}

TEST(PackumentRope, TimesOfUnpublishedVersionsStay) {
  SeededRandom random(1);
  PackumentRope rope(kBaseUrl);
  Model model;
  for (const char* version : {"1.0.0", "1.1.0"}) {
    model.versions.push_back(SmallVersion(&random, version));
    model.times.emplace_back(version, model.versions.back().time_ms);
    ASSERT_TRUE(rope.Append(model.versions.back()).ok());
  }
  model.versions.clear();
  ASSERT_TRUE(rope.Remove(0).ok());
  ASSERT_TRUE(rope.Remove(0).ok());
  model.head.unpublished_json = "{\"versions\":[\"1.0.0\",\"1.1.0\"]}";
  rope.SetHead(model.head);
  ExpectServes(rope, model);
  EXPECT_NE(Decode(*rope.AssembleGzip(PackumentForm::kFull)).find("\"1.0.0\":\"20"), std::string::npos);
}

TEST(PackumentRope, BaseUrlIsEscaped) {
  VersionEntry entry;
  entry.version = "1.0.0";
  entry.full = {.json = "{\"t\":\"/x\"}", .base_offset = 6};
  entry.abbreviated = entry.full;
  PackumentRope rope("http://a\"b");
  ASSERT_TRUE(rope.Append(entry).ok());
  rope.SetHead({});
  EXPECT_NE(Decode(*rope.AssembleGzip(PackumentForm::kFull)).find("\"http://a\\\"b/x\""), std::string::npos);
}

TEST(PackumentRope, ETagsDifferByRevisionFormCodingAndBaseUrl) {
  EXPECT_EQ(PackumentETag("12-9fab", "https://npm.example", PackumentForm::kFull, PackumentCoding::kGzip).substr(0, 12),
            "\"12-9fab-fg-");
  std::vector<std::string> tags;
  for (const char* rev : {"1-a", "2-a"}) {
    for (const char* url : {"http://a", "http://b"}) {
      for (const PackumentForm form : {PackumentForm::kFull, PackumentForm::kAbbreviated}) {
        for (const PackumentCoding coding : {PackumentCoding::kGzip, PackumentCoding::kIdentity}) {
          tags.push_back(PackumentETag(rev, url, form, coding));
        }
      }
    }
  }
  std::sort(tags.begin(), tags.end());
  EXPECT_EQ(std::unique(tags.begin(), tags.end()) - tags.begin(), 16);

  auto rope = testing::SyntheticRope(1, 0);
  const auto identity = rope->Assemble(PackumentForm::kFull, PackumentCoding::kIdentity);
  EXPECT_EQ((*identity)->etag,
            PackumentETag(rope->rev(), rope->base_url(), PackumentForm::kFull, PackumentCoding::kIdentity));
}

TEST(PackumentRope, SealingChangesBytesButNotWhatTheyDecodeTo) {
  auto rope = testing::SyntheticRope(0, 0);
  for (size_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(rope->Append(testing::SyntheticVersion(i)).ok());
  }
  rope->SetHead(testing::SyntheticHead(100, 100));
  EXPECT_TRUE(rope->SealNeeded());
  const auto before = rope->AssembleGzip(PackumentForm::kFull);
  ASSERT_TRUE(rope->Seal().ok());
  const auto after = rope->AssembleGzip(PackumentForm::kFull);
  EXPECT_LT(after->length, before->length);
  EXPECT_EQ(Decode(*after), Decode(*before));
  EXPECT_EQ(after->etag, before->etag);
}

size_t GzipBestBytes(const std::string& plain) {
  std::string deflated(compressBound(plain.size()), '\0');
  uLongf bytes = deflated.size();
  EXPECT_EQ(compress2(reinterpret_cast<Bytef*>(deflated.data()), &bytes, reinterpret_cast<const Bytef*>(plain.data()),
                      plain.size(), 9),
            Z_OK);
  return bytes + 12;  // gzip's wrapper is that much longer than zlib's.
}

// 5,000 versions, published one by one without ever being sealed, and then sealed; and built cold.
TEST(PackumentRope, FiveThousandVersionsStayNearTheSizeOfGzipNine) {
  constexpr size_t kCount = 5000;
  auto grown = testing::SyntheticRope(0, 0);
  for (size_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(grown->Append(testing::SyntheticVersion(i)).ok());
  }
  grown->SetHead(testing::SyntheticHead(kCount, 10'000));
  const auto stitched = grown->AssembleGzip(PackumentForm::kFull);
  const std::string plain = Decode(*stitched);
  ASSERT_EQ(plain.size(), stitched->identity_length);
  ASSERT_GT(plain.size(), 10'000'000u);
  ASSERT_TRUE(grown->Seal().ok());
  const auto sealed = grown->AssembleGzip(PackumentForm::kFull);
  ASSERT_TRUE(Decode(*sealed) == plain);
  const auto built = testing::SyntheticRope(kCount, 10'000)->AssembleGzip(PackumentForm::kFull);
  ASSERT_TRUE(Decode(*built) == plain);
  EXPECT_LT(built->buffers.size(), 100u);

  const auto factor = [best = static_cast<double>(GzipBestBytes(plain))](uint64_t bytes) {
    return static_cast<double>(bytes) / best;
  };
  std::printf("against gzip -9: stitched %.3f, sealed %.3f, built %.3f\n", factor(stitched->length),
              factor(sealed->length), factor(built->length));
  EXPECT_LE(factor(stitched->length), 1.35);
  EXPECT_LE(factor(sealed->length), 1.03);
  EXPECT_LE(factor(built->length), 1.05);
}

TEST(PackumentRope, MemoryIsThatOfTheCompressedForm) {
  auto rope = testing::SyntheticRope(500, 0);
  const uint64_t gzip =
      rope->AssembleGzip(PackumentForm::kFull)->length + rope->AssembleGzip(PackumentForm::kAbbreviated)->length;
  EXPECT_GT(rope->memory_bytes(), gzip * 9 / 10);
  EXPECT_LT(rope->memory_bytes(), gzip * 12 / 10);
}

TEST(PackumentRope, EveryDamagedByteOnDiskIsNoticed) {
  auto rope = testing::SyntheticRope(2, 50);
  const std::string bytes = rope->Serialise();
  auto parsed = PackumentRope::Parse(bytes);
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ(Join(*(*parsed)->AssembleGzip(PackumentForm::kFull)), Join(*rope->AssembleGzip(PackumentForm::kFull)));
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 0x80);
    ASSERT_EQ(PackumentRope::Parse(bad).status().code(), Code::kCorruption) << i;
    ASSERT_EQ(PackumentRope::Parse(std::string_view(bytes).substr(0, i)).status().code(), Code::kCorruption);
  }
}

}  // namespace
}  // namespace tarn::registry
