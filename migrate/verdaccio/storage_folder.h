#pragma once

#include <string>

#include "migrate/couch/document_visitor.h"

namespace tarn::migrate {

struct VerdaccioOptions {
  // Also packages that were only cached from another registry: those that Verdaccio's own list does not name.
  bool with_cached = false;
  // Who maintains what names nobody; empty: nobody, so that only an administrator can publish it.
  std::string owner;
};

// Reads the storage folder of a Verdaccio (or Sinopia): PACKAGE/package.json and the tarballs beside it, scopes as folders,
// and .verdaccio-db.json, which lists the packages that were published there. Without that list everything is taken.
//
// A document for each package, its tarballs as attachments. Its revision is a digest of package.json, which changes with
// every publish. Maintainers are taken from the latest version where the package has none, as clients put them there.
// What cannot be read is a finding and costs itself alone. Errors: kNotFound, kInvalidArgument (no such folder, or nothing in
// it is a package), the visitor's.
// Memory: one document. Threads: one at a time.
Status ReadVerdaccio(const std::string& path, const VerdaccioOptions& options, DocumentVisitor* visitor);

}  // namespace tarn::migrate
