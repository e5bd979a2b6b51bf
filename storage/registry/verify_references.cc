#include "storage/registry/verify_references.h"

#include <algorithm>
#include <map>
#include <set>

#include "storage/base/bytes.h"
#include "storage/base/limits.h"
#include "storage/engine/keys.h"
#include "storage/registry/derived_families.h"
#include "storage/registry/org_records.h"
#include "storage/registry/package_state.h"
#include "storage/registry/signing_keys.h"
#include "storage/registry/staged_record.h"

namespace tarn::registry {
namespace {

using engine::Family;

class Verification {
 public:
  explicit Verification(const engine::ReadView& view) : view_(view) {}

  Result<std::vector<std::string>> Run() {
    ASSIGN_OR_RETURN(StoredSigningKeys stored, ReadSigningKeys(view_));
    keys_ = std::move(stored.record);
    RETURN_IF_ERROR(CheckPackages());
    RETURN_IF_ERROR(CheckStagedVersions());
    RETURN_IF_ERROR(CheckStagedLists());
    RETURN_IF_ERROR(CheckOwnership(Family::kVersion, "version"));
    RETURN_IF_ERROR(CheckOwnership(Family::kTombstone, "tombstone"));
    RETURN_IF_ERROR(CheckReadable<UserRecord>(Family::kUser, "user"));
    RETURN_IF_ERROR(CheckReadable<TokenRecord>(Family::kToken, "token"));
    RETURN_IF_ERROR(CheckOrganisations());
    RETURN_IF_ERROR(CheckGrants());
    RETURN_IF_ERROR(CheckDerived());
    return std::move(findings_);
  }

 private:
  void Find(std::string finding) {
    if (findings_.size() < limits::kVerifyFindingsMax) findings_.push_back(std::move(finding));
  }

  // Errors of the store end the verification; what is found does not.
  Status CheckPackages() {
    Status failed;
    RETURN_IF_ERROR(view_.ScanPrefix(Family::kPackage, "", [&](std::string_view key, std::string_view value) {
      const auto name = PackageName::Parse(key);
      const auto package = Decode<PackageRecord>(value);
      if (!name.ok()) {
        Find("package " + HexEncode(key) + ": " + std::string(name.status().message()));
      } else if (!package.ok()) {
        Find("package " + name->full() + ": " + std::string(package.status().message()));
      } else {
        failed = CheckPackage(*name, *package);
      }
      return failed.ok();
    }));
    return failed;
  }

  Status CheckPackage(const PackageName& name, const PackageRecord& package) {
    std::set<std::string> live;
    std::set<uint32_t> ordinals;
    Status failed;
    RETURN_IF_ERROR(view_.ScanPrefix(
        Family::kVersion, engine::NamePrefix(name.full()), [&](std::string_view key, std::string_view value) {
          const auto version = Decode<VersionRecord>(value);
          if (!version.ok()) {
            Find("package " + name.full() + ", version key " + HexEncode(key) + ": " +
                 std::string(version.status().message()));
            return true;
          }
          live.insert(version->version);
          if (!ordinals.insert(version->ordinal).second || version->ordinal >= package.next_ordinal) {
            Find(name.full() + "@" + version->version + ": ordinal " + std::to_string(version->ordinal) +
                 " is taken twice or not given out yet");
          }
          failed = CheckVersion(name, key, *version);
          return failed.ok();
        }));
    RETURN_IF_ERROR(failed);
    CheckHead(name, package, live);
    if (!package.imported) return OkStatus();
    for (const ImportedFile& file : package.imported->files) {
      ASSIGN_OR_RETURN(const auto blob, view_.Get(Family::kBlob, engine::DigestKey(file.sha512)));
      if (!blob) Find(name.full() + ", file " + file.file_name + ": no blob " + HexEncode(file.sha512.view()));
    }
    return OkStatus();
  }

  void CheckHead(const PackageName& name, const PackageRecord& package, const std::set<std::string>& live) {
    if (package.version_count != live.size()) {
      Find("package " + name.full() + " counts " + std::to_string(package.version_count) + " versions and has " +
           std::to_string(live.size()));
    }
    // The tags of an imported package are its origin's, whatever they name.
    if (package.imported) return;
    for (const auto& [tag, version] : package.dist_tags) {
      if (!live.contains(version)) {
        Find("package " + name.full() + ": dist-tag " + tag + " names " + version + ", which is not there");
      }
    }
    const std::string* latest = package.FindTag("latest");
    if (!live.empty() && latest == nullptr) Find("package " + name.full() + " has versions and no latest");
    if (latest != nullptr && (!package.latest || package.latest->version != *latest)) {
      Find("package " + name.full() + ": the summary is not of latest");
    }
    if (live.empty() != package.unpublished.has_value()) {
      Find("package " + name.full() + ": unpublished or not, and its versions say otherwise");
    }
  }

  Status CheckVersion(const PackageName& name, std::string_view key, const VersionRecord& version) {
    const std::string what = name.full() + "@" + version.version;
    const auto parsed = Version::ParseLoose(version.version);
    const bool is_in_place =
        (parsed.ok() && VersionKey(name, *parsed) == key) || OddVersionKey(name, version.version) == key;
    if (!is_in_place) Find(what + " is stored under the key of another version");
    ASSIGN_OR_RETURN(const auto tombstone, view_.Get(Family::kTombstone, std::string(key)));
    if (tombstone) Find(what + " is live, and unpublished too");
    if (version.tarball.state == TarballState::kMissing) return OkStatus();  // As it was at its origin.
    RETURN_IF_ERROR(
        CheckBlob(what + ", tarball", version.tarball.sha512, version.tarball.size_bytes, &version.tarball.sha1));
    CheckSignatures(what, name, version);
    return CheckBundle(what, version);
  }

  Status CheckBundle(const std::string& what, const VersionRecord& version) {
    if (!version.bundle) return OkStatus();
    return CheckBlob(what + ", attestation bundle", version.bundle->sha512, version.bundle->size_bytes, nullptr);
  }

  // What waits for approval: its blobs are there, and it is in a list.
  Status CheckStagedVersions() {
    Status failed;
    RETURN_IF_ERROR(
        view_.ScanPrefix(Family::kSetting, kStagedIdPrefix, [&](std::string_view key, std::string_view value) {
          failed = CheckStagedVersion(key.substr(kStagedIdPrefix.size()), value);
          return failed.ok();
        }));
    return failed;
  }

  Status CheckStagedVersion(std::string_view id, std::string_view value) {
    const std::string what = "staged version " + std::string(id);
    const auto staged = Decode<StagedVersionRecord>(value);
    if (!staged.ok()) {
      Find(what + ": " + std::string(staged.status().message()));
      return OkStatus();
    }
    const VersionRecord& version = staged->version;
    RETURN_IF_ERROR(
        CheckBlob(what + ", tarball", version.tarball.sha512, version.tarball.size_bytes, &version.tarball.sha1));
    RETURN_IF_ERROR(CheckBundle(what, version));
    // The list of its owner, or the package's, into which that went when the package was made.
    for (const std::string& owner : {staged->owner, std::string()}) {
      ASSIGN_OR_RETURN(const auto list, ReadRecord<StagedPackageRecord>(view_, Family::kSetting,
                                                                        StagedPackageKey(staged->package, owner)));
      const StagedEntry* entry = list.record ? list.record->FindId(id) : nullptr;
      if (entry == nullptr) continue;
      if (entry->version != version.version || entry->sha1 != version.tarball.sha1) {
        Find(what + ": its list says something else about it");
      }
      return OkStatus();
    }
    Find(what + ": in no list of " + staged->package);
    return OkStatus();
  }

  Status CheckStagedLists() {
    Status failed;
    RETURN_IF_ERROR(
        view_.ScanPrefix(Family::kSetting, kStagedPackagePrefix, [&](std::string_view key, std::string_view value) {
          const auto place = ParseStagedPackageKey(key);
          const auto list = Decode<StagedPackageRecord>(value);
          if (!place.ok() || !list.ok()) {
            Find("list of staged versions " + HexEncode(key) + ": " +
                 std::string(place.ok() ? list.status().message() : place.status().message()));
            return true;
          }
          for (const StagedEntry& entry : list->entries) {
            const auto version = view_.Get(Family::kSetting, StagedIdKey(entry.id));
            if (!version.ok()) {
              failed = version.status();
              return false;
            }
            if (!*version) Find("staged version " + entry.id + " of " + std::string(place->package) + " is not there");
          }
          return true;
        }));
    return failed;
  }

  void CheckSignatures(const std::string& what, const PackageName& name, const VersionRecord& version) {
    for (const Signature& signature : version.signatures) {
      const PublicKey* key = keys_.Find(signature.keyid);
      const auto bytes = Base64Decode(signature.signature);
      if (key == nullptr) {
        Find(what + ": signed by " + signature.keyid + ", which is no key of this registry");
      } else if (!bytes.ok() || !VerifySignature(key->public_key, SignedText(name, version), *bytes)) {
        Find(what + ": its signature is not by " + signature.keyid);
      }
    }
  }

  // `sha1` may be nullptr: not recorded.
  Status CheckBlob(const std::string& what, const Digest& sha512, uint64_t size_bytes, const Sha1Digest* sha1) {
    ASSIGN_OR_RETURN(const auto raw, view_.Get(Family::kBlob, engine::DigestKey(sha512)));
    if (!raw) {
      Find(what + ": no blob " + HexEncode(sha512.view()));
      return OkStatus();
    }
    const auto blob = Decode<BlobRecord>(*raw);
    if (!blob.ok()) {
      Find(what + ": " + std::string(blob.status().message()));
    } else if (blob->size_bytes != size_bytes) {
      Find(what + ": " + std::to_string(size_bytes) + " bytes recorded, the blob has " +
           std::to_string(blob->size_bytes));
    } else if (sha1 != nullptr && blob->sha1 != *sha1) {
      Find(what + ": SHA-1 " + HexEncode(sha1->view()) + " recorded, the blob has " + HexEncode(blob->sha1.view()));
    }
    return OkStatus();
  }

  // Every key in front of which a package's name stands belongs to a package.
  Status CheckOwnership(Family family, std::string_view what) {
    std::string last_name;
    Status failed;
    RETURN_IF_ERROR(view_.ScanPrefix(family, "", [&](std::string_view key, std::string_view) {
      const auto parts = engine::ParseNameAndRestKey(key);
      if (!parts.ok()) {
        Find(std::string(what) + " key " + HexEncode(key) + ": " + std::string(parts.status().message()));
        return true;
      }
      if (parts->name == last_name) return true;
      last_name = parts->name;
      const auto package = view_.Get(Family::kPackage, engine::NameKey(last_name));
      if (!package.ok())
        failed = package.status();
      else if (!*package)
        Find(std::string(what) + " of " + last_name + ", which is no package");
      return failed.ok();
    }));
    return failed;
  }

  template <typename Record>
  Status CheckReadable(Family family, std::string_view what) {
    return view_.ScanPrefix(family, "", [&](std::string_view key, std::string_view value) {
      const auto record = Decode<Record>(value);
      if (!record.ok()) Find(std::string(what) + " " + HexEncode(key) + ": " + std::string(record.status().message()));
      return true;
    });
  }

  Status CheckOrganisations() {
    std::optional<OrgRecord> org;  // Of the teams that follow it.
    return view_.ScanPrefix(Family::kOrg, "", [&](std::string_view key, std::string_view value) {
      if (IsTeamKey(key)) {
        CheckTeam(key, value, org ? &*org : nullptr);
        return true;
      }
      auto record = Decode<OrgRecord>(value);
      if (!record.ok()) Find("organisation " + HexEncode(key) + ": " + std::string(record.status().message()));
      org = record.ok() ? std::optional(std::move(record).value()) : std::nullopt;
      return true;
    });
  }

  void CheckTeam(std::string_view key, std::string_view value, const OrgRecord* org) {
    const auto team = Decode<TeamRecord>(value);
    if (!team.ok()) {
      Find("team " + HexEncode(key) + ": " + std::string(team.status().message()));
      return;
    }
    const std::string id = TeamId(team->org, team->name);
    if (org == nullptr || org->name != team->org || TeamKey(team->org, team->name) != key) {
      Find("team " + id + " is of no organisation, or stored under the key of another one");
      return;
    }
    for (const std::string& member : team->members) {
      if (!org->IsMember(member)) Find("team " + id + ": " + member + " is not in the organisation");
    }
    if (team->name != kDevelopersTeam) packages_of_team_[id] = team->package_count;
  }

  Status CheckGrants() {
    std::map<std::string, uint32_t> counts;
    Status failed;
    RETURN_IF_ERROR(view_.ScanPrefix(Family::kGrant, "", [&](std::string_view key, std::string_view value) {
      const auto record = Decode<GrantRecord>(value);
      if (!record.ok()) {
        Find("grants of " + HexEncode(key) + ": " + std::string(record.status().message()));
        return true;
      }
      const auto package = view_.Get(Family::kPackage, key);
      failed = package.status();
      if (package.ok() && !*package) Find("grants of " + std::string(key) + ", which is no package");
      for (const auto& [team, permission] : record->grants) ++counts[team];
      return failed.ok();
    }));
    RETURN_IF_ERROR(failed);
    for (const auto& [team, count] : counts) {
      if (SplitTeamId(team).team == kDevelopersTeam) continue;
      const auto known = packages_of_team_.find(team);
      if (known == packages_of_team_.end()) Find("a package is granted to the team " + team + ", which is not there");
    }
    for (const auto& [team, count] : packages_of_team_) {
      if (counts[team] != count) {
        Find("team " + team + " counts " + std::to_string(count) + " packages and has " + std::to_string(counts[team]));
      }
    }
    return OkStatus();
  }

  Status CheckDerived() {
    std::vector<engine::Change> rebuilt;
    const Status derived = DeriveAll(view_, &rebuilt);
    if (derived.code() == Code::kCorruption) return OkStatus();  // Said above, record by record.
    RETURN_IF_ERROR(derived);
    std::map<std::pair<Family, std::string>, std::string> expected;
    for (engine::Change& change : rebuilt) {
      expected.insert_or_assign({change.family, std::move(change.key)}, std::move(*change.value));
    }
    for (const Family family : {Family::kByUser, Family::kShasum}) {
      RETURN_IF_ERROR(view_.ScanPrefix(family, "", [&](std::string_view key, std::string_view value) {
        const auto entry = expected.find({family, std::string(key)});
        const std::string what =
            "derived family " + std::to_string(static_cast<int>(family)) + ", key " + HexEncode(key);
        if (entry == expected.end()) {
          Find(what + ": nothing stands behind it");
          return true;
        }
        if (entry->second != value) Find(what + ": not the value of a rebuild");
        expected.erase(entry);
        return true;
      }));
    }
    for (const auto& [place, value] : expected) {
      Find("derived family " + std::to_string(static_cast<int>(place.first)) + ", key " + HexEncode(place.second) +
           ": missing");
    }
    return OkStatus();
  }

  const engine::ReadView& view_;
  SigningKeysRecord keys_;
  std::map<std::string, uint32_t> packages_of_team_;  // Of all teams but `developers`.
  std::vector<std::string> findings_;
};

}  // namespace

Result<std::vector<std::string>> VerifyReferences(const engine::ReadView& view) { return Verification(view).Run(); }

}  // namespace tarn::registry
