#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "migrate/couch/document_visitor.h"
#include "migrate/couch/patience.h"
#include "migrate/registry/wanted_packages.h"
#include "storage/base/http_client.h"

namespace tarn::migrate {

// Packages of a registry that speaks npm's protocol, asked for by name: a document for each, without tarballs, which a
// TarballServer fetches from where `dist` says. Its revision is a digest of what was taken of the packument.
//
// Where only some versions are wanted, those that were imported before stay. What the registry does not have is a finding; a
// registry that does not answer, or not to this token, ends the run.
// Memory: one packument. Threads: one at a time.
class RegistrySource {
 public:
  struct Options {
    std::string url;
    std::string token;    // Empty: none.
    std::string ca_file;  // PEM; empty: the system's authorities.
    // Versions of a package that are in already.
    std::function<Result<std::vector<std::string>>(const std::string& name)> versions_here;
  };
  RegistrySource(Options options, Patience patience);
  Status ReadAll(const WantedPackages& wanted, DocumentVisitor* visitor);

 private:
  Status Take(const std::string& name, std::set<std::string> versions, DocumentVisitor* visitor);
  Result<HttpAnswer> Get(const std::string& name);

  const Options options_;
  const Patience patience_;
  HttpClient client_;
  uint64_t bytes_done_ = 0;
};

}  // namespace tarn::migrate
