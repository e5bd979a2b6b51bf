#include "http/api/auth_cache.h"

#include <cstring>
#include <string>

#include "storage/base/digest.h"

namespace tarn::http {

size_t AuthCache::KeyHash::operator()(const Sha256Digest& digest) const {
  size_t hash;
  std::memcpy(&hash, digest.bytes().data(), sizeof(hash));
  return hash;
}

Sha256Digest AuthCache::KeyOf(std::string_view authorization, const registry::PeerAddress& client) {
  std::string text;
  text.reserve(authorization.size() + 17);
  if (client.ip) text.assign(reinterpret_cast<const char*>(client.ip->data()), client.ip->size());
  text.push_back('\0');
  text.append(authorization);
  return Sha256(text);
}

void AuthCache::Insert(uint64_t ticket, std::string_view authorization, const registry::PeerAddress& client,
                       const registry::Principal& principal) {
  if (ticket != TakeTicket()) return;
  const Sha256Digest key = KeyOf(authorization, client);
  MutexLock lock(mutex_);
  if (entries_.size() >= kEntriesMax) entries_.clear();  // Rare, and costs each client one look-up.
  entries_[key] = Entry{ticket, clock_.MonotonicMs() + kKeepMs, principal};
}

std::optional<registry::Principal> AuthCache::Find(std::string_view authorization,
                                                   const registry::PeerAddress& client) {
  const Sha256Digest key = KeyOf(authorization, client);
  MutexLock lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  const Entry& entry = found->second;
  if (entry.generation != TakeTicket() || clock_.MonotonicMs() > entry.until_ms) {
    entries_.erase(found);
    return std::nullopt;
  }
  return entry.principal;
}

}  // namespace tarn::http
