#include "storage/engine/keys.h"

#include "storage/base/bytes.h"
#include "storage/base/check.h"

namespace tarn::engine {
namespace {

constexpr char kTerminator = '\0';

void CheckNoTerminator(std::string_view text) { CHECK(text.find(kTerminator) == std::string_view::npos); }

}  // namespace

std::string NameKey(std::string_view name) {
  CheckNoTerminator(name);
  return std::string(name);
}

std::string NamePrefix(std::string_view name) {
  CheckNoTerminator(name);
  std::string key;
  key.reserve(name.size() + 1);
  key += name;
  key += kTerminator;
  return key;
}

std::string NameAndRestKey(std::string_view name, std::string_view rest) {
  CheckNoTerminator(name);
  std::string key;
  key.reserve(name.size() + 1 + rest.size());
  key += name;
  key += kTerminator;
  key += rest;
  return key;
}

Result<NameAndRest> ParseNameAndRestKey(std::string_view key) {
  const size_t end = key.find(kTerminator);
  if (end == std::string_view::npos) return Corruption("key without 0x00: " + HexEncode(key));
  return NameAndRest{key.substr(0, end), key.substr(end + 1)};
}

std::string DigestKey(const Digest& digest) { return std::string(digest.view()); }
std::string TokenKey(const Sha256Digest& hash) { return std::string(hash.view()); }
std::string ShasumKey(const Sha1Digest& sha1) { return std::string(sha1.view()); }

std::string LsnKey(Lsn lsn) {
  std::string key;
  AppendBigEndian64(&key, lsn.value());
  return key;
}

Result<Lsn> ParseLsnKey(std::string_view key) {
  if (key.size() != sizeof(uint64_t)) return Corruption("LSN key of " + std::to_string(key.size()) + " bytes");
  return Lsn(LoadBigEndian64(key.data()));
}

std::string ByUserPrefix(std::string_view user, ByUserKind kind) {
  std::string key = NamePrefix(user);
  key += static_cast<char>(kind);
  return key;
}

std::string ByUserKey(std::string_view user, ByUserKind kind, std::string_view item) {
  std::string key = ByUserPrefix(user, kind);
  key += item;
  return key;
}

Result<std::string_view> ParseByUserItem(std::string_view key, std::string_view user) {
  const size_t prefix_size = user.size() + 2;  // 0x00 and the kind.
  if (key.size() < prefix_size) return Corruption("by_user key too short: " + HexEncode(key));
  return key.substr(prefix_size);
}

std::string ChangePrefix(ChangeKind kind) { return std::string(1, static_cast<char>(kind)); }

std::string ChangeKey(Lsn lsn, std::string_view package) {
  std::string key = ChangePrefix(ChangeKind::kByLsn);
  AppendBigEndian64(&key, lsn.value());
  key += package;
  return key;
}

Result<ChangePlace> ParseChangeKey(std::string_view key) {
  constexpr size_t kNameAt = 1 + sizeof(uint64_t);
  if (key.size() <= kNameAt || key.front() != static_cast<char>(ChangeKind::kByLsn)) {
    return Corruption("not the key of a change: " + HexEncode(key));
  }
  return ChangePlace{Lsn(LoadBigEndian64(key.data() + 1)), key.substr(kNameAt)};
}

std::string LastChangeKey(std::string_view package) {
  std::string key = ChangePrefix(ChangeKind::kByPackage);
  key += package;
  return key;
}

std::string ChangeDetailKey(Lsn lsn) {
  std::string key = ChangePrefix(ChangeKind::kDetail);
  AppendBigEndian64(&key, lsn.value());
  return key;
}

std::string PrefixEnd(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace tarn::engine
