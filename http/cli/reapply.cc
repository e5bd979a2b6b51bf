#include "http/cli/reapply.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/check.h"
#include "storage/base/file_system.h"
#include "storage/base/limits.h"
#include "storage/base/logging.h"
#include "storage/base/replication_limits.h"
#include "storage/engine/journal_truncate.h"
#include "storage/engine/keys.h"
#include "storage/registry/reapply_rules.h"

namespace tarn::cli {
namespace {

using engine::Family;
using engine::LogRecord;
using registry::ReapplyDecision;
using registry::ReapplyVerdict;

constexpr std::string_view kFolderPrefix = "diverged-after-";
constexpr char kHandledFile[] = "/handled";

using FamilyKey = std::pair<Family, std::string>;
using Value = std::optional<std::string>;

std::string Quoted(std::string_view text) { return JsonString(text); }

std::string_view NameOf(ReapplyResult result) {
  switch (result) {
    case ReapplyResult::kReapplied: return "reapplied";
    case ReapplyResult::kAlreadyThere: return "already there";
    case ReapplyResult::kCannot: break;
  }
  return "cannot";
}

struct Counts {
  uint64_t reapplied = 0, already_there = 0, cannot = 0;
  void Add(ReapplyResult result) {
    if (result == ReapplyResult::kReapplied) ++reapplied;
    if (result == ReapplyResult::kAlreadyThere) ++already_there;
    if (result == ReapplyResult::kCannot) ++cannot;
  }
  std::string Json() const {
    return "\"reapplied\":" + std::to_string(reapplied) + ",\"already_there\":" + std::to_string(already_there) +
           ",\"cannot\":" + std::to_string(cannot);
  }
};

// A state with what a dry run would have changed of it.
class ChangedView final : public engine::ReadView {
 public:
  ChangedView(const engine::ReadView& state, const std::map<FamilyKey, Value>& changes)
      : state_(state), changes_(changes) {}
  Lsn lsn() const override { return state_.lsn(); }
  Result<Value> Get(Family family, std::string_view key) const override {
    const auto changed = changes_.find({family, std::string(key)});
    return changed == changes_.end() ? state_.Get(family, key) : Result<Value>(changed->second);
  }
  Status Scan(Family, std::string_view, std::string_view, const Visitor&) const override {
    return Internal("a set-aside record is decided by its keys alone");
  }

 private:
  const engine::ReadView& state_;
  const std::map<FamilyKey, Value>& changes_;
};

// The history that this node shares with the set-aside records, and what came behind it: from both follows what a record
// found when it was made, although no state of that time is kept.
class Histories {
 public:
  Histories(engine::Store* store, std::set<FamilyKey> keys) : store_(store), keys_(std::move(keys)) {}

  // `common`: the last record that both have.
  void Begin(Lsn common) { below_ = scanned_ = common; }
  bool has_begun() const { return scanned_.has_value(); }

  // Takes note of what was committed up to `head`.
  Status ScanTo(Lsn head) {
    while (*scanned_ < head) {
      const Lsn next(scanned_->value() + 1);
      ASSIGN_OR_RETURN(const LogRecord record, store_->log().Read(next));
      for (const engine::Change& change : record.changes) {
        if (keys_.contains({change.family, change.key})) touched_.insert({change.family, change.key});
      }
      if (!record.event.idempotency_key.empty()) marks_.insert(record.event.idempotency_key);
      scanned_ = next;
    }
    return OkStatus();
  }
  bool HasMark(const std::string& mark) const { return marks_.contains(mark); }

  // A set-aside record gave these values.
  void Add(const LogRecord& aside) {
    for (const engine::Change& change : aside.changes) aside_[{change.family, change.key}] = change.value;
  }

  // What the next set-aside record found under the key. `now`: a state that was scanned to.
  Result<Value> Before(const engine::ReadView& now, Family family, const std::string& key) {
    const FamilyKey place{family, key};
    CHECK(keys_.contains(place));
    if (const auto set = aside_.find(place); set != aside_.end()) return set->second;
    if (!touched_.contains(place)) return now.Get(family, key);
    return InCommon(place);
  }

 private:
  // Back through the common history, no further than it takes, and never twice.
  Result<Value> InCommon(const FamilyKey& place) {
    while (true) {
      if (const auto found = common_.find(place); found != common_.end()) return found->second;
      if (*below_ == Lsn()) return Value();
      ASSIGN_OR_RETURN(const LogRecord record, store_->log().Read(*below_));
      for (const engine::Change& change : record.changes) {
        const FamilyKey changed{change.family, change.key};
        if (keys_.contains(changed)) common_.emplace(changed, change.value);
      }
      below_ = Lsn(below_->value() - 1);
    }
  }

  engine::Store* const store_;
  const std::set<FamilyKey> keys_;
  std::optional<Lsn> scanned_;
  std::set<FamilyKey> touched_;  // Behind the common history.
  std::set<std::string> marks_;  // Of records that were applied again.
  std::map<FamilyKey, Value> aside_;
  std::optional<Lsn> below_;  // Everything above it, in the common history, is in `common_`.
  std::map<FamilyKey, Value> common_;
};

class FolderRun {
 public:
  FolderRun(const ReapplyOptions& options, std::string folder, std::map<FamilyKey, Value>* planned)
      : options_(options), folder_(std::move(folder)), planned_(*planned) {}

  // Appends to `records` and `counts` as it goes, so that what was done is told whatever comes after.
  Status Run(std::string* records, Counts* counts) {
    ASSIGN_OR_RETURN(records_, engine::SetAsideRecords::Open(folder_));
    std::set<FamilyKey> keys;
    const auto note_keys = [&](const LogRecord& record) -> Status {
      ASSIGN_OR_RETURN(const std::vector<FamilyKey> decisive, registry::KeysBefore(record));
      keys.insert(decisive.begin(), decisive.end());
      return OkStatus();
    };
    RETURN_IF_ERROR(records_->Read(note_keys));
    Histories histories(options_.store, std::move(keys));
    return records_->Read([&](const LogRecord& record) -> Status {
      if (options_.is_stopping()) return Cancelled("stopping");
      ASSIGN_OR_RETURN(const Outcome outcome, Take(record, &histories));
      counts->Add(outcome.result);
      *records += (records->empty() ? "" : ",") + Json(record, outcome);
      return OkStatus();
    });
  }

 private:
  struct Outcome {
    ReapplyResult result = ReapplyResult::kCannot;
    std::string reason;
  };

  static std::string Json(const LogRecord& record, const Outcome& outcome) {
    return "{\"lsn\":" + std::to_string(record.lsn.value()) + ",\"kind\":" + Quoted(NameOfEvent(record.event.kind)) +
           ",\"package\":" + Quoted(record.event.package) + ",\"version\":" + Quoted(record.event.version) +
           ",\"actor\":" + Quoted(record.event.actor) + ",\"result\":" + Quoted(NameOf(outcome.result)) +
           ",\"reason\":" + Quoted(outcome.reason) + "}";
  }

  Result<Outcome> Take(const LogRecord& record, Histories* histories) {
    if (!histories->has_begun()) {
      // Groups are set aside whole: the first records of one may be common to both.
      const auto here = options_.store->log().Read(record.lsn);
      if (here.ok() && here->chain_hash == record.chain_hash)
        return Outcome{ReapplyResult::kAlreadyThere, "it was kept"};
      if (!here.ok() && here.code() != Code::kNotFound) return here.status();
      histories->Begin(Lsn(record.lsn.value() - 1));
    }
    for (size_t attempt = 0; attempt < limits::kCommitRetriesMax; ++attempt) {
      auto outcome = TryOnce(record, histories);
      if (outcome.code() == Code::kConflict) {
        RETURN_IF_ERROR(options_.catch_up());
        continue;
      }
      RETURN_IF_ERROR(outcome.status());
      histories->Add(record);
      return outcome;
    }
    return Conflict("somebody else is writing what is to be applied again; try again in a moment");
  }

  Result<Outcome> TryOnce(const LogRecord& record, Histories* histories) {
    ASSIGN_OR_RETURN(const auto state, options_.store->NewReadView());
    const ChangedView view(*state, planned_);
    RETURN_IF_ERROR(histories->ScanTo(view.lsn()));
    if (histories->HasMark(registry::ReapplyMark(record.chain_hash))) {
      return Outcome{ReapplyResult::kAlreadyThere, "applied again before"};
    }
    // A key that no set-aside record changes is found in the state as it is, without what a dry run would have changed.
    const auto before = [&](Family family, const std::string& key) { return histories->Before(*state, family, key); };
    const registry::ReapplyStamp stamp{options_.clock->NowMs(),
                                       LoadLittleEndian<uint64_t>(options_.random->Bytes(sizeof(uint64_t)).data())};
    ASSIGN_OR_RETURN(ReapplyDecision decision, registry::DecideReapply(record, view, before, stamp));
    switch (decision.verdict) {
      case ReapplyVerdict::kCannot: return Outcome{ReapplyResult::kCannot, std::move(decision.reason)};
      case ReapplyVerdict::kAlreadyThere: return Outcome{ReapplyResult::kAlreadyThere, std::move(decision.reason)};
      case ReapplyVerdict::kReapply: break;
    }
    return Commit(record, view, std::move(decision));
  }

  Result<Outcome> Commit(const LogRecord& record, const engine::ReadView& view, ReapplyDecision decision) {
    std::vector<engine::BlobReader> blobs;
    for (const engine::BlobInfo& blob : record.blobs) {
      const std::string key = engine::DigestKey(blob.sha512);
      ASSIGN_OR_RETURN(const Value stored, view.Get(Family::kBlob, key));
      if (stored) {
        decision.mutation->preconditions.push_back({Family::kBlob, key, stored});
        continue;
      }
      auto reader = records_->OpenBlob(blob.sha512);
      if (reader.code() == Code::kNotFound || reader.code() == Code::kCorruption) {
        return Outcome{ReapplyResult::kCannot, "its bytes are not there: " + std::string(reader.status().message())};
      }
      RETURN_IF_ERROR(reader.status());
      blobs.push_back(*std::move(reader));
    }
    if (options_.is_dry_run) {
      for (const engine::Change& change : decision.mutation->changes) {
        planned_[{change.family, change.key}] = change.value;
      }
      return Outcome{ReapplyResult::kReapplied, std::move(decision.reason)};
    }
    const Status committed = options_.commit(std::move(*decision.mutation), blobs);
    if (committed.code() == Code::kCorruption) {
      return Outcome{ReapplyResult::kCannot, "its bytes are damaged: " + std::string(committed.message())};
    }
    RETURN_IF_ERROR(committed);
    return Outcome{ReapplyResult::kReapplied, std::move(decision.reason)};
  }

  const ReapplyOptions& options_;
  const std::string folder_;
  std::map<FamilyKey, Value>& planned_;
  std::unique_ptr<engine::SetAsideRecords> records_;
};

Status MarkHandled(const std::string& folder, const std::string& text) {
  FileSystem& files = PosixFileSystem();
  const std::string part = folder + kHandledFile + ".part";
  {
    ASSIGN_OR_RETURN(const std::unique_ptr<File> file, files.Create(part));
    RETURN_IF_ERROR(file->WriteAt(0, text));
    RETURN_IF_ERROR(file->Sync());
  }
  RETURN_IF_ERROR(files.Rename(part, folder + kHandledFile));
  return files.SyncDirectory(folder);
}

// "diverged-after-12-2" → {12, 2}: in the order in which they came to be.
std::pair<uint64_t, uint64_t> OrderOf(const std::string& folder) {
  std::string_view rest = std::string_view(folder).substr(kFolderPrefix.size());
  uint64_t lsn = 0;
  uint64_t number = 1;
  const char* const end = rest.data() + rest.size();
  const auto [at, error] = std::from_chars(rest.data(), end, lsn);
  if (error == std::errc() && at != end) std::from_chars(at + 1, end, number);
  return {lsn, number};
}

}  // namespace

std::string NameOfEvent(engine::EventKind kind) {
  using enum engine::EventKind;
  switch (kind) {
    case kUnspecified: break;
    case kPublishVersion: return "publish";
    case kSetDistTags: return "dist-tag";
    case kDeprecate: return "deprecate";
    case kUnpublishVersion: return "unpublish version";
    case kUnpublishPackage: return "unpublish package";
    case kSetOwners: return "owners";
    case kSetAccess: return "access";
    case kStar: return "star";
    case kPutUser: return "user";
    case kRemoveUser: return "remove user";
    case kPutToken: return "token";
    case kRevokeToken: return "revoke token";
    case kPutOrg: return "organisation";
    case kPutSetting: return "setting";
    case kCountDownloads: return "downloads";
    case kImport: return "import";
    case kCollectBlobs: return "gc";
    case kBeginEpoch: return "epoch";
  }
  return "kind " + std::to_string(static_cast<int>(kind));
}

std::vector<std::string> SetAsideFolders(const std::string& directory) {
  std::vector<std::string> folders;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(kFolderPrefix)) folders.push_back(name);
  }
  std::ranges::sort(folders, {}, OrderOf);
  return folders;
}

std::string ReadHandled(const std::string& folder) {
  const auto file = PosixFileSystem().OpenReadOnly(folder + kHandledFile);
  std::string text;
  if (!file.ok() || !(*file)->ReadAt(0, limits::kReplicationTextBytesMax, &text).ok()) return "";
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<std::string> Reapply(const ReapplyOptions& options) {
  RETURN_IF_ERROR(options.catch_up());
  Counts all;
  std::string folders;
  std::map<FamilyKey, Value> planned;
  for (const std::string& folder : SetAsideFolders(options.directory)) {
    const std::string path = options.directory + "/" + folder;
    std::string records;
    Counts counts;
    const Status ran = FolderRun(options, path, &planned).Run(&records, &counts);
    // A folder that cannot be read does not keep the others back; a leader that cannot be reached does.
    if (!ran.ok() && ran.code() != Code::kCorruption && ran.code() != Code::kNotFound) return ran.WithContext(folder);
    if (ran.ok() && !options.is_dry_run) {
      const std::string mark = "{\"time_ms\":" + std::to_string(options.clock->NowMs()) + "," + counts.Json() + "}\n";
      RETURN_IF_ERROR(MarkHandled(path, mark));
      Log(LogLevel::kInfo, "replication: set-aside records were gone through",
          {{"folder", folder},
           {"reapplied", counts.reapplied},
           {"already_there", counts.already_there},
           {"cannot", counts.cannot}});
    }
    all.reapplied += counts.reapplied;
    all.already_there += counts.already_there;
    all.cannot += counts.cannot;
    folders += (folders.empty() ? "" : ",") + std::string("{\"folder\":") + Quoted(folder) + ",\"records\":[" +
               records + "],\"error\":" + Quoted(ran.ok() ? "" : ran.ToString()) + "}";
  }
  return "{\"dry_run\":" + std::string(options.is_dry_run ? "true" : "false") + "," + all.Json() + ",\"folders\":[" +
         folders + "]}\n";
}

}  // namespace tarn::cli
