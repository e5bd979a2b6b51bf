#include "migrate/import/revision.h"

#include <charconv>
#include <cstdint>
#include <utility>

namespace tarn::migrate {
namespace {

std::pair<uint64_t, std::string_view> Split(std::string_view rev) {
  uint64_t generation = 0;
  const auto [end, error] = std::from_chars(rev.data(), rev.data() + rev.size(), generation);
  if (error != std::errc() || end == rev.data() + rev.size() || *end != '-') return {0, {}};
  return {generation, rev.substr(static_cast<size_t>(end - rev.data()) + 1)};
}

}  // namespace

bool WinsOver(std::string_view a, std::string_view b) { return Split(a) > Split(b); }

}  // namespace tarn::migrate
