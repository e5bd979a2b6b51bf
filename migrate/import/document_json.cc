#include "migrate/import/document_json.h"

#include "storage/base/import_limits.h"
#include "storage/registry/json_scanner.h"

namespace tarn::migrate {
namespace {

// Is told everything, and wants none of it.
class Silent final : public registry::JsonVisitor {
 public:
  Status OnBeginObject(uint64_t) override { return OkStatus(); }
  Status OnEndObject(uint64_t) override { return OkStatus(); }
  Status OnBeginArray(uint64_t) override { return OkStatus(); }
  Status OnEndArray(uint64_t) override { return OkStatus(); }
  Status OnKey(std::string_view, uint64_t) override { return OkStatus(); }
  Status OnStringBegin(uint64_t) override { return OkStatus(); }
  Status OnStringPiece(std::string_view) override { return OkStatus(); }
  Status OnStringEnd(uint64_t) override { return OkStatus(); }
  Status OnNumber(std::string_view, uint64_t) override { return OkStatus(); }
  Status OnLiteral(std::string_view, uint64_t) override { return OkStatus(); }
};

}  // namespace

Result<std::vector<registry::JsonMember>> ParseDocument(std::string_view text) {
  registry::JsonScanner::Limits scanner_limits;
  scanner_limits.depth_max = limits::kImportDepthMax;
  Silent silent;
  registry::JsonScanner scanner(&silent, scanner_limits);
  RETURN_IF_ERROR(scanner.Append(text));
  RETURN_IF_ERROR(scanner.Finish());
  return registry::SplitJsonObjectWithRepeats(text);
}

}  // namespace tarn::migrate
