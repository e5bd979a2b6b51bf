#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"
#include "storage/engine/segment_folder.h"
#include "storage/engine/staged_blob.h"

namespace tarn::engine {

// One blob on its way into a segment file of its own. The file is a `.part` until Finish.
// Memory: one buffer of limits::kSoloBufferBytes as soon as the budget has it; until then each piece is written as it
// comes.
// Threads: one at a time. Blocks on disk.
class SoloFile {
 public:
  static Result<std::unique_ptr<SoloFile>> Create(SegmentFolder& folder, UploadBudget& budget);
  // Not finished: removes the file.
  ~SoloFile();
  SoloFile(const SoloFile&) = delete;
  SoloFile& operator=(const SoloFile&) = delete;

  // kOutOfSpace, kIoError, or what SegmentStoreOptions::may_write says. After an error only destruction makes sense.
  [[nodiscard]] Status Append(std::string_view bytes);
  // The same for many bytes at once, without taking a buffer. Only before the first Append.
  [[nodiscard]] Status Write(std::string_view bytes);
  // Writes the rest, the record's header last; syncs file and folder.
  [[nodiscard]] Result<std::unique_ptr<SoloBlob>> Finish(const BlobInfo& info,
                                                         const std::vector<uint64_t>& block_checksums);

 private:
  SoloFile(SegmentFolder& folder, UploadBudget& budget, SegmentFolder::NewSegment segment);
  Status Flush();

  SegmentFolder& folder_;
  UploadBudget& budget_;
  const SegmentFolder::NewSegment segment_;
  size_t buffer_bytes_max_ = 0;  // 0: no buffer yet.
  std::string buffer_;
  uint64_t write_offset_ = kSoloPayloadOffsetBytes;
  uint64_t unsynced_bytes_ = 0;
  bool is_finished_ = false;
};

}  // namespace tarn::engine
