#include "storage/base/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "storage/base/io_activity.h"

namespace tarn {
namespace {

constexpr size_t kPartsPerCall = 64;  // Below IOV_MAX everywhere.

class PosixFile final : public File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~PosixFile() override { ::close(descriptor_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  Status WriteAt(uint64_t offset, std::span<const iovec> parts) override {
    const IoScope scope(IoKind::kWrite, descriptor_);
    std::vector<iovec> rest(parts.begin(), parts.end());
    size_t first = 0;
    while (first < rest.size()) {
      const auto count = static_cast<int>(std::min(rest.size() - first, kPartsPerCall));
      const ssize_t wrote = ::pwritev(descriptor_, &rest[first], count, static_cast<off_t>(offset));
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return FromErrno(errno, "write " + path_);
      offset += static_cast<uint64_t>(wrote);
      first = Advance(&rest, first, static_cast<size_t>(wrote));
    }
    return OkStatus();
  }

  Status ReadAt(uint64_t offset, size_t size, std::string* out) const override {
    const IoScope scope(IoKind::kRead, descriptor_);
    out->resize(size);
    size_t done = 0;
    while (done < size) {
      const ssize_t got = ::pread(descriptor_, out->data() + done, size - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return FromErrno(errno, "read " + path_);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    out->resize(done);
    return OkStatus();
  }

  Status Sync() override {
    const IoScope scope(IoKind::kSync, descriptor_);
    return ::fdatasync(descriptor_) == 0 ? OkStatus() : FromErrno(errno, "fdatasync " + path_);
  }
  Status Truncate(uint64_t size) override {
    return ::ftruncate(descriptor_, static_cast<off_t>(size)) == 0 ? OkStatus() : FromErrno(errno, "truncate " + path_);
  }
  Result<uint64_t> Size() const override {
    struct stat info {};
    if (::fstat(descriptor_, &info) != 0) return FromErrno(errno, "stat " + path_);
    return static_cast<uint64_t>(info.st_size);
  }
  int descriptor() const override { return descriptor_; }

 private:
  // Drops `wrote` bytes from the front; the index of the first part that is not empty.
  static size_t Advance(std::vector<iovec>* parts, size_t first, size_t wrote) {
    for (; first < parts->size(); ++first) {
      iovec& part = (*parts)[first];
      if (wrote < part.iov_len) {
        part.iov_base = static_cast<char*>(part.iov_base) + wrote;
        part.iov_len -= wrote;
        return first;
      }
      wrote -= part.iov_len;
    }
    return first;
  }

  const int descriptor_;
  const std::string path_;
};

class Posix final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> Create(const std::string& path) override {
    return Open(path, O_RDWR | O_CREAT | O_EXCL);
  }
  Result<std::unique_ptr<File>> OpenReadWrite(const std::string& path) override { return Open(path, O_RDWR); }
  Result<std::unique_ptr<File>> OpenReadOnly(const std::string& path) override { return Open(path, O_RDONLY); }

  Status SyncDirectory(const std::string& path) override {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return FromErrno(errno, "open folder " + path);
    const IoScope scope(IoKind::kSync, descriptor);
    const Status status = ::fsync(descriptor) == 0 ? OkStatus() : FromErrno(errno, "fsync folder " + path);
    ::close(descriptor);
    return status;
  }

  Status CreateDirectory(const std::string& path) override {
    if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return OkStatus();
    return FromErrno(errno, "create folder " + path);
  }

  Result<std::vector<std::string>> List(const std::string& path) override {
    DIR* folder = ::opendir(path.c_str());
    if (folder == nullptr) return FromErrno(errno, "list folder " + path);
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(folder)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(folder);
    std::sort(names.begin(), names.end());
    return names;
  }

  Status Remove(const std::string& path) override {
    return ::unlink(path.c_str()) == 0 ? OkStatus() : FromErrno(errno, "remove " + path);
  }
  Status Rename(const std::string& from, const std::string& to) override {
    return ::rename(from.c_str(), to.c_str()) == 0 ? OkStatus() : FromErrno(errno, "rename " + from + " to " + to);
  }
  Result<Space> FreeSpace(const std::string& path) override {
    struct statvfs info {};
    if (::statvfs(path.c_str(), &info) != 0) return FromErrno(errno, "statvfs " + path);
    return Space{uint64_t{info.f_bavail} * info.f_frsize, uint64_t{info.f_blocks} * info.f_frsize};
  }

 private:
  static Result<std::unique_ptr<File>> Open(const std::string& path, int flags) {
    const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
    if (descriptor < 0 && errno == EEXIST) return AlreadyExists(path + " exists");
    if (descriptor < 0) return FromErrno(errno, "open " + path);
    return std::unique_ptr<File>(std::make_unique<PosixFile>(descriptor, path));
  }
};

}  // namespace

FileSystem& PosixFileSystem() {
  static Posix file_system;
  return file_system;
}

}  // namespace tarn
