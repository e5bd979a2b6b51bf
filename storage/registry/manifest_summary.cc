#include "storage/registry/manifest_summary.h"

#include "storage/base/limits.h"
#include "storage/registry/json_text.h"

namespace tarn::registry {
namespace {

// Cut to the limit, on a character boundary.
std::string Cut(std::string text) {
  if (text.size() <= limits::kSummaryTextBytesMax) return text;
  size_t end = limits::kSummaryTextBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text;
}

std::string TextOf(std::string_view raw) {
  if (KindOfJson(raw) != JsonKind::kString) return {};
  auto text = DecodeJsonString(raw);
  return text.ok() ? Cut(std::move(text).value()) : std::string();
}

// The text itself, or that of one member when it is an object: license, repository and bugs come both ways.
std::string TextOrMember(std::string_view raw, std::string_view member_key) {
  if (KindOfJson(raw) != JsonKind::kObject) return TextOf(raw);
  const auto members = ParseJsonObject(raw);
  if (!members.ok()) return {};
  for (const JsonMember& member : *members) {
    if (member.key == member_key) return TextOf(member.raw_value);
  }
  return {};
}

std::vector<std::string> KeywordsOf(std::string_view raw) {
  std::vector<std::string> keywords;
  const auto add = [&](std::string keyword) {
    if (!keyword.empty() && keywords.size() < limits::kSummaryKeywordsMax) keywords.push_back(std::move(keyword));
  };
  if (KindOfJson(raw) == JsonKind::kArray) {
    const auto elements = ParseJsonArray(raw);
    if (!elements.ok()) return keywords;
    for (const std::string_view element : *elements) add(TextOf(element));
    return keywords;
  }
  // Old manifests hold one string with commas or spaces.
  const std::string text = TextOf(raw);
  constexpr std::string_view kSeparators = ", ";
  for (size_t begin = text.find_first_not_of(kSeparators); begin != std::string::npos;) {
    const size_t end = text.find_first_of(kSeparators, begin);
    add(text.substr(begin, end - begin));
    begin = text.find_first_not_of(kSeparators, end);
  }
  return keywords;
}

}  // namespace

Result<LatestSummary> Summarise(const VersionRecord& version) {
  ASSIGN_OR_RETURN(const std::vector<JsonMember> members, SplitJsonObject(version.manifest));
  LatestSummary summary;
  summary.version = version.version;
  summary.publisher = version.publisher;
  summary.time_ms = version.time_ms;
  summary.is_deprecated = !version.deprecated.empty();
  for (const JsonMember& member : members) {
    if (member.key == "description") summary.description = TextOf(member.raw_value);
    if (member.key == "keywords") summary.keywords = KeywordsOf(member.raw_value);
    if (member.key == "license") summary.license = TextOrMember(member.raw_value, "type");
    if (member.key == "homepage") summary.homepage = TextOf(member.raw_value);
    if (member.key == "repository") summary.repository = TextOrMember(member.raw_value, "url");
    if (member.key == "bugs") summary.bugs = TextOrMember(member.raw_value, "url");
  }
  return summary;
}

Result<std::string> ReadmeOf(const VersionRecord& version) {
  // An imported one has at the top of the packument what its origin had there.
  if (!version.readme.empty() || version.is_verbatim) return version.readme;
  ASSIGN_OR_RETURN(const ManifestIndex index, IndexManifest(version.manifest));
  if (index.readme.empty()) return std::string();
  return DecodeReadme(index.readme);
}

}  // namespace tarn::registry
