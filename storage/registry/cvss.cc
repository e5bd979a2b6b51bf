#include "storage/registry/cvss.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tarn::registry {
namespace {

// The base metrics in the specification's order, and the letters each may have.
struct Metric {
  std::string_view name;
  std::string_view letters;
  std::array<double, 4> weights;  // In the order of the letters.
};
constexpr std::array<Metric, 8> kMetrics = {{
    {"AV", "NALP", {0.85, 0.62, 0.55, 0.2}},
    {"AC", "LH", {0.77, 0.44}},
    {"PR", "NLH", {0.85, 0.62, 0.27}},
    {"UI", "NR", {0.85, 0.62}},
    {"S", "UC", {}},
    {"C", "HLN", {0.56, 0.22, 0}},
    {"I", "HLN", {0.56, 0.22, 0}},
    {"A", "HLN", {0.56, 0.22, 0}},
}};
enum : size_t {
  kVectorPlace,
  kComplexity,
  kPrivileges,
  kInteraction,
  kScope,
  kConfidentiality,
  kIntegrity,
  kAvailability,
};
constexpr std::array<double, 3> kPrivilegesWhenScopeChanges = {0.85, 0.68, 0.5};

// Indexes into the letters; nullopt when one is missing, there twice, or has another letter.
using Letters = std::array<size_t, kMetrics.size()>;
std::optional<Letters> ReadLetters(std::string_view metrics) {
  Letters letters;
  letters.fill(std::string_view::npos);
  while (!metrics.empty()) {
    const size_t slash = metrics.find('/');
    const std::string_view part = metrics.substr(0, slash);
    metrics = slash == std::string_view::npos ? std::string_view() : metrics.substr(slash + 1);
    const size_t colon = part.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto metric = std::find_if(kMetrics.begin(), kMetrics.end(),
                                     [&](const Metric& known) { return known.name == part.substr(0, colon); });
    if (metric == kMetrics.end()) continue;
    const std::string_view letter = part.substr(colon + 1);
    const size_t index = letter.size() == 1 ? metric->letters.find(letter[0]) : std::string_view::npos;
    size_t& place = letters[static_cast<size_t>(metric - kMetrics.begin())];
    if (index == std::string_view::npos || place != std::string_view::npos) return std::nullopt;
    place = index;
  }
  if (std::find(letters.begin(), letters.end(), std::string_view::npos) != letters.end()) return std::nullopt;
  return letters;
}

// Up to the next tenth, in integers as the specification's appendix A wants, so that 4.02 / 4.00000001 do not differ by
// machine.
uint8_t RoundUpToTenths(double score) {
  const auto scaled = static_cast<uint64_t>(std::llround(score * 100'000));
  return static_cast<uint8_t>((scaled + 9'999) / 10'000);
}

}  // namespace

std::optional<uint8_t> CvssBaseTenths(std::string_view vector) {
  constexpr std::string_view kPrefixes[] = {"CVSS:3.1/", "CVSS:3.0/"};
  const auto prefix = std::find_if(std::begin(kPrefixes), std::end(kPrefixes),
                                   [&](std::string_view known) { return vector.starts_with(known); });
  if (prefix == std::end(kPrefixes)) return std::nullopt;
  const auto letters = ReadLetters(vector.substr(prefix->size()));
  if (!letters) return std::nullopt;
  const auto weight = [&](size_t metric) { return kMetrics[metric].weights[(*letters)[metric]]; };

  const bool changes_scope = (*letters)[kScope] == 1;
  const double unharmed = (1 - weight(kConfidentiality)) * (1 - weight(kIntegrity)) * (1 - weight(kAvailability));
  const double base = 1 - unharmed;
  const double impact = changes_scope ? 7.52 * (base - 0.029) - 3.25 * std::pow(base - 0.02, 15) : 6.42 * base;
  if (impact <= 0) return uint8_t{0};
  const double privileges = changes_scope ? kPrivilegesWhenScopeChanges[(*letters)[kPrivileges]] : weight(kPrivileges);
  const double exploitability = 8.22 * weight(kVectorPlace) * weight(kComplexity) * privileges * weight(kInteraction);
  const double sum = (impact + exploitability) * (changes_scope ? 1.08 : 1);
  return RoundUpToTenths(std::min(sum, 10.0));
}

Severity SeverityOfCvss(uint8_t tenths) {
  if (tenths == 0) return Severity::kInfo;
  if (tenths < 40) return Severity::kLow;
  if (tenths < 70) return Severity::kModerate;
  return tenths < 90 ? Severity::kHigh : Severity::kCritical;
}

}  // namespace tarn::registry
