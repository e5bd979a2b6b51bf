#pragma once

#include <string>

#include "migrate/couch/patience.h"
#include "migrate/import/tarball_source.h"
#include "storage/base/http_client.h"

namespace tarn::migrate {

// Tarballs from a server: a registry (URL/PACKAGE/-/FILE) or a CouchDB (URL/ID/ATTACHMENT).
class TarballServer final : public TarballSource {
 public:
  struct Options {
    std::string url;
    std::string token;           // Sent to this URL's host alone; empty: none.
    std::string ca_file;         // PEM; empty: the system's authorities.
    bool asks_dist_url = false;  // Where dist.tarball points to comes first, whatever host that is.
  };
  TarballServer(Options options, Patience patience);
  Status Read(const std::string& id, const MissingTarball& wanted, const Sink& sink) override;

 private:
  Status Get(const std::string& url, const Sink& sink);

  const Options options_;
  const Patience patience_;
  HttpClient client_;
};

}  // namespace tarn::migrate
