#include "migrate/couch/conflict_reader.h"

#include "storage/base/import_limits.h"

namespace tarn::migrate {

Status ConflictReader::EndDocument(DocumentEnd document) {
  size_t fetched = 0;
  for (const std::string& rev : document.conflicts) {
    if (++fetched > limits::kImportConflictsMax) break;
    const auto body = fetch_(document.id, rev);
    if (body.code() == Code::kNotFound) continue;
    RETURN_IF_ERROR(body.status());
    RETURN_IF_ERROR(visitor_->ConflictingBody(rev, *body));
  }
  return visitor_->EndDocument(std::move(document));
}

}  // namespace tarn::migrate
