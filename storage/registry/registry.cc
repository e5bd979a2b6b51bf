#include "storage/registry/registry.h"

#include <sodium.h>

#include "storage/base/logging.h"
#include "storage/registry/change_rows.h"
#include "storage/registry/derived_families.h"
#include "storage/registry/flat_fields.h"
#include "storage/registry/publish_request.h"
#include "storage/registry/registry_impl.h"
#include "storage/registry/search.h"
#include "storage/registry/token_format.h"
#include "storage/registry/upload.h"
#include "storage/registry/verify_references.h"

namespace tarn::registry {
namespace {

using engine::Family;

SigningKeyInfo InfoOf(PublicKey key) {
  return {std::move(key.keyid), std::move(key.public_key), key.created_ms,
          key.expires_ms == 0 ? std::nullopt : std::optional<uint64_t>(key.expires_ms)};
}

Status CheckAdmin(const Principal& principal) {
  return principal.is_admin ? OkStatus() : PermissionDenied("only the operator may do this");
}

PackumentCache::Options CacheOptions(const RegistryOptions& options) {
  PackumentCache::Options result;
  result.bytes_max = options.packument_cache_bytes;
  return result;
}

std::unique_ptr<HtpasswdFile> OpenHtpasswd(const RegistryOptions& options, Clock* clock) {
  return options.htpasswd_file.empty() ? nullptr : std::make_unique<HtpasswdFile>(options.htpasswd_file, clock);
}

}  // namespace

Result<std::unique_ptr<Registry>> Registry::Open(engine::Store* store, const RegistryOptions& options, Clock* clock,
                                                 Random* random) {
  if (sodium_init() < 0) return Internal("libsodium cannot be initialised");
  auto registry = std::make_unique<RegistryImpl>(store, options, clock, random);
  store->SetObserver(registry.get());
  RETURN_IF_ERROR(registry->Start());
  return std::unique_ptr<Registry>(std::move(registry));
}

RegistryImpl::RegistryImpl(engine::Store* store, const RegistryOptions& options, Clock* clock, Random* random)
    : store_(store),
      options_(options),
      random_(random),
      cache_(CacheOptions(options)),
      sealer_(&cache_),
      updates_(&cache_),
      second_factors_(store, clock, &random_),
      reader_(store, options, &cache_, &sealer_),
      signing_keys_(store, options.signing_key_path,
                    options.file_system != nullptr ? options.file_system : &PosixFileSystem(), clock),
      writer_(store, options, &updates_, &second_factors_, &signing_keys_, clock, &random_),
      staged_(store, options, &writer_, &second_factors_, clock, &random_),
      advisories_(store, clock),
      passwords_(clock),
      htpasswd_(OpenHtpasswd(options, clock)),
      accounts_(store, options, &passwords_, htpasswd_.get(), &second_factors_, clock, &random_),
      authenticator_(store, &accounts_, &second_factors_, clock, &random_),
      trusted_publishing_(store, options.trust, &second_factors_, clock, &random_),
      organisations_(store, &second_factors_, clock),
      changes_(store, this, options),
      downloads_(store, options, clock),
      version_signer_(store, &signing_keys_, &random_) {}

RegistryImpl::~RegistryImpl() {
  version_signer_.Stop();  // It commits, and this observes.
  store_->SetObserver(nullptr);
}

void RegistryImpl::Derive(const engine::LogRecord& record, const engine::ReadView& before,
                          std::vector<engine::Change>* derived) {
  DerivedFamiliesObserver().Derive(record, before, derived);
}

void RegistryImpl::Applied(const engine::LogRecord& record) {
  bool accounts_changed = false;
  for (const engine::Change& change : record.changes) {
    if (change.family == Family::kUser || change.family == Family::kToken || change.family == Family::kOrg) {
      accounts_changed = true;
    }
    if (change.family != Family::kPackage) continue;
    const auto package =
        change.value ? Decode<PackageRecord>(*change.value) : Result<PackageRecord>(NotFound("removed"));
    // Without a revision nobody can have announced it, so what is cached is dropped.
    updates_.Applied(change.key, package.ok() ? package->rev() : std::string());
    search_.Apply(change.key, package.ok() ? &*package : nullptr);
    if (package_listener_) package_listener_(change.key);
  }
  if (!accounts_changed) return;
  authenticator_.Forget();
  if (access_listener_) access_listener_();
}

Result<Authentication> RegistryImpl::Authenticate(const Credentials& credentials, const PeerAddress& peer) {
  ASSIGN_OR_RETURN(Authentication answer, authenticator_.Authenticate(credentials, peer));
  const bool may_be_trusted =
      answer.outcome == Authentication::Outcome::kBadCredentials && credentials.kind == Credentials::Kind::kBearer;
  return may_be_trusted ? trusted_publishing_.Authenticate(credentials.token) : std::move(answer);
}

Result<PackumentAnswer> RegistryImpl::GetPackument(const Principal& principal, const PackageName& name,
                                                   PackumentForm form, PackumentCoding coding,
                                                   const std::string& base_url) {
  return reader_.GetPackument(principal, name, form, coding, base_url);
}

Result<ManifestAnswer> RegistryImpl::GetManifest(const Principal& principal, const PackageName& name,
                                                 std::string_view spec, const std::string& base_url) {
  return reader_.GetManifest(principal, name, spec, base_url);
}

Result<TarballAnswer> RegistryImpl::OpenTarball(const Principal& principal, const PackageName& name,
                                                std::string_view file_name) {
  ASSIGN_OR_RETURN(TarballAnswer answer, reader_.OpenTarball(principal, name, file_name));
  // What an imported package keeps under a name of its own is counted for no version.
  const auto version = VersionOfTarball(name, file_name);
  if (version.ok()) answer.downloads = downloads_.CounterOf(name, version->ToString(), answer.is_restricted);
  return answer;
}

Result<DistTags> RegistryImpl::GetDistTags(const Principal& principal, const PackageName& name) {
  return reader_.GetDistTags(principal, name);
}

Result<SearchAnswer> RegistryImpl::Search(const Principal& principal, const SearchQuery& query) {
  if (options_.read_access == RegistryOptions::ReadAccess::kAuthenticated && !principal.is_authenticated()) {
    return Unauthenticated("This registry is private: log in first.");
  }
  // The view last, so that it has whatever the index has.
  ASSIGN_OR_RETURN(const SearchIndex::Snapshot snapshot, search_.Take(store_));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  return SearchPackages(*view, snapshot, &downloads_, principal, query);
}

Result<Registry::PackageCounts> RegistryImpl::CountPackages() { return search_.Count(store_); }

Result<ManifestAnswer> RegistryImpl::GetAttestations(const Principal& principal, const PackageName& name,
                                                     std::string_view version) {
  return reader_.GetAttestations(principal, name, version);
}

Result<std::vector<SigningKeyInfo>> RegistryImpl::ListSigningKeys() {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(StoredSigningKeys stored, ReadSigningKeys(*view));
  std::vector<SigningKeyInfo> keys;
  for (PublicKey& key : stored.record.keys) keys.push_back(InfoOf(std::move(key)));
  return keys;
}

Result<SigningKeyInfo> RegistryImpl::RotateSigningKey(const Principal& principal) {
  RETURN_IF_ERROR(CheckAdmin(principal));
  ASSIGN_OR_RETURN(PublicKey key, signing_keys_.Rotate());
  return InfoOf(std::move(key));
}

Result<std::vector<PackageAdvisories>> RegistryImpl::Audit(const Principal& principal,
                                                           const std::vector<AuditedPackage>& packages) {
  RETURN_IF_ERROR(reader_.CheckMayAsk(principal));
  if (options_.audit == RegistryOptions::Audit::kOff) return NotFound("This registry does not offer audits.");
  return advisories_.Audit(packages);
}

Result<AdvisoryImport> RegistryImpl::ImportAdvisories(const Principal& principal,
                                                      const std::vector<std::string_view>& documents) {
  RETURN_IF_ERROR(CheckAdmin(principal));
  return advisories_.Import(documents);
}

Result<AdvisoryPage> RegistryImpl::ListAdvisories(const Principal& principal, std::string_view package,
                                                  std::string_view after) {
  RETURN_IF_ERROR(CheckAdmin(principal));
  return advisories_.List(package, after);
}

Status RegistryImpl::RemoveAdvisories(const Principal& principal, const std::vector<std::string>& ids) {
  RETURN_IF_ERROR(CheckAdmin(principal));
  return advisories_.Remove(ids);
}

Result<std::unique_ptr<PackageUpload>> RegistryImpl::BeginPackageWrite(const Principal& principal,
                                                                       const PackageName& name,
                                                                       std::optional<std::string> rev) {
  ASSIGN_OR_RETURN(PackageWriter::Admission admission, writer_.Admit(principal, name, rev));
  return std::unique_ptr<PackageUpload>(std::make_unique<PackageUploadImpl>(
      &store_->blobs(), &writer_, options_, principal, name, std::move(rev), std::move(admission)));
}

Result<WriteAnswer> RegistryImpl::UnpublishPackage(const Principal& principal, const PackageName& name,
                                                   std::string_view rev) {
  return writer_.UnpublishPackage(principal, name, rev);
}

Result<WriteAnswer> RegistryImpl::DeleteTarball(const Principal& principal, const PackageName& name,
                                                std::string_view file_name, std::string_view rev) {
  return writer_.DeleteTarball(principal, name, file_name, rev);
}

Result<WriteAnswer> RegistryImpl::SetDistTag(const Principal& principal, const PackageName& name, std::string_view tag,
                                             std::string_view version) {
  return writer_.SetDistTag(principal, name, tag, version);
}

Result<WriteAnswer> RegistryImpl::RemoveDistTag(const Principal& principal, const PackageName& name,
                                                std::string_view tag) {
  return writer_.RemoveDistTag(principal, name, tag);
}

Result<WriteAnswer> RegistryImpl::SetAccess(const Principal& principal, const PackageName& name,
                                            std::string_view access) {
  return writer_.SetAccess(principal, name, access);
}

Result<WriteAnswer> RegistryImpl::SetPublishRule(const Principal& principal, const PackageName& name,
                                                 const PublishRule& rule) {
  return writer_.SetPublishRule(principal, name, rule);
}

Result<bool> RegistryImpl::IsPublic(const Principal& principal, const PackageName& name) {
  return reader_.IsPublic(principal, name);
}

Result<std::vector<std::pair<std::string, std::string>>> RegistryImpl::Collaborators(const Principal& principal,
                                                                                     const PackageName& name) {
  return reader_.Collaborators(principal, name);
}

Result<std::vector<std::pair<std::string, std::string>>> RegistryImpl::PackagesOfUser(const Principal& principal,
                                                                                      std::string_view user) {
  return reader_.PackagesOfUser(principal, user);
}

Result<std::vector<std::pair<std::string, std::string>>> RegistryImpl::PackagesOfScope(const Principal& principal,
                                                                                       std::string_view scope) {
  return reader_.PackagesOfScope(principal, scope);
}

Result<LoginAnswer> RegistryImpl::Login(const LoginRequest& request) { return accounts_.Login(request); }

Result<bool> RegistryImpl::IsOpenToNewUsers() { return accounts_.IsOpenToNewUsers(); }

Result<UserInfo> RegistryImpl::GetUser(const Principal& principal, std::string_view user) {
  return accounts_.GetUser(principal, user);
}

Result<std::vector<UserInfo>> RegistryImpl::ListUsers(const Principal& principal) {
  return accounts_.ListUsers(principal);
}

Result<UserInfo> RegistryImpl::CreateUser(const Principal& principal, std::string_view user, std::string_view password,
                                          std::string_view email, Admin admin) {
  return accounts_.CreateUser(principal, user, password, email, admin);
}

Status RegistryImpl::SetPassword(const Principal& principal, std::string_view user, std::string_view old_password,
                                 std::string_view new_password) {
  return accounts_.SetPassword(principal, user, old_password, new_password);
}

Status RegistryImpl::ChangeProfile(const Principal& principal, const ProfileChange& change) {
  return accounts_.ChangeProfile(principal, change);
}

Status RegistryImpl::RemoveUser(const Principal& principal, std::string_view user) {
  return accounts_.RemoveUser(principal, user);
}

Result<std::vector<TokenInfo>> RegistryImpl::ListTokens(const Principal& principal, std::string_view user) {
  return accounts_.ListTokens(principal, user);
}

Result<NewToken> RegistryImpl::CreateToken(const Principal& principal, std::string_view user,
                                           std::optional<std::string_view> password, const TokenSpec& spec) {
  return accounts_.CreateToken(principal, user, password, spec);
}

Status RegistryImpl::RevokeToken(const Principal& principal, std::string_view key_or_token) {
  const bool is_own =
      principal.trusted && IsTokenWellFormed(key_or_token) && HashToken(key_or_token) == principal.token;
  if (is_own) return trusted_publishing_.EndToken(principal);
  return accounts_.RevokeToken(principal, key_or_token);
}

Result<std::optional<std::string>> RegistryImpl::BeginSecondFactor(const Principal& principal,
                                                                   std::string_view password, SecondFactorMode mode,
                                                                   std::string_view issuer) {
  return accounts_.BeginSecondFactor(principal, password, mode, issuer);
}

Result<std::vector<std::string>> RegistryImpl::ConfirmSecondFactor(const Principal& principal,
                                                                   const std::vector<std::string>& codes) {
  return accounts_.ConfirmSecondFactor(principal, codes);
}

Status RegistryImpl::CheckMayChangeAccount(const Principal& principal) {
  RETURN_IF_ERROR(CheckMayChange(principal));
  return second_factors_.Check(principal, SecondFactorAct::kAccount, nullptr);
}

Status RegistryImpl::DisableSecondFactor(const Principal& principal, std::string_view password) {
  return accounts_.DisableSecondFactor(principal, password);
}

Status RegistryImpl::ResetSecondFactor(const Principal& principal, std::string_view user) {
  return accounts_.ResetSecondFactor(principal, user);
}

Result<std::string> RegistryImpl::ExchangeOneTimePassword(std::string_view user, std::string_view code,
                                                          const PeerAddress& client) {
  return accounts_.ExchangeOneTimePassword(user, code, client);
}

Result<std::vector<std::string>> RegistryImpl::VerifyReferences() {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(std::vector<std::string> findings, registry::VerifyReferences(*view));
  ASSIGN_OR_RETURN(std::vector<std::string> of_changes, VerifyChangeRows(*view, store_->log()));
  findings.insert(findings.end(), std::make_move_iterator(of_changes.begin()),
                  std::make_move_iterator(of_changes.end()));
  return findings;
}

}  // namespace tarn::registry
