#include "storage/engine/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

namespace tarn::engine {

Result<std::unique_ptr<DirectoryLock>> DirectoryLock::Acquire(const std::string& path, Kind kind) {
  const int flags = kind == Kind::kExclusive ? O_RDWR | O_CREAT : O_RDONLY;
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (descriptor < 0) return FromErrno(errno, "open " + path);
  std::unique_ptr<DirectoryLock> lock(new DirectoryLock(descriptor));
  if (::flock(descriptor, (kind == Kind::kExclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) return FailedPrecondition("another process has the data directory open (" + path + ")");
  return FromErrno(errno, "lock " + path);
}

DirectoryLock::~DirectoryLock() { ::close(descriptor_); }

}  // namespace tarn::engine
