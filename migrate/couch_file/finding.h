#pragma once

#include <cstdint>
#include <string>

#include "migrate/couch/document_visitor.h"

namespace tarn::couch_file {

using Severity = migrate::SourceFinding::Severity;

// Something that was not as it should be. Reading goes on with what is left.
struct Finding {
  uint64_t offset = 0;      // In the file: where the damaged thing begins.
  std::string document_id;  // Empty if it is not known to belong to one document.
  std::string what;         // For a person.
  Severity severity = Severity::kError;
};

class FindingSink {
 public:
  virtual ~FindingSink() = default;
  virtual void OnFinding(Finding finding) = 0;
};

}  // namespace tarn::couch_file
