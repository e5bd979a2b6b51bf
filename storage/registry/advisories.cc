#include "storage/registry/advisories.h"

#include <algorithm>
#include <map>
#include <optional>

#include "storage/base/trust_limits.h"
#include "storage/engine/keys.h"
#include "storage/registry/advisory_osv.h"
#include "storage/registry/commit_loop.h"
#include "storage/registry/package_state.h"

namespace tarn::registry {
namespace {

using engine::Family;

std::string IdKey(std::string_view id) { return engine::NameKey(std::string(kAdvisoryIdPrefix) + std::string(id)); }
std::string PackageKey(std::string_view package) {
  return engine::NameKey(std::string(kAdvisoryPackagePrefix) + std::string(package));
}

// Records of family `setting` that a write reads and changes, in any order: each is read once, and all that were read are
// preconditions.
template <typename Record>
class Records {
 public:
  explicit Records(const engine::ReadView& view) : view_(view) {}

  // The record under `key`, to be changed; nullopt: there is none. Reset it to delete.
  Result<std::optional<Record>*> At(const std::string& key) {
    const auto found = entries_.find(key);
    if (found != entries_.end()) return &found->second.record;
    ASSIGN_OR_RETURN(Stored<Record> stored, ReadRecord<Record>(view_, Family::kSetting, key));
    Entry& entry = entries_[key];
    entry.record = std::move(stored.record);
    entry.raw = std::move(stored.raw);
    return &entry.record;
  }

  void AddTo(engine::Mutation* mutation) const {
    for (const auto& [key, entry] : entries_) {
      mutation->preconditions.push_back({Family::kSetting, key, entry.raw});
      std::optional<std::string> next;
      if (entry.record) next = Encode(*entry.record);
      if (next != entry.raw) mutation->changes.push_back({Family::kSetting, key, std::move(next)});
    }
  }

 private:
  struct Entry {
    std::optional<Record> record;
    std::optional<std::string> raw;
  };
  const engine::ReadView& view_;
  std::map<std::string, Entry> entries_;
};

// A change of the advisories on its way to a commit.
class Edit {
 public:
  explicit Edit(const engine::ReadView& view) : index_(view), packages_(view), summary_(view) {}

  Result<std::optional<AdvisoryIndexRecord>*> Find(std::string_view id) { return index_.At(IdKey(id)); }

  // False: there was none.
  Result<bool> Remove(std::string_view id) {
    ASSIGN_OR_RETURN(auto* known, Find(id));
    if (!*known) return false;
    for (const std::string& package : (*known)->packages) {
      ASSIGN_OR_RETURN(auto* record, packages_.At(PackageKey(package)));
      if (!*record) continue;
      std::erase_if((*record)->advisories, [&](const Advisory& advisory) { return advisory.id == id; });
      if ((*record)->advisories.empty()) record->reset();
    }
    known->reset();
    --count_change_;
    return true;
  }

  // In place of what is known under its id.
  Status Put(const OsvDocument& document) {
    RETURN_IF_ERROR(Remove(document.id).status());
    const Advisory& first = document.affected.front().second;
    AdvisoryIndexRecord index{document.modified_ms, first.severity, first.title, {}};
    for (const auto& [package, advisory] : document.affected) {
      index.packages.push_back(package);
      ASSIGN_OR_RETURN(auto* record, packages_.At(PackageKey(package)));
      if (!*record) *record = PackageAdvisoriesRecord();
      auto& list = (*record)->advisories;
      const auto by_id = [](const Advisory& a, const std::string& id) { return a.id < id; };
      list.insert(std::lower_bound(list.begin(), list.end(), advisory.id, by_id), advisory);
    }
    ASSIGN_OR_RETURN(auto* known, Find(document.id));
    *known = std::move(index);
    ++count_change_;
    return OkStatus();
  }

  // kTooLarge: one of its packages has as many advisories as it may have. Asked before Put, which cannot be undone.
  Status CheckFits(const OsvDocument& document) {
    for (const auto& [package, advisory] : document.affected) {
      ASSIGN_OR_RETURN(const auto* record, packages_.At(PackageKey(package)));
      if (*record && (*record)->advisories.size() >= limits::kAdvisoriesPerPackageMax) {
        return TooLarge(document.id + ": " + package + " has " + std::to_string(limits::kAdvisoriesPerPackageMax) +
                        " advisories, which is the limit");
      }
    }
    return OkStatus();
  }

  Result<engine::Mutation> Finish(uint64_t now_ms) {
    ASSIGN_OR_RETURN(auto* summary, summary_.At(engine::NameKey(kAdvisoriesSetting)));
    const uint64_t count = *summary ? (*summary)->advisory_count : 0;
    *summary = AdvisoriesRecord{count + static_cast<uint64_t>(count_change_), now_ms};
    engine::Mutation mutation;
    mutation.event.kind = engine::EventKind::kPutSetting;
    index_.AddTo(&mutation);
    packages_.AddTo(&mutation);
    summary_.AddTo(&mutation);
    return mutation;
  }

 private:
  Records<AdvisoryIndexRecord> index_;
  Records<PackageAdvisoriesRecord> packages_;
  Records<AdvisoriesRecord> summary_;
  int64_t count_change_ = 0;
};

// Puts one document into the edit and counts what became of it.
Status ImportOne(const OsvDocument& document, size_t index, Edit* edit, AdvisoryImport* import) {
  ASSIGN_OR_RETURN(const auto* known, edit->Find(document.id));
  if (*known && document.modified_ms < (*known)->modified_ms) {
    ++import->unchanged;
    return OkStatus();
  }
  if (document.is_withdrawn || document.affected.empty()) {
    ASSIGN_OR_RETURN(const bool was_known, edit->Remove(document.id));
    ++(was_known ? import->withdrawn : import->irrelevant);
    return OkStatus();
  }
  if (*known && document.modified_ms == (*known)->modified_ms) {
    ++import->unchanged;
    return OkStatus();
  }
  const Status fits = edit->CheckFits(document);
  if (fits.code() == Code::kTooLarge) {
    import->failures.emplace_back(index, std::string(fits.message()));
    return OkStatus();
  }
  RETURN_IF_ERROR(fits);
  ++import->imported;
  return edit->Put(document);
}

Result<AdvisoriesRecord> ReadSummary(const engine::ReadView& view) {
  ASSIGN_OR_RETURN(const auto stored,
                   ReadRecord<AdvisoriesRecord>(view, Family::kSetting, engine::NameKey(kAdvisoriesSetting)));
  return stored.record.value_or(AdvisoriesRecord());
}

bool AffectsAny(const Advisory& advisory, const std::vector<std::string>& versions) {
  return versions.empty() || std::any_of(versions.begin(), versions.end(),
                                         [&](const std::string& version) { return Affects(advisory, version); });
}

}  // namespace

Result<std::vector<PackageAdvisories>> Advisories::Audit(const std::vector<AuditedPackage>& packages) const {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const AdvisoriesRecord summary, ReadSummary(*view));
  if (summary.advisory_count == 0) {
    return NotFound(
        "This registry has no advisories, so it cannot say what is vulnerable; its operator can import some.");
  }
  std::vector<PackageAdvisories> answer;
  for (const AuditedPackage& package : packages) {
    if (!PackageName::Parse(package.name).ok()) continue;
    ASSIGN_OR_RETURN(auto stored,
                     ReadRecord<PackageAdvisoriesRecord>(*view, Family::kSetting, PackageKey(package.name)));
    if (!stored.record) continue;
    auto& advisories = stored.record->advisories;
    std::erase_if(advisories, [&](const Advisory& advisory) { return !AffectsAny(advisory, package.versions); });
    if (!advisories.empty()) answer.push_back({package.name, std::move(advisories)});
  }
  return answer;
}

Result<AdvisoryImport> Advisories::Import(const std::vector<std::string_view>& documents) {
  if (documents.size() > limits::kAdvisoryDocumentsMax) {
    return TooLarge("more than " + std::to_string(limits::kAdvisoryDocumentsMax) + " documents in one request");
  }
  std::vector<std::pair<size_t, OsvDocument>> readable;
  std::vector<std::pair<size_t, std::string>> failures;
  for (size_t i = 0; i < documents.size(); ++i) {
    auto document = ReadOsv(documents[i]);
    if (document.ok())
      readable.emplace_back(i, std::move(*document));
    else
      failures.emplace_back(i, std::string(document.status().message()));
  }
  const auto plan = [&](const engine::ReadView& view) -> Result<PlannedWrite<AdvisoryImport>> {
    Edit edit(view);
    AdvisoryImport import;
    import.failures = failures;
    for (const auto& [index, document] : readable) RETURN_IF_ERROR(ImportOne(document, index, &edit, &import));
    if (import.imported == 0 && import.withdrawn == 0) return PlannedWrite<AdvisoryImport>{std::nullopt, import};
    ASSIGN_OR_RETURN(engine::Mutation mutation, edit.Finish(clock_->NowMs()));
    return PlannedWrite<AdvisoryImport>{std::move(mutation), std::move(import)};
  };
  return CommitWithRetries<AdvisoryImport>(store_, plan);
}

Result<AdvisoryPage> Advisories::List(std::string_view package, std::string_view after) const {
  if (!after.empty() && !IsAdvisoryId(after)) return InvalidArgument("\"after\" is not the id of an advisory");
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  AdvisoryPage page;
  ASSIGN_OR_RETURN(const AdvisoriesRecord summary, ReadSummary(*view));
  page.total = summary.advisory_count;
  Status failed;
  const std::string lower = after.empty() ? std::string(kAdvisoryIdPrefix) : IdKey(after) + '\0';
  RETURN_IF_ERROR(view->Scan(
      Family::kSetting, lower, engine::PrefixEnd(kAdvisoryIdPrefix), [&](std::string_view key, std::string_view value) {
        auto index = Decode<AdvisoryIndexRecord>(value);
        if (!index.ok()) {
          failed = index.status().WithContext(key);
          return false;
        }
        const auto& packages = index->packages;
        if (!package.empty() && std::find(packages.begin(), packages.end(), package) == packages.end()) return true;
        page.advisories.push_back({std::string(key.substr(kAdvisoryIdPrefix.size())), index->severity,
                                   std::move(index->title), std::move(index->packages), index->modified_ms});
        return page.advisories.size() < limits::kAdvisoriesPageMax;
      }));
  RETURN_IF_ERROR(failed);
  if (page.advisories.size() == limits::kAdvisoriesPageMax) page.next = page.advisories.back().id;
  return page;
}

Status Advisories::Remove(const std::vector<std::string>& ids) {
  const auto plan = [&](const engine::ReadView& view) -> Result<PlannedWrite<bool>> {
    Edit edit(view);
    for (const std::string& id : ids) {
      bool was_known = false;
      if (IsAdvisoryId(id)) {
        ASSIGN_OR_RETURN(was_known, edit.Remove(id));
      }
      if (!was_known) return NotFound("there is no advisory \"" + id + "\"");
    }
    ASSIGN_OR_RETURN(engine::Mutation mutation, edit.Finish(clock_->NowMs()));
    return PlannedWrite<bool>{std::move(mutation), true};
  };
  return CommitWithRetries<bool>(store_, plan).status();
}

}  // namespace tarn::registry
