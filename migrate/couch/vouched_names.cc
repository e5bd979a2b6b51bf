#include "migrate/couch/vouched_names.h"

namespace tarn::migrate {
namespace {

constexpr std::string_view kTarball = "\"tarball\"";
constexpr std::string_view kShasum = "\"shasum\"";

size_t Count(std::string_view text, std::string_view word) {
  size_t count = 0;
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + word.size())) ++count;
  return count;
}

}  // namespace

void VouchedNames::Clear() {
  read_bytes_ = 0;
  names_.clear();
}

bool VouchedNames::Has(std::string_view body, const std::string& name) {
  if (body.size() != read_bytes_) Read(body);
  return names_.contains(name);
}

// Looks for the words alone: whatever it takes for something else costs one more digest, or is found without a shasum later.
void VouchedNames::Read(std::string_view body) {
  read_bytes_ = body.size();
  names_.clear();
  if (Count(body, kShasum) < Count(body, kTarball)) return;
  for (size_t at = body.find(kTarball); at != std::string_view::npos; at = body.find(kTarball, at)) {
    at += kTarball.size();
    const size_t begin = body.find('"', at);
    const size_t end = begin == std::string_view::npos ? begin : body.find('"', begin + 1);
    if (end == std::string_view::npos) return;
    const std::string_view url = body.substr(begin + 1, end - begin - 1);
    names_.emplace(url.substr(url.rfind('/') + 1));
  }
}

}  // namespace tarn::migrate
