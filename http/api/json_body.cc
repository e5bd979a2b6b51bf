#include "http/api/json_body.h"

#include <simdjson.h>

#include "storage/base/limits.h"

namespace tarn::http {

namespace dom = simdjson::dom;

struct JsonBody::Parsed {
  std::shared_ptr<dom::parser> parser;  // Owns what `object` points into; shared with nested objects.
  dom::object object;
};

namespace {

Status FromJson(simdjson::error_code error) {
  return InvalidArgument(std::string("the body is not valid JSON: ") + simdjson::error_message(error));
}

Status WrongType(std::string_view key, std::string_view expected) {
  return InvalidArgument("\"" + std::string(key) + "\" must be " + std::string(expected));
}

// The element, or nullopt when it is missing or null.
std::optional<dom::element> Find(const dom::object& object, std::string_view key) {
  dom::element element;
  if (object.at_key(key).get(element) != simdjson::SUCCESS || element.is_null()) return std::nullopt;
  return element;
}

Result<std::shared_ptr<dom::parser>> NewParser() {
  auto parser = std::make_shared<dom::parser>();
  const auto error = parser->allocate(simdjson::dom::MINIMAL_DOCUMENT_CAPACITY, limits::kJsonDepthMax);
  if (error != simdjson::SUCCESS) return FromJson(error);
  return parser;
}

}  // namespace

JsonBody::JsonBody(std::shared_ptr<Parsed> parsed) : parsed_(std::move(parsed)) {}
JsonBody::~JsonBody() = default;
JsonBody::JsonBody(JsonBody&&) noexcept = default;
JsonBody& JsonBody::operator=(JsonBody&&) noexcept = default;

Result<JsonBody> JsonBody::ParseObject(std::string_view text) {
  ASSIGN_OR_RETURN(const std::shared_ptr<dom::parser> parser, NewParser());
  dom::element root;
  const auto error = parser->parse(simdjson::padded_string(text)).get(root);
  if (error != simdjson::SUCCESS) return FromJson(error);
  auto parsed = std::make_shared<Parsed>();
  parsed->parser = parser;
  if (root.get(parsed->object) != simdjson::SUCCESS) return InvalidArgument("the body must be a JSON object");
  return JsonBody(std::move(parsed));
}

Result<std::string> JsonBody::ParseString(std::string_view text) {
  ASSIGN_OR_RETURN(const std::shared_ptr<dom::parser> parser, NewParser());
  dom::element root;
  const auto error = parser->parse(simdjson::padded_string(text)).get(root);
  if (error != simdjson::SUCCESS) return FromJson(error);
  std::string_view value;
  if (root.get(value) != simdjson::SUCCESS) return InvalidArgument("the body must be a JSON string");
  return std::string(value);
}

bool JsonBody::Has(std::string_view key) const { return Find(parsed_->object, key).has_value(); }

bool JsonBody::IsNull(std::string_view key) const {
  dom::element element;
  return parsed_->object.at_key(key).get(element) == simdjson::SUCCESS && element.is_null();
}

Result<std::optional<std::string>> JsonBody::String(std::string_view key) const {
  const auto element = Find(parsed_->object, key);
  if (!element) return std::optional<std::string>();
  std::string_view value;
  if (element->get(value) != simdjson::SUCCESS) return WrongType(key, "a string");
  return std::optional<std::string>(value);
}

Result<std::optional<bool>> JsonBody::Bool(std::string_view key) const {
  const auto element = Find(parsed_->object, key);
  if (!element) return std::optional<bool>();
  bool value = false;
  if (element->get(value) != simdjson::SUCCESS) return WrongType(key, "true or false");
  return std::optional<bool>(value);
}

Result<std::optional<uint64_t>> JsonBody::Number(std::string_view key) const {
  const auto element = Find(parsed_->object, key);
  if (!element) return std::optional<uint64_t>();
  uint64_t value = 0;
  if (element->get(value) != simdjson::SUCCESS) return WrongType(key, "a whole number");
  return std::optional<uint64_t>(value);
}

Result<std::optional<std::vector<std::string>>> JsonBody::Strings(std::string_view key) const {
  const auto element = Find(parsed_->object, key);
  if (!element) return std::optional<std::vector<std::string>>();
  dom::array array;
  if (element->get(array) != simdjson::SUCCESS) return WrongType(key, "a list of strings");
  std::vector<std::string> values;
  for (const dom::element item : array) {
    std::string_view value;
    if (item.get(value) != simdjson::SUCCESS) return WrongType(key, "a list of strings");
    values.emplace_back(value);
  }
  return std::optional<std::vector<std::string>>(std::move(values));
}

Result<std::optional<JsonBody>> JsonBody::Object(std::string_view key) const {
  const auto element = Find(parsed_->object, key);
  if (!element) return std::optional<JsonBody>();
  auto nested = std::make_shared<Parsed>();
  nested->parser = parsed_->parser;
  if (element->get(nested->object) != simdjson::SUCCESS) return WrongType(key, "an object");
  return std::optional<JsonBody>(JsonBody(std::move(nested)));
}

Result<std::optional<std::vector<JsonBody>>> JsonBody::Objects(std::string_view key) const {
  const auto element = Find(parsed_->object, key);
  if (!element) return std::optional<std::vector<JsonBody>>();
  dom::array array;
  if (element->get(array) != simdjson::SUCCESS) return WrongType(key, "a list of objects");
  std::vector<JsonBody> objects;
  for (const dom::element item : array) {
    auto nested = std::make_shared<Parsed>();
    nested->parser = parsed_->parser;
    if (item.get(nested->object) != simdjson::SUCCESS) return WrongType(key, "a list of objects");
    objects.push_back(JsonBody(std::move(nested)));
  }
  return std::optional<std::vector<JsonBody>>(std::move(objects));
}

}  // namespace tarn::http
