#include "storage/registry/identity_token.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "storage/base/base64url.h"
#include "storage/base/clock.h"
#include "storage/base/identity_limits.h"
#include "storage/registry/json_object.h"

namespace tarn::registry {
namespace {

constexpr double kSecondsMax = 1e11;  // In the year 5138; its milliseconds fit everywhere.

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a | 0x20) : a) == b; });
}

// One of the three parts, decoded.
Result<std::string> DecodePart(std::string_view part, std::string_view name) {
  auto bytes = Base64UrlDecode(part);
  if (!bytes.ok()) return InvalidArgument("the identity token's " + std::string(name) + " is not base64url");
  return bytes;
}

Result<JsonObject> ParsePart(std::string_view text, std::string_view name) {
  auto object = JsonObject::Parse(text);
  if (!object.ok()) return InvalidArgument("the identity token's " + std::string(name) + " is not a JSON object");
  return object;
}

Status ReadHeader(const JsonObject& header, IdentityToken* token) {
  const std::string name = header.Text("alg").value_or("");
  const auto algorithm = ParseSignatureAlgorithm(name);
  if (!algorithm) {
    return InvalidArgument(
        "the identity token is not signed with RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA");
  }
  if (header.Has("crit")) return InvalidArgument("the identity token has critical extensions, and none is known here");
  // Other kinds are for other purposes ("at+jwt", "logout+jwt"), whoever signed them.
  if (header.Has("typ") && !EqualsIgnoringCase(header.Text("typ").value_or(""), "jwt")) {
    return InvalidArgument("the identity token's header has a typ other than JWT");
  }
  if (header.Has("kid") && !header.Text("kid")) return InvalidArgument("the identity token's kid is not a string");
  token->algorithm = *algorithm;
  token->key_id = header.Text("kid").value_or("");
  return OkStatus();
}

// A NumericDate (RFC 7519, section 2): seconds, with a fraction where the issuer likes.
Result<std::optional<uint64_t>> TimeOf(const JsonObject& payload, const std::string& claim) {
  const std::string_view raw = payload.Raw(claim);
  if (raw.empty()) return std::optional<uint64_t>();
  double seconds = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), seconds);
  if (error != std::errc() || end != raw.data() + raw.size() || !std::isfinite(seconds) || seconds < 0 ||
      seconds > kSecondsMax) {
    return InvalidArgument("the identity token's " + claim + " is not a time in seconds");
  }
  return std::optional(static_cast<uint64_t>(seconds * 1000));
}

Result<IdentityClaims> ReadClaims(const JsonObject& payload) {
  IdentityClaims claims;
  if (payload.members().size() > limits::kIdentityClaimsMax) {
    return InvalidArgument("the identity token has more than " + std::to_string(limits::kIdentityClaimsMax) +
                           " claims");
  }
  for (const JsonMember& member : payload.members()) {
    if (KindOfJson(member.raw_value) == JsonKind::kString) {
      claims.texts[member.key] = {TextOfJson(member.raw_value)};
    } else if (auto texts = TextsOfJson(member.raw_value)) {
      claims.texts[member.key] = std::move(*texts);
    }
  }
  claims.issuer = payload.Text("iss").value_or("");
  if (claims.issuer.empty()) return InvalidArgument("the identity token names no issuer (iss)");
  claims.subject = payload.Text("sub").value_or("");
  claims.token_id = payload.Text("jti").value_or("");
  const auto audiences = claims.texts.find("aud");
  if (audiences == claims.texts.end() || audiences->second.empty()) {
    return InvalidArgument("the identity token names no audience (aud)");
  }
  claims.audiences = audiences->second;
  ASSIGN_OR_RETURN(const auto expires_ms, TimeOf(payload, "exp"));
  if (!expires_ms) return InvalidArgument("the identity token has no end (exp)");
  claims.expires_ms = *expires_ms;
  ASSIGN_OR_RETURN(claims.not_before_ms, TimeOf(payload, "nbf"));
  ASSIGN_OR_RETURN(claims.issued_ms, TimeOf(payload, "iat"));
  return claims;
}

}  // namespace

const std::string* IdentityClaims::Text(std::string_view name) const {
  const auto found = texts.find(name);
  return found == texts.end() || found->second.size() != 1 ? nullptr : &found->second.front();
}

Result<IdentityToken> ParseIdentityToken(std::string_view text) {
  if (text.size() > limits::kIdentityTokenBytesMax) {
    return InvalidArgument("the identity token has more than " + std::to_string(limits::kIdentityTokenBytesMax) +
                           " bytes");
  }
  const size_t first = text.find('.');
  const size_t last = text.rfind('.');
  if (first == last || text.find('.', first + 1) != last) {
    return InvalidArgument("the identity token is not a JSON Web Token of three parts");
  }
  IdentityToken token;
  token.signed_text = text.substr(0, last);
  ASSIGN_OR_RETURN(const std::string header_text, DecodePart(text.substr(0, first), "header"));
  ASSIGN_OR_RETURN(const std::string payload_text, DecodePart(text.substr(first + 1, last - first - 1), "payload"));
  ASSIGN_OR_RETURN(token.signature, DecodePart(text.substr(last + 1), "signature"));
  ASSIGN_OR_RETURN(const JsonObject header, ParsePart(header_text, "header"));
  RETURN_IF_ERROR(ReadHeader(header, &token));
  ASSIGN_OR_RETURN(const JsonObject payload, ParsePart(payload_text, "payload"));
  ASSIGN_OR_RETURN(token.claims, ReadClaims(payload));
  return token;
}

Status CheckIdentityTimes(const IdentityClaims& claims, uint64_t now_ms) {
  if (now_ms >= claims.expires_ms + limits::kIdentitySkewMs) {
    return InvalidArgument("the identity token is over since " + FormatIsoTime(claims.expires_ms));
  }
  if (claims.expires_ms > now_ms + limits::kIdentityAheadMsMax) {
    return InvalidArgument("the identity token is good for longer than " +
                           std::to_string(limits::kIdentityAheadMsMax / 3'600'000) + " hours");
  }
  if (claims.not_before_ms && *claims.not_before_ms > now_ms + limits::kIdentitySkewMs) {
    return InvalidArgument("the identity token is not good before " + FormatIsoTime(*claims.not_before_ms));
  }
  if (claims.issued_ms && *claims.issued_ms > now_ms + limits::kIdentitySkewMs) {
    return InvalidArgument("the identity token was issued in the future, at " + FormatIsoTime(*claims.issued_ms));
  }
  return OkStatus();
}

Status CheckIdentityAudience(const IdentityClaims& claims, const std::vector<std::string>& audiences) {
  for (const std::string& audience : claims.audiences) {
    if (std::find(audiences.begin(), audiences.end(), audience) != audiences.end()) return OkStatus();
  }
  std::string expected;
  for (const std::string& audience : audiences) expected += (expected.empty() ? "\"" : " or \"") + audience + "\"";
  return InvalidArgument("the identity token is for somebody else: its audience must be " +
                         (expected.empty() ? std::string("configured on this registry") : expected));
}

}  // namespace tarn::registry
