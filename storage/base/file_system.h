#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"

namespace tarn {

// One open file. Positions are explicit, so there is no shared cursor.
// Threads: reads any; writes and Sync one at a time.
// Errors: FromErrno codes; a short read at the end of the file is not an error.
class File {
 public:
  virtual ~File() = default;
  // Writes all of `parts` at `offset`. On an error an unknown prefix may have been written.
  virtual Status WriteAt(uint64_t offset, std::span<const iovec> parts) = 0;
  // Reads up to `size` bytes at `offset` into `out` (replaced). Shorter only at the end of the file.
  virtual Status ReadAt(uint64_t offset, size_t size, std::string* out) const = 0;
  // Bytes and size are on stable storage when it returns OK (fdatasync). After an error the file's durable content is
  // unknown for ever: Linux marks failed pages clean, so a second call may lie. Never retry.
  virtual Status Sync() = 0;
  virtual Status Truncate(uint64_t size) = 0;
  virtual Result<uint64_t> Size() const = 0;
  // For sendfile and preadv2. Owned by this object; -1 when there is none (test file systems).
  virtual int descriptor() const = 0;

  Status WriteAt(uint64_t offset, std::string_view bytes) {
    const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    return WriteAt(offset, std::span<const iovec>(&part, 1));
  }
};

// The part of a file system that segments need. Paths are whole paths. The seam for tests that drop unsynced bytes,
// fail the n-th call or fill the disk (storage/testing/fault_fs.h).
// Threads: any.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // kAlreadyExists if it is there. The name is durable only after SyncDirectory of its folder.
  virtual Result<std::unique_ptr<File>> Create(const std::string& path) = 0;
  virtual Result<std::unique_ptr<File>> OpenReadWrite(const std::string& path) = 0;
  virtual Result<std::unique_ptr<File>> OpenReadOnly(const std::string& path) = 0;
  virtual Status SyncDirectory(const std::string& path) = 0;
  // OK if it exists already. Parents must exist.
  virtual Status CreateDirectory(const std::string& path) = 0;
  // Names without the folder, sorted.
  virtual Result<std::vector<std::string>> List(const std::string& path) = 0;
  virtual Status Remove(const std::string& path) = 0;
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  struct Space {
    uint64_t free_bytes = 0;  // Available to this process.
    uint64_t total_bytes = 0;
  };
  virtual Result<Space> FreeSpace(const std::string& path) = 0;
};

// The machine's file system.
FileSystem& PosixFileSystem();

}  // namespace tarn
