#include "storage/registry/json_web_key.h"

#include <algorithm>

#include "storage/base/base64url.h"
#include "storage/base/identity_limits.h"
#include "storage/registry/json_object.h"

namespace tarn::registry {
namespace {

// A member that holds bytes; kInvalidArgument when it does not.
Result<std::string> BytesOf(const JsonObject& jwk, std::string_view member) {
  const auto text = jwk.Text(member);
  if (!text) return InvalidArgument("no " + std::string(member));
  return Base64UrlDecode(*text);
}

Result<VerifyingKey> KeyOf(const JsonObject& jwk) {
  const std::string kind = jwk.Text("kty").value_or("");
  const std::string curve = jwk.Text("crv").value_or("");
  if (kind == "RSA") {
    ASSIGN_OR_RETURN(const std::string modulus, BytesOf(jwk, "n"));
    ASSIGN_OR_RETURN(const std::string exponent, BytesOf(jwk, "e"));
    return VerifyingKey::Rsa(modulus, exponent);
  }
  if (kind == "EC" && (curve == "P-256" || curve == "P-384")) {
    ASSIGN_OR_RETURN(const std::string x, BytesOf(jwk, "x"));
    ASSIGN_OR_RETURN(const std::string y, BytesOf(jwk, "y"));
    return VerifyingKey::EllipticCurve(curve == "P-256" ? VerifyingKey::Kind::kP256 : VerifyingKey::Kind::kP384, x, y);
  }
  if (kind == "OKP" && curve == "Ed25519") {
    ASSIGN_OR_RETURN(const std::string x, BytesOf(jwk, "x"));
    return VerifyingKey::Ed25519(x);
  }
  return InvalidArgument("a key of another kind");
}

// As `use` and `key_ops` say, where they say anything (RFC 7517, sections 4.2 and 4.3).
bool IsForSignatures(const JsonObject& jwk) {
  if (jwk.Has("use") && jwk.Text("use") != "sig") return false;
  if (!jwk.Has("key_ops")) return true;
  const auto operations = TextsOfJson(jwk.Raw("key_ops"));
  return operations && std::find(operations->begin(), operations->end(), "verify") != operations->end();
}

}  // namespace

std::optional<JsonWebKeys::Key> JsonWebKeys::ParseKey(std::string_view raw) {
  const auto jwk = JsonObject::Split(raw);
  if (!jwk.ok() || !IsForSignatures(*jwk)) return std::nullopt;
  std::optional<SignatureAlgorithm> algorithm;
  if (jwk->Has("alg")) {
    algorithm = ParseSignatureAlgorithm(jwk->Text("alg").value_or(""));
    if (!algorithm) return std::nullopt;
  }
  auto key = KeyOf(*jwk);
  if (!key.ok() || (algorithm && !key->Fits(*algorithm))) return std::nullopt;
  return Key{jwk->Text("kid").value_or(""), algorithm, std::move(*key)};
}

Result<JsonWebKeys> JsonWebKeys::Parse(std::string_view text) {
  if (text.size() > limits::kJwksBytesMax) {
    return InvalidArgument("a key set of more than " + std::to_string(limits::kJwksBytesMax) + " bytes");
  }
  const auto document = JsonObject::Parse(text);
  if (!document.ok()) return document.status().WithContext("the key set");
  const auto elements = SplitJsonArray(document->Has("keys") ? document->Raw("keys") : std::string_view("null"));
  if (!elements.ok()) return InvalidArgument("the key set has no list of keys");
  if (elements->size() > limits::kJwksKeysMax) {
    return InvalidArgument("a key set of " + std::to_string(elements->size()) + " keys; at most " +
                           std::to_string(limits::kJwksKeysMax) + " are taken");
  }
  std::vector<Key> keys;
  for (const std::string_view element : *elements) {
    if (auto key = ParseKey(element)) keys.push_back(std::move(*key));
  }
  if (keys.empty()) return InvalidArgument("the key set has no key that can be used to verify signatures");
  return JsonWebKeys(std::move(keys));
}

bool JsonWebKeys::Key::Fits(SignatureAlgorithm wanted, std::string_view key_id) const {
  return (key_id.empty() || key_id == id) && (algorithm ? *algorithm == wanted : key.Fits(wanted));
}

bool JsonWebKeys::Has(SignatureAlgorithm algorithm, std::string_view key_id) const {
  return std::any_of(keys_.begin(), keys_.end(), [&](const Key& key) { return key.Fits(algorithm, key_id); });
}

bool JsonWebKeys::Verify(SignatureAlgorithm algorithm, std::string_view key_id, std::string_view text,
                         std::string_view signature) const {
  return std::any_of(keys_.begin(), keys_.end(), [&](const Key& key) {
    return key.Fits(algorithm, key_id) && key.key.Verify(algorithm, text, signature);
  });
}

}  // namespace tarn::registry
