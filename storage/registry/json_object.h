#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"
#include "storage/registry/json_text.h"

namespace tarn::registry {

// A JSON object, looked into by name. A key that occurs twice makes it none (json_text.h). Views point into the text.
class JsonObject {
 public:
  // kInvalidArgument: not one object, and nothing but it.
  static Result<JsonObject> Parse(std::string_view text) {
    ASSIGN_OR_RETURN(std::vector<JsonMember> members, ParseJsonObject(text));
    return JsonObject(std::move(members));
  }
  // The same for a value of a text that was parsed.
  static Result<JsonObject> Split(std::string_view raw) {
    ASSIGN_OR_RETURN(std::vector<JsonMember> members, SplitJsonObject(raw));
    return JsonObject(std::move(members));
  }

  const std::vector<JsonMember>& members() const { return members_; }
  // Empty when there is no such member.
  std::string_view Raw(std::string_view key) const {
    for (const JsonMember& member : members_) {
      if (member.key == key) return member.raw_value;
    }
    return {};
  }
  bool Has(std::string_view key) const { return !Raw(key).empty(); }
  // nullopt when it is not there, or no string.
  std::optional<std::string> Text(std::string_view key) const {
    const std::string_view raw = Raw(key);
    if (raw.empty() || KindOfJson(raw) != JsonKind::kString) return std::nullopt;
    return TextOfJson(raw);
  }

 private:
  explicit JsonObject(std::vector<JsonMember> members) : members_(std::move(members)) {}

  std::vector<JsonMember> members_;
};

// Every element of a JSON list of strings; nullopt for anything else. `raw` was parsed before.
inline std::optional<std::vector<std::string>> TextsOfJson(std::string_view raw) {
  if (raw.empty() || KindOfJson(raw) != JsonKind::kArray) return std::nullopt;
  const auto elements = SplitJsonArray(raw);
  if (!elements.ok()) return std::nullopt;
  std::vector<std::string> texts;
  for (const std::string_view element : *elements) {
    if (KindOfJson(element) != JsonKind::kString) return std::nullopt;
    texts.push_back(TextOfJson(element));
  }
  return texts;
}

}  // namespace tarn::registry
