#include "storage/registry/collection.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/engine/keys.h"
#include "storage/registry/package_state.h"
#include "storage/registry/staged_record.h"

namespace tarn::registry {
namespace {

using engine::Family;

// Digests by their first half, which is as good as the whole for telling them apart; two that it cannot tell apart would both
// be kept. Sorted once, for there may be millions.
class DigestSet {
 public:
  void Add(const Digest& digest) { Add(digest.view()); }
  void Add(std::string_view digest) {
    Half half;
    std::memcpy(half.data(), digest.data(), half.size());
    halves_.push_back(half);
  }
  void Sort() {
    std::sort(halves_.begin(), halves_.end());
    halves_.erase(std::unique(halves_.begin(), halves_.end()), halves_.end());
  }
  bool Contains(std::string_view digest) const {
    Half half;
    std::memcpy(half.data(), digest.data(), half.size());
    return std::binary_search(halves_.begin(), halves_.end(), half);
  }

 private:
  using Half = std::array<char, 16>;
  std::vector<Half> halves_;
};

void AddReferences(const VersionRecord& version, DigestSet* out) {
  if (version.tarball.state != TarballState::kMissing) out->Add(version.tarball.sha512);
  if (version.bundle) out->Add(version.bundle->sha512);
}

// Each record of a family whose keys begin with `prefix`. One that cannot be read ends it: nobody knows what it refers to.
template <typename Record>
Status ForEach(const engine::ReadView& view, Family family, std::string_view prefix,
               const std::function<bool()>& is_stopping, const std::function<void(const Record&)>& visit) {
  Status failed;
  RETURN_IF_ERROR(view.ScanPrefix(family, prefix, [&](std::string_view key, std::string_view value) {
    if (is_stopping()) {
      failed = Cancelled("stopping");
      return false;
    }
    const auto record = Decode<Record>(value);
    if (!record.ok()) {
      failed = record.status().WithContext(std::string(engine::FamilyName(family)) + " " + HexEncode(key) +
                                           ": nothing is collected while it cannot be read");
      return false;
    }
    visit(*record);
    return true;
  }));
  return failed;
}

Result<DigestSet> FindReferences(const engine::ReadView& view, const std::function<bool()>& is_stopping) {
  DigestSet found;
  RETURN_IF_ERROR(ForEach<VersionRecord>(view, Family::kVersion, "", is_stopping,
                                         [&found](const VersionRecord& version) { AddReferences(version, &found); }));
  RETURN_IF_ERROR(
      ForEach<StagedVersionRecord>(view, Family::kSetting, kStagedIdPrefix, is_stopping,
                                   [&found](const StagedVersionRecord& s) { AddReferences(s.version, &found); }));
  RETURN_IF_ERROR(
      ForEach<PackageRecord>(view, Family::kPackage, "", is_stopping, [&found](const PackageRecord& package) {
        if (!package.imported) return;
        for (const ImportedFile& file : package.imported->files) found.Add(file.sha512);
      }));
  found.Sort();
  return found;
}

// What records have named since `since_ms`. The journal is read backwards, for its end is short and the rest is long.
Result<DigestSet> FindYoung(engine::Store& store, Lsn last, uint64_t since_ms,
                            const std::function<bool()>& is_stopping) {
  DigestSet young;
  for (uint64_t lsn = last.value(); lsn > 0; --lsn) {
    if (is_stopping()) return Cancelled("stopping");
    ASSIGN_OR_RETURN(const engine::LogRecord record, store.log().Read(Lsn(lsn)));
    if (record.time_ms < since_ms) break;
    for (const engine::BlobInfo& blob : record.blobs) young.Add(blob.sha512);
  }
  young.Sort();
  return young;
}

// A blob that nothing refers to, and its row as it was then.
struct Garbage {
  std::string key;
  std::string row;
  uint64_t size_bytes = 0;
};

Result<std::vector<Garbage>> FindGarbage(engine::Store& store, const CollectionOptions& options, uint64_t now_ms,
                                         CollectionReport* report) {
  ASSIGN_OR_RETURN(const auto view, store.NewReadView());
  ASSIGN_OR_RETURN(const DigestSet references, FindReferences(*view, options.is_stopping));
  const uint64_t since_ms = now_ms - std::min(now_ms, options.age_ms);
  ASSIGN_OR_RETURN(const DigestSet young, FindYoung(store, view->lsn(), since_ms, options.is_stopping));
  std::vector<Garbage> found;
  Status failed;
  RETURN_IF_ERROR(view->ScanPrefix(Family::kBlob, "", [&](std::string_view key, std::string_view value) {
    ++report->blobs;
    if (references.Contains(key)) return true;
    if (young.Contains(key)) {
      ++report->blobs_young;
      return true;
    }
    const auto blob = Decode<BlobRecord>(value);
    if (!blob.ok()) {
      failed = blob.status().WithContext("blob " + HexEncode(key));
      return false;
    }
    found.push_back({std::string(key), std::string(value), blob->size_bytes});
    return true;
  }));
  RETURN_IF_ERROR(failed);
  return found;
}

Status Collect(engine::Store& store, std::span<const Garbage> garbage, CollectionReport* report) {
  engine::Mutation mutation;
  mutation.event.kind = engine::EventKind::kCollectBlobs;
  uint64_t bytes = 0;
  for (const Garbage& blob : garbage) {
    mutation.preconditions.push_back({Family::kBlob, blob.key, blob.row});
    mutation.changes.push_back({Family::kBlob, blob.key, std::nullopt});
    bytes += blob.size_bytes;
  }
  const Status status = store.Commit(std::move(mutation)).status();
  if (status.ok()) {
    report->blobs_collected += garbage.size();
    report->bytes_collected += bytes;
    return status;
  }
  if (status.code() != Code::kConflict) return status;
  if (garbage.size() == 1) {
    ++report->blobs_taken_again;
    return OkStatus();
  }
  // Some of them: the halves that have none of those go through.
  RETURN_IF_ERROR(Collect(store, garbage.first(garbage.size() / 2), report));
  return Collect(store, garbage.subspan(garbage.size() / 2), report);
}

Status CollectAll(engine::Store& store, const CollectionOptions& options, Clock& clock, std::set<Digest>* condemned,
                  CollectionReport* report) {
  if (!options.dry_run) {
    engine::Mutation begin;
    begin.event.kind = engine::EventKind::kCollectBlobs;
    RETURN_IF_ERROR(store.Commit(std::move(begin)).status());
  }
  ASSIGN_OR_RETURN(const std::vector<Garbage> garbage, FindGarbage(store, options, clock.NowMs(), report));
  if (options.dry_run) {
    for (const Garbage& blob : garbage) {
      ASSIGN_OR_RETURN(const Digest digest, Digest::FromBytes(blob.key));
      condemned->insert(digest);
      report->bytes_collected += blob.size_bytes;
    }
    report->blobs_collected = garbage.size();
    return OkStatus();
  }
  for (size_t at = 0; at < garbage.size(); at += limits::kCollectBlobsPerRecord) {
    if (options.is_stopping()) return Cancelled("stopping");
    const size_t count = std::min(limits::kCollectBlobsPerRecord, garbage.size() - at);
    RETURN_IF_ERROR(Collect(store, std::span(garbage).subspan(at, count), report));
  }
  return OkStatus();
}

}  // namespace

Result<CollectionReport> CollectBlobs(engine::Store& store, const CollectionOptions& given, Clock& clock) {
  CollectionOptions options = given;
  if (!options.is_stopping) options.is_stopping = [] { return false; };
  CollectionReport report;
  std::set<Digest> condemned;
  if (options.leads) RETURN_IF_ERROR(CollectAll(store, options, clock, &condemned, &report));
  engine::SweepOptions sweep;
  sweep.dead_percent = options.dead_percent;
  sweep.dry_run = options.dry_run;
  sweep.condemned = &condemned;
  sweep.is_stopping = options.is_stopping;
  ASSIGN_OR_RETURN(report.sweep, engine::SweepDeadBlobs(store, sweep));
  return report;
}

}  // namespace tarn::registry
