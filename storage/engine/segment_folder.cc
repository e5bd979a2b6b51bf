#include "storage/engine/segment_folder.h"

#include <charconv>

#include "storage/base/bytes.h"
#include "storage/base/check.h"
#include "storage/engine/segment_reader.h"

namespace tarn::engine {
namespace {

constexpr std::string_view kSegmentSuffix = ".seg";
constexpr std::string_view kPartSuffix = ".part";
constexpr size_t kIdDigits = 16;

std::string FileName(SegmentId id, std::string_view suffix) {
  std::string digits;
  AppendBigEndian64(&digits, id.value());
  return HexEncode(digits).append(suffix);
}

// The id of a file of ours; 0 for any other name.
SegmentId ParseFileName(std::string_view name, std::string_view suffix) {
  if (name.size() != kIdDigits + suffix.size() || !name.ends_with(suffix)) return SegmentId();
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + kIdDigits, id, 16);
  const SegmentId parsed(error == std::errc() && end == name.data() + kIdDigits ? id : 0);
  return FileName(parsed, suffix) == name ? parsed : SegmentId();  // Upper-case digits are not ours.
}

std::string ParentOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

SegmentFolder::SegmentFolder(const SegmentStoreOptions& options)
    : options_(options),
      file_system_(options.file_system != nullptr ? *options.file_system : PosixFileSystem()),
      random_(options.random != nullptr ? *options.random : SystemRandom()) {}

Result<std::unique_ptr<SegmentFolder>> SegmentFolder::Open(const SegmentStoreOptions& options) {
  std::unique_ptr<SegmentFolder> folder(new SegmentFolder(options));
  if (!options.read_only) {
    RETURN_IF_ERROR(folder->file_system_.CreateDirectory(options.directory));
    // Also when the folder was there: a process that made it may have been killed before its own sync.
    if (!options.skip_directory_sync) {
      RETURN_IF_ERROR(folder->file_system_.SyncDirectory(ParentOf(options.directory)));
    }
  }
  RETURN_IF_ERROR(folder->Load());
  return folder;
}

Status SegmentFolder::Load() {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, file_system_.List(options_.directory));
  MutexLock lock(mutex_);
  for (const std::string& name : names) {
    const SegmentId part = ParseFileName(name, kPartSuffix);
    const SegmentId id = ParseFileName(name, kSegmentSuffix);
    next_id_ = std::max({next_id_, part.Next(), id.Next()});
    if (id == SegmentId()) continue;
    ASSIGN_OR_RETURN(Entry entry, LoadEntry(id));
    total_bytes_ += entry.size_bytes;
    entries_.emplace(id, std::move(entry));
  }
  return OkStatus();
}

Result<SegmentFolder::Entry> SegmentFolder::LoadEntry(SegmentId id) const {
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file, file_system_.OpenReadOnly(Path(id)));
  ASSIGN_OR_RETURN(const uint64_t size_bytes, file->Size());
  const Result<SegmentHeader> header = ReadSegmentHeader(*file, id);
  if (header.ok()) return Entry{id, header->kind, size_bytes, OkStatus()};
  if (header.code() != Code::kCorruption) return header.status().WithContext(Name(id));
  // A damaged header of a solo segment costs one blob, not the journal; only the footer still tells.
  const bool is_solo = LooksLikeSealedSolo(*file, size_bytes);
  return Entry{id, is_solo ? SegmentKind::kSolo : SegmentKind::kShared, size_bytes,
               header.status().WithContext(Name(id))};
}

std::vector<SegmentFolder::Entry> SegmentFolder::List() const {
  MutexLock lock(mutex_);
  std::vector<Entry> entries;
  entries.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) entries.push_back(entry);
  return entries;
}

std::vector<SegmentFolder::Entry> SegmentFolder::ListShared() const {
  std::vector<Entry> entries = List();
  std::erase_if(entries, [](const Entry& entry) { return entry.kind != SegmentKind::kShared; });
  return entries;
}

bool SegmentFolder::Has(SegmentId id) const {
  MutexLock lock(mutex_);
  return entries_.contains(id);
}

Result<SegmentFolder::NewSegment> SegmentFolder::Begin(SegmentKind kind) {
  SegmentHeader header;
  header.kind = kind;
  {
    MutexLock lock(mutex_);
    header.id = next_id_;
    next_id_ = next_id_.Next();
    header.salt = LoadLittleEndian<uint64_t>(random_.Bytes(sizeof(uint64_t)).data());
  }
  ASSIGN_OR_RETURN(std::shared_ptr<File> file, file_system_.Create(PartPath(header.id)));
  std::string bytes;
  AppendSegmentHeader(&bytes, header);
  const Status written = file->WriteAt(0, bytes);
  if (!written.ok()) {
    Discard(header.id);
    return written;
  }
  return NewSegment{header, std::move(file)};
}

Status SegmentFolder::Publish(const NewSegment& segment, uint64_t size_bytes) {
  const SegmentId id = segment.header.id;
  RETURN_IF_ERROR(SyncFile(segment.file.get()));
  if (segment.header.kind == SegmentKind::kSolo) {
    MutexLock lock(mutex_);
    staged_.insert(id);
  }
  RETURN_IF_ERROR(file_system_.Rename(PartPath(id), Path(id)));
  const Status synced = SyncFolder();
  if (!synced.ok()) return IoError(synced.ToString());  // Even for a full disk: which names are durable is unknown.
  MutexLock lock(mutex_);
  entries_.emplace(id, Entry{id, segment.header.kind, size_bytes, OkStatus()});
  total_bytes_ += size_bytes;
  return OkStatus();
}

bool SegmentFolder::IsStaged(SegmentId id) const {
  MutexLock lock(mutex_);
  return staged_.contains(id);
}

void SegmentFolder::Unstage(SegmentId id) {
  MutexLock lock(mutex_);
  staged_.erase(id);
}

Result<std::unique_ptr<File>> SegmentFolder::BeginReplacement(SegmentId id) {
  return file_system_.Create(PartPath(id));
}

Status SegmentFolder::Replace(SegmentId id) {
  RETURN_IF_ERROR(file_system_.Rename(PartPath(id), Path(id)));
  return SyncFolder();
}

void SegmentFolder::DiscardReplacement(SegmentId id) { static_cast<void>(file_system_.Remove(PartPath(id)).ok()); }

void SegmentFolder::Discard(SegmentId id) {
  if (!file_system_.Remove(PartPath(id)).ok()) static_cast<void>(Remove(id).ok());
}

Status SegmentFolder::Remove(SegmentId id) {
  RETURN_IF_ERROR(file_system_.Remove(Path(id)));
  MutexLock lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return OkStatus();
  total_bytes_ -= found->second.size_bytes;
  entries_.erase(found);
  return OkStatus();
}

Result<uint64_t> SegmentFolder::RemoveParts() {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, file_system_.List(options_.directory));
  uint64_t removed = 0;
  for (const std::string& name : names) {
    if (ParseFileName(name, kPartSuffix) == SegmentId()) continue;
    RETURN_IF_ERROR(file_system_.Remove(options_.directory + "/" + name));
    ++removed;
  }
  return removed;
}

Result<SegmentFile> SegmentFolder::OpenForReading(SegmentId id) const {
  ASSIGN_OR_RETURN(std::unique_ptr<File> file, file_system_.OpenReadOnly(Path(id)));
  ASSIGN_OR_RETURN(const uint64_t size_bytes, file->Size());
  const Result<SegmentHeader> header = ReadSegmentHeader(*file, id);
  if (!header.ok()) return header.status().WithContext(Name(id));
  return SegmentFile{std::move(file), *header, Name(id), size_bytes};
}

Result<std::unique_ptr<File>> SegmentFolder::OpenForWriting(SegmentId id) const {
  return file_system_.OpenReadWrite(Path(id));
}

Status SegmentFolder::SyncFile(File* file) {
  sync_count_.fetch_add(1, std::memory_order_relaxed);
  return options_.skip_sync ? OkStatus() : file->Sync();
}

Status SegmentFolder::SyncFolder() {
  return options_.skip_directory_sync ? OkStatus() : file_system_.SyncDirectory(options_.directory);
}

void SegmentFolder::SetSize(SegmentId id, uint64_t size_bytes) {
  MutexLock lock(mutex_);
  const auto found = entries_.find(id);
  CHECK(found != entries_.end());
  total_bytes_ = total_bytes_ - found->second.size_bytes + size_bytes;
  found->second.size_bytes = size_bytes;
}

uint64_t SegmentFolder::segment_count() const {
  MutexLock lock(mutex_);
  return entries_.size();
}

uint64_t SegmentFolder::segment_bytes() const {
  MutexLock lock(mutex_);
  return total_bytes_;
}

std::string SegmentFolder::Name(SegmentId id) { return FileName(id, kSegmentSuffix); }
std::string SegmentFolder::Path(SegmentId id) const { return options_.directory + "/" + Name(id); }
std::string SegmentFolder::PartPath(SegmentId id) const { return options_.directory + "/" + FileName(id, kPartSuffix); }

}  // namespace tarn::engine
