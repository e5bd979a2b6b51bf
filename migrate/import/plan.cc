#include "migrate/import/plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "migrate/import/tarball_match.h"
#include "storage/base/clock.h"
#include "storage/base/digest.h"
#include "storage/registry/integrity.h"
#include "storage/registry/json_text.h"
#include "storage/registry/manifest_summary.h"
#include "storage/registry/origin_members.h"
#include "storage/registry/publish_request.h"
#include "storage/registry/semver.h"

namespace tarn::migrate {
namespace {

using registry::JsonKind;
using registry::JsonMember;
using registry::KindOfJson;
using registry::PackageName;
using registry::TarballState;
using registry::TextOfJson;
using registry::Version;
using registry::VersionRecord;

bool IsObject(std::string_view raw) { return !raw.empty() && KindOfJson(raw) == JsonKind::kObject; }
// A tombstone may have none.
std::string_view BodyOf(const SourceDocument& document) {
  return document.body.empty() ? std::string_view("{}") : std::string_view(document.body);
}
bool IsString(std::string_view raw) { return !raw.empty() && KindOfJson(raw) == JsonKind::kString; }

// The last value of a key; empty when there is none.
std::string_view ValueOf(const std::vector<JsonMember>& members, std::string_view key) {
  std::string_view value;
  for (const JsonMember& member : members) {
    if (member.key == key) value = member.raw_value;
  }
  return value;
}

std::string TextOf(const std::vector<JsonMember>& members, std::string_view key) {
  const std::string_view raw = ValueOf(members, key);
  return IsString(raw) ? TextOfJson(raw) : std::string();
}

bool HasInstallScript(std::string_view raw_scripts) {
  const auto members = registry::SplitJsonObjectWithRepeats(raw_scripts);
  if (!members.ok()) return false;
  return std::any_of(members->begin(), members->end(), [](const JsonMember& member) {
    return (member.key == "preinstall" || member.key == "install" || member.key == "postinstall") &&
           IsString(member.raw_value) && member.raw_value.size() > 2;
  });
}

// Turns one document into records.
class Planner {
 public:
  Planner(const SourceDocument& document, const PlanOptions& options) : document_(document), options_(options) {}

  Plan Run() {
    if (document_.id.starts_with("_design/") || document_.id.starts_with("_local/")) {
      plan_.kind = Plan::Kind::kDesign;
      return std::move(plan_);
    }
    auto members = registry::SplitJsonObjectWithRepeats(BodyOf(document_));
    if (!members.ok()) {
      plan_.kind = Plan::Kind::kRefused;
      Find(FindingKind::kBadDocument, "", "cannot be taken apart: " + std::string(members.status().message()));
      return std::move(plan_);
    }
    DropRepeats(&*members);
    SplitTime(*members);
    const bool has_versions = IsObject(ValueOf(*members, "versions"));
    if (!has_versions && unpublished_.empty()) {
      Note(FindingKind::kNotAPackage, "", "has no versions and is no unpublished package: skipped");
      return std::move(plan_);
    }
    auto name = PackageName::Parse(document_.id);
    if (!name.ok()) {
      plan_.kind = Plan::Kind::kRefused;
      Find(FindingKind::kBadName, "", "not imported: " + std::string(name.status().message()));
      return std::move(plan_);
    }
    plan_.kind = Plan::Kind::kPackage;
    plan_.package.emplace(registry::LegacyPackage{std::move(*name), {}, {}, {}});
    Fill(*members);
    return std::move(plan_);
  }

 private:
  registry::PackageRecord& package() { return plan_.package->package; }
  const PackageName& name() const { return plan_.package->name; }

  void Find(FindingKind kind, std::string where, std::string what) {
    plan_.findings.push_back({kind, document_.id, std::move(where), std::move(what), Finding::Severity::kWarning});
  }
  void Note(FindingKind kind, std::string where, std::string what) {
    plan_.findings.push_back({kind, document_.id, std::move(where), std::move(what), Finding::Severity::kNote});
  }

  // Readers take the last of equal keys, and so does what is kept.
  void DropRepeats(std::vector<JsonMember>* members) {
    std::set<std::string> seen;
    std::vector<JsonMember> kept;
    for (auto member = members->rbegin(); member != members->rend(); ++member) {
      if (seen.insert(member->key).second) {
        kept.push_back(std::move(*member));
      } else {
        Find(FindingKind::kRepeatedMember, member->key, "occurs twice; the last one counts");
      }
    }
    std::reverse(kept.begin(), kept.end());
    *members = std::move(kept);
  }

  void SplitTime(const std::vector<JsonMember>& members) {
    const std::string_view raw = ValueOf(members, "time");
    if (!IsObject(raw)) return;
    has_time_ = true;
    const auto entries = registry::SplitJsonObjectWithRepeats(raw);
    if (!entries.ok()) return;
    for (const JsonMember& entry : *entries) {
      if (entry.key == "unpublished" && IsObject(entry.raw_value)) {
        unpublished_ = entry.raw_value;
        continue;
      }
      const auto time_ms = ParseIsoTime(IsString(entry.raw_value) ? TextOfJson(entry.raw_value) : "");
      if (time_ms.ok()) {
        times_[entry.key] = *time_ms;
      } else {
        Find(FindingKind::kBadTime, entry.key,
             "the time cannot be read: " + std::string(entry.raw_value.substr(0, 40)));
      }
    }
  }

  void Fill(const std::vector<JsonMember>& members) {
    document_name_ = TextOf(members, "name");
    if (document_name_ != document_.id) {
      Find(FindingKind::kIdDiffersFromName, "", "the document is named " + document_name_ + "; imported under its id");
    }
    fallback_ms_ = TimeOfText(TextOf(members, "ctime")).value_or(0);
    ReadVersions(ValueOf(members, "versions"));
    ReadTags(ValueOf(members, "dist-tags"));
    SetTimes(TimeOfText(TextOf(members, "mtime")));
    const std::string_view maintainers = ValueOf(members, "maintainers");
    package().maintainers = registry::MaintainersOfOrigin(maintainers);
    CheckMaintainers(maintainers);
    package().stars = registry::StarsOfOrigin(ValueOf(members, "users"));
    SetUnpublished();
    SetTombstones();
    SetOrigin(members);
    KeepFiles();
    for (const StoredAttachment& attachment : document_.attachments) {
      if (!attachment.differs_from_md5) continue;
      Find(FindingKind::kMd5Mismatch, attachment.name,
           "the digest of CouchDB's is of other bytes than came with it; they are imported as they came");
    }
    uint32_t count = 0;
    for (const Finding& finding : plan_.findings) count += finding.severity == Finding::Severity::kWarning ? 1 : 0;
    package().imported->finding_count = count;
  }

  static std::optional<uint64_t> TimeOfText(std::string_view text) {
    const auto time_ms = ParseIsoTime(text);
    return time_ms.ok() ? std::optional<uint64_t>(*time_ms) : std::nullopt;
  }

  // --- versions ---

  void ReadVersions(std::string_view raw) {
    if (!IsObject(raw)) return;
    auto members = registry::SplitJsonObjectWithRepeats(raw);
    if (!members.ok()) {
      Find(FindingKind::kBadDocument, "versions", std::string(members.status().message()));
      return;
    }
    DropRepeats(&*members);
    for (const JsonMember& member : *members) ReadVersion(member.key, member.raw_value);
    std::stable_sort(plan_.package->versions.begin(), plan_.package->versions.end(),
                     [](const VersionRecord& a, const VersionRecord& b) { return a.time_ms < b.time_ms; });
    CheckTwins();
  }

  void ReadVersion(const std::string& key, std::string_view raw) {
    const bool is_key = !key.empty() && key.size() <= limits::kImportVersionBytesMax;
    const auto members = registry::SplitJsonObjectWithRepeats(raw);
    if (!is_key || !members.ok()) {
      Find(FindingKind::kBadVersion, key.substr(0, 64),
           is_key ? "the manifest is no object: not imported" : "this cannot be a version: not imported");
      plan_.versions.push_back({key, VersionReport::State::kNotImported, {}, 0, {}, {}});
      return;
    }
    const auto strict = Version::Parse(key);
    if (!strict.ok() || strict->ToString() != key) {
      Find(FindingKind::kInvalidSemver, key, "no strict semver: kept and served by exactly this text");
    }
    CheckIdentity(key, *members);
    VersionRecord record;
    record.version = key;
    record.manifest = raw;
    record.is_verbatim = record.keeps_evidence = true;
    record.deprecated = TextOf(*members, "deprecated");
    record.has_install_script = HasInstallScript(ValueOf(*members, "scripts"));
    const auto user = ValueOf(*members, "_npmUser");
    if (IsObject(user)) {
      const auto publisher = registry::MaintainersOfOrigin("[" + std::string(user) + "]");
      if (!publisher.empty()) record.publisher = publisher.front();
    }
    const auto time = times_.find(key);
    if (time != times_.end()) {
      record.time_ms = time->second;
    } else {
      if (has_time_) Find(FindingKind::kNoTime, key, "the version has no time; its package's is taken");
      record.time_ms =
          TimeOfText(TextOf(*members, "mtime")).value_or(TimeOfText(TextOf(*members, "ctime")).value_or(fallback_ms_));
    }
    SetTarball(*members, &record);
    plan_.package->versions.push_back(std::move(record));
  }

  void CheckIdentity(const std::string& key, const std::vector<JsonMember>& members) {
    const std::string inner_name = TextOf(members, "name");
    const std::string inner_version = TextOf(members, "version");
    if (inner_version == key && (inner_name == document_.id || inner_name == document_name_)) return;
    Find(FindingKind::kVersionFieldDiffers, key,
         "its manifest says " + inner_name + "@" + inner_version + ", which stays in it");
  }

  void SetTarball(const std::vector<JsonMember>& members, VersionRecord* record) {
    const std::string_view raw_dist = ValueOf(members, "dist");
    const auto dist = registry::SplitJsonObjectWithRepeats(IsObject(raw_dist) ? raw_dist : "{}");
    const std::vector<JsonMember> no_members;
    const std::vector<JsonMember>& dist_members = dist.ok() ? *dist : no_members;
    const std::string url = TextOf(dist_members, "tarball");
    const TarballMatch match = MatchTarball(
        name(), record->version, url, {TextOf(members, "name"), document_.id, document_name_}, document_.attachments);
    record->tarball.file_name = match.file;
    VersionReport report{record->version, VersionReport::State::kOk, match.file, 0, {}, {}};
    if (match.is_foreign) {
      Find(FindingKind::kForeignTarballUrl, record->version,
           "dist.tarball pointed to " + url + ", and points here now");
    }
    const StoredAttachment* attachment = match.attachment ? &document_.attachments[*match.attachment] : nullptr;
    if (attachment != nullptr) used_.insert(*match.attachment);
    if (attachment == nullptr || attachment->state != StoredAttachment::State::kWhole) {
      SayMissing(record->version, attachment);
      plan_.missing.push_back({record->version, attachment == nullptr ? std::string() : attachment->name, match.file,
                               url, TextOf(dist_members, "shasum"), TextOf(dist_members, "integrity")});
      record->tarball.state = TarballState::kMissing;
      report.state = VersionReport::State::kMissingAttachment;
    } else {
      record->tarball.sha512 = report.sha512 = attachment->sha512;
      record->tarball.sha1 = report.sha1 = attachment->sha1;
      record->tarball.size_bytes = report.size_bytes = attachment->size_bytes;
      if (!CheckDigests(raw_dist, dist_members, *attachment, record)) {
        report.state = VersionReport::State::kDigestMismatch;
      }
    }
    plan_.versions.push_back(std::move(report));
  }

  void SayMissing(const std::string& version, const StoredAttachment* attachment) {
    if (attachment == nullptr) {
      Find(FindingKind::kMissingAttachment, version, "has no attachment: metadata alone is imported");
    } else if (attachment->state == StoredAttachment::State::kStub) {
      Find(FindingKind::kMissingAttachment, version,
           "the source has no bytes of " + attachment->name + " (a stub): metadata alone is imported");
    } else {
      Find(FindingKind::kDamagedAttachment, version,
           "the bytes of " + attachment->name + " could not be read: metadata alone is imported");
    }
  }

  // False when dist says something else than the bytes.
  bool CheckDigests(std::string_view raw_dist, const std::vector<JsonMember>& dist, const StoredAttachment& attachment,
                    VersionRecord* record) {
    const std::string_view raw_shasum = ValueOf(dist, "shasum");
    const std::string_view raw_integrity = ValueOf(dist, "integrity");
    if (!IsObject(raw_dist)) {
      Find(FindingKind::kNoDist, record->version, "has no dist: made anew from the attachment");
    } else if (raw_shasum.empty()) {
      Find(FindingKind::kNoShasum, record->version, "dist has no shasum: added");
    }
    Status matches;
    if (!raw_shasum.empty()) {
      matches = registry::CheckShasum(IsString(raw_shasum) ? TextOfJson(raw_shasum) : "", attachment.sha1);
    }
    const std::string integrity = IsString(raw_integrity) ? TextOfJson(raw_integrity) : "";
    if (matches.ok() && !raw_integrity.empty()) {
      const auto parsed = registry::Integrity::Parse(integrity);
      matches = parsed.ok() ? parsed->Check({attachment.sha512, attachment.sha1}) : parsed.status();
    }
    if (!matches.ok()) {
      record->tarball.state = TarballState::kOfOrigin;
      Find(FindingKind::kDigestMismatch, record->version,
           std::string(matches.message()) + ": bytes and dist are imported as they are");
      return false;
    }
    // What is signed is the text that stands there.
    if (!raw_integrity.empty() && integrity != registry::FormatIntegrity(attachment.sha512)) {
      record->tarball.state = TarballState::kOfOrigin;
    }
    return true;
  }

  void CheckTwins() {
    std::map<std::string, std::string> by_number;
    for (const VersionRecord& record : plan_.package->versions) {
      const auto version = Version::ParseLoose(record.version);
      if (!version.ok()) continue;
      const auto [twin, is_new] = by_number.emplace(version->Canonical(), record.version);
      if (is_new) continue;
      Find(FindingKind::kSemverDuplicate, record.version,
           "means the same version as " + twin->second + "; both are kept by their exact text");
    }
  }

  // --- the package ---

  const VersionRecord* FindVersion(std::string_view text) const {
    for (const VersionRecord& record : plan_.package->versions) {
      if (record.version == text) return &record;
    }
    return nullptr;
  }

  void ReadTags(std::string_view raw) {
    if (IsObject(raw)) {
      auto members = registry::SplitJsonObjectWithRepeats(raw);
      if (members.ok()) {
        DropRepeats(&*members);
        for (const JsonMember& member : *members) ReadTag(member);
      }
    }
    package().imported.emplace();
    package().imported->origin_rev = document_.rev;
    const std::string* latest = package().FindTag("latest");
    if (latest == nullptr) {
      if (!plan_.package->versions.empty()) {
        Find(FindingKind::kNoLatest, "", "has versions and no latest: the highest is answered instead");
      }
      return;
    }
    package().imported->latest = *latest;
    const VersionRecord* record = FindVersion(*latest);
    if (record == nullptr) return;
    auto summary = registry::Summarise(*record);
    if (summary.ok()) package().latest = std::move(*summary);
  }

  void ReadTag(const JsonMember& member) {
    if (!IsString(member.raw_value) || package().dist_tags.size() == limits::kDistTagsPerPackageMax) {
      Find(FindingKind::kBadTag, member.key, "names no version: dropped");
      return;
    }
    const std::string version = TextOfJson(member.raw_value);
    if (FindVersion(version) == nullptr) {
      Find(FindingKind::kTagToMissingVersion, member.key, "names " + version + ", which is not there; it stays");
    }
    package().SetTag(member.key, version);
  }

  void SetTimes(std::optional<uint64_t> mtime_ms) {
    uint64_t first_ms = UINT64_MAX, last_ms = 0;
    for (const VersionRecord& record : plan_.package->versions) {
      first_ms = std::min(first_ms, record.time_ms);
      last_ms = std::max(last_ms, record.time_ms);
    }
    if (first_ms == UINT64_MAX) first_ms = fallback_ms_;
    const auto created = times_.find("created");
    const auto modified = times_.find("modified");
    package().created_ms = created != times_.end() ? created->second : fallback_ms_ != 0 ? fallback_ms_ : first_ms;
    package().modified_ms = modified != times_.end() ? modified->second : mtime_ms.value_or(last_ms);
    if (package().modified_ms == 0) package().modified_ms = package().created_ms;
    if (!has_time_) {
      Find(FindingKind::kNoTime, "", "has no time: made up from ctime and mtime as far as they are there");
    }
  }

  void CheckMaintainers(std::string_view raw) {
    const auto elements =
        raw.empty() ? Result<std::vector<std::string_view>>(NotFound("none")) : registry::SplitJsonArray(raw);
    if (!elements.ok()) {
      Find(FindingKind::kMaintainersOdd, "", "has no list of maintainers: only an administrator can publish it");
      return;
    }
    if (elements->size() == package().maintainers.size()) return;
    Find(FindingKind::kMaintainersOdd, "",
         std::to_string(elements->size() - package().maintainers.size()) +
             " entries of its maintainers name nobody, or somebody twice; they are shown and give no rights");
  }

  void SetUnpublished() {
    if (unpublished_.empty() || !plan_.package->versions.empty()) return;
    auto unpublished = registry::UnpublishedOfOrigin(unpublished_);
    if (!unpublished) {
      Find(FindingKind::kBadTime, "unpublished", "says no time: that of the last change is taken");
      unpublished.emplace();
      unpublished->time_ms = package().modified_ms;
    }
    package().unpublished = std::move(unpublished);
  }

  // Every version that has a time and is not there was unpublished: its number stays taken.
  void SetTombstones() {
    std::set<std::string> gone;
    const auto add = [&](const std::string& version, uint64_t published_ms) {
      if (version.empty() || version.size() > limits::kImportVersionBytesMax || FindVersion(version) != nullptr ||
          !gone.insert(version).second) {
        return;
      }
      const auto& unpublished = package().unpublished;
      plan_.package->tombstones.push_back({version, 0, published_ms,
                                           unpublished ? unpublished->time_ms : package().modified_ms,
                                           unpublished ? unpublished->actor : std::string()});
    };
    for (const auto& [key, time_ms] : times_) {
      if (key != "created" && key != "modified") add(key, time_ms);
    }
    if (package().unpublished) {
      for (const std::string& version : package().unpublished->versions) add(version, package().created_ms);
    }
    std::stable_sort(plan_.package->tombstones.begin(), plan_.package->tombstones.end(),
                     [](const auto& a, const auto& b) { return a.published_ms < b.published_ms; });
  }

  void SetOrigin(const std::vector<JsonMember>& members) {
    registry::OriginMembers origin;
    origin.document = "{";
    const std::string& latest_text = package().imported->latest;
    VersionRecord* latest = nullptr;
    for (VersionRecord& record : plan_.package->versions) {
      if (!latest_text.empty() && record.version == latest_text) latest = &record;
    }
    for (const JsonMember& member : members) {
      if (member.key.starts_with('_') || member.key == "name" || member.key == "versions" ||
          member.key == "dist-tags" || member.key == "time") {
        continue;
      }
      if (member.key == "readme" && TakeReadme(member.raw_value, latest)) continue;
      if (origin.document.size() > 1) origin.document += ',';
      origin.document.append(member.raw_key).append(":").append(member.raw_value);
    }
    origin.document += '}';
    if (package().unpublished) origin.unpublished = unpublished_;
    registry::SetOrigin(origin, &*package().imported);
  }

  // The readme goes with the version it is of, where it does not weigh on each look at the package; unless that would
  // change a byte of it.
  static bool TakeReadme(std::string_view raw, VersionRecord* latest) {
    if (latest == nullptr || !IsString(raw) || raw.size() <= 2 || raw.find("\\u") != std::string_view::npos)
      return false;
    auto text = registry::DecodeJsonString(raw);
    if (!text.ok() || text->size() > limits::kReadmeBytesMax) return false;
    latest->readme = std::move(*text);
    return true;
  }

  // --- files that are found by their own names ---

  void KeepFiles() {
    std::map<std::string, Digest> files;
    for (const VersionRecord& record : plan_.package->versions) {
      if (record.tarball.state == TarballState::kMissing || IsUsualFile(record)) continue;
      files.emplace(record.tarball.file_name, record.tarball.sha512);
    }
    for (size_t i = 0; i < document_.attachments.size(); ++i) {
      if (!used_.contains(i)) KeepOrphan(document_.attachments[i], &files);
    }
    for (auto& [file_name, sha512] : files) package().imported->files.push_back({file_name, sha512});
  }

  bool IsUsualFile(const VersionRecord& record) const {
    const auto version = Version::Parse(record.version);
    return version.ok() && version->Canonical() == record.version &&
           record.tarball.file_name == registry::TarballFileName(name(), *version);
  }

  void KeepOrphan(const StoredAttachment& attachment, std::map<std::string, Digest>* files) {
    if (attachment.state != StoredAttachment::State::kWhole) {
      Find(attachment.state == StoredAttachment::State::kStub ? FindingKind::kMissingAttachment
                                                              : FindingKind::kDamagedAttachment,
           attachment.name, "an attachment of no version, whose bytes the source does not have");
    } else if (options_.orphans == PlanOptions::Orphans::kDrop) {
      Find(FindingKind::kOrphanAttachment, attachment.name, "is the tarball of no version: dropped");
    } else {
      files->emplace(attachment.name, attachment.sha512);
      Find(FindingKind::kOrphanAttachment, attachment.name,
           "is the tarball of no version: kept, and fetched by this name");
    }
  }

  const SourceDocument& document_;
  const PlanOptions& options_;
  Plan plan_;
  std::string document_name_;
  bool has_time_ = false;
  std::map<std::string, uint64_t> times_;
  std::string unpublished_;  // Raw.
  uint64_t fallback_ms_ = 0;
  std::set<size_t> used_;  // Attachments.
};

}  // namespace

std::string_view StateName(VersionReport::State state) {
  switch (state) {
    case VersionReport::State::kOk: return "ok";
    case VersionReport::State::kMissingAttachment: return "missing-attachment";
    case VersionReport::State::kDigestMismatch: return "digest-mismatch";
    case VersionReport::State::kNotImported: return "not-imported";
  }
  return "ok";
}

Plan PlanDocument(const SourceDocument& document, const PlanOptions& options) {
  return Planner(document, options).Run();
}

}  // namespace tarn::migrate
