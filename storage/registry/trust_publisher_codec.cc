// FlatBuffers form of trust_record.h.

#include <algorithm>
#include <charconv>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/registry/flat_fields.h"
#include "storage/registry/trust_record.h"
#include "storage/schema/trust_generated.h"
#include "storage/schema/trusted_token_generated.h"

namespace tarn::registry {

using namespace flat;  // NOLINT: the helpers exist for these files.

namespace {

constexpr std::string_view kPackagePrefix = "trust/package/";
constexpr std::string_view kTokenPrefix = "trust/token/";
constexpr size_t kTimeHexDigits = 16;

static_assert(static_cast<uint8_t>(TrustClaim::Form::kText) == 1 &&
                  static_cast<uint8_t>(TrustClaim::Form::kFile) == 2 &&
                  static_cast<uint8_t>(TrustClaim::Form::kAllOf) == 3,
              "written to disk since format 1");

Offset<schema::TrustConfig> Write(FlatBufferBuilder& builder, const TrustConfig& config) {
  const auto id = Text(builder, config.id);
  const auto type = Text(builder, config.type);
  const auto claims = Tables<schema::TrustClaim>(builder, config.claims, [&](const TrustClaim& claim) {
    const auto name = Text(builder, claim.name);
    const auto values = Texts(builder, claim.values);
    return schema::CreateTrustClaim(builder, name, static_cast<uint8_t>(claim.form), values);
  });
  const auto created_by = Text(builder, config.created_by);
  return schema::CreateTrustConfig(builder, id, type, claims, config.may_publish, config.may_stage, created_by,
                                   config.created_ms);
}

// A claim of a form that this build does not know, or without a value, could match what it should not.
Result<TrustClaim> Read(const schema::TrustClaim& claim) {
  TrustClaim result{Text(claim.name()), static_cast<TrustClaim::Form>(claim.form()), Texts(claim.values())};
  if (claim.form() < 1 || claim.form() > 3) return Corruption("a trust claim of unknown form");
  if (result.values.empty() || (result.form != TrustClaim::Form::kAllOf && result.values.size() != 1)) {
    return Corruption("a trust claim without its value");
  }
  return result;
}

Result<TrustConfig> Read(const schema::TrustConfig& config) {
  TrustConfig result;
  result.id = Text(config.id());
  result.type = Text(config.type());
  if (config.claims() != nullptr) {
    for (const schema::TrustClaim* claim : *config.claims()) {
      ASSIGN_OR_RETURN(TrustClaim read, Read(*claim));
      result.claims.push_back(std::move(read));
    }
  }
  result.may_publish = config.may_publish();
  result.may_stage = config.may_stage();
  result.created_by = Text(config.created_by());
  result.created_ms = config.created_ms();
  return result;
}

std::string TimeHex(uint64_t time_ms) {
  std::string bytes;
  AppendBigEndian64(&bytes, time_ms);
  return HexEncode(bytes);
}

}  // namespace

const TrustConfig* TrustRecord::Find(std::string_view id) const {
  const auto found =
      std::find_if(configs.begin(), configs.end(), [&](const TrustConfig& config) { return config.id == id; });
  return found == configs.end() ? nullptr : &*found;
}

std::string Encode(const TrustRecord& record) {
  FlatBufferBuilder builder;
  const auto configs = Tables<schema::TrustConfig>(builder, record.configs,
                                                   [&](const TrustConfig& config) { return Write(builder, config); });
  const auto tokens = Tables<schema::TrustToken>(builder, record.tokens, [&](const TrustRecord::Token& token) {
    const auto hash = Bytes(builder, std::string(token.hash.view()));
    const auto config_id = Text(builder, token.config_id);
    return schema::CreateTrustToken(builder, hash, config_id, token.expires_ms);
  });
  schema::FinishTrustRecordBuffer(builder, schema::CreateTrustRecord(builder, configs, tokens));
  return Take(builder);
}

Result<TrustRecord> DecodeTrustRecord(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::TrustRecord>(payload, schema::TrustRecordIdentifier()));
  TrustRecord record;
  if (root->configs() != nullptr) {
    for (const schema::TrustConfig* config : *root->configs()) {
      ASSIGN_OR_RETURN(TrustConfig read, Read(*config));
      record.configs.push_back(std::move(read));
    }
  }
  if (root->tokens() != nullptr) {
    for (const schema::TrustToken* token : *root->tokens()) {
      const auto hash = Sha256Digest::FromBytes(Bytes(token->hash()));
      if (!hash.ok()) return Corruption("a trust token whose hash is none");
      record.tokens.push_back({*hash, Text(token->config_id()), token->expires_ms()});
    }
  }
  return record;
}

std::string Encode(const TrustedTokenRecord& record) {
  FlatBufferBuilder builder;
  const auto package = Text(builder, record.package);
  const auto type = Text(builder, record.type);
  const auto publisher = Text(builder, record.publisher);
  const auto config_id = Text(builder, record.config_id);
  const auto subject = Text(builder, record.subject);
  schema::FinishTrustedTokenRecordBuffer(
      builder, schema::CreateTrustedTokenRecord(builder, package, type, publisher, config_id, record.may_publish,
                                                record.may_stage, record.created_ms, record.expires_ms, subject));
  return Take(builder);
}

Result<TrustedTokenRecord> DecodeTrustedTokenRecord(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::TrustedTokenRecord>(payload, schema::TrustedTokenRecordIdentifier()));
  return TrustedTokenRecord{Text(root->package()),   Text(root->type()),  Text(root->publisher()),
                            Text(root->config_id()), root->may_publish(), root->may_stage(),
                            root->created_ms(),      root->expires_ms(),  Text(root->subject())};
}

std::string TrustKey(std::string_view package) { return std::string(kPackagePrefix) + std::string(package); }

std::string TrustedTokenKey(const Sha256Digest& hash) { return std::string(kTokenPrefix) + HexEncode(hash.view()); }

std::string UsedIdentityKey(uint64_t expires_ms, std::string_view issuer_url, std::string_view token_id) {
  // No URL holds a line break, so the text is unambiguous.
  const Sha256Digest hash = Sha256(std::string(issuer_url) + '\n' + std::string(token_id));
  return std::string(kUsedIdentityPrefix) + TimeHex(expires_ms) + HexEncode(hash.view());
}

Result<uint64_t> ExpiryOfUsedIdentity(std::string_view key) {
  if (!key.starts_with(kUsedIdentityPrefix)) return Corruption("not the key of an exchanged identity token");
  const auto bytes = HexDecode(key.substr(kUsedIdentityPrefix.size()).substr(0, kTimeHexDigits));
  if (!bytes.ok() || bytes->size() != sizeof(uint64_t)) {
    return Corruption("the key of an exchanged identity token has no time");
  }
  return LoadBigEndian64(bytes->data());
}

}  // namespace tarn::registry
