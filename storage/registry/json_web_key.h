#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"
#include "storage/base/verifying_key.h"

namespace tarn::registry {

// The keys that an issuer signs with: a JSON Web Key Set (RFC 7517). Threads: any; const after construction.
class JsonWebKeys {
 public:
  // Keys that are not for signatures, or of a kind or size that is not taken, are left out, as section 5 asks for.
  // kInvalidArgument: not such a document, none that can be used, more than limits::kJwksKeysMax, or more than
  // limits::kJwksBytesMax.
  static Result<JsonWebKeys> Parse(std::string_view text);

  // A key that such a token may be signed with. An empty `key_id` fits any.
  bool Has(SignatureAlgorithm algorithm, std::string_view key_id) const;
  // `signature` is one of `text` by such a key.
  bool Verify(SignatureAlgorithm algorithm, std::string_view key_id, std::string_view text,
              std::string_view signature) const;
  size_t size() const { return keys_.size(); }

 private:
  struct Key {
    std::string id;
    std::optional<SignatureAlgorithm> algorithm;  // The only one it is for; nullopt: any that its kind fits.
    VerifyingKey key;
    bool Fits(SignatureAlgorithm wanted, std::string_view key_id) const;
  };
  explicit JsonWebKeys(std::vector<Key> keys) : keys_(std::move(keys)) {}
  // nullopt for one to leave out.
  static std::optional<Key> ParseKey(std::string_view raw);

  std::vector<Key> keys_;
};

}  // namespace tarn::registry
