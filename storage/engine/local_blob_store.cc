#include "storage/engine/local_blob_store.h"

#include <memory>

#include "storage/base/bytes.h"
#include "storage/engine/local_values.h"

namespace tarn::engine {

Result<Location> LocalBlobStore::Locate(const Digest& digest) const {
  ASSIGN_OR_RETURN(const std::optional<std::string> row, rocks_.Get(Family::kLocation, digest.view()));
  if (!row.has_value()) return NotFound("no blob " + HexEncode(digest.view()));
  return ParseLocation(digest, *row);
}

Result<BlobReader> LocalBlobStore::Open(const Digest& digest) {
  if (has_damaged_.load(std::memory_order_acquire)) {
    MutexLock lock(mutex_);
    if (damaged_.contains(digest)) return Corruption("blob " + HexEncode(digest.view()) + " is damaged");
  }
  ASSIGN_OR_RETURN(const Location location, Locate(digest));
  return segments_->Open(location);
}

Status LocalBlobStore::Verify(const Digest& digest, Depth depth) {
  ASSIGN_OR_RETURN(const Location location, Locate(digest));
  Status status = segments_->VerifyBlob(location, depth);
  if (status.code() == Code::kCorruption) {
    MutexLock lock(mutex_);
    damaged_.insert(digest);
    has_damaged_.store(true, std::memory_order_release);
  }
  return status;
}

Status LocalBlobStore::Mend(const Digest& digest, const std::function<Status(const PieceSink&)>& fetch) {
  ASSIGN_OR_RETURN(const Location location, Locate(digest));
  {
    ASSIGN_OR_RETURN(const std::unique_ptr<File> file, segments_->OpenToMend(location.segment));
    RETURN_IF_ERROR(WriteBlobAgain(file.get(), location, fetch));
  }
  RETURN_IF_ERROR(segments_->VerifyBlob(location, Depth::kDigest));
  MutexLock lock(mutex_);
  damaged_.erase(digest);
  has_damaged_.store(!damaged_.empty(), std::memory_order_release);
  return OkStatus();
}

}  // namespace tarn::engine
