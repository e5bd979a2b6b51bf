#include "http/api/body_file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

namespace tarn::http {
namespace {

int Open(const std::string& folder) {
  if (!folder.empty()) {
    const int fd = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0) return fd;
  }
  return ::memfd_create("tarn-hot-answer", MFD_CLOEXEC);
}

// Counts itself, and closes its descriptor at the end.
class BodyFile {
 public:
  BodyFile(const std::string& folder, std::shared_ptr<std::atomic<size_t>> live_count)
      : live_count_(std::move(live_count)) {
    if (live_count_->fetch_add(1) < kBodyFilesMax) fd_ = Open(folder);
  }
  ~BodyFile() {
    if (fd_ >= 0) ::close(fd_);
    live_count_->fetch_sub(1);
  }
  BodyFile(const BodyFile&) = delete;
  BodyFile& operator=(const BodyFile&) = delete;

  int fd() const { return fd_; }
  // In as few calls as can be: the page cache takes folios as large as what one call brings.
  bool Append(std::span<iovec> pieces) {
    while (!pieces.empty()) {
      const ssize_t result = ::writev(fd_, pieces.data(), static_cast<int>(std::min<size_t>(pieces.size(), IOV_MAX)));
      if (result < 0 && errno == EINTR) continue;
      if (result <= 0) return false;
      auto written = static_cast<size_t>(result);
      while (!pieces.empty() && written >= pieces.front().iov_len) {
        written -= pieces.front().iov_len;
        pieces = pieces.subspan(1);
      }
      if (written == 0) continue;
      pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + written;
      pieces.front().iov_len -= written;
    }
    return true;
  }

 private:
  const std::shared_ptr<std::atomic<size_t>> live_count_;
  int fd_ = -1;
};

}  // namespace

std::optional<FileRange> BodyFiles::Make(std::span<const SharedBytes> pieces) {
  const auto file = std::make_shared<BodyFile>(folder_, live_count_);
  if (file->fd() < 0) return std::nullopt;
  std::vector<iovec> parts;
  parts.reserve(pieces.size());
  uint64_t length = 0;
  for (const SharedBytes& piece : pieces) {
    if (piece.bytes.empty()) continue;
    parts.push_back({const_cast<char*>(piece.bytes.data()), piece.bytes.size()});
    length += piece.bytes.size();
  }
  if (!file->Append(parts)) return std::nullopt;
  return FileRange{file, file->fd(), 0, length};
}

}  // namespace tarn::http
