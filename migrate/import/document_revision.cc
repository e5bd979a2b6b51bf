#include "migrate/import/document_revision.h"

#include "storage/base/bytes.h"
#include "storage/base/digest.h"

namespace tarn::migrate {

std::string RevisionOfText(std::string_view text) {
  constexpr size_t kHexDigits = 32;  // As many as CouchDB's have.
  return "1-" + HexEncode(Sha256(text).view()).substr(0, kHexDigits);
}

}  // namespace tarn::migrate
