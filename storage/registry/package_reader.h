#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/package_state.h"
#include "storage/registry/packument_cache.h"
#include "storage/registry/packument_sealer.h"
#include "storage/registry/registry.h"

namespace tarn::registry {

// The reading calls of Registry, which says what they promise. What is not for the caller's eyes is looked up all the
// same and then answered like a name that does not exist.
// Threads: any. Blocks on disk, and in GetPackument for a packument that must be built.
class PackageReader {
 public:
  using Permissions = std::vector<std::pair<std::string, std::string>>;

  PackageReader(engine::Store* store, const RegistryOptions& options, PackumentCache* cache, PackumentSealer* sealer)
      : store_(store), options_(options), cache_(cache), sealer_(sealer) {}

  Result<PackumentAnswer> GetPackument(const Principal& principal, const PackageName& name, PackumentForm form,
                                       PackumentCoding coding, const std::string& base_url);
  Result<ManifestAnswer> GetManifest(const Principal& principal, const PackageName& name, std::string_view spec,
                                     const std::string& base_url);
  Result<ManifestAnswer> GetAttestations(const Principal& principal, const PackageName& name, std::string_view version);
  Result<TarballAnswer> OpenTarball(const Principal& principal, const PackageName& name, std::string_view file_name);
  Result<DistTags> GetDistTags(const Principal& principal, const PackageName& name);
  Result<bool> IsPublic(const Principal& principal, const PackageName& name);

  // --- package_lists.cc ---
  Result<Permissions> Collaborators(const Principal& principal, const PackageName& name);
  Result<Permissions> PackagesOfUser(const Principal& principal, std::string_view user);
  Result<Permissions> PackagesOfScope(const Principal& principal, std::string_view scope);

  // kUnauthenticated when the registry is not for anonymous callers.
  Status CheckMayAsk(const Principal& principal) const;

 private:
  // The live version that a version, dist-tag or range names.
  Result<VersionRecord> FindVersion(const engine::ReadView& view, const PackageName& name, const PackageRecord& package,
                                    std::string_view spec);

  engine::Store* const store_;
  const RegistryOptions options_;
  PackumentCache* const cache_;
  PackumentSealer* const sealer_;
};

}  // namespace tarn::registry
