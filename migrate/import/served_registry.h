#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "migrate/couch/patience.h"
#include "storage/base/http_client.h"
#include "storage/registry/json_text.h"
#include "storage/registry/legacy_import.h"

namespace tarn::migrate {

// A registry as its clients see it, compared with what a source says: for an import whose server runs already.
// Threads: one at a time.
class ServedRegistry {
 public:
  struct Options {
    std::string url;
    std::string token;    // Empty: none; sees what anybody sees.
    std::string ca_file;  // PEM; empty: the system's authorities.
  };
  ServedRegistry(Options options, Patience patience);

  // How what is served differs from `package`, in words: top-level fields, dist-tags, versions with all fields of their
  // manifests, and the bytes of every tarball. Empty: it does not. Errors: as the server's, or that it does not answer.
  Result<std::vector<std::string>> Compare(const registry::LegacyPackage& package);

 private:
  using Members = std::vector<registry::JsonMember>;

  Result<HttpAnswer> GetPackument(const registry::PackageName& name);
  Status CompareVersion(const registry::VersionRecord& version, std::string_view served,
                        std::vector<std::string>* differences);
  // In words; empty: they are the ones.
  Result<std::string> CompareTarball(const registry::VersionRecord& version, const std::string& url);

  const Options options_;
  const Patience patience_;
  HttpClient client_;
};

}  // namespace tarn::migrate
