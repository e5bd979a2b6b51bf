#include "storage/registry/version_signer.h"

#include <sys/resource.h>
#include <unistd.h>

#include "storage/base/bytes.h"
#include "storage/base/logging.h"
#include "storage/base/trust_limits.h"
#include "storage/engine/keys.h"
#include "storage/registry/commit_loop.h"
#include "storage/registry/package_state.h"

namespace tarn::registry {
namespace {

using engine::Family;

constexpr int kLowestPriority = 19;
constexpr size_t kNamesPerPage = 1000;  // Read at once, so that no view of the store is held for the whole pass.

// Names after `last`, in order.
Result<std::vector<std::string>> NextNames(const engine::ReadView& view, const std::string& last) {
  std::vector<std::string> names;
  const std::string lower = last.empty() ? last : last + '\0';
  RETURN_IF_ERROR(view.Scan(Family::kPackage, lower, "", [&](std::string_view key, std::string_view) {
    names.emplace_back(key);
    return names.size() < kNamesPerPage;
  }));
  return names;
}

// Keys of versions that lack a signature, at most limits::kSignedPerCommitMax.
Result<std::vector<std::string>> UnsignedVersions(const engine::ReadView& view, const PackageName& name) {
  std::vector<std::string> keys;
  Status failed;
  RETURN_IF_ERROR(view.ScanPrefix(Family::kVersion, engine::NamePrefix(name.full()),
                                  [&](std::string_view key, std::string_view value) {
                                    const auto is_wanted = DecodeWantsSignature(value);
                                    if (!is_wanted.ok()) {
                                      failed = is_wanted.status().WithContext(name.full());
                                      return false;
                                    }
                                    if (*is_wanted) keys.emplace_back(key);
                                    return keys.size() < limits::kSignedPerCommitMax;
                                  }));
  RETURN_IF_ERROR(failed);
  return keys;
}

}  // namespace

void VersionSigner::Stop() {
  {
    MutexLock lock(mutex_);
    is_ending_ = true;
    ending_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void VersionSigner::Start() {
  if (keys_->signs()) thread_ = std::thread([this] { Run(); });
}

bool VersionSigner::PauseMs(uint64_t time_ms) {
  MutexLock lock(mutex_);
  if (!is_ending_) ending_.WaitForMs(mutex_, time_ms);
  return is_ending_;
}

void VersionSigner::Run() {
  // On Linux this sets the calling thread alone. Without the right to, it runs like any other.
  static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kLowestPriority));
  while (true) {
    const auto complete = SignAll();
    if (complete.ok()) return;
    Log(LogLevel::kWarning, "signing old versions; will try again", {{"why", complete.status().ToString()}});
    if (PauseMs(limits::kSignRetryMs)) return;
  }
}

Result<bool> VersionSigner::SignAll() {
  std::string last;
  while (true) {
    std::vector<std::string> names;
    {
      ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
      ASSIGN_OR_RETURN(const StoredSigningKeys stored, ReadSigningKeys(*view));
      if (stored.record.old_versions_signed) return true;
      ASSIGN_OR_RETURN(names, NextNames(*view, last));
    }
    if (names.empty()) break;
    for (const std::string& text : names) {
      ASSIGN_OR_RETURN(const PackageName name, PackageName::Parse(text));
      RETURN_IF_ERROR(SignPackage(name));
      if (PauseMs(0)) return false;
    }
    last = names.back();
  }
  RETURN_IF_ERROR(RememberComplete());
  return true;
}

Status VersionSigner::SignPackage(const PackageName& name) {
  while (true) {
    ASSIGN_OR_RETURN(const size_t count, SignSome(name));
    if (count == 0 || PauseMs(limits::kSignPauseMs)) return OkStatus();
  }
}

Result<size_t> VersionSigner::SignSome(const PackageName& name) {
  return CommitWithRetries<size_t>(store_, [&](const engine::ReadView& view) -> Result<PlannedWrite<size_t>> {
    ASSIGN_OR_RETURN(const std::vector<std::string> keys, UnsignedVersions(view, name));
    ASSIGN_OR_RETURN(Stored<PackageRecord> package, ReadPackage(view, name));
    ASSIGN_OR_RETURN(const SigningKeys::InUse in_use, keys_->Find(view));
    if (keys.empty() || !package.record || in_use.key == nullptr) return PlannedWrite<size_t>{std::nullopt, 0};

    engine::Mutation mutation;
    // Of no kind: nothing happened to the package that its followers would have a word for.
    mutation.event.package = name.full();
    in_use.AddTo(&mutation);
    for (const std::string& key : keys) {
      ASSIGN_OR_RETURN(auto version, ReadRecord<VersionRecord>(view, Family::kVersion, key));
      if (!version.record) return Corruption("a version of " + name.full() + " vanished from a view");
      version.record->signatures = {in_use.key->Sign(name, *version.record)};
      mutation.changes.push_back({Family::kVersion, key, Encode(*version.record)});
    }
    const std::string package_key = engine::NameKey(name.full());
    package.record->Advance(LoadLittleEndian<uint64_t>(random_->Bytes(sizeof(uint64_t)).data()),
                            package.record->modified_ms);
    mutation.preconditions.push_back({Family::kPackage, package_key, std::move(package.raw)});
    mutation.changes.push_back({Family::kPackage, package_key, Encode(*package.record)});
    return PlannedWrite<size_t>{std::move(mutation), keys.size()};
  });
}

Status VersionSigner::RememberComplete() {
  const auto done = CommitWithRetries<bool>(store_, [](const engine::ReadView& view) -> Result<PlannedWrite<bool>> {
    ASSIGN_OR_RETURN(StoredSigningKeys stored, ReadSigningKeys(view));
    const std::string key = engine::NameKey(kSigningKeysSetting);
    engine::Mutation mutation;
    mutation.event.kind = engine::EventKind::kPutSetting;
    mutation.preconditions.push_back({Family::kSetting, key, std::move(stored.raw)});
    stored.record.old_versions_signed = true;
    mutation.changes.push_back({Family::kSetting, key, Encode(stored.record)});
    return PlannedWrite<bool>{std::move(mutation), true};
  });
  return done.status();
}

}  // namespace tarn::registry
