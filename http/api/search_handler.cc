#include <algorithm>
#include <charconv>

#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "storage/base/logging.h"

namespace tarn::http {
namespace {

constexpr size_t kSearchSizeMax = 250;  // Contract 12.1.
constexpr size_t kSearchFromMax = 100'000;
constexpr size_t kSearchTextMax = 1024;
constexpr std::string_view kSearchLifetime = "private, max-age=1";  // Contract 2.7: short.

size_t NumberOf(const Call& call, std::string_view key, size_t otherwise, size_t most) {
  const auto text = QueryValue(call.query, key);
  if (!text) return otherwise;
  size_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) return otherwise;
  return std::min(number, most);
}

void AppendMember(std::string* out, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  if (out->back() != '{') out->push_back(',');
  AppendJsonString(out, key);
  out->push_back(':');
  AppendJsonString(out, value);
}

std::string FormatPackage(const registry::SearchHit& hit, std::string_view base_url) {
  std::string out = "{";
  AppendMember(&out, "name", hit.name);
  AppendMember(&out, "sanitized_name", hit.name);
  AppendMember(&out, "version", hit.version);
  AppendMember(&out, "description", hit.description);
  AppendMember(&out, "license", hit.license);
  AppendMember(&out, "date", FormatIsoTime(hit.modified_ms));
  out += ",\"keywords\":[";
  for (size_t i = 0; i < hit.keywords.size(); ++i) out += (i > 0 ? "," : "") + JsonString(hit.keywords[i]);
  out += "],\"links\":{";
  AppendMember(&out, "npm", std::string(base_url) + "/" + hit.name);
  AppendMember(&out, "homepage", hit.homepage);
  AppendMember(&out, "repository", hit.repository);
  AppendMember(&out, "bugs", hit.bugs);
  out += "},\"publisher\":{\"username\":" + JsonString(hit.publisher) + ",\"email\":" + JsonString(hit.publisher_email);
  out += "},\"maintainers\":[";  // npm crashes without it.
  for (size_t i = 0; i < hit.maintainers.size(); ++i) {
    out += (i > 0 ? ",{\"username\":" : "{\"username\":") + JsonString(hit.maintainers[i].first);
    out += ",\"email\":" + JsonString(hit.maintainers[i].second) + "}";
  }
  return out + "]}";
}

// Dependents are not counted here, but clients of the public registry's format look for them.
std::string FormatHit(const registry::SearchHit& hit, std::string_view base_url) {
  const std::string score = std::to_string(hit.score);
  std::string out = "{\"package\":" + FormatPackage(hit, base_url);
  out += ",\"score\":{\"final\":" + score + ",\"detail\":{\"quality\":1,\"popularity\":1,\"maintenance\":1}}";
  out += ",\"searchScore\":" + score + ",\"updated\":" + JsonString(FormatIsoTime(hit.modified_ms));
  out += ",\"downloads\":{\"monthly\":" + std::to_string(hit.monthly_downloads);
  out += ",\"weekly\":" + std::to_string(hit.weekly_downloads);
  return out + "},\"dependents\":0,\"flags\":{\"insecure\":0}}";
}

}  // namespace

Response HandleSearch(const Services& services, const Call& call) {
  const auto text = QueryValue(call.query, "text");
  if (!text || text->empty()) {
    const std::string sentence = JsonString("'text' query parameter is required");
    Response response = JsonResponse(400, "{\"error\":" + sentence + ",\"message\":" + sentence +
                                              ",\"reason\":" + sentence + ",\"code\":\"ERR_TEXT_MISSING\"}");
    response.AddHeader("cache-control", "no-store");
    return response;
  }
  if (text->size() > kSearchTextMax) return ErrorResponse(400, "the search text is longer than 1024 bytes");
  registry::SearchQuery query;
  query.text = *text;
  query.size = NumberOf(call, "size", query.size, kSearchSizeMax);
  query.from = NumberOf(call, "from", 0, kSearchFromMax);
  const auto answer = services.registry.Search(call.principal, query);
  if (!answer.ok()) return ErrorResponse(answer.status());
  std::string body = "{\"objects\":[";
  for (size_t i = 0; i < answer->hits.size(); ++i)
    body += (i > 0 ? "," : "") + FormatHit(answer->hits[i], call.base_url);
  body += "],\"total\":" + std::to_string(answer->total);
  body += ",\"time\":" + JsonString(FormatIsoTime(services.clock.NowMs())) + "}";
  Response response = JsonResponse(200, std::move(body));
  response.AddHeader("cache-control", kSearchLifetime);
  response.AddHeader("vary", "authorization");
  return response;
}

}  // namespace tarn::http
