#include "http/api/form_body.h"

#include <algorithm>

#include "storage/base/limits.h"

namespace tarn::http {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

Result<std::string> Decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 1 < text.size() ? HexValue(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
      if (high < 0 || low < 0) return InvalidArgument("the form holds a broken percent sequence");
      out += static_cast<char>(high << 4 | low);
      i += 2;
    }
  }
  return out;
}

}  // namespace

Result<FormBody> FormBody::Parse(std::string_view body) {
  FormBody form;
  while (!body.empty()) {
    const size_t end = body.find('&');
    const std::string_view field = body.substr(0, end);
    body = end == std::string_view::npos ? std::string_view() : body.substr(end + 1);
    if (field.empty()) continue;
    if (form.fields_.size() == limits::kFormFieldsMax) return InvalidArgument("the form has too many fields");
    const size_t equals = field.find('=');
    ASSIGN_OR_RETURN(std::string name, Decode(field.substr(0, equals)));
    ASSIGN_OR_RETURN(std::string value,
                     Decode(equals == std::string_view::npos ? std::string_view() : field.substr(equals + 1)));
    form.fields_.emplace_back(std::move(name), std::move(value));
  }
  return form;
}

std::string_view FormBody::Get(std::string_view name) const {
  const auto field =
      std::find_if(fields_.begin(), fields_.end(), [&](const auto& entry) { return entry.first == name; });
  return field == fields_.end() ? std::string_view() : std::string_view(field->second);
}

}  // namespace tarn::http
