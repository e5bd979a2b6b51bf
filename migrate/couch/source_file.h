#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "migrate/couch/document_visitor.h"
#include "migrate/couch/source_reader.h"
#include "storage/base/result.h"

namespace tarn::migrate {

enum class DumpFormat : uint8_t {
  kDetect,     // By its first bytes.
  kJson,       // Every form of JsonDumpReader.
  kMultipart,  // MultipartReader.
};

// Reads a dump from a file, or from standard input for "-", and pushes its documents. gzip and zstd are undone on the way.
// Errors: kNotFound, kIoError; kInvalidArgument when it is not what it says, or not all there: whatever came before has been
// handed over; the visitor's own. Each begins with the path.
Status ReadDump(const std::string& path, DumpFormat format, DocumentVisitor* visitor);

}  // namespace tarn::migrate
