#include "migrate/import/tarball_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "storage/base/import_limits.h"

namespace tarn::migrate {
namespace {

// Names come from documents: none may lead elsewhere.
bool StaysInside(std::string_view path) {
  if (path.empty() || path.starts_with('/') || path.find('\0') != std::string_view::npos) return false;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment.empty() || segment == "." || segment == "..") return false;
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return true;
}

}  // namespace

std::vector<std::string> TarballFolder::PathsOf(const std::string& id, const MissingTarball& wanted) {
  const size_t slash = id.starts_with('@') ? id.find('/') : std::string::npos;
  const std::string base = slash == std::string::npos ? id : id.substr(slash + 1);
  std::vector<std::string> files = {wanted.file, wanted.attachment, base + "-" + wanted.version + ".tgz"};
  if (slash != std::string::npos) files.push_back(id.substr(1, slash - 1) + "-" + files.back());
  std::vector<std::string> paths;
  const auto add = [&](std::string path) {
    if (StaysInside(path) && std::find(paths.begin(), paths.end(), path) == paths.end())
      paths.push_back(std::move(path));
  };
  for (const std::string& file : files) {
    if (file.empty()) continue;
    add(id + "/" + file);
    add(id + "/-/" + file);
  }
  // A file beside all others says of which package it is only when the whole name is in its own.
  for (const std::string& file : files) {
    const bool has_scope = slash == std::string::npos || file == files.back();
    if (has_scope) add(file);
  }
  return paths;
}

Status TarballFolder::Read(const std::string& id, const MissingTarball& wanted, const Sink& sink) {
  for (const std::string& path : PathsOf(id, wanted)) {
    const Status read = ReadWholeFile(path_ + "/" + path, sink);
    if (read.code() != Code::kNotFound) return read;
  }
  return NotFound("no tarball of " + id + " " + wanted.version + " in " + path_);
}

Status ReadWholeFile(const std::string& path, const TarballSource::Sink& sink) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // A pipe would wait for ever.
  if (file < 0) return errno == ENOTDIR || errno == ENAMETOOLONG ? NotFound(path) : FromErrno(errno, "open " + path);
  struct stat status {};
  const bool is_known = ::fstat(file, &status) == 0;
  Status result = is_known ? OkStatus() : FromErrno(errno, "stat " + path);
  if (result.ok() && !S_ISREG(status.st_mode)) result = InvalidArgument(path + " is no regular file");
  std::string buffer(limits::kImportReadBytes, '\0');
  while (result.ok()) {
    const ssize_t count = ::read(file, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) result = FromErrno(errno, "read " + path);
    if (count <= 0) break;
    result = sink(std::string_view(buffer).substr(0, static_cast<size_t>(count)));
  }
  ::close(file);
  return result;
}

}  // namespace tarn::migrate
