#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/registry/accounts.h"
#include "storage/registry/advisories.h"
#include "storage/registry/authenticator.h"
#include "storage/registry/change_feed.h"
#include "storage/registry/download_counts.h"
#include "storage/registry/htpasswd.h"
#include "storage/registry/organisations.h"
#include "storage/registry/package_reader.h"
#include "storage/registry/package_writer.h"
#include "storage/registry/packument_cache.h"
#include "storage/registry/packument_sealer.h"
#include "storage/registry/packument_updates.h"
#include "storage/registry/passwords.h"
#include "storage/registry/registry.h"
#include "storage/registry/search_index.h"
#include "storage/registry/second_factors.h"
#include "storage/registry/signing_keys.h"
#include "storage/registry/staged_versions.h"
#include "storage/registry/trusted_publishing.h"
#include "storage/registry/version_signer.h"

namespace tarn::registry {

// A generator that may be used from any thread, over one that may not.
class SharedRandom final : public Random {
 public:
  explicit SharedRandom(Random* random) : random_(random) {}
  std::string Bytes(size_t count) override EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return random_->Bytes(count);
  }

 private:
  Mutex mutex_;
  Random* const random_ GUARDED_BY(mutex_);
};

// The parts, joined: readers, writers and accounts do the work; this hands calls to them and tells them of commits.
class RegistryImpl final : public Registry {
 public:
  RegistryImpl(engine::Store* store, const RegistryOptions& options, Clock* clock, Random* random);
  ~RegistryImpl() override;

  void SetPackageListener(PackageListener listener) override { package_listener_ = std::move(listener); }
  void SetAccessListener(std::function<void()> listener) override { access_listener_ = std::move(listener); }

  // Before anything else: what can fail.
  Status Start() { return signing_keys_.Open(); }

  // CommitObserver, on the committer's thread.
  void Derive(const engine::LogRecord& record, const engine::ReadView& before,
              std::vector<engine::Change>* derived) override;
  void Applied(const engine::LogRecord& record) override;

  Result<Authentication> Authenticate(const Credentials& credentials, const PeerAddress& peer) override;

  Result<PackumentAnswer> GetPackument(const Principal& principal, const PackageName& name, PackumentForm form,
                                       PackumentCoding coding, const std::string& base_url) override;
  Result<ManifestAnswer> GetManifest(const Principal& principal, const PackageName& name, std::string_view spec,
                                     const std::string& base_url) override;
  Result<TarballAnswer> OpenTarball(const Principal& principal, const PackageName& name,
                                    std::string_view file_name) override;
  Result<DistTags> GetDistTags(const Principal& principal, const PackageName& name) override;
  Result<SearchAnswer> Search(const Principal& principal, const SearchQuery& query) override;

  Result<ManifestAnswer> GetAttestations(const Principal& principal, const PackageName& name,
                                         std::string_view version) override;
  Result<std::vector<SigningKeyInfo>> ListSigningKeys() override;
  Result<SigningKeyInfo> RotateSigningKey(const Principal& principal) override;
  void StartSigningOldVersions() override { version_signer_.Start(); }
  void StopSigningOldVersions() override { version_signer_.Stop(); }
  Result<std::vector<PackageAdvisories>> Audit(const Principal& principal,
                                               const std::vector<AuditedPackage>& packages) override;
  Result<AdvisoryImport> ImportAdvisories(const Principal& principal,
                                          const std::vector<std::string_view>& documents) override;
  Result<AdvisoryPage> ListAdvisories(const Principal& principal, std::string_view package,
                                      std::string_view after) override;
  Status RemoveAdvisories(const Principal& principal, const std::vector<std::string>& ids) override;

  Result<std::unique_ptr<PackageUpload>> BeginPackageWrite(const Principal& principal, const PackageName& name,
                                                           std::optional<std::string> rev) override;
  Result<WriteAnswer> UnpublishPackage(const Principal& principal, const PackageName& name,
                                       std::string_view rev) override;
  Result<WriteAnswer> DeleteTarball(const Principal& principal, const PackageName& name, std::string_view file_name,
                                    std::string_view rev) override;
  Result<WriteAnswer> SetDistTag(const Principal& principal, const PackageName& name, std::string_view tag,
                                 std::string_view version) override;
  Result<WriteAnswer> RemoveDistTag(const Principal& principal, const PackageName& name, std::string_view tag) override;
  Result<WriteAnswer> SetAccess(const Principal& principal, const PackageName& name, std::string_view access) override;
  Result<WriteAnswer> SetPublishRule(const Principal& principal, const PackageName& name,
                                     const PublishRule& rule) override;
  Result<bool> IsPublic(const Principal& principal, const PackageName& name) override;
  Result<std::vector<std::pair<std::string, std::string>>> Collaborators(const Principal& principal,
                                                                         const PackageName& name) override;
  Result<std::vector<std::pair<std::string, std::string>>> PackagesOfUser(const Principal& principal,
                                                                          std::string_view user) override;
  Result<std::vector<std::pair<std::string, std::string>>> PackagesOfScope(const Principal& principal,
                                                                           std::string_view scope) override;

  Result<LoginAnswer> Login(const LoginRequest& request) override;
  Result<bool> IsOpenToNewUsers() override;
  Result<UserInfo> GetUser(const Principal& principal, std::string_view user) override;
  Result<std::vector<UserInfo>> ListUsers(const Principal& principal) override;
  Result<UserInfo> CreateUser(const Principal& principal, std::string_view user, std::string_view password,
                              std::string_view email, Admin admin) override;
  Status SetPassword(const Principal& principal, std::string_view user, std::string_view old_password,
                     std::string_view new_password) override;
  Status ChangeProfile(const Principal& principal, const ProfileChange& change) override;
  Status RemoveUser(const Principal& principal, std::string_view user) override;
  Result<std::vector<TokenInfo>> ListTokens(const Principal& principal, std::string_view user) override;
  Result<NewToken> CreateToken(const Principal& principal, std::string_view user,
                               std::optional<std::string_view> password, const TokenSpec& spec) override;
  Status RevokeToken(const Principal& principal, std::string_view key_or_token) override;

  Organisations& organisations() override { return organisations_; }
  ChangeFeed& changes() override { return changes_; }
  TrustedPublishing& trusted_publishing() override { return trusted_publishing_; }
  DownloadCounts& downloads() override { return downloads_; }
  StagedVersions& staged() override { return staged_; }
  Result<PackageCounts> CountPackages() override;
  Result<std::optional<std::string>> BeginSecondFactor(const Principal& principal, std::string_view password,
                                                       SecondFactorMode mode, std::string_view issuer) override;
  Result<std::vector<std::string>> ConfirmSecondFactor(const Principal& principal,
                                                       const std::vector<std::string>& codes) override;
  Status CheckMayChangeAccount(const Principal& principal) override;
  Status DisableSecondFactor(const Principal& principal, std::string_view password) override;
  Status ResetSecondFactor(const Principal& principal, std::string_view user) override;
  Result<std::string> ExchangeOneTimePassword(std::string_view user, std::string_view code,
                                              const PeerAddress& client) override;

  Result<std::vector<std::string>> VerifyReferences() override;

 private:
  engine::Store* const store_;
  const RegistryOptions options_;
  SharedRandom random_;
  PackumentCache cache_;
  PackumentSealer sealer_;
  PackumentUpdates updates_;
  SecondFactors second_factors_;
  PackageReader reader_;
  SigningKeys signing_keys_;
  PackageWriter writer_;
  StagedVersions staged_;
  Advisories advisories_;
  Passwords passwords_;
  const std::unique_ptr<HtpasswdFile> htpasswd_;  // nullptr: none is configured.
  Accounts accounts_;
  Authenticator authenticator_;
  TrustedPublishing trusted_publishing_;
  Organisations organisations_;
  ChangeFeed changes_;
  DownloadCounts downloads_;
  SearchIndex search_;
  PackageListener package_listener_;
  std::function<void()> access_listener_;
  VersionSigner version_signer_;  // Last: its thread uses the store, and the observer sees what it commits.
};

}  // namespace tarn::registry
