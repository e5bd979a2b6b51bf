#include "replication/bootstrap.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "storage/base/file_system.h"
#include "storage/base/logging.h"
#include "storage/base/mutex.h"
#include "storage/base/replication_limits.h"
#include "storage/engine/journal_truncate.h"
#include "storage/engine/store.h"

namespace tarn::replication {
namespace {

std::string SegmentName(SegmentId id) {
  char name[32];
  std::snprintf(name, sizeof(name), "/%016llx.seg", static_cast<unsigned long long>(id.value()));
  return name;
}

constexpr char kReplaced[] = "/replaced-";
constexpr char kDamaged[] = "/damaged-";

bool HasSegments(const std::string& directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory + "/segments", error)) {
    if (entry.path().extension() == ".seg") return true;
  }
  return false;
}

// Appends what comes to a file.
class FileSink final : public HttpBodySink {
 public:
  FileSink(File* file, uint64_t offset, const std::function<bool()>& is_stopping)
      : file_(file), offset_(offset), is_stopping_(is_stopping) {}
  Status Start(const HttpAnswer&) override { return OkStatus(); }
  Status Piece(std::string_view bytes) override {
    if (is_stopping_()) return Cancelled("stopping");
    RETURN_IF_ERROR(file_->WriteAt(offset_, bytes));
    offset_ += bytes.size();
    return OkStatus();
  }
  uint64_t offset() const { return offset_; }

 private:
  File* const file_;
  uint64_t offset_;
  const std::function<bool()>& is_stopping_;
};

Result<std::unique_ptr<File>> OpenOrCreate(const std::string& path) {
  if (std::filesystem::exists(path)) return PosixFileSystem().OpenReadWrite(path);
  return PosixFileSystem().Create(path);
}

// One segment into `folder`, from where an earlier try has come. Returns the bytes that came now.
Result<uint64_t> CopySegment(PeerClient& client, const std::string& folder, const engine::SegmentListing& segment,
                             const std::function<bool()>& is_stopping) {
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file, OpenOrCreate(folder + SegmentName(segment.id)));
  ASSIGN_OR_RETURN(uint64_t have_bytes, file->Size());
  if (have_bytes > segment.size_bytes) {
    have_bytes = 0;  // Of another store.
    RETURN_IF_ERROR(file->Truncate(0));
  }
  FileSink sink(file.get(), have_bytes, is_stopping);
  RETURN_IF_ERROR(client.FetchSegment(segment.id, have_bytes, segment.size_bytes, sink));
  if (sink.offset() != segment.size_bytes && have_bytes < segment.size_bytes) {
    return Unavailable("segment " + std::to_string(segment.id.value()) + " ended early");
  }
  RETURN_IF_ERROR(file->Sync());
  return segment.size_bytes - have_bytes;
}

// An unfinished copy of another leader is none of this one's.
Status ForgetOtherLeaders(const std::string& folder, const std::string& url) {
  const std::string mark = folder + "/of";
  if (const auto file = PosixFileSystem().OpenReadOnly(mark); file.ok()) {
    std::string text;
    RETURN_IF_ERROR((*file)->ReadAt(0, limits::kReplicationTextBytesMax, &text));
    if (text == url) return OkStatus();
  }
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  if (error) return IoError(folder + ": " + error.message());
  RETURN_IF_ERROR(PosixFileSystem().CreateDirectory(folder));
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file, PosixFileSystem().Create(mark));
  return file->WriteAt(0, url);
}

// What an earlier try left and the leader does not have.
Status RemoveOthers(const std::string& folder, const std::vector<engine::SegmentListing>& segments) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, PosixFileSystem().List(folder));
  for (const std::string& name : names) {
    const auto is_this = [&name](const engine::SegmentListing& segment) {
      return SegmentName(segment.id) == "/" + name;
    };
    if (std::ranges::none_of(segments, is_this)) RETURN_IF_ERROR(PosixFileSystem().Remove(folder + "/" + name));
  }
  return OkStatus();
}

constexpr char kWholeMark[] = "/bootstrap.whole";   // The copy in `bootstrap` is complete.
constexpr char kUnprovedMark[] = "/copy.unproved";  // What is in `segments` is a copy that was never opened.
constexpr int kCopiesMax = 3;                       // Made in a row before somebody has to look.

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

Status WriteMark(const std::string& path) {
  if (!Exists(path)) {
    ASSIGN_OR_RETURN(const std::unique_ptr<File> file, PosixFileSystem().Create(path));
    RETURN_IF_ERROR(file->Sync());
  }
  return PosixFileSystem().SyncDirectory(std::filesystem::path(path).parent_path().string());
}

Status RemoveMark(const std::string& path) {
  const Status removed = PosixFileSystem().Remove(path);
  if (removed.code() == Code::kNotFound) return OkStatus();
  RETURN_IF_ERROR(removed);
  return PosixFileSystem().SyncDirectory(std::filesystem::path(path).parent_path().string());
}

Status RemoveAll(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  return error ? IoError(path + ": " + error.message()) : OkStatus();
}

// The store into a new folder `name`-N, the state first: it may never be ahead of the journal.
Status SetStoreAside(const std::string& directory, const std::string& name) {
  FileSystem& files = PosixFileSystem();
  size_t number = 1;
  while (Exists(directory + name + std::to_string(number))) ++number;
  const std::string aside = directory + name + std::to_string(number);
  RETURN_IF_ERROR(files.CreateDirectory(aside));
  for (const char* part : {"/db", "/segments"}) {
    if (!Exists(directory + part)) continue;
    RETURN_IF_ERROR(files.Rename(directory + part, aside + part));
    RETURN_IF_ERROR(files.SyncDirectory(aside));
    RETURN_IF_ERROR(files.SyncDirectory(directory));
  }
  Log(LogLevel::kWarning, "replication: the old store was moved aside", {{"folder", aside}});
  return OkStatus();
}

}  // namespace

bool HasReplaced(const std::string& directory) { return Exists(directory + kReplaced + "1"); }

namespace {

// Puts a whole copy in the place of whatever is there. After a crash at any point: again.
Status InstallCopy(const std::string& directory) {
  FileSystem& files = PosixFileSystem();
  if (Exists(directory + "/bootstrap")) {
    RETURN_IF_ERROR(WriteMark(directory + kUnprovedMark));
    // What is in the place of something replaced is a copy that never had everything: not worth a folder of its own.
    const bool is_kept = HasSegments(directory) && !HasReplaced(directory);
    if (is_kept) RETURN_IF_ERROR(SetStoreAside(directory, kReplaced));
    RETURN_IF_ERROR(RemoveAll(directory + "/db"));        // A state without a journal.
    RETURN_IF_ERROR(RemoveAll(directory + "/segments"));  // Without a segment in it.
    RETURN_IF_ERROR(files.Rename(directory + "/bootstrap", directory + "/segments"));
    RETURN_IF_ERROR(files.SyncDirectory(directory));
  }
  return RemoveMark(directory + kWholeMark);
}

// All segments into `directory`/bootstrap, several at a time: a copy is whole or not there. Which of them is whole is proved
// by opening the store.
Result<uint64_t> CopySegments(const std::string& directory, const PeerOptions& leader,
                              const std::function<bool()>& is_stopping) {
  FileSystem& files = PosixFileSystem();
  const std::string folder = directory + "/bootstrap";
  RETURN_IF_ERROR(files.CreateDirectory(directory));
  RETURN_IF_ERROR(ForgetOtherLeaders(folder, leader.url));
  PeerClient first(leader);
  ASSIGN_OR_RETURN(const PeerClient::Segments listing, first.ListSegments());
  Log(LogLevel::kInfo, "replication: copying the leader's segments",
      {{"segments", listing.segments.size()}, {"lsn", listing.lsn.value()}});
  std::atomic<size_t> next{0};
  std::atomic<uint64_t> bytes{0};
  Mutex mutex;
  Status failure;
  const auto work = [&] {
    PeerClient client(leader);
    for (size_t i = next++; i < listing.segments.size(); i = next++) {
      const auto copied = CopySegment(client, folder, listing.segments[i], is_stopping);
      if (copied.ok()) {
        bytes += *copied;
        continue;
      }
      MutexLock lock(mutex);
      if (failure.ok()) failure = copied.status();
      next = listing.segments.size();
    }
  };
  std::vector<Thread> helpers;
  for (size_t i = 1; i < std::min(limits::kBlobFetchersMax, listing.segments.size()); ++i) helpers.emplace_back(work);
  work();
  for (Thread& helper : helpers) helper.join();
  RETURN_IF_ERROR(failure);
  RETURN_IF_ERROR(RemoveOthers(folder, listing.segments));
  RETURN_IF_ERROR(files.SyncDirectory(folder));
  RETURN_IF_ERROR(WriteMark(directory + kWholeMark));
  return bytes.load();
}

// The last LSN up to which both have the same history. Both have the same at 0.
Result<Lsn> LastCommon(engine::Shipping& ours, PeerClient& leader, const std::function<bool()>& is_stopping) {
  const auto is_common = [&](Lsn lsn) -> Result<bool> {
    if (is_stopping()) return Cancelled("stopping");
    if (lsn == Lsn()) return true;
    ASSIGN_OR_RETURN(const engine::RawRecord record, ours.ReadRaw(lsn));
    const auto theirs = leader.ChainHashAt(lsn);
    if (theirs.code() == Code::kNotFound) return false;
    RETURN_IF_ERROR(theirs.status());
    return *theirs == record.chain_hash;
  };
  uint64_t low = 0;
  uint64_t high = ours.journaled().lsn.value();
  ASSIGN_OR_RETURN(const bool all, is_common(Lsn(high)));
  if (all) return Lsn(high);
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    ASSIGN_OR_RETURN(const bool common, is_common(Lsn(middle)));
    (common ? low : high) = middle;
  }
  return Lsn(low);
}

// Opens the store for a look. As a follower, so that nothing is written.
Result<std::optional<Lsn>> FindDivergence(const std::string& directory, const PeerOptions& leader,
                                          engine::CommitObserver* observer,
                                          const std::shared_ptr<engine::DirectoryLock>& lock,
                                          const std::function<bool()>& is_stopping) {
  engine::StoreOptions options;
  options.directory = directory;
  options.role = NodeRole::kFollower;
  options.observer = observer;
  options.lock = lock;
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::Store> store, engine::Store::Open(options));
  PeerClient client(leader);
  ASSIGN_OR_RETURN(const Lsn common, LastCommon(*store->shipping(), client, is_stopping));
  if (common == store->shipping()->journaled().lsn) return std::optional<Lsn>();
  return std::optional<Lsn>(common);
}

// What cannot be opened goes out of the way. A copy that was never opened is worth nothing; anything else is kept, for it may
// hold what nobody else has.
Status MakeWay(const std::string& directory, const Status& damage) {
  Log(LogLevel::kError, "replication: this node's data is damaged; it is copied from the leader anew",
      {{"why", damage.ToString()}});
  if (!Exists(directory + kUnprovedMark)) return SetStoreAside(directory, kDamaged);
  RETURN_IF_ERROR(RemoveAll(directory + "/db"));
  RETURN_IF_ERROR(RemoveAll(directory + "/segments"));
  return RemoveMark(directory + kUnprovedMark);
}

// A store that can be opened, or the last common LSN with the leader if it has gone another way.
Result<std::optional<Lsn>> OpenOrCopy(const std::string& directory, const PeerOptions& leader,
                                      engine::CommitObserver* observer,
                                      const std::shared_ptr<engine::DirectoryLock>& lock,
                                      const std::function<bool()>& is_stopping, Bootstrap* done) {
  for (int copies = 0;; ++copies) {
    if (Exists(directory + kWholeMark)) RETURN_IF_ERROR(InstallCopy(directory));
    if (!HasSegments(directory)) {
      ASSIGN_OR_RETURN(done->bytes_copied, CopySegments(directory, leader, is_stopping));
      RETURN_IF_ERROR(InstallCopy(directory));
      done->copied = true;
    }
    Result<std::optional<Lsn>> common = FindDivergence(directory, leader, observer, lock, is_stopping);
    if (common.code() != Code::kCorruption || copies == kCopiesMax) {
      // Opened, whatever the leader said.
      const bool is_proved =
          common.ok() || common.code() == Code::kUnavailable || common.code() == Code::kDeadlineExceeded;
      if (is_proved) RETURN_IF_ERROR(RemoveMark(directory + kUnprovedMark));
      return common;
    }
    RETURN_IF_ERROR(MakeWay(directory, common.status()));
  }
}

}  // namespace

Status FetchCopy(const std::string& directory, const PeerOptions& leader, const std::function<bool()>& is_stopping) {
  if (Exists(directory + kWholeMark)) return OkStatus();
  return CopySegments(directory, leader, is_stopping).status();
}

Status RemoveReplaced(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> folders;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string path = entry.path().string();
    if (("/" + entry.path().filename().string()).starts_with(kReplaced)) folders.push_back(path);
  }
  for (const std::string& folder : folders) RETURN_IF_ERROR(RemoveAll(folder));
  return error ? IoError(directory + ": " + error.message()) : OkStatus();
}

Result<Bootstrap> PrepareToFollow(const std::string& directory, const PeerOptions& leader,
                                  engine::CommitObserver* observer, const std::shared_ptr<engine::DirectoryLock>& lock,
                                  const std::function<bool()>& is_stopping) {
  Bootstrap done;
  ASSIGN_OR_RETURN(const std::optional<Lsn> common, OpenOrCopy(directory, leader, observer, lock, is_stopping, &done));
  if (!common.has_value()) return done;
  const std::string aside = directory + "/diverged-after-" + std::to_string(common->value());
  Log(LogLevel::kWarning, "replication: this node has records that its leader does not have; they are set aside",
      {{"last_common_lsn", common->value()}, {"folder", aside}});
  ASSIGN_OR_RETURN(const engine::TruncatedJournal cut, engine::TruncateJournal(directory, *common, aside, lock));
  done.records_set_aside = cut.records_set_aside;
  done.aside = cut.aside;
  return done;
}

}  // namespace tarn::replication
