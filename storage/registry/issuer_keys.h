#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"
#include "storage/registry/identity_token.h"
#include "storage/registry/json_web_key.h"
#include "storage/registry/trust_issuer.h"

namespace tarn::registry {

// The keys of one issuer, fetched when they are needed and kept: found by OpenID Connect Discovery 1.0 (section 4), or read
// from a file.
//
// They are fetched again when they are older than limits::kIssuerKeysFreshMs, and when a token names a key that is not among
// them, as after a rotation; the latter no more often than every kIssuerRefetchMs, so that made-up tokens do not make this
// registry ask its issuer. While the issuer cannot be reached the old keys go on counting, up to kIssuerKeysStaleMs.
// One fetch at a time: others wait for it, at most limits::kIssuerWaitersMax of them.
// Threads: any. Blocks while it fetches or waits: never on a core thread.
class IssuerKeys {
 public:
  IssuerKeys(TrustIssuer issuer, FetchDocument fetch, Clock* clock)
      : issuer_(std::move(issuer)), fetch_(std::move(fetch)), clock_(clock) {}

  const TrustIssuer& issuer() const { return issuer_; }

  // OK when the token is signed with a key of this issuer.
  // kUnauthenticated: it is not. kUnavailable: the keys cannot be had now. Both in words for whoever sent the token.
  Status Verify(const IdentityToken& token) EXCLUDES(mutex_);
  size_t waiters_for_test() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return waiters_;
  }

 private:
  using KeysPtr = std::shared_ptr<const JsonWebKeys>;

  // Keys that may have the one of `token`; those at hand, or fetched. nullptr: none can be had.
  KeysPtr KeysFor(const IdentityToken& token) EXCLUDES(mutex_);
  bool IsFetchDue(const IdentityToken& token, uint64_t now_ms) const REQUIRES(mutex_);
  void FetchLocked() REQUIRES(mutex_);
  Result<JsonWebKeys> Fetch() const;
  Result<std::string> ReadFile() const;

  const TrustIssuer issuer_;
  const FetchDocument fetch_;
  Clock* const clock_;

  Mutex mutex_;
  CondVar fetched_;
  bool is_fetching_ GUARDED_BY(mutex_) = false;
  size_t waiters_ GUARDED_BY(mutex_) = 0;
  KeysPtr keys_ GUARDED_BY(mutex_);          // nullptr: never fetched. Owners: this, and who verifies with them.
  uint64_t keys_ms_ GUARDED_BY(mutex_) = 0;  // Monotonic, when.
  std::optional<uint64_t> tried_ms_ GUARDED_BY(mutex_);  // Monotonic, of the last fetch.
  bool last_failed_ GUARDED_BY(mutex_) = false;
};

}  // namespace tarn::registry
