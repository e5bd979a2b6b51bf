#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "migrate/couch/document_visitor.h"
#include "migrate/import/plan.h"
#include "storage/base/decompress_stream.h"
#include "storage/base/digest.h"
#include "storage/base/md5_stream.h"
#include "storage/registry/legacy_import.h"

namespace tarn::migrate {

class ServedRegistry;
class TarballSource;
class UserImport;

// What became of one document.
struct PackageReport {
  enum class State : uint8_t {
    kImported,
    kUpdated,    // It was imported before, from another revision.
    kUnchanged,  // It is in already.
    kRemoved,    // Deleted at its origin after it was imported.
    kDeleted,    // Deleted there, and never was here.
    kLoser,      // A leaf that is not the document.
    kKept,       // Published or changed here: left alone.
    kSkipped,    // No package.
    kRefused,    // It could not be imported.
    kSame,       // Of a comparison: it is here as it is there.
    kDiffers,    // It is not; the findings say how.
  };
  std::string id;
  std::string rev;
  State state = State::kImported;
  std::vector<VersionReport> versions;
  std::vector<Finding> findings;
};
std::string_view StateName(PackageReport::State state);

// Told as the import goes; cheap, in the importer's thread.
class ImportListener {
 public:
  virtual ~ImportListener() = default;
  virtual void Package(const PackageReport& report) = 0;
  virtual void SourceFinding(const Finding& finding) = 0;
  virtual void Progress(uint64_t bytes_done, std::optional<uint64_t> bytes_total) = 0;
};

struct ImportOptions {
  PlanOptions plan;
  std::set<std::string> only;  // Document ids; empty: all.
  bool is_dry_run = false;     // Look, and write nothing.
  bool compares = false;       // The same, and compare with what is in.
};

struct ImportCounts {
  uint64_t documents = 0;
  uint64_t packages = 0;  // Now in from this source: imported, updated, unchanged.
  uint64_t imported = 0, updated = 0, unchanged = 0, removed = 0, deleted = 0, losers = 0, kept = 0, skipped = 0;
  uint64_t refused = 0, design_documents = 0, same = 0, differing = 0;
  uint64_t versions = 0, tarballs = 0, tarball_bytes = 0, missing_tarballs = 0;
  uint64_t warnings = 0, notes = 0;
  uint64_t source_errors = 0;
  std::map<std::string, uint64_t, std::less<>> findings;  // By name.
};

// Takes what a source hands over, and puts it into a store: stages tarballs while they stream, plans each document when it
// is complete, and commits it. Told the same again, it changes nothing.
// A dry run does all but write; without a store yet (`target` nullptr) it is one.
// Memory: one document, and the tarballs LegacyImport keeps. Threads: one at a time.
class Importer final : public DocumentVisitor {
 public:
  Importer(registry::LegacyImport* target, const ImportOptions& options, ImportListener* listener);
  ~Importer() override;

  // Once it is true, the next call ends the run with kCancelled. Outlives the importer.
  void SetInterrupt(const std::atomic<bool>* interrupt) { interrupt_ = interrupt; }
  // Whatever was handed over is durable when it returns OK.
  Status Finish();
  const ImportCounts& counts() const { return counts_; }
  // Where tarballs come from that the documents do not bring; nullptr, as at first: from nowhere.
  void SetTarballs(TarballSource* tarballs) { tarballs_ = tarballs; }
  // Comparisons are with this, rather than with what the store has; nullptr, as at first: with the store.
  void SetServed(ServedRegistry* served) { served_ = served; }
  // Documents of accounts go there; nullptr, as at first: they are no packages.
  void SetUsers(UserImport* users) { users_ = users; }

  Status BeginDocument(std::string_view id) override;
  Status BeginAttachment(const AttachmentHead& head) override;
  Status AppendAttachment(std::string_view bytes) override;
  Result<bool> HasSha1(const AttachmentHead& head) override;
  Status EndAttachment(const AttachmentHead& head) override;
  Status AbandonAttachment() override;
  Status ConflictingBody(std::string_view rev, std::string_view body) override;
  Status EndDocument(DocumentEnd document) override;
  Status AbandonDocument() override;
  Status Finding(tarn::migrate::SourceFinding finding) override;
  void Progress(uint64_t bytes_done, std::optional<uint64_t> bytes_total) override;
  bool WantsDocument(std::string_view id, std::string_view rev) override;

 private:
  Status CheckInterrupt() const;
  Status Write(std::string_view plain);
  Status FinishBytes();
  Status EndDeleted(const DocumentEnd& document);
  Status EndPackage(DocumentEnd document);
  Result<Plan> MakePlan(SourceDocument source, const registry::LegacyImport::Standing& standing);
  Result<std::optional<StoredAttachment>> FindHere(const std::string& id, const MissingTarball& missing);
  Result<std::optional<StoredAttachment>> ReadTarball(const std::string& id, const MissingTarball& missing);
  Status Compare(Plan plan, PackageReport report);
  void CountIn(const PackageReport& report);
  Status ReportUnchanged(PackageReport report, const registry::LegacyImport::Standing& standing);
  Status Report(PackageReport report);
  void AddConflicts(const DocumentEnd& document, PackageReport* report) const;
  Result<registry::LegacyImport::Standing> Find(const std::string& id,
                                                registry::LegacyImport::WithVersions with_versions);
  bool IsLeftOut(std::string_view id) const;

  registry::LegacyImport* const target_;
  const ImportOptions options_;
  const bool is_dry_run_;
  ImportListener* const listener_;
  UserImport* users_ = nullptr;
  TarballSource* tarballs_ = nullptr;
  ServedRegistry* served_ = nullptr;
  const std::atomic<bool>* interrupt_ = nullptr;
  ImportCounts counts_;
  // What the last document that is in added to the sums: taken back when a leaf that wins over it comes next.
  struct Counted {
    std::string id;
    uint64_t versions = 0, tarballs = 0, tarball_bytes = 0, missing_tarballs = 0;
  } last_counted_;

  std::vector<StoredAttachment> attachments_;
  std::vector<std::pair<std::string, std::string>> conflicting_;  // Revision and body.
  std::unique_ptr<engine::BlobWriter> writer_;
  std::unique_ptr<BlobHasher> hasher_;  // Of a dry run.
  std::unique_ptr<DecompressStream> decompress_;
  std::unique_ptr<Md5Stream> md5_;  // Where nothing better tells of the bytes.
  std::string attachment_name_;
  uint64_t attachment_bytes_ = 0;
  std::optional<StoredAttachment> finished_;  // Its digests, when all bytes have come.
  std::unique_ptr<engine::StagedBlob> staged_;
  bool is_damaged_ = false;
};

}  // namespace tarn::migrate
