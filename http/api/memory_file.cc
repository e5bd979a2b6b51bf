#include "http/api/memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <string_view>

namespace tarn::http {
namespace {

std::atomic<size_t> live_files{0};

// Counts itself, and closes its descriptor at the end.
class MemoryFile {
 public:
  MemoryFile() {
    if (live_files.fetch_add(1) < kMemoryFilesMax) fd_ = ::memfd_create("tarn-hot-answer", MFD_CLOEXEC);
  }
  ~MemoryFile() {
    if (fd_ >= 0) ::close(fd_);
    live_files.fetch_sub(1);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int fd() const { return fd_; }
  bool Append(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return true;
  }

 private:
  int fd_ = -1;
};

}  // namespace

std::optional<FileRange> MakeMemoryFile(std::span<const SharedBytes> pieces) {
  const auto file = std::make_shared<MemoryFile>();
  if (file->fd() < 0) return std::nullopt;
  uint64_t length = 0;
  for (const SharedBytes& piece : pieces) {
    if (!file->Append(piece.bytes)) return std::nullopt;
    length += piece.bytes.size();
  }
  return FileRange{file, file->fd(), 0, length};
}

}  // namespace tarn::http
