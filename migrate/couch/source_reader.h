#pragma once

#include <string_view>

#include "storage/base/result.h"

namespace tarn::migrate {

// Takes a source apart as its bytes come, and pushes documents to a DocumentVisitor.
//   Append  bytes in order, pieces of any size. Any error is final: the visitor's, or kInvalidArgument with the offset of
//           what cannot be read.
//   Finish  after the last byte; kInvalidArgument when the source ends in the middle. What came before is handed over.
// Threads: one at a time.
class SourceReader {
 public:
  virtual ~SourceReader() = default;
  [[nodiscard]] virtual Status Append(std::string_view bytes) = 0;
  [[nodiscard]] virtual Status Finish() = 0;
};

}  // namespace tarn::migrate
