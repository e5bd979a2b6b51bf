#pragma once

#include <memory>
#include <string>

#include "storage/base/result.h"

namespace tarn::engine {

// One process at a time per data directory, or several that only read. The kernel drops the lock with the process, so
// the file itself means nothing.
// Ownership: held as long as the object lives.
class DirectoryLock {
 public:
  enum class Kind : uint8_t { kExclusive, kShared };
  // kFailedPrecondition: another process has it. The file is made if absent, unless kShared: then kNotFound.
  static Result<std::unique_ptr<DirectoryLock>> Acquire(const std::string& path, Kind kind);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  const int descriptor_;
};

}  // namespace tarn::engine
