// The hashes that htpasswd files hold. All but Apache's own two are crypt(3)'s business.

#include <crypt.h>

#include <charconv>
#include <memory>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/limits.h"
#include "storage/registry/constant_time.h"
#include "storage/registry/htpasswd.h"

namespace tarn::registry {
namespace {

constexpr std::string_view kApr1 = "$apr1$";
constexpr std::string_view kSha = "{SHA}";
constexpr std::string_view kItoa64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr size_t kDesBytes = 13;
constexpr size_t kApr1SaltBytesMax = 8;
constexpr int kApr1Rounds = 1000;

bool IsItoa64(std::string_view text) { return text.find_first_not_of(kItoa64) == std::string_view::npos; }

// "$2y$10$…": the cost decides how long a login takes, so there is a limit.
bool IsBcrypt(std::string_view hash) {
  if (hash.size() != 60 || !hash.starts_with("$2") || std::string_view("aby").find(hash[2]) == std::string_view::npos) {
    return false;
  }
  int cost = 0;
  const auto [end, error] = std::from_chars(hash.data() + 4, hash.data() + 6, cost);
  return hash[3] == '$' && hash[6] == '$' && error == std::errc() && end == hash.data() + 6 &&
         cost <= limits::kHtpasswdBcryptCostMax;
}

// Six bits a character, the lowest first.
void AppendItoa64(uint32_t bits, int count, std::string* out) {
  for (; count > 0; --count, bits >>= 6) *out += kItoa64[bits & 63];
}

// Apache's variant of the MD5-based crypt: another magic word, otherwise the same rounds (apr_md5.c documents it).
std::string Apr1(std::string_view password, std::string_view salt) {
  const std::string text(password);
  std::string first = text + std::string(kApr1) + std::string(salt);
  const std::string alternate = Md5(text + std::string(salt) + text);
  for (size_t left = text.size(); left > 0; left -= std::min<size_t>(left, 16)) {
    first += alternate.substr(0, std::min<size_t>(left, 16));
  }
  // One byte for each bit of the length: NUL for a one, the first character for a zero.
  for (size_t bits = text.size(); bits > 0; bits >>= 1) first += (bits & 1) != 0 ? '\0' : text[0];
  std::string sum = Md5(first);
  for (int round = 0; round < kApr1Rounds; ++round) {
    std::string next = round % 2 != 0 ? text : sum;
    if (round % 3 != 0) next += salt;
    if (round % 7 != 0) next += text;
    next += round % 2 != 0 ? sum : text;
    sum = Md5(next);
  }
  const auto at = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(sum[i])); };
  std::string out(kApr1);
  out += salt;
  out += '$';
  constexpr size_t kOrder[5][3] = {{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}};
  for (const auto& row : kOrder) AppendItoa64(at(row[0]) << 16 | at(row[1]) << 8 | at(row[2]), 4, &out);
  AppendItoa64(at(11), 2, &out);
  return out;
}

std::string Crypt(const std::string& password, const std::string& hash) {
  const auto data = std::make_unique<crypt_data>();  // 32 KiB: no place for it on a stack.
  const char* result = crypt_r(password.c_str(), hash.c_str(), data.get());
  return result == nullptr ? std::string() : std::string(result);
}

}  // namespace

bool IsHtpasswdHash(std::string_view hash) {
  if (hash.empty() || hash.size() > limits::kHtpasswdHashBytesMax) return false;
  if (hash.find('\0') != std::string_view::npos) return false;
  if (hash.starts_with(kSha)) {
    const auto digest = Base64Decode(hash.substr(kSha.size()));
    return digest.ok() && digest->size() == Sha1Digest::kSize;
  }
  if (hash.starts_with(kApr1)) {
    const size_t end = hash.find('$', kApr1.size());
    return end != std::string_view::npos && end - kApr1.size() <= kApr1SaltBytesMax;
  }
  if (hash.starts_with("$2")) return IsBcrypt(hash);
  for (const std::string_view kind : {"$1$", "$5$", "$6$", "$y$"}) {
    if (hash.starts_with(kind)) return true;
  }
  return hash.size() == kDesBytes && IsItoa64(hash);
}

bool MatchesHtpasswd(const std::string& hash, std::string_view password) {
  // crypt(3) would stop at a NUL and take the rest for granted.
  if (!IsHtpasswdHash(hash) || password.empty() || password.find('\0') != std::string_view::npos) return false;
  if (hash.starts_with(kSha)) {
    return EqualInConstantTime(Base64Encode(Sha1(password).view()), std::string_view(hash).substr(kSha.size()));
  }
  if (hash.starts_with(kApr1)) {
    const size_t end = hash.find('$', kApr1.size());
    return EqualInConstantTime(Apr1(password, std::string_view(hash).substr(kApr1.size(), end - kApr1.size())), hash);
  }
  return EqualInConstantTime(Crypt(std::string(password), hash), hash);
}

}  // namespace tarn::registry
