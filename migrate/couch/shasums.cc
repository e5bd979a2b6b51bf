#include "migrate/couch/shasums.h"

namespace tarn::migrate {
namespace {

constexpr std::string_view kTarball = "\"tarball\"";
constexpr std::string_view kShasum = "\"shasum\"";

// The text between the quotes that come next; empty when there are none.
std::string_view NextText(std::string_view text) {
  const size_t begin = text.find('"');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin + 1, text.find('"', begin + 1) - begin - 1);
}

}  // namespace

void Shasums::Clear() {
  read_bytes_ = 0;
  by_file_.clear();
}

std::string Shasums::Find(std::string_view body, const std::string& file) {
  if (body.size() != read_bytes_) Read(body);
  const auto found = by_file_.find(file);
  return found == by_file_.end() ? std::string() : found->second;
}

// Looks for the words alone, within the braces around them: what it takes for something else costs one more digest.
void Shasums::Read(std::string_view body) {
  read_bytes_ = body.size();
  by_file_.clear();
  for (size_t at = body.find(kTarball); at != std::string_view::npos; at = body.find(kTarball, at + kTarball.size())) {
    const size_t begin = body.rfind('{', at);
    const size_t end = body.find('}', at);
    if (begin == std::string_view::npos || end == std::string_view::npos) continue;
    const std::string_view dist = body.substr(begin, end - begin);
    const size_t shasum = dist.find(kShasum);
    const std::string_view url = NextText(body.substr(at + kTarball.size(), end - at - kTarball.size()));
    if (shasum == std::string_view::npos || url.empty()) continue;
    by_file_[std::string(url.substr(url.rfind('/') + 1))] = NextText(dist.substr(shasum + kShasum.size()));
  }
}

}  // namespace tarn::migrate
