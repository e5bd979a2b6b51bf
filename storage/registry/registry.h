#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/file_system.h"
#include "storage/base/random.h"
#include "storage/base/result.h"
#include "storage/base/stage_limits.h"
#include "storage/engine/blob_store.h"
#include "storage/engine/store.h"
#include "storage/registry/access.h"
#include "storage/registry/advisory.h"
#include "storage/registry/package_name.h"
#include "storage/registry/packument_body.h"
#include "storage/registry/records.h"
#include "storage/registry/token_limits.h"
#include "storage/registry/trust_issuer.h"

namespace tarn::registry {

class ChangeFeed;
class DownloadCounts;
class Organisations;
struct PublishRule;
class StagedVersions;
class TrustedPublishing;

// The handlers and importers stream tarballs through these without including engine.
using engine::BlobReader;
using engine::BlobWriter;

struct RegistryOptions {
  enum class Registration : uint8_t { kClosed, kOpen };
  enum class ReadAccess : uint8_t { kAnyone, kAuthenticated };
  enum class ScopedDefault : uint8_t { kPublic, kRestricted };
  Registration registration = Registration::kClosed;
  // On a store without any user the first Login creates the administrator, whatever `registration` says. Only for
  // registries that nobody but this machine can reach (design.md, section 8).
  bool first_user_is_admin = false;
  // A password file of htpasswd's (htpasswd.h). Whoever stands in it has that password and no other, and gets an account
  // at the first login. Empty: none.
  std::string htpasswd_file;
  ReadAccess read_access = ReadAccess::kAnyone;
  ScopedDefault scoped_default = ScopedDefault::kPublic;
  uint64_t tarball_bytes_max = limits::kTarballBytesMax;
  uint64_t metadata_bytes_max = limits::kMetadataBytesMax;
  uint64_t tarball_inflated_bytes_max = limits::kTarballInflatedBytesMax;
  uint64_t packument_cache_bytes = 256 * limits::kMiB;
  // Where this node's private signing key is; made when it is not there. Empty: versions are not signed.
  std::string signing_key_path;
  FileSystem* file_system = nullptr;  // For that file; nullptr: the machine's.
  enum class Audit : uint8_t { kOff, kData };
  Audit audit = Audit::kData;
  TrustOptions trust;
  // A second publish of the same bytes by the same user within this time answers as the first did: npm retries a PUT
  // after 10 s and 70 s (contract 2.8).
  uint64_t republish_window_ms = 5 * 60 * 1000;
  uint64_t staged_kept_ms = limits::kStagedDays * limits::kDayMs;  // Then a staged version is gone.
  bool stage_new_packages = true;                                  // Whether a package may begin with a staged version.
};

// --- answers ---

struct TarballAnswer {
  BlobReader blob;
  // To be counted up when it was sent whole; nullptr: not counted. Owners: the answer as long as it is kept, and the counts.
  std::shared_ptr<std::atomic<uint64_t>> downloads;
  bool is_restricted = false;  // Then caches of others must not keep it.
};

struct ManifestAnswer {
  std::string json;
  std::string etag;  // Quoted.
  uint64_t modified_ms = 0;
  bool is_restricted = false;
};

// The public half of a key that signs, or signed, versions.
struct SigningKeyInfo {
  std::string keyid;       // "SHA256:…"
  std::string public_key;  // SubjectPublicKeyInfo, DER.
  uint64_t created_ms = 0;
  std::optional<uint64_t> expires_ms;  // Valid for versions published before.
};

struct PackumentAnswer {
  std::shared_ptr<const PackumentBody> body;
  uint64_t modified_ms = 0;
  bool is_restricted = false;
};

using DistTags = std::vector<std::pair<std::string, std::string>>;  // Tag to version, sorted by tag.

struct WriteAnswer {
  std::string id;             // Package name.
  std::string rev;            // The revision after the write.
  bool created = false;       // 201 rather than 200.
  std::string stage_id = {};  // Of a version that was staged, and not published.
};

struct LoginRequest {
  std::string user;
  std::string password;
  std::string email = {};  // Of a new account.
  std::string one_time_password = {};
  PeerAddress client = {};  // Who guesses from where (guess_brake.h).
  enum class Register : uint8_t { kNo, kIfAllowed } may_register = Register::kIfAllowed;
};

struct LoginAnswer {
  std::string user;
  std::string rev;
  std::string token;  // Shown this once.
  bool created_user = false;
  bool created_admin = false;
};

struct UserInfo {
  std::string name;
  std::string email;
  bool is_admin = false;
  uint64_t created_ms = 0;
  uint64_t updated_ms = 0;
  // For the user and administrators alone.
  UserProfile profile = {};
  SecondFactorMode second_factor = SecondFactorMode::kOff;
  bool second_factor_is_pending = false;  // Begun, not confirmed: asked for nowhere yet.
};

// What a user changes of their own account; what is absent stays.
struct ProfileChange {
  std::optional<std::string> email, full_name, homepage, github, twitter, freenode;
  struct Password {
    std::string old_password, new_password;
  };
  std::optional<Password> password;
};

struct TokenSpec {
  std::string name;
  std::string description;
  bool read_only = false;
  std::vector<std::string> cidrs;
  std::optional<uint64_t> expires_ms;  // Absolute.
  std::optional<TokenLimits> limits = {};
};

struct TokenInfo {
  std::string key;      // Stable id: hex of the hash; revocation accepts it.
  std::string preview;  // First characters of the token, as npm shows it.
  std::string user;
  TokenSpec spec;
  uint64_t created_ms = 0;
};

struct NewToken {
  TokenInfo info;
  std::string token;  // Shown this once.
};

struct SearchQuery {
  std::string text;
  size_t size = 20;
  size_t from = 0;
};

struct SearchHit {
  std::string name, version, description, license, homepage, repository, bugs;
  std::string publisher, publisher_email;
  std::vector<std::string> keywords;
  std::vector<std::pair<std::string, std::string>> maintainers;  // User name, e-mail.
  uint64_t modified_ms = 0;
  double score = 0;
  uint64_t weekly_downloads = 0;
  uint64_t monthly_downloads = 0;
};

struct SearchAnswer {
  std::vector<SearchHit> hits;
  uint64_t total = 0;
};

// The body of a write to a package, while it arrives: `PUT /{pkg}` or `PUT /{pkg}/-rev/{rev}`. What it means (publish,
// deprecate, unpublish some versions, change owners) is known only when it is complete: contract 8.1.
//   Consume  bytes in order. The first error is final: kInvalidArgument, kTooLarge, kOutOfSpace, kPermissionDenied …
//   Finish   once: commits. Durable when it returns. Errors as for Registry's writes.
// Destroyed before Finish: nothing happened. Tarball bytes are decoded, hashed and written as they come.
// Threads: one at a time; blocks.
class PackageUpload {
 public:
  virtual ~PackageUpload() = default;
  [[nodiscard]] virtual Status Consume(std::string_view bytes) = 0;
  [[nodiscard]] virtual Result<WriteAnswer> Finish() = 0;
};

// The npm registry: rules over the store, no socket. What a caller may not see answers kNotFound on every call, with the
// same text as for a name that does not exist.
//
// Errors common to all: kUnauthenticated (anonymous where a user is needed), kPermissionDenied, kNotFound, kConflict
// (revision not current), kInvalidArgument, kTooLarge, kOutOfSpace, kUnavailable, kCorruption. Messages are for the user
// of an npm client.
// Threads: any. Calls block on disk, and writes on a commit: never on a core thread.
class Registry : public engine::CommitObserver {
 public:
  // `store` outlives the registry, which becomes its observer.
  static Result<std::unique_ptr<Registry>> Open(engine::Store* store, const RegistryOptions& options, Clock* clock,
                                                Random* random);

  // Called on the committer's thread after each change of a package is visible and before its writer is answered.
  // At most one; set before the first request. Be quick.
  using PackageListener = std::function<void(const std::string& package)>;
  virtual void SetPackageListener(PackageListener listener) = 0;
  // Called likewise when users, tokens or grants change: whoever remembers authentications forgets them.
  virtual void SetAccessListener(std::function<void()> listener) = 0;

  // --- who is it ---
  // Tokens cost one hash and one look-up. Passwords cost a slow hash the first time.
  [[nodiscard]] virtual Result<Authentication> Authenticate(const Credentials& credentials,
                                                            const PeerAddress& peer) = 0;

  // --- reading ---
  // kNotFound also for a fully unpublished package's versions; such a package answers a document without versions.
  [[nodiscard]] virtual Result<PackumentAnswer> GetPackument(const Principal& principal, const PackageName& name,
                                                             PackumentForm form, PackumentCoding coding,
                                                             const std::string& base_url) = 0;
  // `spec`: a version, a dist-tag or a range.
  [[nodiscard]] virtual Result<ManifestAnswer> GetManifest(const Principal& principal, const PackageName& name,
                                                           std::string_view spec, const std::string& base_url) = 0;
  [[nodiscard]] virtual Result<TarballAnswer> OpenTarball(const Principal& principal, const PackageName& name,
                                                          std::string_view file_name) = 0;
  [[nodiscard]] virtual Result<DistTags> GetDistTags(const Principal& principal, const PackageName& name) = 0;
  [[nodiscard]] virtual Result<SearchAnswer> Search(const Principal& principal, const SearchQuery& query) = 0;

  // --- trust ---
  // kNotFound: no such version for these eyes, or none came with it.
  [[nodiscard]] virtual Result<ManifestAnswer> GetAttestations(const Principal& principal, const PackageName& name,
                                                               std::string_view version) = 0;
  // For anybody; oldest first. Keys stay when they are replaced, so that what they signed can be verified.
  [[nodiscard]] virtual Result<std::vector<SigningKeyInfo>> ListSigningKeys() = 0;
  // A new key signs from now on, and the others get an end. kFailedPrecondition: this registry does not sign.
  [[nodiscard]] virtual Result<SigningKeyInfo> RotateSigningKey(const Principal& principal) = 0;
  // Begins to sign, in the background, what was published before there was a key. At most once; Stop before the listeners go.
  virtual void StartSigningOldVersions() = 0;
  virtual void StopSigningOldVersions() = 0;

  // What the imported advisories say about these versions, in the order asked. Answered by name alone: whether the registry
  // has such a package, and for whom, makes no difference, so that nothing shows in the answer.
  // kNotFound: switched off, or nothing was ever imported. An empty answer would claim that nothing is known to be wrong.
  [[nodiscard]] virtual Result<std::vector<PackageAdvisories>> Audit(const Principal& principal,
                                                                     const std::vector<AuditedPackage>& packages) = 0;
  // OSV documents, each on its own: one that cannot be taken does not keep the others out. In one commit.
  [[nodiscard]] virtual Result<AdvisoryImport> ImportAdvisories(const Principal& principal,
                                                                const std::vector<std::string_view>& documents) = 0;
  // By id, beginning after `after`; at most limits::kAdvisoriesPageMax. Of one package when `package` is not empty.
  [[nodiscard]] virtual Result<AdvisoryPage> ListAdvisories(const Principal& principal, std::string_view package,
                                                            std::string_view after) = 0;
  // kNotFound names the first that is not there; then none is removed.
  [[nodiscard]] virtual Status RemoveAdvisories(const Principal& principal, const std::vector<std::string>& ids) = 0;

  // --- writing packages ---
  // Checks the right to write before the first byte of the body is read. `rev` is the one in the path, if any.
  [[nodiscard]] virtual Result<std::unique_ptr<PackageUpload>> BeginPackageWrite(const Principal& principal,
                                                                                 const PackageName& name,
                                                                                 std::optional<std::string> rev) = 0;
  [[nodiscard]] virtual Result<WriteAnswer> UnpublishPackage(const Principal& principal, const PackageName& name,
                                                             std::string_view rev) = 0;
  // Step 5 of npm's unpublish: the version is gone already; OK when no version refers to the file, kConflict on a stale
  // revision, kPermissionDenied while a version still refers to it.
  [[nodiscard]] virtual Result<WriteAnswer> DeleteTarball(const Principal& principal, const PackageName& name,
                                                          std::string_view file_name, std::string_view rev) = 0;
  [[nodiscard]] virtual Result<WriteAnswer> SetDistTag(const Principal& principal, const PackageName& name,
                                                       std::string_view tag, std::string_view version) = 0;
  [[nodiscard]] virtual Result<WriteAnswer> RemoveDistTag(const Principal& principal, const PackageName& name,
                                                          std::string_view tag) = 0;
  // "public" or "restricted" (alias "private").
  [[nodiscard]] virtual Result<WriteAnswer> SetAccess(const Principal& principal, const PackageName& name,
                                                      std::string_view access) = 0;
  // Whether publishing asks for a second factor (change_rules.h).
  [[nodiscard]] virtual Result<WriteAnswer> SetPublishRule(const Principal& principal, const PackageName& name,
                                                           const PublishRule& rule) = 0;
  // True when public. kNotFound when the caller may not see it.
  [[nodiscard]] virtual Result<bool> IsPublic(const Principal& principal, const PackageName& name) = 0;
  // User name to "read" or "write", sorted. Who is not in the organisation reads of maintainers alone.
  [[nodiscard]] virtual Result<std::vector<std::pair<std::string, std::string>>> Collaborators(
      const Principal& principal, const PackageName& name) = 0;
  // Package to "read" or "write" of one user or scope, of those that the caller may read. kNotFound for an unknown user or
  // scope, and for an organisation that shows the caller nothing.
  [[nodiscard]] virtual Result<std::vector<std::pair<std::string, std::string>>> PackagesOfUser(
      const Principal& principal, std::string_view user) = 0;
  [[nodiscard]] virtual Result<std::vector<std::pair<std::string, std::string>>> PackagesOfScope(
      const Principal& principal, std::string_view scope) = 0;

  // --- accounts ---
  // Checks the password, and the one-time password where the account has a second factor; or registers the user where that
  // is allowed. A new token each time. kUnauthenticated: wrong password. kSecondFactorNeeded: the password is right.
  // kPermissionDenied: unknown user and registration is closed. kResourceExhausted: too many wrong passwords before.
  [[nodiscard]] virtual Result<LoginAnswer> Login(const LoginRequest& request) = 0;
  // Would Login make an account for a name that is free?
  [[nodiscard]] virtual Result<bool> IsOpenToNewUsers() = 0;
  // Anybody may ask whether a user exists; the e-mail address, which `npm owner add` needs, is for the authenticated.
  [[nodiscard]] virtual Result<UserInfo> GetUser(const Principal& principal, std::string_view user) = 0;
  [[nodiscard]] virtual Result<std::vector<UserInfo>> ListUsers(const Principal& principal) = 0;
  enum class Admin : uint8_t { kNo, kYes };
  [[nodiscard]] virtual Result<UserInfo> CreateUser(const Principal& principal, std::string_view user,
                                                    std::string_view password, std::string_view email, Admin admin) = 0;
  // `old_password` is required unless the principal is an administrator. Tokens stay valid.
  [[nodiscard]] virtual Status SetPassword(const Principal& principal, std::string_view user,
                                           std::string_view old_password, std::string_view new_password) = 0;
  // One commit, so all of it or nothing. A new password needs the old one, of administrators too: a token alone must not
  // be enough to take the account over.
  [[nodiscard]] virtual Status ChangeProfile(const Principal& principal, const ProfileChange& change) = 0;
  // Tokens of the user are revoked in the same commit. kFailedPrecondition for the last administrator.
  [[nodiscard]] virtual Status RemoveUser(const Principal& principal, std::string_view user) = 0;

  [[nodiscard]] virtual Result<std::vector<TokenInfo>> ListTokens(const Principal& principal,
                                                                  std::string_view user) = 0;
  // For oneself with one's password (over the wire), or for anybody as administrator without.
  [[nodiscard]] virtual Result<NewToken> CreateToken(const Principal& principal, std::string_view user,
                                                     std::optional<std::string_view> password,
                                                     const TokenSpec& spec) = 0;
  // By key or by the token itself. kNotFound: unknown, or somebody else's.
  [[nodiscard]] virtual Status RevokeToken(const Principal& principal, std::string_view key_or_token) = 0;

  // --- members, teams and what they are granted: organisations.h ---
  virtual Organisations& organisations() = 0;
  // --- what followers read: change_feed.h ---
  virtual ChangeFeed& changes() = 0;
  // --- publishing without an account: trusted_publishing.h ---
  virtual TrustedPublishing& trusted_publishing() = 0;
  // --- how often tarballs are fetched: download_counts.h ---
  virtual DownloadCounts& downloads() = 0;
  // --- versions that wait for approval: staged_versions.h ---
  virtual StagedVersions& staged() = 0;
  // Of what everybody may read, whoever asks.
  struct PackageCounts {
    uint64_t published = 0;
    uint64_t unpublished = 0;  // All their versions are gone.
  };
  [[nodiscard]] virtual Result<PackageCounts> CountPackages() = 0;
  // --- second factor (contract 11.6). Where it is active, every change of the account and of tokens asks for a code ---
  // Begins to set it up, or changes the mode of one that is active. The answer is the otpauth URL for an authenticator, of
  // which `issuer` is the label; nullopt when only the mode changed.
  [[nodiscard]] virtual Result<std::optional<std::string>> BeginSecondFactor(const Principal& principal,
                                                                             std::string_view password,
                                                                             SecondFactorMode mode,
                                                                             std::string_view issuer) = 0;
  // Makes it active once the authenticator's codes are right. The answer: recovery codes, shown this once.
  [[nodiscard]] virtual Result<std::vector<std::string>> ConfirmSecondFactor(const Principal& principal,
                                                                             const std::vector<std::string>& codes) = 0;
  // May the caller change what belongs to their account, with the one-time password that they showed? For what is kept
  // beside the registry, such as webhooks. kSecondFactorNeeded, kPermissionDenied, kUnauthenticated.
  [[nodiscard]] virtual Status CheckMayChangeAccount(const Principal& principal) = 0;
  [[nodiscard]] virtual Status DisableSecondFactor(const Principal& principal, std::string_view password) = 0;
  // For administrators: the user has lost authenticator and recovery codes.
  [[nodiscard]] virtual Status ResetSecondFactor(const Principal& principal, std::string_view user) = 0;
  // Takes a code of the user and gives a long one in exchange, which counts as their one-time password for the next
  // limits::kOneTimePasswordReuseMs. kSecondFactorNeeded: it is not right. kFailedPrecondition: there is no second factor.
  [[nodiscard]] virtual Result<std::string> ExchangeOneTimePassword(std::string_view user, std::string_view code,
                                                                    const PeerAddress& client) = 0;

  // --- verification of what only the registry knows ---
  // Every version's blob exists with the recorded size and hashes, every tag names a version, every tombstone has no
  // version, derived families equal a rebuild. Findings in words.
  [[nodiscard]] virtual Result<std::vector<std::string>> VerifyReferences() = 0;
};

}  // namespace tarn::registry
