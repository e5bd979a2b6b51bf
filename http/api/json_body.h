#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"

namespace tarn::http {

// A JSON document, read field by field. A field that is missing or null is nullopt; one of another type is
// kInvalidArgument naming the field. A nested object may outlive the one it came from.
class JsonBody {
 public:
  // kInvalidArgument: not JSON (with the parser's reason), deeper than limits::kJsonDepthMax, or not an object.
  static Result<JsonBody> ParseObject(std::string_view text);
  // A body that is one JSON string, such as that of `npm dist-tag add`.
  static Result<std::string> ParseString(std::string_view text);

  ~JsonBody();
  JsonBody(JsonBody&&) noexcept;
  JsonBody& operator=(JsonBody&&) noexcept;

  Result<std::optional<std::string>> String(std::string_view key) const;
  Result<std::optional<bool>> Bool(std::string_view key) const;
  Result<std::optional<uint64_t>> Number(std::string_view key) const;
  Result<std::optional<std::vector<std::string>>> Strings(std::string_view key) const;
  bool Has(std::string_view key) const;
  // Is there, as null.
  bool IsNull(std::string_view key) const;
  // A field that is itself an object.
  Result<std::optional<JsonBody>> Object(std::string_view key) const;
  // A field that is a list of objects.
  Result<std::optional<std::vector<JsonBody>>> Objects(std::string_view key) const;

 private:
  struct Parsed;
  explicit JsonBody(std::shared_ptr<Parsed> parsed);
  // Owners: this and the JsonBody of each nested object, which share one document.
  std::shared_ptr<Parsed> parsed_;
};

}  // namespace tarn::http
