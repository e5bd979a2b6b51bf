#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <vector>

#include "storage/base/checksum.h"
#include "storage/base/digest.h"
#include "storage/engine/store_fixture_for_test.h"

// One flipped bit anywhere in the segments of a whole store: `tarn verify` finds it, and no blob is then served with other
// bytes than its address says. segment_damage_test.cc flips every bit of three tiny segments without a state; here a store
// with its state, sealed, open and solo segments is opened and verified, as an operator does it.
// TARN_BIT_FLIPS: how many (default 200). TARN_BIT_FLIP_SEED: which ones (default 1).
namespace tarn::engine {
namespace {

namespace fs = std::filesystem;

uint64_t NumberFromEnvironment(const char* name, uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoull(text);
}

struct Flip {
  std::string path;
  uint64_t offset_bytes = 0;
  int bit = 0;
};

void Apply(const Flip& flip) {
  std::fstream file(flip.path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(flip.offset_bytes));
  const int byte = file.get();
  ASSERT_NE(byte, EOF) << flip.path;
  file.seekp(static_cast<std::streamoff>(flip.offset_bytes));
  file.put(static_cast<char>(byte ^ (1 << flip.bit)));
  file.flush();
  ASSERT_TRUE(file.good()) << flip.path;
}

class BitFlipCampaign : public StoreTest {
 protected:
  // Several sealed segments, an open one, and a solo segment; blobs of less and more than a block.
  void SetUp() override {
    options_.segment_bytes_max = 512 * limits::kKiB;
    options_.upload_budget_bytes = 16 * limits::kMiB;
    Open();
    std::mt19937_64 random(7);
    for (int i = 0; i < 60; ++i) AddBlob(&random, random() % (i % 4 == 0 ? 150'000 : 4'000));
    AddBlob(&random, limits::kSharedBlobBytesMax + 1);
    MustCommit(MutationOf({Delete(Family::kUser, "user3"), Put(Family::kUser, "user4", "changed")}));
    ExpectSound();
    Close();
    for (const auto& entry : fs::directory_iterator(segments())) files_.push_back(entry.path().string());
    std::sort(files_.begin(), files_.end());
    ASSERT_GE(files_.size(), 4u);
    options_.mode = StoreOptions::Mode::kReadOnly;
  }

  void AddBlob(std::mt19937_64* random, uint64_t size_bytes) {
    std::string bytes(size_bytes, '\0');
    for (char& byte : bytes) byte = static_cast<char>((*random)());
    Mutation mutation = PutMutation(Family::kUser, "user" + std::to_string(digests_.size()), std::string(100, 'u'));
    mutation.blobs = {StageBlob(*store_, bytes)};
    MustCommit(std::move(mutation));
    digests_.push_back(Sha512(bytes));
  }

  // The file first, so that headers and footers of small ones are met often; then half of the time within 4 KiB of an end,
  // where what is not payload stands thickest.
  Flip Draw(std::mt19937_64* random) const {
    Flip flip;
    flip.path = files_[(*random)() % files_.size()];
    const uint64_t size_bytes = fs::file_size(flip.path);
    const uint64_t near_bytes = std::min<uint64_t>(size_bytes, 4096);
    switch ((*random)() % 4) {
      case 0: flip.offset_bytes = (*random)() % near_bytes; break;
      case 1: flip.offset_bytes = size_bytes - 1 - (*random)() % near_bytes; break;
      default: flip.offset_bytes = (*random)() % size_bytes; break;
    }
    flip.bit = static_cast<int>((*random)() % 8);
    return flip;
  }

  // A store that refuses to open says so as well: the command fails and names the place.
  bool IsFound() {
    if (!TryOpen().ok()) return true;
    return MustVerify(BlobStore::Depth::kChecksums).finding_count > 0;
  }

  // What is served after the verification is right, or refused.
  void ExpectNoWrongBytes() {
    if (store_ == nullptr) return;
    for (const Digest& digest : digests_) {
      const auto bytes = ReadBlob(*store_, digest);
      if (!bytes.ok()) {
        EXPECT_EQ(bytes.code(), Code::kCorruption) << bytes.status().ToString();
      } else {
        EXPECT_EQ(Checksum64(*bytes), checksums_.at(digest));
      }
    }
  }

  void RememberChecksums() {
    Open();
    for (const Digest& digest : digests_) {
      const auto bytes = ReadBlob(*store_, digest);
      ASSERT_TRUE(bytes.ok()) << bytes.status().ToString();
      checksums_[digest] = Checksum64(*bytes);
    }
    Close();
  }

  std::vector<std::string> files_;
  std::vector<Digest> digests_;
  std::map<Digest, uint64_t> checksums_;
};

TEST_F(BitFlipCampaign, VerifyFindsEachAndNothingWrongIsServed) {
  const uint64_t count = NumberFromEnvironment("TARN_BIT_FLIPS", 200);
  const uint64_t seed = NumberFromEnvironment("TARN_BIT_FLIP_SEED", 1);
  std::printf("TARN_BIT_FLIPS=%llu TARN_BIT_FLIP_SEED=%llu\n", static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(seed));
  RememberChecksums();
  std::mt19937_64 random(seed);
  uint64_t unopened = 0;
  for (uint64_t i = 0; i < count && !HasFailure(); ++i) {
    const Flip flip = Draw(&random);
    SCOPED_TRACE(flip.path + " offset " + std::to_string(flip.offset_bytes) + " bit " + std::to_string(flip.bit));
    Apply(flip);
    EXPECT_TRUE(IsFound());
    if (store_ == nullptr) ++unopened;
    ExpectNoWrongBytes();
    Close();
    Apply(flip);
  }
  std::printf("%llu of %llu stores did not open\n", static_cast<unsigned long long>(unopened),
              static_cast<unsigned long long>(count));
  ASSERT_TRUE(TryOpen().ok());
  ExpectSound();  // Whole again: each finding was the flip's, not one of the campaign's own.
}

}  // namespace
}  // namespace tarn::engine
