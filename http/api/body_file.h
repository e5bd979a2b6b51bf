#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "http/net/response.h"
#include "storage/base/limits.h"

namespace tarn::http {

inline constexpr size_t kBodyFileBytesMin = 32 * limits::kKiB;  // A hot answer from this size …
inline constexpr size_t kBodyFileBytesMax = limits::kMiB;       // … to this one is worth a file of its own …
inline constexpr uint32_t kBodyFileHits = 4;                    // … when it was sent that often …
inline constexpr size_t kBodyFilesMax = 256;                    // … while there are not more: a descriptor each.

// Copies of bodies in files without a name, so that a body that is sent again and again goes to the socket by sendfile, as
// pages, instead of being copied into it each time. Measured over loopback: 500 KB cost a quarter less CPU so, 4 MB a third
// more (the socket's buffer is full long before, and each wake-up sends less).
//
// The files are made in `folder` (O_TMPFILE) and never synced: where its file system keeps its cache in large folios, as
// ext4 does, neighbouring pages become one piece of a packet, which is worth another fifth over pages of memfd. Without a
// folder, or where it has no O_TMPFILE, they are memfd's. Either way nothing is left when the process ends.
// Threads: any.
class BodyFiles {
 public:
  explicit BodyFiles(std::string folder) : folder_(std::move(folder)) {}

  // nullopt: there are kBodyFilesMax already, or no descriptor or room is left; send the pieces then. The file lives as
  // long as the range's owner, which may outlive this object.
  std::optional<FileRange> Make(std::span<const SharedBytes> pieces);

 private:
  const std::string folder_;
  const std::shared_ptr<std::atomic<size_t>> live_count_ = std::make_shared<std::atomic<size_t>>(0);  // With each file.
};

}  // namespace tarn::http
