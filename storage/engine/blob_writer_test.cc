#include "storage/engine/blob_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/engine/segment_store_fixture.h"

namespace tarn::engine {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using Call = FaultFileSystem::Call;

class BlobWriterTest : public SegmentStoreTest {
 protected:
  void OpenWithBudget(uint64_t bytes) {
    options_.upload_budget_bytes = bytes;
    Reopen({});
  }
  uint64_t budget_used_bytes() const { return store_->GetStats().upload_budget_used_bytes; }
};

TEST_F(BlobWriterTest, SizeOfPiecesDoesNotMatter) {
  const std::string bytes = SeededRandom(3).Bytes(200'000);
  for (const size_t piece_bytes : {size_t{1}, size_t{17}, size_t{65'536}, size_t{65'537}, bytes.size()}) {
    const std::string_view view = std::string_view(bytes).substr(0, piece_bytes == 1 ? 3000 : bytes.size());
    const auto blob = MustStage(view, piece_bytes);
    EXPECT_EQ(blob->info().sha512, Sha512(view));
    EXPECT_EQ(blob->info().sha1, Sha1(view));
    EXPECT_EQ(blob->info().size_bytes, view.size());
    EXPECT_EQ(*ReadBlob(*store_, MustAppend({blob.get()}, {"one"}).blobs[0]), view);
  }
  EXPECT_THAT(Findings(*store_), IsEmpty()) << "block checksums do not depend on pieces";
}

TEST_F(BlobWriterTest, EdgesOfBlocksReadBack) {
  SegmentPosition end;
  for (const size_t size : {0u, 1u, 7u, 8u, 65'535u, 65'536u, 65'537u, 131'072u, 131'073u}) {
    const std::string bytes = SeededRandom(size).Bytes(size);
    for (const uint64_t budget : {limits::kMiB, uint64_t{0}}) {  // In the group, in a file of its own.
      options_.upload_budget_bytes = budget;
      Reopen(end);
      const auto blob = MustStage(bytes, 10'000);
      const GroupWritten written = MustAppend({blob.get()}, {"one"});
      end = written.end;
      EXPECT_EQ(*ReadBlob(*store_, written.blobs[0]), bytes);
      EXPECT_TRUE(store_->VerifyBlob(written.blobs[0], BlobStore::Depth::kDigest).ok());
    }
  }
  EXPECT_THAT(Findings(*store_), IsEmpty());
}

TEST_F(BlobWriterTest, GoesSoloAboveTheLimitOnly) {
  OpenWithBudget(32 * limits::kMiB);
  const std::string bytes(limits::kSharedBlobBytesMax + 1, 'x');
  const auto at_limit = MustStage(std::string_view(bytes).substr(1), limits::kMiB);
  EXPECT_THAT(FileNames(), IsEmpty());
  const auto above = MustStage(bytes, limits::kMiB);
  EXPECT_THAT(FileNames(), SizeIs(1));
}

TEST_F(BlobWriterTest, NeverHoldsMoreThanTheSharedLimit) {
  OpenWithBudget(64 * limits::kMiB);
  const auto writer = std::move(*store_->NewWriter());
  const std::string piece(limits::kMiB, 'x');
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(writer->Append(piece).ok());
    EXPECT_LE(budget_used_bytes(), limits::kSharedBlobBytesMax + limits::kMiB);
  }
  EXPECT_LE(budget_used_bytes(), limits::kSoloBufferBytes) << "the rest is on disk";
}

TEST_F(BlobWriterTest, AllUploadsTogetherStayWithinTheBudget) {
  constexpr uint64_t kBudget = 300'000;
  OpenWithBudget(kBudget);
  std::vector<std::unique_ptr<BlobWriter>> writers;
  for (int i = 0; i < 10; ++i) writers.push_back(std::move(*store_->NewWriter()));
  const std::string bytes = SeededRandom(4).Bytes(100'000);
  for (size_t at = 0; at < bytes.size(); at += 10'000) {
    for (const auto& writer : writers) {
      ASSERT_TRUE(writer->Append(std::string_view(bytes).substr(at, 10'000)).ok());
      EXPECT_LE(budget_used_bytes(), kBudget);
    }
  }
  std::vector<std::unique_ptr<StagedBlob>> staged;
  std::vector<const StagedBlob*> blobs;
  for (const auto& writer : writers) {
    staged.push_back(std::move(*writer->Finish()));
    blobs.push_back(staged.back().get());
  }
  EXPECT_GT(budget_used_bytes(), 0u) << "some wait in memory";
  EXPECT_GT(FileNames().size(), 5u) << "the others went solo, and nobody waited";
  for (const Location& location : MustAppend(blobs, {"one"}).blobs) EXPECT_EQ(*ReadBlob(*store_, location), bytes);
  staged.clear();
  writers.clear();
  EXPECT_EQ(budget_used_bytes(), 0u);
}

TEST_F(BlobWriterTest, LongUploadsAreSyncedOnTheWay) {
  const auto writer = std::move(*store_->NewWriter());
  const std::string piece(limits::kMiB, 'x');
  const uint64_t syncs = file_system_.call_count(Call::kSync);
  for (uint64_t at = 0; at < 2 * limits::kSoloUnsyncedBytes + 2 * limits::kMiB; at += piece.size()) {
    ASSERT_TRUE(writer->Append(piece).ok());
  }
  EXPECT_EQ(file_system_.call_count(Call::kSync), syncs + 2);
}

TEST_F(BlobWriterTest, StopsWhenTheDiskIsBelowItsReserve) {
  bool is_low = false;
  options_.may_write = [&is_low] { return is_low ? OutOfSpace("below the reserve") : OkStatus(); };
  OpenWithBudget(0);
  auto writer = std::move(*store_->NewWriter());
  ASSERT_TRUE(writer->Append("first").ok());
  is_low = true;
  EXPECT_EQ(writer->Append("second").code(), Code::kOutOfSpace);
  is_low = false;
  EXPECT_EQ(writer->Append("third").code(), Code::kOutOfSpace) << "a piece is missing, so the blob is lost";
  EXPECT_EQ(writer->Finish().code(), Code::kOutOfSpace);
  writer.reset();
  EXPECT_THAT(FileNames(), IsEmpty());
}

TEST_F(BlobWriterTest, AFullDiskLeavesNothingOfTheUpload) {
  OpenWithBudget(0);
  file_system_.SetCapacity(10'000);
  auto writer = std::move(*store_->NewWriter());
  EXPECT_EQ(writer->Append(std::string(20'000, 'x')).code(), Code::kOutOfSpace);
  writer.reset();
  EXPECT_THAT(FileNames(), IsEmpty());
}

// Every call of a streamed upload fails once: the upload fails, nothing remains, and the store goes on.
TEST_F(BlobWriterTest, EveryCallFailsOnce) {
  OpenWithBudget(0);
  bool has_failed = true;
  uint64_t calls = 0;
  for (; has_failed; ++calls) {
    file_system_.FailCall(calls, Code::kIoError);
    const auto blob = Stage(*store_, std::string(3000, 'x'));
    has_failed = file_system_.fault_happened();
    EXPECT_EQ(blob.ok(), !has_failed);
    if (!has_failed) break;
    EXPECT_THAT(FileNames(), IsEmpty()) << "after call " << calls;
  }
  EXPECT_GT(calls, 7u);
  MustAppend({}, {"one"});
}

}  // namespace
}  // namespace tarn::engine
