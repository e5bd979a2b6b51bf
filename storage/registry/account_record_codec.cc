// FlatBuffers form of the accounts' part of records.h.

#include "storage/registry/flat_fields.h"
#include "storage/registry/records.h"
#include "storage/schema/accounts_generated.h"
#include "storage/schema/org_generated.h"
#include "storage/schema/token_generated.h"
#include "storage/schema/user_generated.h"

namespace tarn::registry {

using namespace flat;  // NOLINT: the helpers exist for these files.

std::string Encode(const UserRecord& record) {
  FlatBufferBuilder builder;
  const auto name = Text(builder, record.name);
  const auto email = Text(builder, record.email);
  const auto password_hash = Text(builder, record.password_hash);
  const auto full_name = Text(builder, record.profile.full_name);
  const auto homepage = Text(builder, record.profile.homepage);
  const auto github = Text(builder, record.profile.github);
  const auto twitter = Text(builder, record.profile.twitter);
  const auto freenode = Text(builder, record.profile.freenode);
  const auto secret = Text(builder, record.second_factor.secret);
  const auto recovery_hashes = Texts(builder, record.second_factor.recovery_hashes);
  schema::FinishUserRecordBuffer(
      builder,
      schema::CreateUserRecord(builder, name, record.id, email, password_hash, record.is_admin, record.created_ms,
                               record.updated_ms, record.removed_ms, record.rev_counter, full_name, homepage, github,
                               twitter, freenode, static_cast<schema::SecondFactorMode>(record.second_factor.mode),
                               record.second_factor.is_pending, secret, recovery_hashes));
  return Take(builder);
}

template <>
Result<UserRecord> Decode<UserRecord>(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::UserRecord>(payload, schema::UserRecordIdentifier()));
  return UserRecord{Text(root->name()),
                    root->id(),
                    Text(root->email()),
                    Text(root->password_hash()),
                    root->is_admin(),
                    root->created_ms(),
                    root->updated_ms(),
                    root->removed_ms(),
                    root->rev_counter(),
                    {Text(root->full_name()), Text(root->homepage()), Text(root->github()), Text(root->twitter()),
                     Text(root->freenode())},
                    {static_cast<SecondFactorMode>(root->second_factor_mode()), root->second_factor_pending(),
                     Text(root->second_factor_secret()), Texts(root->recovery_hashes())}};
}

std::string Encode(const AccountsRecord& record) {
  FlatBufferBuilder builder;
  schema::FinishAccountsRecordBuffer(builder,
                                     schema::CreateAccountsRecord(builder, record.user_count, record.admin_count));
  return Take(builder);
}

template <>
Result<AccountsRecord> Decode<AccountsRecord>(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::AccountsRecord>(payload, schema::AccountsRecordIdentifier()));
  return AccountsRecord{root->user_count(), root->admin_count()};
}

namespace {

Offset<schema::TokenLimits> LimitsOffset(FlatBufferBuilder& builder, const std::optional<TokenLimits>& limits) {
  if (!limits) return 0;
  const auto packages = Texts(builder, limits->packages);
  const auto scopes = Texts(builder, limits->scopes);
  const auto orgs = Texts(builder, limits->orgs);
  return schema::CreateTokenLimits(builder, limits->all_packages, packages, scopes, orgs,
                                   static_cast<schema::TokenPermission>(limits->packages_permission),
                                   static_cast<schema::TokenPermission>(limits->orgs_permission),
                                   limits->bypasses_second_factor);
}

std::optional<TokenLimits> LimitsOf(const schema::TokenLimits* stored) {
  if (stored == nullptr) return std::nullopt;
  TokenLimits limits;
  limits.all_packages = stored->all_packages();
  limits.packages = Texts(stored->packages());
  limits.scopes = Texts(stored->scopes());
  limits.orgs = Texts(stored->orgs());
  limits.packages_permission = static_cast<TokenPermission>(stored->packages_permission());
  limits.orgs_permission = static_cast<TokenPermission>(stored->orgs_permission());
  limits.bypasses_second_factor = stored->bypasses_second_factor();
  return limits;
}

}  // namespace

std::string Encode(const TokenRecord& record) {
  FlatBufferBuilder builder;
  const auto user = Text(builder, record.user);
  const auto cidrs = Texts(builder, record.cidrs);
  const auto name = Text(builder, record.name);
  const auto description = Text(builder, record.description);
  const auto preview = Text(builder, record.preview);
  const auto limits = LimitsOffset(builder, record.limits);
  schema::FinishTokenRecordBuffer(
      builder, schema::CreateTokenRecord(builder, user, record.user_id, record.created_ms, record.expires_ms,
                                         record.read_only, cidrs, name, description, preview, limits));
  return Take(builder);
}

template <>
Result<TokenRecord> Decode<TokenRecord>(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::TokenRecord>(payload, schema::TokenRecordIdentifier()));
  return TokenRecord{Text(root->user()),    root->user_id(),         root->created_ms(), root->expires_ms(),
                     root->read_only(),     Texts(root->cidrs()),    Text(root->name()), Text(root->description()),
                     Text(root->preview()), LimitsOf(root->limits())};
}

std::string Encode(const OrgRecord& record) {
  FlatBufferBuilder builder;
  const auto name = Text(builder, record.name);
  const auto members = Tables<schema::OrgMember>(builder, record.members, [&](const auto& member) {
    const auto user = Text(builder, member.first);
    return schema::CreateOrgMember(builder, user, static_cast<schema::OrgRole>(member.second));
  });
  schema::FinishOrgRecordBuffer(builder, schema::CreateOrgRecord(builder, name, record.created_ms, members));
  return Take(builder);
}

template <>
Result<OrgRecord> Decode<OrgRecord>(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::OrgRecord>(payload, schema::OrgRecordIdentifier()));
  OrgRecord record{Text(root->name()), root->created_ms(), {}};
  if (root->members() == nullptr) return record;
  for (const schema::OrgMember* member : *root->members()) {
    record.members.emplace_back(Text(member->user()), static_cast<OrgRole>(member->role()));
  }
  return record;
}

}  // namespace tarn::registry
