#include "storage/registry/hooks.h"

#include <algorithm>

#include "storage/base/bytes.h"
#include "storage/base/http_client.h"
#include "storage/base/public_address.h"
#include "storage/engine/keys.h"
#include "storage/registry/commit_loop.h"
#include "storage/registry/package_access.h"
#include "storage/registry/package_name.h"
#include "storage/registry/package_state.h"

namespace tarn::registry {
namespace {

using engine::Family;

constexpr size_t kIdBytes = 10;  // 20 hex digits.

Status NoSuchHook() { return NotFound("There is no such hook."); }

// Whether the package, scope or user exists is nobody's business here: the rules are those of the words alone.
Result<std::string> CheckedName(HookType type, const std::string& name) {
  switch (type) {
    case HookType::kPackage: {
      ASSIGN_OR_RETURN(const PackageName package, PackageName::Parse(name));
      return package.full();
    }
    case HookType::kScope: {
      const std::string scope = name.starts_with('@') ? name : "@" + name;
      const auto any = PackageName::Parse(scope + "/x");
      if (!any.ok()) return InvalidArgument("\"" + name + "\" is not a scope; write @scope");
      return scope;
    }
    case HookType::kOwner: {
      const std::string user = name.starts_with('~') ? name.substr(1) : name;
      const bool is_plain = std::all_of(user.begin(), user.end(), [](char c) {
        return static_cast<unsigned char>(c) > ' ' && c != '\x7f' && c != '/' && c != ':';
      });
      if (user.empty() || user.size() > limits::kUserNameBytesMax || !is_plain) {
        return InvalidArgument("\"" + name + "\" is not a user name");
      }
      return user;
    }
  }
  return InvalidArgument("a hook is of type package, scope or owner");
}

Status CheckSecret(const std::string& secret) {
  if (secret.empty()) return InvalidArgument("a hook needs a secret: deliveries are signed with it");
  if (secret.size() > limits::kHookSecretBytesMax) {
    return InvalidArgument("the secret is longer than " + std::to_string(limits::kHookSecretBytesMax) + " bytes");
  }
  return OkStatus();
}

// Endpoints are the account's business, as its tokens are.
Status CheckMayLook(const Principal& principal) {
  if (!principal.is_authenticated()) return Unauthenticated("You must be logged in to have hooks.");
  if (principal.TokenAllows(TokenAct::kAccount, "")) return OkStatus();
  return PermissionDenied("This token is limited: it can see no hooks.");
}

}  // namespace

HookStatus StatusOf(const HookDeliveryRecord& delivery, uint64_t now_ms) {
  if (delivery.failing_since_ms == 0) return HookStatus::kActive;
  return now_ms > delivery.failing_since_ms + limits::kHookGiveUpMs ? HookStatus::kSuspended : HookStatus::kFailing;
}

Status Hooks::CheckEndpoint(const std::string& endpoint) const {
  if (endpoint.size() > limits::kHookEndpointBytesMax) {
    return InvalidArgument("the endpoint is longer than " + std::to_string(limits::kHookEndpointBytesMax) + " bytes");
  }
  const auto url = ParseHttpUrl(endpoint);
  if (!url.ok()) return url.status().WithContext("endpoint");
  if (url->has_credentials) return InvalidArgument("the endpoint may not hold a user name or password");
  if (options_.allow_private_addresses) return OkStatus();
  // What names resolve to is looked at again for every delivery.
  if (!IsPublicAddressOrName(url->host) || url->host == "localhost" || url->host.ends_with(".localhost")) {
    return InvalidArgument(
        "the endpoint is not on the public internet; the operator can allow that with hooks.allow_private_addresses");
  }
  return OkStatus();
}

Status Hooks::CheckCount(const engine::ReadView& view, const std::string& user) const {
  size_t all = 0, own = 0;
  Status failed;
  RETURN_IF_ERROR(view.ScanPrefix(Family::kHook, "", [&](std::string_view, std::string_view value) {
    const auto hook = DecodeHook(value);
    if (!hook.ok()) failed = hook.status();
    ++all;
    own += hook.ok() && hook->user == user ? 1 : 0;
    return failed.ok();
  }));
  RETURN_IF_ERROR(failed);
  if (own >= limits::kHooksPerUserMax) {
    return ResourceExhausted("You have " + std::to_string(own) + " hooks, which is as many as a user may have.");
  }
  if (all >= limits::kHooksMax) return ResourceExhausted("This registry has as many hooks as it can.");
  return OkStatus();
}

Result<HookInfo> Hooks::Create(const Principal& principal, const HookSpec& spec) {
  RETURN_IF_ERROR(CheckMayChange(principal));
  if (principal.kind != Principal::Kind::kUser) return PermissionDenied("a hook belongs to a user");
  HookRecord record;
  record.user = principal.user;
  record.type = spec.type;
  ASSIGN_OR_RETURN(record.name, CheckedName(spec.type, spec.name));
  RETURN_IF_ERROR(CheckEndpoint(spec.endpoint));
  RETURN_IF_ERROR(CheckSecret(spec.secret));
  record.endpoint = spec.endpoint;
  record.secret = spec.secret;
  record.created_ms = record.updated_ms = clock_->NowMs();
  const std::string id = HexEncode(random_->Bytes(kIdBytes));
  const MutexLock lock(creating_);
  const auto committed =
      CommitWithRetries<bool>(store_, [&](const engine::ReadView& view) -> Result<PlannedWrite<bool>> {
        ASSIGN_OR_RETURN(const Stored<UserRecord> user, ReadUser(view, principal.user));
        if (!user.record || user.record->is_removed()) return Unauthenticated("There is no such user.");
        RETURN_IF_ERROR(CheckCount(view, principal.user));
        record.user_id = user.record->id;
        HookDeliveryRecord delivery;
        delivery.position_lsn = view.lsn().value();
        engine::Mutation mutation;
        mutation.event.kind = engine::EventKind::kPutSetting;
        mutation.event.actor = principal.user;
        mutation.preconditions.push_back({Family::kHook, engine::NameKey(id), std::nullopt});
        mutation.changes.push_back({Family::kHook, engine::NameKey(id), Encode(record)});
        mutation.changes.push_back({Family::kSetting, HookDeliveryKey(id), Encode(delivery)});
        return PlannedWrite<bool>{std::move(mutation), true};
      });
  RETURN_IF_ERROR(committed.status());
  return Get(principal, id);
}

Result<Hooks::Found> Hooks::Find(const engine::ReadView& view, const Principal& principal, std::string_view id) const {
  RETURN_IF_ERROR(CheckMayLook(principal));
  if (id.empty() || id.size() > 2 * kIdBytes || id.find('\0') != std::string_view::npos) return NoSuchHook();
  ASSIGN_OR_RETURN(auto raw, view.Get(Family::kHook, engine::NameKey(id)));
  if (!raw) return NoSuchHook();
  ASSIGN_OR_RETURN(HookRecord record, DecodeHook(*raw));
  if (principal.kind != Principal::Kind::kSystem && record.user != principal.user) return NoSuchHook();
  return Found{std::move(record), std::move(*raw)};
}

Result<HookInfo> Hooks::Info(const engine::ReadView& view, std::string id, HookRecord record) const {
  HookInfo info;
  ASSIGN_OR_RETURN(const auto raw, view.Get(Family::kSetting, HookDeliveryKey(id)));
  if (raw) {
    ASSIGN_OR_RETURN(info.delivery, DecodeHookDelivery(*raw));
  }
  if (live_) {
    if (auto live = live_(id, record.generation)) info.delivery = std::move(*live);
  }
  record.secret.clear();
  info.status = StatusOf(info.delivery, clock_->NowMs());
  info.lag_lsn = view.lsn().value() - std::min(view.lsn().value(), info.delivery.position_lsn);
  info.id = std::move(id);
  info.record = std::move(record);
  return info;
}

Result<HookInfo> Hooks::Get(const Principal& principal, std::string_view id) {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(Found found, Find(*view, principal, id));
  return Info(*view, std::string(id), std::move(found.record));
}

Result<std::vector<HookInfo>> Hooks::List(const Principal& principal, const HookQuery& query) {
  RETURN_IF_ERROR(CheckMayLook(principal));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  std::vector<HookInfo> hooks;
  size_t skipped = 0;
  Status failed;
  RETURN_IF_ERROR(view->ScanPrefix(Family::kHook, "", [&](std::string_view key, std::string_view value) {
    if (hooks.size() >= std::min(query.limit, limits::kHooksPageMax)) return false;
    auto record = DecodeHook(value);
    if (!record.ok()) {
      failed = record.status().WithContext("hook " + std::string(key));
      return false;
    }
    if (principal.kind != Principal::Kind::kSystem && record->user != principal.user) return true;
    if (!query.name.empty() && record->name != query.name) return true;
    if (skipped++ < query.offset) return true;
    auto info = Info(*view, std::string(key), std::move(*record));
    if (info.ok())
      hooks.push_back(std::move(*info));
    else
      failed = info.status();
    return failed.ok();
  }));
  RETURN_IF_ERROR(failed);
  return hooks;
}

Result<HookInfo> Hooks::Commit(const Principal& principal, std::string_view id, const Change& change) {
  RETURN_IF_ERROR(CheckMayChange(principal));
  return CommitWithRetries<HookInfo>(store_, [&](const engine::ReadView& view) -> Result<PlannedWrite<HookInfo>> {
    ASSIGN_OR_RETURN(const Found found, Find(view, principal, id));
    ASSIGN_OR_RETURN(HookInfo before, Info(view, std::string(id), found.record));
    ASSIGN_OR_RETURN(Next next, change(found.record, before.delivery));
    engine::Mutation mutation;
    mutation.event.kind = engine::EventKind::kPutSetting;
    mutation.event.actor = principal.user;
    mutation.preconditions.push_back({Family::kHook, engine::NameKey(id), found.raw});
    if (!next.record) {
      mutation.changes.push_back({Family::kHook, engine::NameKey(id), std::nullopt});
      mutation.changes.push_back({Family::kSetting, HookDeliveryKey(id), std::nullopt});
      return PlannedWrite<HookInfo>{std::move(mutation), std::move(before)};
    }
    mutation.changes.push_back({Family::kHook, engine::NameKey(id), Encode(*next.record)});
    if (next.delivery) {
      mutation.changes.push_back({Family::kSetting, HookDeliveryKey(id), Encode(*next.delivery)});
      before.delivery = std::move(*next.delivery);
    }
    before.record = std::move(*next.record);
    before.record.secret.clear();
    before.status = StatusOf(before.delivery, clock_->NowMs());
    before.lag_lsn = view.lsn().value() - std::min(view.lsn().value(), before.delivery.position_lsn);
    return PlannedWrite<HookInfo>{std::move(mutation), std::move(before)};
  });
}

Result<HookInfo> Hooks::Update(const Principal& principal, std::string_view id, const std::string& endpoint,
                               const std::optional<std::string>& secret) {
  RETURN_IF_ERROR(CheckEndpoint(endpoint));
  if (secret) RETURN_IF_ERROR(CheckSecret(*secret));
  return Commit(principal, id, [&](const HookRecord& hook, const HookDeliveryRecord& delivery) -> Result<Next> {
    Next next{hook, delivery};
    next.record->endpoint = endpoint;
    if (secret) next.record->secret = *secret;
    next.record->updated_ms = clock_->NowMs();
    next.record->generation++;
    next.delivery->failing_since_ms = 0;
    next.delivery->last_error.clear();
    return next;
  });
}

Result<HookInfo> Hooks::Remove(const Principal& principal, std::string_view id) {
  return Commit(principal, id, [](const HookRecord&, const HookDeliveryRecord&) -> Result<Next> { return Next{}; });
}

Result<HookInfo> Hooks::Replay(const Principal& principal, std::string_view id, Lsn from) {
  const Lsn last = store_->last_lsn();
  if (from == Lsn() || from > last.Next()) {
    return InvalidArgument("the journal has LSNs 1 to " + std::to_string(last.value()) + "; " +
                           std::to_string(from.value()) + " is none to replay from");
  }
  return Commit(principal, id, [&](const HookRecord& hook, const HookDeliveryRecord& delivery) -> Result<Next> {
    Next next{hook, delivery};
    next.record->generation++;
    next.delivery->position_lsn = from.value() - 1;
    next.delivery->failing_since_ms = 0;
    next.delivery->last_error.clear();
    return next;
  });
}

}  // namespace tarn::registry
