#pragma once

#include <string>
#include <vector>

#include "migrate/import/tarball_source.h"

namespace tarn::migrate {

// Tarballs in a folder, by the name of the package and of the file: PACKAGE/FILE, PACKAGE/-/FILE or FILE alone, where FILE is
// what the version's dist.tarball ends with, the attachment's name, NAME-VERSION.tgz or, as `npm pack` writes it,
// SCOPE-NAME-VERSION.tgz.
class TarballFolder final : public TarballSource {
 public:
  explicit TarballFolder(std::string path) : path_(std::move(path)) {}
  Status Read(const std::string& id, const MissingTarball& wanted, const Sink& sink) override;

  // Relative paths, in the order in which they are tried; none leads out of the folder.
  static std::vector<std::string> PathsOf(const std::string& id, const MissingTarball& wanted);

 private:
  const std::string path_;
};

// The bytes of a file. kNotFound, kInvalidArgument (no regular file), kIoError; what `sink` returns.
Status ReadWholeFile(const std::string& path, const TarballSource::Sink& sink);

}  // namespace tarn::migrate
