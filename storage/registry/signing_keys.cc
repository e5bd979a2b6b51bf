#include "storage/registry/signing_keys.h"

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/logging.h"
#include "storage/base/trust_limits.h"
#include "storage/engine/keys.h"
#include "storage/registry/commit_loop.h"
#include "storage/registry/integrity.h"
#include "storage/registry/package_state.h"

namespace tarn::registry {
namespace {

using engine::Family;

std::string SettingKey() { return engine::NameKey(kSigningKeysSetting); }

engine::Mutation PutKeys(const StoredSigningKeys& stored, const SigningKeysRecord& next) {
  engine::Mutation mutation;
  mutation.event.kind = engine::EventKind::kPutSetting;
  mutation.preconditions.push_back({Family::kSetting, SettingKey(), stored.raw});
  mutation.changes.push_back({Family::kSetting, SettingKey(), Encode(next)});
  return mutation;
}

Status TooManyKeys() {
  return ResourceExhausted("there are " + std::to_string(limits::kSigningKeysMax) +
                           " signing keys, which is the limit: what they signed must stay verifiable");
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

}  // namespace

std::string SignedText(const PackageName& name, const VersionRecord& version) {
  return name.full() + "@" + version.version + ":" + FormatIntegrity(version.tarball.sha512);
}

std::string KeyIdOf(std::string_view public_key) { return "SHA256:" + Base64Encode(Sha256(public_key).view()); }

Signature NamedKey::Sign(const PackageName& name, const VersionRecord& version) const {
  return {keyid_, Base64Encode(key_.Sign(SignedText(name, version)))};
}

Result<StoredSigningKeys> ReadSigningKeys(const engine::ReadView& view) {
  ASSIGN_OR_RETURN(auto stored, ReadRecord<SigningKeysRecord>(view, Family::kSetting, SettingKey()));
  return StoredSigningKeys{stored.record ? std::move(*stored.record) : SigningKeysRecord(), std::move(stored.raw)};
}

void SigningKeys::InUse::AddTo(engine::Mutation* mutation) const {
  mutation->preconditions.push_back(precondition);
  mutation->changes.insert(mutation->changes.end(), announcement.begin(), announcement.end());
}

Status SigningKeys::Open() {
  if (!signs()) return OkStatus();
  RETURN_IF_ERROR(LoadOrCreate());
  const Status announced = Announce();
  // A full disk is no reason not to serve reads; the first publish announces the key.
  if (!announced.ok()) Log(LogLevel::kWarning, "the signing key is not announced yet", {{"why", announced.ToString()}});
  return OkStatus();
}

Status SigningKeys::LoadOrCreate() {
  const auto add = [this](SigningKey key) {
    MutexLock lock(mutex_);
    local_.push_back(std::make_shared<const NamedKey>(std::move(key)));
  };
  const auto file = file_system_->OpenReadOnly(path_);
  if (file.ok()) {
    std::string pem;
    RETURN_IF_ERROR((*file)->ReadAt(0, limits::kSigningKeyFileBytesMax, &pem));
    auto key = SigningKey::FromPem(pem);
    if (!key.ok()) {
      return InvalidArgument(path_ + ": " + std::string(key.status().message()) +
                             "; restore it, or remove it for a new key (what was signed before stays verifiable)");
    }
    ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
    ASSIGN_OR_RETURN(const StoredSigningKeys stored, ReadSigningKeys(*view));
    const PublicKey* known = stored.record.Find(KeyIdOf(key->PublicKey()));
    if (known == nullptr || known->expires_ms == 0) {
      add(std::move(*key));
      return OkStatus();
    }
    Log(LogLevel::kWarning, "the signing key in the file has been replaced; making a new one", {{"file", path_}});
  } else if (file.code() != Code::kNotFound) {
    return file.status();
  }
  SigningKey fresh = SigningKey::Generate();
  RETURN_IF_ERROR(WriteFile(fresh));
  add(std::move(fresh));
  return OkStatus();
}

Status SigningKeys::Announce() {
  const auto done = CommitWithRetries<bool>(store_, [this](const engine::ReadView& view) -> Result<PlannedWrite<bool>> {
    ASSIGN_OR_RETURN(const InUse in_use, Find(view));
    if (in_use.announcement.empty()) return PlannedWrite<bool>{std::nullopt, true};
    engine::Mutation mutation;
    mutation.event.kind = engine::EventKind::kPutSetting;
    in_use.AddTo(&mutation);
    return PlannedWrite<bool>{std::move(mutation), true};
  });
  return done.status();
}

Status SigningKeys::WriteFile(const SigningKey& key) const {
  const std::string partial = path_ + ".new";
  const Status removed = file_system_->Remove(partial);  // Of a start that was cut short.
  if (!removed.ok() && removed.code() != Code::kNotFound) return removed;
  {
    ASSIGN_OR_RETURN(const auto file, file_system_->Create(partial));
    RETURN_IF_ERROR(file->WriteAt(0, key.ToPem()));
    RETURN_IF_ERROR(file->Sync());
  }
  RETURN_IF_ERROR(file_system_->Rename(partial, path_));
  return file_system_->SyncDirectory(FolderOf(path_));
}

std::vector<std::shared_ptr<const NamedKey>> SigningKeys::LocalKeys() const {
  MutexLock lock(mutex_);
  return local_;
}

Result<SigningKeys::InUse> SigningKeys::Find(const engine::ReadView& view) const {
  const auto local = LocalKeys();
  InUse in_use;
  if (local.empty()) return in_use;
  ASSIGN_OR_RETURN(StoredSigningKeys stored, ReadSigningKeys(view));
  in_use.precondition = {Family::kSetting, SettingKey(), std::move(stored.raw)};
  // While a rotation is on its way the key that is announced still signs.
  for (auto key = local.rbegin(); key != local.rend(); ++key) {
    const PublicKey* known = stored.record.Find((*key)->keyid());
    if (known == nullptr || known->expires_ms != 0) continue;
    in_use.key = *key;
    return in_use;
  }
  in_use.key = local.back();
  if (stored.record.keys.size() >= limits::kSigningKeysMax) return TooManyKeys();
  stored.record.keys.push_back({in_use.key->keyid(), in_use.key->public_key(), clock_->NowMs(), 0});
  in_use.announcement.push_back({Family::kSetting, SettingKey(), Encode(stored.record)});
  return in_use;
}

Result<PublicKey> SigningKeys::Rotate() {
  if (!signs()) return FailedPrecondition("this registry does not sign");
  MutexLock lock(rotation_);
  SigningKey fresh = SigningKey::Generate();
  RETURN_IF_ERROR(WriteFile(fresh));
  const auto key = std::make_shared<const NamedKey>(std::move(fresh));
  {
    MutexLock local_lock(mutex_);
    local_.push_back(key);
  }
  return CommitWithRetries<PublicKey>(store_, [&](const engine::ReadView& view) -> Result<PlannedWrite<PublicKey>> {
    ASSIGN_OR_RETURN(const StoredSigningKeys stored, ReadSigningKeys(view));
    if (stored.record.keys.size() >= limits::kSigningKeysMax) return TooManyKeys();
    const uint64_t now_ms = clock_->NowMs();
    SigningKeysRecord next = stored.record;
    for (PublicKey& old : next.keys) {
      if (old.expires_ms == 0) old.expires_ms = now_ms + limits::kSigningKeyOverlapMs;
    }
    next.keys.push_back({key->keyid(), key->public_key(), now_ms, 0});
    return PlannedWrite<PublicKey>{PutKeys(stored, next), next.keys.back()};
  });
}

}  // namespace tarn::registry
