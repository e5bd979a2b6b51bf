#include "storage/registry/accounts.h"

#include <algorithm>
#include <tuple>

#include "storage/base/bytes.h"
#include "storage/base/logging.h"
#include "storage/engine/keys.h"
#include "storage/registry/couch_hash.h"
#include "storage/registry/org_state.h"
#include "storage/registry/package_state.h"

namespace tarn::registry {
namespace {

using engine::Family;
using engine::Mutation;

constexpr std::string_view kPasswordInFile =
    "This account's password is in the registry's htpasswd file, and can only be changed there.";

Status NoSuchUser(std::string_view user) { return NotFound("There is no user \"" + std::string(user) + "\"."); }

std::string RevOf(const UserRecord& user) {
  std::string id;
  AppendBigEndian64(&id, user.id);
  return std::to_string(user.rev_counter) + "-" + HexEncode(id);
}

UserInfo InfoOf(const UserRecord& user) {
  return {user.name,       user.email,   user.is_admin,           user.created_ms,
          user.updated_ms, user.profile, user.second_factor.mode, user.second_factor.is_pending};
}

Status CheckAdmin(const Principal& principal) {
  RETURN_IF_ERROR(CheckMayChange(principal));
  return principal.is_admin ? OkStatus() : PermissionDenied("Only an administrator can do this.");
}

// Oneself, or an administrator.
Status CheckSelfOrAdmin(const Principal& principal, std::string_view user) {
  RETURN_IF_ERROR(CheckMayChange(principal));
  if (principal.is_admin || principal.user == user) return OkStatus();
  return PermissionDenied("This is another user's account.");
}

// Text of a profile: one line, not long.
Status CheckProfileField(std::string_view name, const std::string& text) {
  if (text.size() > limits::kProfileFieldBytesMax) {
    return InvalidArgument(std::string(name) + " has at most " + std::to_string(limits::kProfileFieldBytesMax) +
                           " bytes");
  }
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return InvalidArgument(std::string(name) + " holds a control character");
    }
  }
  return OkStatus();
}

// What can be asked for at all. Whether a new account may be called so is UserName's word; imported ones have capitals and
// letters of all languages.
Status CheckCanBeAsked(std::string_view user) {
  const bool is_text =
      std::none_of(user.begin(), user.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (!user.empty() && user.size() <= limits::kPackageNameBytesMax && is_text) return OkStatus();
  return UserName::Parse(user).status();
}

Status CheckEmail(std::string_view email) { return email.empty() ? OkStatus() : ValidateEmail(email); }

}  // namespace

Result<Accounts::AccountState> Accounts::ReadAccount(const ReadView& view, std::string_view user) {
  AccountState state;
  ASSIGN_OR_RETURN(state.user, ReadUser(view, user));
  ASSIGN_OR_RETURN(state.accounts,
                   ReadRecord<AccountsRecord>(view, Family::kSetting, engine::NameKey(kAccountsSetting)));
  ASSIGN_OR_RETURN(const auto org, view.Get(Family::kOrg, engine::NameKey(user)));
  state.is_org = org.has_value();
  return state;
}

Mutation Accounts::PutUser(const AccountState& state, const UserRecord& next, std::string_view actor) {
  AccountsRecord accounts = state.accounts.record.value_or(AccountsRecord{});
  if (state.exists()) {
    --accounts.user_count;
    if (state.user.record->is_admin) --accounts.admin_count;
  }
  if (!next.is_removed()) {
    ++accounts.user_count;
    if (next.is_admin) ++accounts.admin_count;
  }
  const std::string user_key = engine::NameKey(next.name);
  const std::string accounts_key = engine::NameKey(kAccountsSetting);
  Mutation mutation;
  mutation.event = {.kind = next.is_removed() ? engine::EventKind::kRemoveUser : engine::EventKind::kPutUser,
                    .package = {},
                    .version = {},
                    .actor = std::string(actor),
                    .idempotency_key = {}};
  mutation.preconditions.push_back({Family::kUser, user_key, state.user.raw});
  mutation.changes.push_back({Family::kUser, user_key, Encode(next)});
  // An address or password alone moves no count, and need not wait for others' registrations.
  if (accounts != state.accounts.record) {
    mutation.preconditions.push_back({Family::kSetting, accounts_key, state.accounts.raw});
    mutation.changes.push_back({Family::kSetting, accounts_key, Encode(accounts)});
  }
  if (!state.exists() && !next.is_removed()) {
    mutation.preconditions.push_back({Family::kOrg, engine::NameKey(next.name), std::nullopt});
  }
  return mutation;
}

UserRecord Accounts::NewUser(const AccountState& state, std::string_view user, std::string_view email, bool is_admin,
                             std::string password_hash) {
  UserRecord record;
  record.name = user;
  record.id = LoadLittleEndian<uint64_t>(random_->Bytes(sizeof(record.id)).data());
  record.email = email;
  record.password_hash = std::move(password_hash);
  record.is_admin = is_admin;
  record.created_ms = record.updated_ms = clock_->NowMs();
  record.rev_counter = state.user.record ? state.user.record->rev_counter + 1 : 1;
  return record;
}

Result<UserRecord> Accounts::Register(const AccountState& state, const LoginRequest& request,
                                      const std::string& password_hash) {
  const bool is_first = !state.accounts.record;
  const bool is_admin = is_first && options_.first_user_is_admin;
  if (request.may_register == LoginRequest::Register::kNo) return Unauthenticated("Wrong user name or password.");
  if (!is_admin && options_.registration != RegistryOptions::Registration::kOpen) {
    return PermissionDenied("There is no user \"" + request.user +
                            "\", and registration is closed. Ask an administrator for an account.");
  }
  // A removed account's name stays reserved: whoever took it would maintain its packages.
  if (state.user.record || state.is_org) {
    return PermissionDenied("The name \"" + request.user + "\" is not available.");
  }
  return NewUser(state, request.user, request.email, is_admin, password_hash);
}

Result<UserRecord> Accounts::RegisterFromHtpasswd(const AccountState& state, std::string_view user,
                                                  std::string_view email) {
  if (state.user.record || state.is_org) {
    return PermissionDenied("The name \"" + std::string(user) + "\" is not available.");
  }
  return NewUser(state, user, email, !state.accounts.record && options_.first_user_is_admin, "");
}

Result<bool> Accounts::IsOpenToNewUsers() {
  if (options_.registration == RegistryOptions::Registration::kOpen) return true;
  if (!options_.first_user_is_admin) return false;
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const auto accounts, view->Get(Family::kSetting, engine::NameKey(kAccountsSetting)));
  return !accounts.has_value();
}

std::optional<std::string> Accounts::FindInHtpasswd(std::string_view user) {
  return htpasswd_ == nullptr ? std::nullopt : htpasswd_->Find(user);
}

Status Accounts::CheckPassword(const UserRecord& user, std::string_view password, const GuessSource& source) {
  const auto in_file = FindInHtpasswd(user.name);
  return passwords_->Verify(user.name, source, in_file ? *in_file : user.password_hash, password);
}

Result<UserRecord> Accounts::AdmitByPassword(std::string_view user, std::string_view password,
                                             const GuessSource& source) {
  if (!CheckCanBeAsked(user).ok()) return Unauthenticated("Wrong user name or password.");
  return CommitWithRetries<UserRecord>(store_, [&](const ReadView& view) -> Result<PlannedWrite<UserRecord>> {
    ASSIGN_OR_RETURN(const AccountState state, ReadAccount(view, user));
    if (state.exists()) {
      RETURN_IF_ERROR(CheckPassword(*state.user.record, password, source));
      return PlannedWrite<UserRecord>{std::nullopt, *state.user.record};
    }
    if (!UserName::Parse(user).ok()) return Unauthenticated("Wrong user name or password.");
    const auto in_file = FindInHtpasswd(user);
    if (!in_file) return Unauthenticated("Wrong user name or password.");
    RETURN_IF_ERROR(passwords_->Verify(user, source, *in_file, password));
    ASSIGN_OR_RETURN(const UserRecord record, RegisterFromHtpasswd(state, user, ""));
    return PlannedWrite<UserRecord>{PutUser(state, record, record.name), record};
  });
}

Result<PlannedWrite<LoginAnswer>> Accounts::PlanLogin(const ReadView& view, const LoginRequest& request,
                                                      std::string* password_hash) {
  ASSIGN_OR_RETURN(const AccountState state, ReadAccount(view, request.user));
  const GuessSource source = GuessSource::Of(request.client);
  PlannedWrite<LoginAnswer> planned;
  UserRecord record;
  if (state.exists()) {
    record = *state.user.record;
    RETURN_IF_ERROR(CheckPassword(record, request.password, source));
    // Only now: nobody learns who has a second factor without knowing the first.
    if (record.second_factor.is_active()) {
      RETURN_IF_ERROR(second_factors_->Verify(record, request.one_time_password, source));
    }
    if (IsCouchHash(record.password_hash) && !FindInHtpasswd(record.name)) {
      // Now that the password is known, it gets a hash of ours.
      if (password_hash->empty()) {
        ASSIGN_OR_RETURN(*password_hash, passwords_->Hash(request.password));
      }
      record.password_hash = *password_hash;
      planned.mutation = PutUser(state, record, record.name);
    } else {
      planned.mutation.emplace();
      planned.mutation->event.kind = engine::EventKind::kPutToken;
      planned.mutation->event.actor = record.name;
      planned.mutation->preconditions.push_back({Family::kUser, engine::NameKey(record.name), state.user.raw});
    }
  } else if (const Status valid = UserName::Parse(request.user).status(); !valid.ok()) {
    return valid;
  } else if (const auto in_file = FindInHtpasswd(request.user)) {
    RETURN_IF_ERROR(passwords_->Verify(request.user, source, *in_file, request.password));
    ASSIGN_OR_RETURN(record, RegisterFromHtpasswd(state, request.user, request.email));
    planned.mutation = PutUser(state, record, record.name);
    planned.answer.created_user = true;
    planned.answer.created_admin = record.is_admin;
  } else {
    ASSIGN_OR_RETURN(record, Register(state, request, *password_hash));
    if (password_hash->empty()) {
      ASSIGN_OR_RETURN(*password_hash, passwords_->Hash(request.password));  // Once, however often we must try.
      record.password_hash = *password_hash;
    }
    planned.mutation = PutUser(state, record, record.name);
    planned.answer.created_user = true;
    planned.answer.created_admin = record.is_admin;
  }
  ASSIGN_OR_RETURN(NewToken token, AddToken(view, record, TokenSpec{}, &*planned.mutation));
  planned.answer.user = record.name;
  planned.answer.rev = RevOf(record);
  planned.answer.token = std::move(token.token);
  return planned;
}

Result<LoginAnswer> Accounts::Login(const LoginRequest& request) {
  RETURN_IF_ERROR(CheckCanBeAsked(request.user));
  RETURN_IF_ERROR(CheckEmail(request.email));
  std::string password_hash;
  auto answer = CommitWithRetries<LoginAnswer>(
      store_, [&](const ReadView& view) { return PlanLogin(view, request, &password_hash); });
  if (answer.ok() && answer->created_admin) {
    Log(LogLevel::kInfo, "the first user is the administrator", {{"user", answer->user}});
  }
  return answer;
}

Result<UserInfo> Accounts::GetUser(const Principal& principal, std::string_view user) {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const auto stored, ReadUser(*view, user));
  if (!stored.record || stored.record->is_removed()) return NoSuchUser(user);
  UserInfo info = InfoOf(*stored.record);
  if (!principal.is_authenticated()) info.email.clear();
  if (!principal.is_admin && principal.user != user) {
    info.is_admin = false;
    info.profile = {};
    info.second_factor = SecondFactorMode::kOff;
    info.second_factor_is_pending = false;
  }
  return info;
}

Result<std::vector<UserInfo>> Accounts::ListUsers(const Principal& principal) {
  if (!principal.is_authenticated()) return CheckMayChange(principal);
  if (!principal.is_admin) return PermissionDenied("Only an administrator can do this.");
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  std::vector<UserInfo> users;
  Status failed;
  RETURN_IF_ERROR(view->ScanPrefix(Family::kUser, "", [&](std::string_view, std::string_view value) {
    auto record = Decode<UserRecord>(value);
    if (!record.ok())
      failed = record.status();
    else if (!record->is_removed())
      users.push_back(InfoOf(*record));
    return failed.ok();
  }));
  RETURN_IF_ERROR(failed);
  return users;
}

Result<UserInfo> Accounts::CreateUser(const Principal& principal, std::string_view user, std::string_view password,
                                      std::string_view email, Registry::Admin admin) {
  RETURN_IF_ERROR(CheckAdmin(principal));
  ASSIGN_OR_RETURN(const UserName name, UserName::Parse(user));
  RETURN_IF_ERROR(CheckEmail(email));
  ASSIGN_OR_RETURN(const std::string hash, passwords_->Hash(password));
  return CommitWithRetries<UserInfo>(store_, [&](const ReadView& view) -> Result<PlannedWrite<UserInfo>> {
    ASSIGN_OR_RETURN(const AccountState state, ReadAccount(view, name.text()));
    if (state.exists()) return AlreadyExists("There is a user \"" + name.text() + "\" already.");
    if (state.is_org) return AlreadyExists("There is an organisation \"" + name.text() + "\" already.");
    const UserRecord record = NewUser(state, name.text(), email, admin == Registry::Admin::kYes, hash);
    return PlannedWrite<UserInfo>{PutUser(state, record, principal.user), InfoOf(record)};
  });
}

namespace {

struct Done {};

Status StatusOf(const Result<Done>& result) { return result.ok() ? OkStatus() : result.status(); }

}  // namespace

Status Accounts::EditUser(std::string_view actor, std::string_view user, const Edit& edit) {
  return StatusOf(CommitWithRetries<Done>(store_, [&](const ReadView& view) -> Result<PlannedWrite<Done>> {
    ASSIGN_OR_RETURN(const AccountState state, ReadAccount(view, user));
    if (!state.exists()) return NoSuchUser(user);
    UserRecord next = *state.user.record;
    RETURN_IF_ERROR(edit(&next));
    if (next == *state.user.record) return PlannedWrite<Done>{};
    next.updated_ms = clock_->NowMs();
    ++next.rev_counter;
    return PlannedWrite<Done>{PutUser(state, next, actor), {}};
  }));
}

Status Accounts::SetPassword(const Principal& principal, std::string_view user, std::string_view old_password,
                             std::string_view new_password) {
  RETURN_IF_ERROR(CheckSelfOrAdmin(principal, user));
  if (FindInHtpasswd(user)) return FailedPrecondition(std::string(kPasswordInFile));
  RETURN_IF_ERROR(second_factors_->Check(principal, SecondFactorAct::kAccount, nullptr));
  const auto hash = passwords_->Hash(new_password);
  if (!hash.ok()) return hash.status();
  return EditUser(principal.user, user, [&](UserRecord* record) {
    if (!principal.is_admin) RETURN_IF_ERROR(CheckPassword(*record, old_password, GuessSource::Of(principal)));
    record->password_hash = *hash;
    return OkStatus();
  });
}

Status Accounts::ChangeProfile(const Principal& principal, const ProfileChange& change) {
  RETURN_IF_ERROR(CheckMayChange(principal));
  if (change.email) RETURN_IF_ERROR(CheckEmail(*change.email));
  using Field = std::tuple<const char*, const std::optional<std::string>*, std::string UserProfile::*>;
  const Field fields[] = {{"fullname", &change.full_name, &UserProfile::full_name},
                          {"homepage", &change.homepage, &UserProfile::homepage},
                          {"github", &change.github, &UserProfile::github},
                          {"twitter", &change.twitter, &UserProfile::twitter},
                          {"freenode", &change.freenode, &UserProfile::freenode}};
  for (const auto& [name, text, member] : fields) {
    if (*text) RETURN_IF_ERROR(CheckProfileField(name, **text));
  }
  if (change.password && FindInHtpasswd(principal.user)) return FailedPrecondition(std::string(kPasswordInFile));
  RETURN_IF_ERROR(second_factors_->Check(principal, SecondFactorAct::kAccount, nullptr));
  std::string hash;
  if (change.password) {
    auto hashed = passwords_->Hash(change.password->new_password);
    if (!hashed.ok()) return hashed.status();
    hash = std::move(*hashed);
  }
  return EditUser(principal.user, principal.user, [&](UserRecord* record) {
    if (change.password) {
      RETURN_IF_ERROR(CheckPassword(*record, change.password->old_password, GuessSource::Of(principal)));
      record->password_hash = hash;
    }
    if (change.email) record->email = *change.email;
    for (const auto& [name, text, member] : fields) {
      if (*text) record->profile.*member = **text;
    }
    return OkStatus();
  });
}

Status Accounts::RemoveUser(const Principal& principal, std::string_view user) {
  RETURN_IF_ERROR(CheckAdmin(principal));
  return StatusOf(CommitWithRetries<Done>(store_, [&](const ReadView& view) -> Result<PlannedWrite<Done>> {
    ASSIGN_OR_RETURN(const AccountState state, ReadAccount(view, user));
    if (!state.exists()) return NoSuchUser(user);
    if (state.user.record->is_admin && state.accounts.record && state.accounts.record->admin_count <= 1) {
      return FailedPrecondition("\"" + std::string(user) +
                                "\" is the last administrator. Make another one before removing this one.");
    }
    UserRecord next;
    next.name = state.user.record->name;
    next.id = state.user.record->id;
    next.created_ms = state.user.record->created_ms;
    next.updated_ms = next.removed_ms = clock_->NowMs();
    next.rev_counter = state.user.record->rev_counter + 1;
    Mutation mutation = PutUser(state, next, principal.user);
    // A token made meanwhile dies with the account's id all the same.
    ASSIGN_OR_RETURN(const auto tokens, TokensOf(view, user));
    for (const auto& [hash, token] : tokens) {
      mutation.changes.push_back({Family::kToken, engine::TokenKey(hash), std::nullopt});
    }
    RETURN_IF_ERROR(AppendDepartures(view, user, &mutation));
    return PlannedWrite<Done>{std::move(mutation), {}};
  }));
}

}  // namespace tarn::registry
