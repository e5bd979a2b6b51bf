#include "migrate/import/importer.h"

#include <algorithm>
#include <utility>

#include "migrate/import/revision.h"
#include "migrate/import/served_registry.h"
#include "migrate/import/tarball_source.h"
#include "migrate/import/user_import.h"
#include "storage/base/bytes.h"
#include "storage/registry/integrity.h"
#include "storage/registry/json_text.h"

namespace tarn::migrate {
namespace {

using registry::LegacyImport;
using registry::PackageName;
using Standing = registry::LegacyImport::Standing;

void AddFinding(FindingKind kind, const std::string& id, std::string where, std::string what, PackageReport* report) {
  report->findings.push_back({kind, id, std::move(where), std::move(what), tarn::migrate::Finding::Severity::kWarning});
}

constexpr std::string_view kMd5Digest = "md5-";

// CouchDB compresses what is text, and then digests what it stored; a dump has the plain bytes beside that digest.
bool IsMaybeCompressed(const AttachmentHead& head) {
  if (head.encoding == AttachmentHead::Encoding::kGzip) return false;
  const std::string_view type = head.content_type;
  return type.starts_with("text/") || type.starts_with("application/javascript") ||
         type.starts_with("application/json") || type.starts_with("application/xml");
}

// The versions that a document's body lists.
std::vector<std::string> VersionsOf(std::string_view body) {
  std::vector<std::string> versions;
  const auto members = registry::SplitJsonObjectWithRepeats(body);
  if (!members.ok()) return versions;
  for (const registry::JsonMember& member : *members) {
    if (member.key != "versions") continue;
    const auto listed = registry::SplitJsonObjectWithRepeats(member.raw_value);
    if (!listed.ok()) continue;
    for (const registry::JsonMember& version : *listed) versions.push_back(version.key);
  }
  return versions;
}

void AddOnlyInLosers(const std::string& id, std::string_view loser, const std::vector<std::string>& of_loser,
                     const std::vector<std::string>& of_winner, PackageReport* report) {
  for (const std::string& version : of_loser) {
    if (std::find(of_winner.begin(), of_winner.end(), version) != of_winner.end()) continue;
    AddFinding(FindingKind::kOnlyInLosers, id, version,
               "only the losing revision " + std::string(loser) + " has it: not imported", report);
  }
}

}  // namespace

std::string_view StateName(PackageReport::State state) {
  switch (state) {
    case PackageReport::State::kImported: return "imported";
    case PackageReport::State::kUpdated: return "updated";
    case PackageReport::State::kUnchanged: return "unchanged";
    case PackageReport::State::kRemoved: return "removed";
    case PackageReport::State::kDeleted: return "deleted";
    case PackageReport::State::kLoser: return "losing-revision";
    case PackageReport::State::kKept: return "kept";
    case PackageReport::State::kSkipped: return "skipped";
    case PackageReport::State::kRefused: return "refused";
    case PackageReport::State::kSame: return "same";
    case PackageReport::State::kDiffers: return "differs";
  }
  return "imported";
}

Importer::Importer(LegacyImport* target, const ImportOptions& options, ImportListener* listener)
    : target_(target),
      options_(options),
      is_dry_run_(target == nullptr || options.is_dry_run || options.compares),
      listener_(listener) {}

Importer::~Importer() = default;

bool Importer::IsLeftOut(std::string_view id) const {
  return !options_.only.empty() && !options_.only.contains(std::string(id));
}

Status Importer::Finish() {
  if (is_dry_run_) return OkStatus();
  RETURN_IF_ERROR(target_->Wait());
  return counts_.imported + counts_.updated > 0 ? target_->RequestSignatures() : OkStatus();
}

Result<Standing> Importer::Find(const std::string& id, LegacyImport::WithVersions with_versions) {
  const auto name = PackageName::Parse(id);
  if (target_ == nullptr || !name.ok()) return Standing();
  return target_->Find(*name, with_versions);
}

bool Importer::WantsDocument(std::string_view id, std::string_view rev) {
  if (UserImport::IsUser(id)) return true;
  if (IsLeftOut(id)) return false;
  if (options_.compares) return true;
  const auto standing = Find(std::string(id), LegacyImport::WithVersions::kNo);
  if (!standing.ok() || standing->kind != Standing::Kind::kImported || rev.empty() || standing->origin_rev != rev ||
      standing->missing_tarballs > 0) {
    return true;  // An error comes back from whatever is asked next.
  }
  ++counts_.documents;
  PackageReport report{std::string(id), std::string(rev), PackageReport::State::kUnchanged, {}, {}};
  counts_.warnings += standing->finding_count;
  return !Report(std::move(report)).ok();
}

Status Importer::BeginDocument(std::string_view) {
  attachments_.clear();
  conflicting_.clear();
  if (target_ != nullptr) target_->DropKept();  // Of one that was not put.
  return CheckInterrupt();
}

Status Importer::CheckInterrupt() const {
  const bool is_interrupted = interrupt_ != nullptr && interrupt_->load(std::memory_order_relaxed);
  return is_interrupted ? Cancelled("interrupted; run the same command again to go on") : OkStatus();
}

Status Importer::BeginAttachment(const AttachmentHead& head) {
  attachment_name_ = head.name;
  attachment_bytes_ = 0;
  is_damaged_ = false;
  decompress_.reset();
  finished_.reset();
  staged_.reset();
  if (head.encoding == AttachmentHead::Encoding::kGzip) {
    decompress_ = DecompressStream::Create(Compression::kGzip, limits::kImportInflationMax);
  }
  md5_.reset();
  if (!head.is_checked && head.sha1.empty() && head.digest.starts_with(kMd5Digest))
    md5_ = std::make_unique<Md5Stream>();
  if (is_dry_run_) {
    hasher_ = std::make_unique<BlobHasher>();
    return OkStatus();
  }
  ASSIGN_OR_RETURN(writer_, target_->NewWriter());
  return OkStatus();
}

Status Importer::Write(std::string_view plain) {
  attachment_bytes_ += plain.size();
  if (!is_dry_run_) return writer_->Append(plain);
  hasher_->Update(plain);
  return OkStatus();
}

Status Importer::AppendAttachment(std::string_view bytes) {
  RETURN_IF_ERROR(CheckInterrupt());
  if (is_damaged_) return OkStatus();
  if (md5_ != nullptr) md5_->Update(bytes);
  if (decompress_ == nullptr) return Write(bytes);
  const Status status = decompress_->Append(bytes, [this](std::string_view plain) { return Write(plain); });
  if (status.code() != Code::kInvalidArgument && status.code() != Code::kTooLarge) return status;
  is_damaged_ = true;
  return Finding({attachment_name_, std::string(status.message()), SourceFinding::Severity::kError});
}

Status Importer::EndAttachment(const AttachmentHead& head) {
  if (decompress_ != nullptr && !is_damaged_) is_damaged_ = !decompress_->Finish().ok();
  // What CouchDB compressed is compared with its plain length here.
  if (head.encoding == AttachmentHead::Encoding::kGzip && head.length && *head.length != attachment_bytes_) {
    is_damaged_ = true;
  }
  if (is_damaged_) return AbandonAttachment();
  RETURN_IF_ERROR(FinishBytes());
  StoredAttachment attachment = std::move(*finished_);
  finished_.reset();
  attachment.name = head.name;
  if (md5_ != nullptr && !IsMaybeCompressed(head)) {
    attachment.differs_from_md5 = std::string(kMd5Digest) + Base64Encode(md5_->Finish()) != head.digest;
  }
  if (staged_ != nullptr) RETURN_IF_ERROR(target_->Keep(std::move(staged_)));
  attachments_.push_back(std::move(attachment));
  return OkStatus();
}

Status Importer::FinishBytes() {
  if (finished_) return OkStatus();
  StoredAttachment attachment;
  attachment.size_bytes = attachment_bytes_;
  if (is_dry_run_) {
    const BlobHasher::Digests digests = hasher_->Finish();
    attachment.sha512 = digests.sha512;
    attachment.sha1 = digests.sha1;
  } else {
    ASSIGN_OR_RETURN(staged_, writer_->Finish());
    writer_.reset();
    attachment.sha512 = staged_->info().sha512;
    attachment.sha1 = staged_->info().sha1;
  }
  finished_ = std::move(attachment);
  return OkStatus();
}

Result<bool> Importer::HasSha1(const AttachmentHead& head) {
  if (is_damaged_ || decompress_ != nullptr || head.sha1.empty()) return false;
  RETURN_IF_ERROR(FinishBytes());
  return registry::CheckShasum(head.sha1, finished_->sha1).ok();
}

Status Importer::AbandonAttachment() {
  finished_.reset();
  staged_.reset();
  writer_.reset();
  hasher_.reset();
  attachments_.push_back({attachment_name_, StoredAttachment::State::kDamaged, {}, {}, 0});
  return OkStatus();
}

Status Importer::ConflictingBody(std::string_view rev, std::string_view body) {
  conflicting_.emplace_back(rev, body);
  return OkStatus();
}

Status Importer::AbandonDocument() {
  ++counts_.documents;
  attachments_.clear();
  conflicting_.clear();
  return OkStatus();
}

Status Importer::Finding(tarn::migrate::SourceFinding finding) {
  const bool is_error = finding.severity == SourceFinding::Severity::kError;
  const bool is_note = finding.severity == SourceFinding::Severity::kNote;
  if (is_error) ++counts_.source_errors;
  ++(is_note ? counts_.notes : counts_.warnings);
  ++counts_.findings[std::string(FindingName(FindingKind::kSource))];
  listener_->SourceFinding(
      {FindingKind::kSource,
       std::move(finding.where),
       {},
       std::move(finding.what),
       is_note ? tarn::migrate::Finding::Severity::kNote : tarn::migrate::Finding::Severity::kWarning});
  return OkStatus();
}

void Importer::Progress(uint64_t bytes_done, std::optional<uint64_t> bytes_total) {
  listener_->Progress(bytes_done, bytes_total);
}

Status Importer::EndDocument(DocumentEnd document) {
  ++counts_.documents;
  if (UserImport::IsUser(document.id)) {
    if (users_ != nullptr) return users_->Take(document);
    ++counts_.skipped;
    return OkStatus();
  }
  if (IsLeftOut(document.id)) return OkStatus();
  for (const std::string& stub : document.stubs) {
    attachments_.push_back({stub, StoredAttachment::State::kStub, {}, {}, 0});
  }
  if (document.is_deleted) return EndDeleted(document);
  return EndPackage(std::move(document));
}

Status Importer::EndDeleted(const DocumentEnd& document) {
  PackageReport report{document.id, document.rev, PackageReport::State::kDeleted, {}, {}};
  ASSIGN_OR_RETURN(const Standing standing, Find(document.id, LegacyImport::WithVersions::kNo));
  if (standing.kind == Standing::Kind::kFree || standing.origin_rev == document.rev) return Report(std::move(report));
  if (document.scope == LeafScope::kLeaf) {
    report.state = PackageReport::State::kLoser;  // A live leaf is in, and wins over any deleted one.
    return Report(std::move(report));
  }
  if (standing.kind == Standing::Kind::kOurs) {
    report.state = PackageReport::State::kKept;
    AddFinding(FindingKind::kChangedHere, document.id, "", "deleted at its origin, but changed here since: kept",
               &report);
    return Report(std::move(report));
  }
  const auto name = PackageName::Parse(document.id);
  if (!name.ok()) return Report(std::move(report));
  if (!is_dry_run_) RETURN_IF_ERROR(target_->Remove(*name, document.rev));
  report.state = PackageReport::State::kRemoved;
  return Report(std::move(report));
}

void Importer::AddConflicts(const DocumentEnd& document, PackageReport* report) const {
  std::string losers;
  for (const auto* list : {&document.conflicts, &document.other_leaves}) {
    for (const std::string& rev : *list) losers += (losers.empty() ? "" : ", ") + rev;
  }
  if (losers.empty()) return;
  AddFinding(
      FindingKind::kConflict, document.id, "",
      document.conflicts.empty() ? "other leaves, live or deleted: " + losers : "losing live revisions: " + losers,
      report);
}

Status Importer::EndPackage(DocumentEnd document) {
  if (document.scope != LeafScope::kLeaf) last_counted_.id.clear();
  ASSIGN_OR_RETURN(const Standing standing, Find(document.id, LegacyImport::WithVersions::kYes));
  PackageReport report{document.id, document.rev, PackageReport::State::kImported, {}, {}};
  const bool is_same = !options_.compares && standing.kind == Standing::Kind::kImported &&
                       standing.origin_rev == document.rev && !document.rev.empty();
  if (is_same && standing.missing_tarballs == 0) return ReportUnchanged(std::move(report), standing);
  const bool is_leaf = document.scope == LeafScope::kLeaf;
  if (is_leaf && !is_same && standing.kind == Standing::Kind::kImported &&
      !WinsOver(document.rev, standing.origin_rev)) {
    report.state = PackageReport::State::kLoser;
    AddFinding(FindingKind::kConflict, document.id, "",
               "revision " + document.rev + " loses against " + standing.origin_rev, &report);
    AddOnlyInLosers(document.id, document.rev, VersionsOf(document.body), standing.versions, &report);
    return Report(std::move(report));
  }

  SourceDocument source{document.id, document.rev, std::move(document.body), std::move(attachments_)};
  attachments_.clear();
  ASSIGN_OR_RETURN(Plan plan, MakePlan(std::move(source), standing));
  // It came without some of its tarballs before; only if there are more now, it is news.
  if (is_same && plan.missing.size() >= standing.missing_tarballs) return ReportUnchanged(std::move(report), standing);
  report.findings = std::move(plan.findings);
  report.versions = std::move(plan.versions);
  AddConflicts(document, &report);
  if (plan.kind != Plan::Kind::kPackage) {
    if (plan.kind == Plan::Kind::kDesign) ++counts_.design_documents;
    report.state = plan.kind == Plan::Kind::kRefused ? PackageReport::State::kRefused : PackageReport::State::kSkipped;
    return Report(std::move(report));
  }
  if (options_.compares) return Compare(std::move(plan), std::move(report));
  std::vector<std::string> versions;
  for (const auto& record : plan.package->versions) versions.push_back(record.version);
  for (const auto& [rev, body] : conflicting_) AddOnlyInLosers(document.id, rev, VersionsOf(body), versions, &report);
  if (standing.kind == Standing::Kind::kOurs) {
    report.state = PackageReport::State::kKept;
    AddFinding(FindingKind::kChangedHere, document.id, "", "published or changed here: left as it is", &report);
    return Report(std::move(report));
  }
  if (standing.kind == Standing::Kind::kImported) {
    report.state = PackageReport::State::kUpdated;
    if (is_leaf && !is_same) {
      AddFinding(FindingKind::kConflict, document.id, "",
                 "revision " + standing.origin_rev + " loses against " + document.rev, &report);
      AddOnlyInLosers(document.id, standing.origin_rev, standing.versions, versions, &report);
    }
  }
  if (!is_dry_run_) {
    RETURN_IF_ERROR(target_->Put(std::move(*plan.package),
                                 is_leaf ? LegacyImport::Vanished::kForget : LegacyImport::Vanished::kTombstone));
  }
  return Report(std::move(report));
}

// Leaves of one document follow each other; they are one package, and its versions those of the last that won.
void Importer::CountIn(const PackageReport& report) {
  if (last_counted_.id == report.id) {  // It was counted as imported or updated before.
    --counts_.updated;
    counts_.versions -= last_counted_.versions;
    counts_.tarballs -= last_counted_.tarballs;
    counts_.tarball_bytes -= last_counted_.tarball_bytes;
    counts_.missing_tarballs -= last_counted_.missing_tarballs;
  }
  Counted counted;
  counted.id = report.id;
  for (const VersionReport& version : report.versions) {
    if (version.state == VersionReport::State::kNotImported) continue;
    ++counted.versions;
    if (version.state == VersionReport::State::kMissingAttachment) {
      ++counted.missing_tarballs;
      continue;
    }
    ++counted.tarballs;
    counted.tarball_bytes += version.size_bytes;
  }
  counts_.versions += counted.versions;
  counts_.tarballs += counted.tarballs;
  counts_.tarball_bytes += counted.tarball_bytes;
  counts_.missing_tarballs += counted.missing_tarballs;
  last_counted_ = std::move(counted);
}

Status Importer::ReportUnchanged(PackageReport report, const Standing& standing) {
  report.state = PackageReport::State::kUnchanged;
  counts_.warnings += standing.finding_count;
  return Report(std::move(report));
}

// With the tarballs that the document does not bring, as far as they are here already or can be had.
Result<Plan> Importer::MakePlan(SourceDocument source, const Standing& standing) {
  Plan plan = PlanDocument(source, options_.plan);
  bool has_more = false;
  for (const MissingTarball& missing : plan.missing) {
    std::optional<StoredAttachment> found;
    if (standing.kind == Standing::Kind::kImported && !options_.compares) {
      ASSIGN_OR_RETURN(found, FindHere(source.id, missing));
    }
    if (!found && tarballs_ != nullptr) {
      ASSIGN_OR_RETURN(found, ReadTarball(source.id, missing));
    }
    if (!found) continue;
    has_more = true;
    found->of_version = missing.version;
    std::erase_if(source.attachments, [&](const StoredAttachment& attachment) {
      return attachment.name == missing.attachment && attachment.state != StoredAttachment::State::kWhole;
    });
    source.attachments.push_back(std::move(*found));
  }
  return has_more ? PlanDocument(source, options_.plan) : std::move(plan);
}

// Only what the document has a digest of can be told to be the same.
Result<std::optional<StoredAttachment>> Importer::FindHere(const std::string& id, const MissingTarball& missing) {
  const auto name = PackageName::Parse(id);
  if (!name.ok() || (missing.shasum.empty() && missing.integrity.empty())) return std::optional<StoredAttachment>();
  ASSIGN_OR_RETURN(const auto stored, target_->FindTarball(*name, missing.version));
  if (!stored) return std::optional<StoredAttachment>();
  if (!missing.shasum.empty() && !registry::CheckShasum(missing.shasum, stored->sha1).ok()) {
    return std::optional<StoredAttachment>();
  }
  if (!missing.integrity.empty()) {
    const auto integrity = registry::Integrity::Parse(missing.integrity);
    if (!integrity.ok() || !integrity->Check({stored->sha512, stored->sha1}).ok()) {
      return std::optional<StoredAttachment>();
    }
  }
  StoredAttachment attachment;
  attachment.name = missing.attachment.empty() ? missing.file : missing.attachment;
  attachment.sha512 = stored->sha512;
  attachment.sha1 = stored->sha1;
  attachment.size_bytes = stored->size_bytes;
  return std::optional<StoredAttachment>(std::move(attachment));
}

Result<std::optional<StoredAttachment>> Importer::ReadTarball(const std::string& id, const MissingTarball& missing) {
  AttachmentHead head;
  head.name = missing.attachment.empty() ? missing.file : missing.attachment;
  if (head.name.empty()) head.name = missing.version + ".tgz";
  for (size_t tries = 1;; ++tries) {
    RETURN_IF_ERROR(BeginAttachment(head));
    Status taken;
    const Status read = tarballs_->Read(id, missing, [&](std::string_view bytes) {
      taken = AppendAttachment(bytes);
      return taken;
    });
    RETURN_IF_ERROR(taken);
    if (read.ok()) {
      RETURN_IF_ERROR(EndAttachment(head));
      std::optional<StoredAttachment> attachment(std::move(attachments_.back()));
      attachments_.pop_back();
      return attachment;
    }
    writer_.reset();
    hasher_.reset();
    if (read.code() == Code::kNotFound) return std::optional<StoredAttachment>();
    if (read.code() == Code::kPermissionDenied || read.code() == Code::kInvalidArgument) {
      RETURN_IF_ERROR(Finding(
          {id, "tarball of " + missing.version + ": " + std::string(read.message()), SourceFinding::Severity::kError}));
      return std::optional<StoredAttachment>();
    }
    // Broken off in the middle; whoever does not answer at all ends the run, and the next one goes on.
    if (read.code() != Code::kUnavailable || tries >= limits::kImportDocumentTriesMax) return read;
  }
}

// What is odd at the source is no news by now: only differences are told.
Status Importer::Compare(Plan plan, PackageReport report) {
  report.findings.clear();
  report.state = PackageReport::State::kDiffers;
  std::vector<std::string> differences = {"there is no registry here yet"};
  if (served_ != nullptr) {
    ASSIGN_OR_RETURN(differences, served_->Compare(*plan.package));
  } else if (target_ != nullptr) {
    ASSIGN_OR_RETURN(differences, target_->Compare(std::move(*plan.package)));
  }
  if (differences.empty()) report.state = PackageReport::State::kSame;
  for (std::string& difference : differences) {
    AddFinding(FindingKind::kDiffers, report.id, "", std::move(difference), &report);
  }
  return Report(std::move(report));
}

Status Importer::Report(PackageReport report) {
  switch (report.state) {
    case PackageReport::State::kImported: ++counts_.imported; break;
    case PackageReport::State::kUpdated: ++counts_.updated; break;
    case PackageReport::State::kUnchanged: ++counts_.unchanged; break;
    case PackageReport::State::kRemoved: ++counts_.removed; break;
    case PackageReport::State::kDeleted: ++counts_.deleted; break;
    case PackageReport::State::kLoser: ++counts_.losers; break;
    case PackageReport::State::kKept: ++counts_.kept; break;
    case PackageReport::State::kSkipped: ++counts_.skipped; break;
    case PackageReport::State::kRefused: ++counts_.refused; break;
    case PackageReport::State::kSame: ++counts_.same; break;
    case PackageReport::State::kDiffers: ++counts_.differing; break;
  }
  const bool is_in = report.state == PackageReport::State::kImported || report.state == PackageReport::State::kUpdated;
  if (is_in) CountIn(report);
  counts_.packages = counts_.imported + counts_.updated + counts_.unchanged;
  for (const auto& finding : report.findings) {
    ++(finding.severity == tarn::migrate::Finding::Severity::kNote ? counts_.notes : counts_.warnings);
    ++counts_.findings[std::string(FindingName(finding.kind))];
  }
  listener_->Package(report);
  return OkStatus();
}

}  // namespace tarn::migrate
