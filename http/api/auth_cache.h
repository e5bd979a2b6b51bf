#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "http/net/handler.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/registry/access.h"

namespace tarn::http {

// Credentials that were believed a moment ago, so that a core thread need not ask again for every request of an install.
// Keeps SHA-256 of header and address, never the header. Forgotten after kKeepMs (an expiring token lives that much longer
// at most) and all at once when anything about users, tokens or grants changes.
// Threads: any.
class AuthCache {
 public:
  static constexpr uint64_t kKeepMs = 2000;
  static constexpr size_t kEntriesMax = 10'000;

  explicit AuthCache(Clock& clock) : clock_(clock) {}

  // As with HotCache: take it before asking the registry.
  uint64_t TakeTicket() const { return generation_.load(std::memory_order_acquire); }
  void Insert(uint64_t ticket, std::string_view authorization, const registry::PeerAddress& client,
              const registry::Principal& principal);
  std::optional<registry::Principal> Find(std::string_view authorization, const registry::PeerAddress& client);
  void Clear() { generation_.fetch_add(1, std::memory_order_acq_rel); }

 private:
  struct Entry {
    uint64_t generation = 0;
    uint64_t until_ms = 0;
    registry::Principal principal;
  };
  struct KeyHash {
    size_t operator()(const Sha256Digest& digest) const;
  };
  static Sha256Digest KeyOf(std::string_view authorization, const registry::PeerAddress& client);

  Clock& clock_;
  std::atomic<uint64_t> generation_{1};
  Mutex mutex_;
  std::unordered_map<Sha256Digest, Entry, KeyHash> entries_ GUARDED_BY(mutex_);
};

}  // namespace tarn::http
