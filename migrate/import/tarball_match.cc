#include "migrate/import/tarball_match.h"

#include <algorithm>

namespace tarn::migrate {
namespace {

constexpr std::string_view kTarballs = "/-/";

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string PercentDecode(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_escape =
        text[i] == '%' && i + 2 < text.size() && HexValue(text[i + 1]) >= 0 && HexValue(text[i + 2]) >= 0;
    if (is_escape) {
      plain += static_cast<char>(HexValue(text[i + 1]) * 16 + HexValue(text[i + 2]));
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// The path of a URL as it stands, without query; the whole text when it has no host.
std::string_view RawPathOf(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) {
    const size_t slash = url.find('/', scheme + 3);
    url = slash == std::string_view::npos ? std::string_view() : url.substr(slash);
  }
  return url.substr(0, url.find_first_of("?#"));
}

// What of a path may be the name of an attachment: after "/-/", and its last one and two segments.
std::vector<std::string> CandidatesOf(std::string_view path) {
  std::vector<std::string> candidates;
  const size_t tarballs = path.find(kTarballs);
  if (tarballs != std::string_view::npos) candidates.emplace_back(path.substr(tarballs + kTarballs.size()));
  const size_t last = path.rfind('/');
  if (last != std::string_view::npos) {
    candidates.emplace_back(path.substr(last + 1));
    const size_t before = last == 0 ? std::string_view::npos : path.rfind('/', last - 1);
    if (before != std::string_view::npos) candidates.emplace_back(path.substr(before + 1));
  }
  return candidates;
}

std::string_view WithoutScope(std::string_view name) {
  const size_t slash = name.find('/');
  return name.starts_with('@') && slash != std::string_view::npos ? name.substr(slash + 1) : name;
}

}  // namespace

TarballMatch MatchTarball(const registry::PackageName& package, std::string_view version, std::string_view url,
                          const std::vector<std::string>& names, const std::vector<StoredAttachment>& attachments) {
  const auto find = [&](std::string_view name) -> std::optional<size_t> {
    const auto found = std::find_if(attachments.begin(), attachments.end(),
                                    [&](const StoredAttachment& attachment) { return attachment.name == name; });
    if (name.empty() || found == attachments.end()) return std::nullopt;
    return static_cast<size_t>(found - attachments.begin());
  };
  TarballMatch match;
  for (size_t i = 0; i < attachments.size(); ++i) {
    if (!version.empty() && attachments[i].of_version == version) match.attachment = i;
  }
  const std::string_view raw_path = RawPathOf(url);
  // Old clients did not escape what they put there: as it stands is tried, too.
  for (const std::string& path : {PercentDecode(raw_path), std::string(raw_path)}) {
    if (match.attachment) break;
    for (const std::string& candidate : CandidatesOf(path)) {
      if (!match.attachment) match.attachment = find(candidate);
    }
  }
  for (const std::string& name : names) {
    for (const std::string_view stem : {std::string_view(name), WithoutScope(name)}) {
      if (!match.attachment) match.attachment = find(std::string(stem) + "-" + std::string(version) + ".tgz");
    }
  }

  const std::string path = PercentDecode(raw_path);
  const std::string own = "/" + package.full() + std::string(kTarballs);
  const size_t at = path.find(own);
  match.is_foreign = !url.empty() && at == std::string::npos;
  if (!url.empty() && !match.is_foreign) {
    match.file = path.substr(at + own.size());
  } else if (match.attachment) {
    const std::string& name = attachments[*match.attachment].name;
    match.file = package.is_scoped() ? WithoutScope(name) : std::string_view(name);
  } else if (!url.empty()) {
    match.file = std::string(package.base()) + "-" + std::string(version) + ".tgz";
  }
  return match;
}

}  // namespace tarn::migrate
