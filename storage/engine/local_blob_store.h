#pragma once

#include <atomic>
#include <functional>
#include <set>

#include "storage/base/mutex.h"
#include "storage/engine/blob_store.h"
#include "storage/engine/mend.h"
#include "storage/engine/rocks.h"
#include "storage/engine/segment_store.h"

namespace tarn::engine {

// Blobs in the segments of this node, found by the location rows. Both parts outlive it. Threads: any.
class LocalBlobStore final : public BlobStore {
 public:
  LocalBlobStore(const Rocks& rocks, SegmentStore* segments) : rocks_(rocks), segments_(segments) {}

  Result<std::unique_ptr<BlobWriter>> NewWriter() override { return segments_->NewWriter(); }
  // Damaged blobs are refused from the moment Verify found them until they are mended or the store is opened again.
  Result<BlobReader> Open(const Digest& digest) override;
  Status Verify(const Digest& digest, Depth depth) override;
  // As Shipping::MendBlob.
  Status Mend(const Digest& digest, const std::function<Status(const PieceSink&)>& fetch);

 private:
  Result<Location> Locate(const Digest& digest) const;

  const Rocks& rocks_;
  SegmentStore* const segments_;
  Mutex mutex_;
  std::set<Digest> damaged_ GUARDED_BY(mutex_);
  std::atomic<bool> has_damaged_{false};  // So that the usual case takes no lock.
};

}  // namespace tarn::engine
