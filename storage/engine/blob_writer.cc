#include "storage/engine/blob_writer.h"

#include <utility>

#include "storage/base/check.h"
#include "storage/base/digest.h"
#include "storage/base/limits.h"
#include "storage/engine/block_checksums.h"
#include "storage/engine/solo_file.h"

namespace tarn::engine {
namespace {

constexpr size_t kPieceBytes = 64 * limits::kKiB;  // Hashed three times and copied once: smaller than an L2 cache.

class SegmentBlobWriter final : public BlobWriter {
 public:
  SegmentBlobWriter(SegmentFolder& folder, UploadBudget& budget) : folder_(folder), budget_(budget), memory_(budget) {}

  Status Append(std::string_view bytes) override {
    CHECK(!is_finished_);
    while (!bytes.empty() && status_.ok()) {
      const std::string_view piece = bytes.substr(0, kPieceBytes);
      hasher_.Update(piece);
      blocks_.Update(piece);
      status_ = Keep(piece);
      size_bytes_ += piece.size();
      bytes.remove_prefix(piece.size());
    }
    return status_;
  }

  Result<std::unique_ptr<StagedBlob>> Finish() override {
    CHECK(!std::exchange(is_finished_, true));
    RETURN_IF_ERROR(status_);
    const BlobHasher::Digests digests = hasher_.Finish();
    const BlobInfo info{digests.sha512, digests.sha1, size_bytes_};
    if (solo_ == nullptr) {
      return std::unique_ptr<StagedBlob>(std::make_unique<MemoryBlob>(info, std::move(memory_), blocks_.Finish()));
    }
    ASSIGN_OR_RETURN(std::unique_ptr<SoloBlob> blob, solo_->Finish(info, blocks_.Finish()));
    solo_.reset();  // Its buffer is free before the blob waits in the queue.
    return std::unique_ptr<StagedBlob>(std::move(blob));
  }

 private:
  Status Keep(std::string_view piece) {
    if (solo_ == nullptr && size_bytes_ + piece.size() <= limits::kSharedBlobBytesMax && memory_.Append(piece)) {
      return OkStatus();
    }
    if (solo_ == nullptr) RETURN_IF_ERROR(MoveToSolo());
    return solo_->Append(piece);
  }

  Status MoveToSolo() {
    ASSIGN_OR_RETURN(solo_, SoloFile::Create(folder_, budget_));
    std::vector<iovec> parts;
    memory_.AppendParts(&parts);
    for (const iovec& part : parts) {
      RETURN_IF_ERROR(solo_->Write({static_cast<const char*>(part.iov_base), part.iov_len}));
    }
    memory_.Clear();
    return OkStatus();
  }

  SegmentFolder& folder_;
  UploadBudget& budget_;
  BlobHasher hasher_;
  BlockChecksums blocks_;
  uint64_t size_bytes_ = 0;
  ChunkBuffer memory_;  // Until the blob moves to solo_.
  std::unique_ptr<SoloFile> solo_;
  Status status_;  // The first error; it stays.
  bool is_finished_ = false;
};

}  // namespace

std::unique_ptr<BlobWriter> NewSegmentBlobWriter(SegmentFolder& folder, UploadBudget& budget) {
  return std::make_unique<SegmentBlobWriter>(folder, budget);
}

}  // namespace tarn::engine
