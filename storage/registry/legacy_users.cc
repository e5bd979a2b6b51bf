#include "storage/registry/legacy_users.h"

#include <algorithm>

#include "storage/base/bytes.h"
#include "storage/base/limits.h"
#include "storage/engine/keys.h"
#include "storage/registry/commit_loop.h"
#include "storage/registry/package_state.h"

namespace tarn::registry {
namespace {

using engine::Family;

Status CheckName(const std::string& name) {
  const bool is_text = std::none_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == ':' || c == '/';
  });
  if (!name.empty() && name.size() <= limits::kPackageNameBytesMax && is_text) return OkStatus();
  return InvalidArgument("not a name that anybody could log in with");
}

}  // namespace

Result<LegacyUsers::Outcome> LegacyUsers::Put(const LegacyUser& user) {
  RETURN_IF_ERROR(CheckName(user.name));
  const std::string user_key = engine::NameKey(user.name);
  const std::string accounts_key = engine::NameKey(kAccountsSetting);
  return CommitWithRetries<Outcome>(store_, [&](const engine::ReadView& view) -> Result<PlannedWrite<Outcome>> {
    ASSIGN_OR_RETURN(const auto before, ReadUser(view, user.name));
    if (before.record) {
      const bool is_same = !before.record->is_removed() && before.record->password_hash == user.password_hash;
      return PlannedWrite<Outcome>{std::nullopt, is_same ? Outcome::kUnchanged : Outcome::kExists};
    }
    ASSIGN_OR_RETURN(const auto org, view.Get(Family::kOrg, user_key));
    if (org) return PlannedWrite<Outcome>{std::nullopt, Outcome::kExists};
    ASSIGN_OR_RETURN(auto accounts, ReadRecord<AccountsRecord>(view, Family::kSetting, accounts_key));
    AccountsRecord counts = accounts.record.value_or(AccountsRecord{});
    ++counts.user_count;

    UserRecord record;
    record.name = user.name;
    record.id = LoadLittleEndian<uint64_t>(random_->Bytes(sizeof(record.id)).data());
    record.email = user.email;
    record.password_hash = user.password_hash;
    record.profile = user.profile;
    record.updated_ms = clock_->NowMs();
    record.created_ms = user.created_ms != 0 ? user.created_ms : record.updated_ms;
    record.rev_counter = 1;

    engine::Mutation mutation;
    mutation.event.kind = engine::EventKind::kPutUser;
    mutation.preconditions.push_back({Family::kUser, user_key, std::nullopt});
    mutation.preconditions.push_back({Family::kOrg, user_key, std::nullopt});
    mutation.preconditions.push_back({Family::kSetting, accounts_key, std::move(accounts.raw)});
    mutation.changes.push_back({Family::kUser, user_key, Encode(record)});
    mutation.changes.push_back({Family::kSetting, accounts_key, Encode(counts)});
    return PlannedWrite<Outcome>{std::move(mutation), Outcome::kCreated};
  });
}

}  // namespace tarn::registry
