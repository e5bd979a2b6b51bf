#include "storage/registry/issuer_keys.h"

#include "storage/base/file_system.h"
#include "storage/base/identity_limits.h"
#include "storage/base/logging.h"
#include "storage/registry/json_object.h"

namespace tarn::registry {
namespace {

constexpr std::string_view kDiscoveryPath = "/.well-known/openid-configuration";

std::string DiscoveryUrl(std::string_view issuer_url) {
  while (issuer_url.ends_with('/')) issuer_url.remove_suffix(1);
  return std::string(issuer_url) + std::string(kDiscoveryPath);
}

// Where the keys are, as the discovery document of `issuer` says.
Result<std::string> KeysUrlOf(std::string_view document, const TrustIssuer& issuer) {
  const auto parsed = JsonObject::Parse(document);
  if (!parsed.ok()) return parsed.status().WithContext("the discovery document");
  // Section 4.3: else it would speak for somebody else.
  if (parsed->Text("issuer") != issuer.url) {
    return InvalidArgument("the discovery document is that of another issuer: " +
                           JsonString(parsed->Text("issuer").value_or("")));
  }
  std::string url = parsed->Text("jwks_uri").value_or("");
  RETURN_IF_ERROR(CheckIssuerUrl(url).WithContext("jwks_uri"));
  if (issuer.url.starts_with("https:") && !url.starts_with("https:")) {
    return InvalidArgument("jwks_uri is not https, as the issuer is");
  }
  return url;
}

}  // namespace

Status IssuerKeys::Verify(const IdentityToken& token) {
  const KeysPtr keys = KeysFor(token);
  if (keys == nullptr) {
    return Unavailable("the keys of the issuer " + issuer_.url + " cannot be fetched now; try again in a minute");
  }
  if (!keys->Has(token.algorithm, token.key_id)) {
    return Unauthenticated("the identity token is signed with a key that its issuer " + issuer_.url +
                           " does not publish");
  }
  if (!keys->Verify(token.algorithm, token.key_id, token.signed_text, token.signature)) {
    return Unauthenticated("the identity token's signature is not one of its issuer " + issuer_.url);
  }
  return OkStatus();
}

bool IssuerKeys::IsFetchDue(const IdentityToken& token, uint64_t now_ms) const {
  if (!tried_ms_) return true;
  const uint64_t since_ms = now_ms - *tried_ms_;
  if (last_failed_) return since_ms >= limits::kIssuerRetryMs;
  if (now_ms - keys_ms_ >= limits::kIssuerKeysFreshMs) return true;
  return since_ms >= limits::kIssuerRefetchMs && !keys_->Has(token.algorithm, token.key_id);
}

IssuerKeys::KeysPtr IssuerKeys::KeysFor(const IdentityToken& token) {
  MutexLock lock(mutex_);
  if (is_fetching_) {
    // What is at hand serves those whose key is there; the rest wait, but not on all the threads there are.
    const bool is_at_hand = keys_ != nullptr && keys_->Has(token.algorithm, token.key_id);
    if (!is_at_hand) {
      if (waiters_ >= limits::kIssuerWaitersMax) return nullptr;
      ++waiters_;
      while (is_fetching_) fetched_.Wait(mutex_);  // The fetch is bounded in time.
      --waiters_;
    }
  } else if (IsFetchDue(token, clock_->MonotonicMs())) {
    FetchLocked();
  }
  if (keys_ == nullptr || clock_->MonotonicMs() - keys_ms_ >= limits::kIssuerKeysStaleMs) return nullptr;
  return keys_;
}

void IssuerKeys::FetchLocked() {
  is_fetching_ = true;
  mutex_.Unlock();
  auto fetched = Fetch();
  mutex_.Lock();
  is_fetching_ = false;
  tried_ms_ = clock_->MonotonicMs();
  last_failed_ = !fetched.ok();
  if (fetched.ok()) {
    keys_ = std::make_shared<const JsonWebKeys>(std::move(*fetched));
    keys_ms_ = *tried_ms_;
  } else {
    Log(LogLevel::kWarning, "the keys of an issuer of identity tokens cannot be fetched",
        {{"issuer", issuer_.url}, {"has_older_keys", keys_ != nullptr}, {"why", fetched.status().ToString()}});
  }
  fetched_.NotifyAll();
}

Result<JsonWebKeys> IssuerKeys::Fetch() const {
  if (!issuer_.jwks_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, ReadFile());
    return JsonWebKeys::Parse(text);
  }
  ASSIGN_OR_RETURN(const std::string discovery, fetch_(DiscoveryUrl(issuer_.url)));
  ASSIGN_OR_RETURN(const std::string keys_url, KeysUrlOf(discovery, issuer_));
  ASSIGN_OR_RETURN(const std::string text, fetch_(keys_url));
  return JsonWebKeys::Parse(text);
}

Result<std::string> IssuerKeys::ReadFile() const {
  ASSIGN_OR_RETURN(const auto file, PosixFileSystem().OpenReadOnly(issuer_.jwks_file));
  std::string text;
  RETURN_IF_ERROR(file->ReadAt(0, limits::kJwksBytesMax + 1, &text));
  return text;
}

}  // namespace tarn::registry
