#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "migrate/import/plan.h"
#include "storage/registry/package_name.h"

namespace tarn::migrate {

// Which attachment is the tarball of a version, and what it is fetched as.
struct TarballMatch {
  std::optional<size_t> attachment;  // Its index; none has a name that fits.
  std::string file;                  // The part of its path after "/<package>/-/"; empty when nothing says.
  bool is_foreign = false;           // The URL is not that of this package's tarballs on any host.
};

// By what is known to be of the version, then by the path in its dist.tarball, then by the names that npm gave attachments: "name-version.tgz" with
// and without the scope.
//   url    dist.tarball; empty when there is none.
//   names  as the document, the manifest and the id have it, in the order to try.
TarballMatch MatchTarball(const registry::PackageName& package, std::string_view version, std::string_view url,
                          const std::vector<std::string>& names, const std::vector<StoredAttachment>& attachments);

}  // namespace tarn::migrate
