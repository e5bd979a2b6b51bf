#include "storage/engine/journal_truncate.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/file_system.h"
#include "storage/base/replication_limits.h"
#include "storage/engine/directory_lock.h"
#include "storage/engine/local_store.h"
#include "storage/engine/record_codec.h"
#include "storage/engine/segment_folder.h"
#include "storage/engine/segment_store.h"

namespace tarn::engine {
namespace {

constexpr char kPlaceFile[] =
    "/place";  // "SEGMENT OFFSET": where the first group is. Written last: the folder is whole.

// What is to go, and where it begins.
struct Tail {
  SegmentPosition cut;    // The end of what is left.
  SegmentPosition first;  // Where the first group to go begins; that may be the next segment.
  Lsn kept;
  uint64_t records = 0;
  Lsn last;
  Sha256Digest last_chain_hash;  // Stands for all records up to there.
  std::set<SegmentId> shared;    // Segments with groups of it.
  std::set<SegmentId> solos;     // Blobs of it that have a segment of their own.
};

Result<std::unique_ptr<SegmentStore>> OpenSegments(const std::string& folder) {
  SegmentStoreOptions options;
  options.directory = folder;
  options.read_only = true;
  return SegmentStore::Open(options);
}

Result<Tail> FindTail(const std::string& segments, Lsn keep) {
  Tail tail;
  ASSIGN_OR_RETURN(const std::unique_ptr<SegmentStore> store, OpenSegments(segments));
  const auto visit = [&](const GroupRead& group) {
    if (group.records.back().lsn <= keep) {
      tail.cut = group.end;
      tail.kept = group.records.back().lsn;
      return OkStatus();
    }
    if (tail.records == 0) tail.first = group.begin;
    if (tail.kept == Lsn()) tail.cut = tail.first;
    tail.records += group.records.size();
    tail.last = group.records.back().lsn;
    tail.last_chain_hash = group.records.back().chain_hash;
    tail.shared.insert(group.begin.segment);
    for (const Location& blob : group.blobs) {
      if (blob.segment != group.begin.segment) tail.solos.insert(blob.segment);
    }
    return OkStatus();
  };
  RETURN_IF_ERROR(store->Scan(SegmentPosition(), visit).status());
  return tail;
}

Status FromError(const std::error_code& error, const std::string& what) {
  return error ? IoError(what + ": " + error.message()) : OkStatus();
}

Status SyncFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file, PosixFileSystem().OpenReadWrite(path));
  return file->Sync();
}

Status CopyDurably(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing, error);
  RETURN_IF_ERROR(FromError(error, "copying " + from));
  return SyncFile(to);
}

Status SetAside(const StorePaths& paths, const Tail& tail, const std::string& aside) {
  FileSystem& files = PosixFileSystem();
  const std::string segments = aside + "/segments";
  std::error_code left_error;
  std::filesystem::remove_all(aside, left_error);  // Of a try that was not finished.
  RETURN_IF_ERROR(FromError(left_error, "removing " + aside));
  RETURN_IF_ERROR(files.CreateDirectory(aside));
  RETURN_IF_ERROR(files.CreateDirectory(segments));
  std::set<SegmentId> ids = tail.shared;
  ids.insert(tail.solos.begin(), tail.solos.end());
  for (const SegmentId id : ids) {
    const std::string name = "/" + SegmentFolder::Name(id);
    RETURN_IF_ERROR(CopyDurably(paths.segments + name, segments + name));
  }
  RETURN_IF_ERROR(files.SyncDirectory(segments));
  const std::string part = aside + kPlaceFile + ".part";
  {
    ASSIGN_OR_RETURN(const std::unique_ptr<File> place, files.Create(part));
    RETURN_IF_ERROR(place->WriteAt(
        0, std::to_string(tail.first.segment.value()) + " " + std::to_string(tail.first.offset_bytes) + "\n"));
    RETURN_IF_ERROR(place->Sync());
  }
  RETURN_IF_ERROR(files.Rename(part, aside + kPlaceFile));
  RETURN_IF_ERROR(files.SyncDirectory(aside));
  return files.SyncDirectory(std::filesystem::absolute(aside).parent_path().string());
}

// The state first: it may never be ahead of the journal. Then from the end, so that what is left is always a journal.
Status Cut(const StorePaths& paths, const Tail& tail) {
  FileSystem& files = PosixFileSystem();
  std::error_code error;
  std::filesystem::remove_all(paths.database, error);
  RETURN_IF_ERROR(FromError(error, "removing " + paths.database));
  RETURN_IF_ERROR(files.SyncDirectory(paths.directory));
  for (auto id = tail.shared.rbegin(); id != tail.shared.rend() && *id > tail.cut.segment; ++id) {
    RETURN_IF_ERROR(files.Remove(paths.segments + "/" + SegmentFolder::Name(*id)));
    RETURN_IF_ERROR(files.SyncDirectory(paths.segments));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<File> last,
                   files.OpenReadWrite(paths.segments + "/" + SegmentFolder::Name(tail.cut.segment)));
  RETURN_IF_ERROR(last->Truncate(tail.cut.offset_bytes));
  return last->Sync();
}

Result<SegmentPosition> ReadPlace(const std::string& aside) {
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file, PosixFileSystem().OpenReadOnly(aside + kPlaceFile));
  std::string text;
  RETURN_IF_ERROR(file->ReadAt(0, 64, &text));
  uint64_t segment = 0;
  uint64_t offset = 0;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, segment);
  const bool has_more = first.ec == std::errc() && first.ptr != end && *first.ptr == ' ';
  if (!has_more || std::from_chars(first.ptr + 1, end, offset).ec != std::errc()) {
    return Corruption(aside + kPlaceFile + ": not a segment and an offset");
  }
  return SegmentPosition{SegmentId(segment), offset};
}

// Whether all of the tail is in this folder. A crash after it was saved may have left less of the tail than was saved.
Result<bool> HoldsTail(const std::string& aside, const Tail& tail) {
  bool holds = false;
  const auto compare = [&](const LogRecord& record) {
    holds = holds || (record.lsn == tail.last && record.chain_hash == tail.last_chain_hash);
    return OkStatus();
  };
  const Status read = ReadSetAside(aside, compare);
  if (read.code() == Code::kCorruption) return false;  // Damaged since: what is left is saved again, beside it.
  RETURN_IF_ERROR(read);
  return holds;
}

struct Place {
  std::string aside;
  bool is_saved = false;  // By an earlier try.
};

Result<Place> FindPlace(const std::string& aside, const Tail& tail) {
  for (size_t number = 1; number <= limits::kSetAsideMax; ++number) {
    Place place{number == 1 ? aside : aside + "-" + std::to_string(number)};
    if (!std::filesystem::exists(place.aside + kPlaceFile)) return place;
    ASSIGN_OR_RETURN(place.is_saved, HoldsTail(place.aside, tail));
    if (place.is_saved) return place;
  }
  return ResourceExhausted(aside + ": " + std::to_string(limits::kSetAsideMax) +
                           " folders of set-aside records; move those away that are no longer wanted");
}

class SetAsideSegments final : public SetAsideRecords {
 public:
  SetAsideSegments(SegmentPosition place, std::unique_ptr<SegmentStore> segments)
      : place_(place), segments_(std::move(segments)) {}

  Status FindBlobs() {
    const auto each = [this](const GroupRead& group) {
      for (const Location& blob : group.blobs) locations_.emplace(blob.info.sha512, blob);
      return OkStatus();
    };
    return segments_->Scan(place_, each).status();
  }
  Status Read(const std::function<Status(const LogRecord&)>& visit) override {
    const auto each = [&visit](const GroupRead& group) {
      for (const RecordFrame& frame : group.records) {
        ASSIGN_OR_RETURN(const LogRecord record, DecodeRecord(frame));
        RETURN_IF_ERROR(visit(record));
      }
      return OkStatus();
    };
    return segments_->Scan(place_, each).status();
  }
  Result<BlobReader> OpenBlob(const Digest& digest) override {
    const auto found = locations_.find(digest);
    if (found == locations_.end()) return NotFound("blob " + HexEncode(digest.view()) + " was not set aside");
    return segments_->Open(found->second);
  }

 private:
  const SegmentPosition place_;
  const std::unique_ptr<SegmentStore> segments_;
  std::map<Digest, Location> locations_;
};

}  // namespace

Result<TruncatedJournal> TruncateJournal(const std::string& directory, Lsn keep, const std::string& aside,
                                         std::shared_ptr<DirectoryLock> lock) {
  const StorePaths paths(directory);
  if (lock == nullptr) {
    ASSIGN_OR_RETURN(lock, DirectoryLock::Acquire(paths.lock, DirectoryLock::Kind::kExclusive));
  }
  ASSIGN_OR_RETURN(const Tail tail, FindTail(paths.segments, keep));
  TruncatedJournal truncated;
  truncated.kept = tail.kept;
  if (tail.records == 0) return truncated;
  ASSIGN_OR_RETURN(const Place place, FindPlace(aside, tail));
  if (!place.is_saved) RETURN_IF_ERROR(SetAside(paths, tail, place.aside));
  truncated.aside = place.aside;
  truncated.records_set_aside = tail.records;
  RETURN_IF_ERROR(Cut(paths, tail));
  return truncated;
}

Status ReadSetAside(const std::string& aside, const std::function<Status(const LogRecord&)>& visit) {
  ASSIGN_OR_RETURN(const auto records, SetAsideRecords::Open(aside));
  return records->Read(visit);
}

Result<std::unique_ptr<SetAsideRecords>> SetAsideRecords::Open(const std::string& aside) {
  ASSIGN_OR_RETURN(const SegmentPosition place, ReadPlace(aside));
  ASSIGN_OR_RETURN(std::unique_ptr<SegmentStore> segments, OpenSegments(aside + "/segments"));
  auto records = std::make_unique<SetAsideSegments>(place, std::move(segments));
  RETURN_IF_ERROR(records->FindBlobs());
  return std::unique_ptr<SetAsideRecords>(std::move(records));
}

}  // namespace tarn::engine
