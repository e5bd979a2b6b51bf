#include "storage/registry/json_text.h"

#include <algorithm>

#include "storage/base/limits.h"
#include "storage/base/logging.h"
#include "storage/registry/byte_search.h"
#include "storage/registry/json_scanner.h"

namespace tarn::registry {
namespace {

// Finds where values end, in text that is taken to be valid. On text that is not it may find odd
// ends, but never one outside the text.
class Cursor {
 public:
  explicit Cursor(std::string_view json) : json_(json) {}

  size_t position() const { return position_; }
  bool at_end() const { return position_ == json_.size(); }
  char front() const { return json_[position_]; }

  void SkipSpace() {
    while (!at_end() && (front() == ' ' || front() == '\n' || front() == '\r' || front() == '\t')) {
      ++position_;
    }
  }

  // Takes `c` and the space around it.
  bool Take(char c) {
    SkipSpace();
    if (at_end() || front() != c) return false;
    ++position_;
    SkipSpace();
    return true;
  }

  // Takes a string; false when it does not end.
  bool TakeString() {
    ++position_;
    for (;;) {
      position_ += FindByte<QuoteOrBackslash>(json_.substr(position_));
      if (at_end()) return false;
      if (front() == '"') break;
      position_ = std::min(position_ + 2, json_.size());
    }
    ++position_;
    return true;
  }

  // Takes one value of any kind; false when there is none or it does not end.
  bool TakeValue() {
    if (at_end()) return false;
    if (front() == '"') return TakeString();
    if (front() == '{' || front() == '[') return TakeContainer();
    const size_t begin = position_;
    position_ = std::min(json_.find_first_of(",]} \n\r\t", position_), json_.size());
    return position_ > begin;
  }

 private:
  bool TakeContainer() {
    size_t depth = 0;
    for (;;) {
      position_ += FindByte<BracketOrQuote>(json_.substr(position_));
      if (at_end()) return false;
      const char c = front();
      if (c == '"') {
        if (!TakeString()) return false;
        continue;
      }
      ++position_;
      if (c == '{' || c == '[') {
        ++depth;
      } else if (--depth == 0) {
        return true;
      }
    }
  }

  const std::string_view json_;
  size_t position_ = 0;
};

Status Malformed(std::string_view what, const Cursor& cursor) {
  return InvalidArgument("JSON: " + std::string(what) + ", at offset " + std::to_string(cursor.position()));
}

Status TooManyMembers() {
  return TooLarge("JSON: more than " + std::to_string(limits::kJsonMembersMax) + " members in one object or array");
}

Status CheckKeysDiffer(const std::vector<JsonMember>& members) {
  std::vector<std::string_view> keys;
  keys.reserve(members.size());
  for (const JsonMember& member : members) keys.push_back(member.key);
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return OkStatus();
  constexpr size_t kQuotedBytesMax = 100;
  return InvalidArgument("JSON: the key " + JsonString(twice->substr(0, kQuotedBytesMax)) + " occurs twice");
}

class StringCollector final : public JsonVisitor {
 public:
  std::string text;
  bool is_string = false;

  Status OnStringBegin(uint64_t offset) override {
    is_string = offset == 0;
    return OkStatus();
  }
  Status OnStringPiece(std::string_view piece) override {
    text += piece;
    return OkStatus();
  }
};

}  // namespace

Status ValidateJson(std::string_view json) {
  JsonVisitor nobody;
  JsonScanner scanner(&nobody);
  RETURN_IF_ERROR(scanner.Append(json));
  return scanner.Finish();
}

Result<std::vector<JsonMember>> ParseJsonObject(std::string_view json) {
  RETURN_IF_ERROR(ValidateJson(json));
  return SplitJsonObject(json);
}

Result<std::vector<std::string_view>> ParseJsonArray(std::string_view json) {
  RETURN_IF_ERROR(ValidateJson(json));
  return SplitJsonArray(json);
}

Result<std::vector<JsonMember>> SplitJsonObject(std::string_view json) {
  ASSIGN_OR_RETURN(std::vector<JsonMember> members, SplitJsonObjectWithRepeats(json));
  RETURN_IF_ERROR(CheckKeysDiffer(members));
  return members;
}

Result<std::vector<JsonMember>> SplitJsonObjectWithRepeats(std::string_view json) {
  std::vector<JsonMember> members;
  Cursor cursor(json);
  if (!cursor.Take('{')) return Malformed("not an object", cursor);
  bool is_closed = cursor.Take('}');
  while (!is_closed) {
    if (members.size() == limits::kJsonMembersMax) return TooManyMembers();
    const size_t key = cursor.position();
    if (cursor.at_end() || cursor.front() != '"' || !cursor.TakeString()) {
      return Malformed("expected a key", cursor);
    }
    const std::string_view raw_key = json.substr(key, cursor.position() - key);
    if (!cursor.Take(':')) return Malformed("expected a colon", cursor);
    const size_t value = cursor.position();
    if (!cursor.TakeValue()) return Malformed("expected a value", cursor);
    const std::string_view raw_value = json.substr(value, cursor.position() - value);
    members.push_back({TextOfJson(raw_key), raw_key, raw_value});
    is_closed = cursor.Take('}');
    if (!is_closed && !cursor.Take(',')) return Malformed("expected a comma", cursor);
  }
  if (!cursor.at_end()) return Malformed("something follows the object", cursor);
  return members;
}

Result<std::vector<std::string_view>> SplitJsonArray(std::string_view json) {
  std::vector<std::string_view> elements;
  Cursor cursor(json);
  if (!cursor.Take('[')) return Malformed("not an array", cursor);
  bool is_closed = cursor.Take(']');
  while (!is_closed) {
    if (elements.size() == limits::kJsonMembersMax) return TooManyMembers();
    const size_t value = cursor.position();
    if (!cursor.TakeValue()) return Malformed("expected a value", cursor);
    elements.push_back(json.substr(value, cursor.position() - value));
    is_closed = cursor.Take(']');
    if (!is_closed && !cursor.Take(',')) return Malformed("expected a comma", cursor);
  }
  if (!cursor.at_end()) return Malformed("something follows the array", cursor);
  return elements;
}

JsonKind KindOfJson(std::string_view raw_value) {
  switch (raw_value.empty() ? 'n' : raw_value.front()) {
    case 'n': return JsonKind::kNull;
    case 't':
    case 'f': return JsonKind::kBoolean;
    case '"': return JsonKind::kString;
    case '[': return JsonKind::kArray;
    case '{': return JsonKind::kObject;
    default: return JsonKind::kNumber;
  }
}

Result<std::string> DecodeJsonString(std::string_view raw_value) {
  StringCollector collector;
  JsonScanner scanner(&collector);
  RETURN_IF_ERROR(scanner.Append(raw_value));
  RETURN_IF_ERROR(scanner.Finish());
  if (!collector.is_string) return InvalidArgument("JSON: not a string");
  return std::move(collector.text);
}

std::string TextOfJson(std::string_view raw_value) {
  if (raw_value.size() < 2 || raw_value.front() != '"') return {};
  if (raw_value.find('\\') == std::string_view::npos) {
    return std::string(raw_value.substr(1, raw_value.size() - 2));
  }
  Result<std::string> text = DecodeJsonString(raw_value);
  return text.ok() ? std::move(*text) : std::string();
}

}  // namespace tarn::registry
