#include "storage/engine/descriptor_cache.h"

#include <gtest/gtest.h>

#include "storage/engine/segment_store_fixture.h"

namespace tarn::engine {
namespace {

using Call = FaultFileSystem::Call;

class DescriptorCacheTest : public SegmentStoreTest {
 protected:
  // One segment per blob.
  std::vector<Location> WriteSolos(size_t count) {
    options_.upload_budget_bytes = 0;
    Reopen({});
    std::vector<Location> locations;
    for (size_t i = 0; i < count; ++i) {
      const auto blob = MustStage("blob " + std::to_string(i));
      locations.push_back(MustAppend({blob.get()}, {"publish"}).blobs[0]);
    }
    return locations;
  }
};

TEST_F(DescriptorCacheTest, KeepsTheSegmentsThatWereUsedLast) {
  const std::vector<Location> locations = WriteSolos(4);
  const auto folder = std::move(*SegmentFolder::Open(options_));
  DescriptorCache cache(*folder, 3);
  const auto first = *cache.Get(locations[0].segment);
  for (const size_t i : {1u, 2u, 0u, 3u}) ASSERT_TRUE(cache.Get(locations[i].segment).ok());  // 1 is the oldest then.
  EXPECT_EQ(cache.size(), 3u);
  const uint64_t opened = file_system_.call_count(Call::kOpen);
  for (const size_t i : {0u, 2u, 3u}) ASSERT_TRUE(cache.Get(locations[i].segment).ok());
  EXPECT_EQ(*cache.Get(locations[0].segment), first);
  EXPECT_EQ(file_system_.call_count(Call::kOpen), opened);
  ASSERT_TRUE(cache.Get(locations[1].segment).ok());
  EXPECT_EQ(file_system_.call_count(Call::kOpen), opened + 1);
  EXPECT_EQ(cache.size(), 3u);
}

TEST_F(DescriptorCacheTest, AnEvictedSegmentStaysOpenForWhoReadsIt) {
  const std::vector<Location> locations = WriteSolos(2);
  const auto folder = std::move(*SegmentFolder::Open(options_));
  DescriptorCache cache(*folder, 1);
  const auto held = *cache.Get(locations[0].segment);
  ASSERT_TRUE(cache.Get(locations[1].segment).ok());
  ASSERT_TRUE(file_system_.Remove(PathOf(locations[0].segment)).ok());
  std::string bytes;
  ASSERT_TRUE(held->segment.file->ReadAt(locations[0].payload_offset_bytes, 6, &bytes).ok());
  EXPECT_EQ(bytes, "blob 0");
  EXPECT_EQ(cache.Get(locations[0].segment).code(), Code::kNotFound);
}

TEST_F(DescriptorCacheTest, AHeaderIsReadOncePerBlob) {
  const std::vector<Location> locations = WriteSolos(1);
  ASSERT_TRUE(store_->Open(locations[0]).ok());
  const uint64_t calls = file_system_.call_count();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(store_->Open(locations[0]).ok());
  EXPECT_EQ(file_system_.call_count(), calls) << "a hot blob costs no system call";
}

}  // namespace
}  // namespace tarn::engine
