#include "storage/registry/couch_hash.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/pbkdf2.h"
#include "storage/registry/constant_time.h"

namespace tarn::registry {
namespace {

constexpr std::string_view kSimple = "$couch-simple$";
constexpr std::string_view kPbkdf2 = "$couch-pbkdf2$";
constexpr uint32_t kIterationsMax = 5'000'000;  // CouchDB 3.5 writes 600,000; this is some seconds for one login.
constexpr size_t kSaltBytesMax = 256;
constexpr size_t kDerivedBytesMax = 64;

struct CouchHash {
  std::optional<Pbkdf2Hash> prf;  // Absent: simple.
  uint32_t iterations = 0;
  std::string salt;
  std::string derived;
};

std::optional<Pbkdf2Hash> PrfOf(std::string_view name) {
  if (name.empty() || name == "sha") return Pbkdf2Hash::kSha1;
  if (name == "sha224") return Pbkdf2Hash::kSha224;
  if (name == "sha256") return Pbkdf2Hash::kSha256;
  if (name == "sha384") return Pbkdf2Hash::kSha384;
  if (name == "sha512") return Pbkdf2Hash::kSha512;
  return std::nullopt;
}

std::vector<std::string_view> Fields(std::string_view text) {
  std::vector<std::string_view> fields;
  while (true) {
    const size_t end = text.find('$');
    fields.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return fields;
    text.remove_prefix(end + 1);
  }
}

std::optional<CouchHash> Parse(std::string_view text) {
  CouchHash hash;
  const bool is_simple = text.starts_with(kSimple);
  if (!is_simple && !text.starts_with(kPbkdf2)) return std::nullopt;
  const std::vector<std::string_view> fields = Fields(text.substr(is_simple ? kSimple.size() : kPbkdf2.size()));
  if (fields.size() != (is_simple ? 2 : 4)) return std::nullopt;
  if (!is_simple) {
    hash.prf = PrfOf(fields[0]);
    const auto [end, error] = std::from_chars(fields[1].data(), fields[1].data() + fields[1].size(), hash.iterations);
    if (!hash.prf || error != std::errc() || end != fields[1].data() + fields[1].size() || hash.iterations == 0 ||
        hash.iterations > kIterationsMax) {
      return std::nullopt;
    }
  }
  const auto derived = HexDecode(fields.back());
  hash.salt = fields[fields.size() - 2];
  if (!derived.ok() || derived->empty() || derived->size() > kDerivedBytesMax || hash.salt.size() > kSaltBytesMax) {
    return std::nullopt;
  }
  hash.derived = *derived;
  return hash;
}

}  // namespace

Result<std::string> MakeCouchHash(std::string_view scheme, std::string_view prf, std::string_view iterations,
                                  std::string_view salt, std::string_view derived_hex) {
  if (salt.find('$') != std::string_view::npos) return InvalidArgument("a salt that cannot be kept");
  std::string text;
  if (scheme.empty() || scheme == "simple") {
    text = std::string(kSimple);
  } else if (scheme == "pbkdf2") {
    if (!PrfOf(prf)) return InvalidArgument("the unknown pbkdf2_prf \"" + std::string(prf.substr(0, 32)) + "\"");
    text = std::string(kPbkdf2) + std::string(prf.empty() ? "sha" : prf) + "$" + std::string(iterations) + "$";
  } else {
    return InvalidArgument("the unknown password_scheme \"" + std::string(scheme.substr(0, 32)) + "\"");
  }
  text.append(salt).append("$").append(derived_hex);
  if (!Parse(text)) return InvalidArgument("a damaged password hash, or one that takes too long to check");
  return text;
}

bool IsCouchHash(std::string_view hash) { return Parse(hash).has_value(); }

bool MatchesCouch(std::string_view hash, std::string_view password) {
  const auto parsed = Parse(hash);
  if (!parsed || password.empty()) return false;
  if (!parsed->prf) {
    return EqualInConstantTime(Sha1(std::string(password) + parsed->salt).view(), parsed->derived);
  }
  return EqualInConstantTime(Pbkdf2(*parsed->prf, password, parsed->salt, parsed->iterations, parsed->derived.size()),
                             parsed->derived);
}

}  // namespace tarn::registry
