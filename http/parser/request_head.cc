#include "http/parser/request_head.h"

namespace tarn::http {
namespace {

constexpr std::array<char, 256> MakeLowerCase() {
  std::array<char, 256> lower{};
  for (size_t c = 0; c < lower.size(); ++c) lower[c] = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  return lower;
}
constexpr std::array<char, 256> kLowerCase = MakeLowerCase();

constexpr char ToLower(char c) { return kLowerCase[static_cast<uint8_t>(c)]; }

// `b` is in lower case.
bool EqualsLowerCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (ToLower(a[i]) != b[i]) return false;
  }
  return true;
}

// In the order of KnownHeader.
constexpr std::array<std::string_view, kKnownHeaderCount> kNames = {
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "forwarded",
    "host",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "npm-auth-type",
    "npm-command",
    "npm-otp",
    "range",
    "referer",
    "transfer-encoding",
    "user-agent",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
};

// Length and first letter pick at most a handful of candidates: a bit set over KnownHeader for each length, and one for
// each letter.
constexpr size_t kLongestName = 18;
struct Candidates {
  std::array<uint32_t, kLongestName + 1> by_length{};
  std::array<uint32_t, 26> by_first_letter{};
};
constexpr Candidates MakeCandidates() {
  Candidates candidates;
  for (size_t i = 0; i < kNames.size(); ++i) {
    candidates.by_length[kNames[i].size()] |= 1u << i;
    candidates.by_first_letter[static_cast<size_t>(kNames[i][0] - 'a')] |= 1u << i;
  }
  return candidates;
}
constexpr Candidates kCandidates = MakeCandidates();
static_assert(kKnownHeaderCount <= 32, "candidates are bits of a uint32_t");

}  // namespace

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (ToLower(a[i]) != ToLower(b[i])) return false;
  }
  return true;
}

KnownHeader RecognizeHeader(std::string_view name) {
  if (name.empty() || name.size() > kLongestName) return KnownHeader::kUnknown;
  const char first = ToLower(name[0]);
  if (first < 'a' || first > 'z') return KnownHeader::kUnknown;
  uint32_t candidates =
      kCandidates.by_length[name.size()] & kCandidates.by_first_letter[static_cast<size_t>(first - 'a')];
  for (; candidates != 0; candidates &= candidates - 1) {
    const auto i = static_cast<size_t>(__builtin_ctz(candidates));
    if (EqualsLowerCase(name, kNames[i])) return static_cast<KnownHeader>(i);
  }
  return KnownHeader::kUnknown;
}

std::string_view RequestHead::Get(std::string_view name) const {
  for (const HeaderField& field : fields()) {
    if (EqualsIgnoreCase(field.name, name)) return field.value;
  }
  return {};
}

std::string_view RequestHead::Joined(KnownHeader header, std::string* scratch) const {
  const uint8_t position = known_[static_cast<size_t>(header)];
  if (position == 0) return {};
  bool repeated = false;
  for (size_t i = position; i < field_count_; ++i) {
    if (fields_[i].known != header) continue;
    if (!repeated) scratch->assign(fields_[position - 1u].value);
    repeated = true;
    scratch->append(", ").append(fields_[i].value);
  }
  return repeated ? std::string_view(*scratch) : fields_[position - 1u].value;
}

bool RequestHead::AddField(std::string_view name, KnownHeader known, std::string_view value) {
  if (field_count_ == fields_.size()) return false;
  HeaderField& field = fields_[field_count_++];
  field.name = name;
  field.value = value;
  field.known = known;
  if (known != KnownHeader::kUnknown) {
    uint8_t& position = known_[static_cast<size_t>(known)];
    if (position == 0) position = static_cast<uint8_t>(field_count_);
  }
  return true;
}

void RequestHead::Clear() {
  method = Method::kOther;
  method_name = target = host = {};
  minor_version = 1;
  keep_alive = true;
  expect_continue = false;
  body_kind = BodyKind::kNone;
  content_length = 0;
  field_count_ = 0;
  known_.fill(0);
}

}  // namespace tarn::http
