#include "storage/testing/fault_fs.h"

#include <algorithm>
#include <utility>

#include "storage/base/check.h"

namespace tarn {
namespace {

constexpr uint64_t kSectorBytes = 512;  // What a disk writes whole.

}  // namespace

class FaultFileSystem::OpenFile final : public File {
 public:
  OpenFile(FaultFileSystem* owner, std::shared_ptr<Node> node, std::string path, uint64_t generation)
      : owner_(owner), node_(std::move(node)), path_(std::move(path)), generation_(generation) {}

  Status WriteAt(uint64_t offset, std::span<const iovec> parts) override {
    std::string bytes;
    for (const iovec& part : parts) bytes.append(static_cast<const char*>(part.iov_base), part.iov_len);
    MutexLock lock(owner_->mutex_);
    const Verdict verdict = Begin(Call::kWriteAt);
    if (verdict.status.ok()) return owner_->Write(node_.get(), offset, std::move(bytes));
    if (verdict.has_effect) {
      bytes.resize(owner_->random_.Below(bytes.size() + 1));
      static_cast<void>(owner_->Write(node_.get(), offset, std::move(bytes)).ok());
    }
    return verdict.status;
  }

  Status ReadAt(uint64_t offset, size_t size, std::string* out) const override {
    MutexLock lock(owner_->mutex_);
    RETURN_IF_ERROR(Begin(Call::kReadAt).status);
    out->clear();
    if (offset < node_->current.size()) *out = node_->current.substr(offset, size);
    return OkStatus();
  }

  Status Sync() override {
    MutexLock lock(owner_->mutex_);
    const Verdict verdict = Begin(Call::kSync);
    if (verdict.has_effect) {
      for (const DataChange& change : node_->unsynced) Apply(&node_->durable, change);
    }
    // After a failure the pages are clean though they were never written.
    if (verdict.has_effect || !owner_->is_power_off_) node_->unsynced.clear();
    return verdict.status;
  }

  Status Truncate(uint64_t size) override {
    MutexLock lock(owner_->mutex_);
    const Verdict verdict = Begin(Call::kTruncate);
    if (!verdict.has_effect) return verdict.status;
    node_->unsynced.push_back({size, std::nullopt});
    Apply(&node_->current, node_->unsynced.back());
    return verdict.status;
  }

  Result<uint64_t> Size() const override {
    MutexLock lock(owner_->mutex_);
    RETURN_IF_ERROR(Begin(Call::kSize).status);
    return uint64_t{node_->current.size()};
  }

  int descriptor() const override { return -1; }

 private:
  Verdict Begin(Call kind) const REQUIRES(owner_->mutex_) {
    if (generation_ != owner_->generation_) return {IoError(path_ + ": opened before the power was cut"), false};
    return owner_->Count(kind, path_);
  }

  FaultFileSystem* const owner_;
  const std::shared_ptr<Node> node_;
  const std::string path_;
  const uint64_t generation_;
};

uint64_t FaultFileSystem::call_count() const {
  MutexLock lock(mutex_);
  uint64_t sum = 0;
  for (const auto& [kind, count] : calls_) sum += count;
  return sum;
}

uint64_t FaultFileSystem::call_count(Call kind) const {
  MutexLock lock(mutex_);
  const auto found = calls_.find(kind);
  return found == calls_.end() ? 0 : found->second;
}

void FaultFileSystem::FailCall(uint64_t after, Code code) {
  MutexLock lock(mutex_);
  fault_ = PlannedFault{std::nullopt, after, false, code};
  fault_happened_ = false;
}

void FaultFileSystem::FailCallOf(Call kind, uint64_t after, Code code) {
  MutexLock lock(mutex_);
  fault_ = PlannedFault{kind, after, false, code};
  fault_happened_ = false;
}

void FaultFileSystem::CutPowerAtCall(uint64_t after) {
  MutexLock lock(mutex_);
  fault_ = PlannedFault{std::nullopt, after, true, Code::kIoError};
  fault_happened_ = false;
}

bool FaultFileSystem::fault_happened() const {
  MutexLock lock(mutex_);
  return fault_happened_;
}

void FaultFileSystem::SetCapacity(uint64_t bytes) {
  MutexLock lock(mutex_);
  capacity_bytes_ = bytes;
}

FaultFileSystem::Verdict FaultFileSystem::Count(Call kind, std::string_view what) {
  if (is_power_off_) return {IoError(std::string(what) + ": the power is off"), false};
  ++calls_[kind];
  if (!fault_.has_value() || (fault_->kind.has_value() && *fault_->kind != kind)) return {};
  if (fault_->calls_left-- > 0) return {};
  const PlannedFault fault = *std::exchange(fault_, std::nullopt);
  fault_happened_ = true;
  if (fault.is_power_cut) {
    is_power_off_ = true;
    return {IoError(std::string(what) + ": the power is cut"), random_.Below(2) == 0};
  }
  // A failed write may have written something; of other failed calls nothing happened.
  return {Status(fault.code, std::string(what) + ": planned fault"), kind == Call::kWriteAt};
}

void FaultFileSystem::Restart(Unsynced unsynced) {
  MutexLock lock(mutex_);
  ++generation_;
  is_power_off_ = false;
  fault_.reset();
  if (unsynced == Unsynced::kKept) return;
  for (auto& [folder, changes] : unsynced_names_) {
    for (const NameChange& change : changes) {
      if (unsynced == Unsynced::kAnySubset && random_.Below(2) == 0) Apply(&durable_names_, change);
    }
  }
  unsynced_names_.clear();
  // A name without its folder is gone, too. Folders come before what is in them.
  for (auto entry = durable_names_.begin(); entry != durable_names_.end();) {
    const std::string folder = FolderOf(entry->first);
    const bool is_reachable = folder == "/" || durable_names_.contains(folder);
    entry = is_reachable ? std::next(entry) : durable_names_.erase(entry);
  }
  names_ = durable_names_;
  for (auto& [path, node] : names_) LoseUnsynced(node.get(), unsynced);
}

void FaultFileSystem::LoseUnsynced(Node* node, Unsynced unsynced) {
  for (const DataChange& change : node->unsynced) {
    if (unsynced == Unsynced::kLost) break;
    switch (random_.Below(3)) {
      case 0: break;
      case 1: Apply(&node->durable, change); break;
      default: ApplyTorn(node, change); break;
    }
  }
  node->unsynced.clear();
  node->current = node->durable;
}

void FaultFileSystem::ApplyTorn(Node* node, const DataChange& change) {
  if (!change.bytes.has_value()) return;
  const uint64_t end = change.offset + change.bytes->size();
  for (uint64_t at = change.offset; at < end;) {
    const uint64_t sector_end = std::min(end, (at / kSectorBytes + 1) * kSectorBytes);
    if (random_.Below(2) == 0) {
      Apply(&node->durable, {at, change.bytes->substr(at - change.offset, sector_end - at)});
    }
    at = sector_end;
  }
  // The size may arrive without the bytes.
  if (random_.Below(2) == 0 && node->durable.size() < end) node->durable.resize(end, '\0');
}

void FaultFileSystem::Apply(std::string* contents, const DataChange& change) {
  if (!change.bytes.has_value()) {
    contents->resize(change.offset, '\0');
    return;
  }
  const uint64_t end = change.offset + change.bytes->size();
  if (contents->size() < end) contents->resize(end, '\0');
  contents->replace(change.offset, change.bytes->size(), *change.bytes);
}

void FaultFileSystem::Apply(Names* names, const NameChange& change) {
  if (!change.removed.empty()) names->erase(change.removed);
  if (!change.added.empty()) (*names)[change.added] = change.node;
}

Status FaultFileSystem::Write(Node* node, uint64_t offset, std::string bytes) {
  Status status;
  const uint64_t size = node->current.size();
  const uint64_t growth = std::max(size, offset + bytes.size()) - size;
  const uint64_t free_bytes = capacity_bytes_ - std::min(capacity_bytes_, UsedBytes());
  if (growth > free_bytes) {
    bytes.resize(bytes.size() - std::min<uint64_t>(bytes.size(), growth - free_bytes));
    status = OutOfSpace("the disk is full");
  }
  if (bytes.empty()) return status;
  node->unsynced.push_back({offset, std::move(bytes)});
  Apply(&node->current, node->unsynced.back());
  return status;
}

uint64_t FaultFileSystem::UsedBytes() const {
  uint64_t sum = 0;
  for (const auto& [path, node] : names_) sum += node->current.size();
  return sum;
}

std::string FaultFileSystem::Contents(const std::string& path) const {
  MutexLock lock(mutex_);
  const auto node = Find(path);
  CHECK(node != nullptr);
  return node->current;
}

void FaultFileSystem::FlipBit(const std::string& path, uint64_t byte_offset, int bit) {
  MutexLock lock(mutex_);
  const auto node = Find(path);
  CHECK(node != nullptr && byte_offset < node->current.size());
  const auto flip = [byte_offset, bit](std::string* contents) {
    if (byte_offset < contents->size())
      (*contents)[byte_offset] = static_cast<char>((*contents)[byte_offset] ^ (1 << bit));
  };
  flip(&node->current);
  flip(&node->durable);
}

// --- names ---

std::string FaultFileSystem::FolderOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  CHECK(slash != std::string::npos);
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::shared_ptr<FaultFileSystem::Node> FaultFileSystem::Find(const std::string& path) const {
  static const auto root = std::make_shared<Node>(Node{true, {}, {}, {}});
  if (path == "/") return root;
  const auto found = names_.find(path);
  return found == names_.end() ? nullptr : found->second;
}

Status FaultFileSystem::ChangeNames(NameChange change) {
  const std::string folder = FolderOf(change.added.empty() ? change.removed : change.added);
  const auto node = Find(folder);
  if (node == nullptr || !node->is_folder) return NotFound(folder + " is no folder");
  Apply(&names_, change);
  unsynced_names_[folder].push_back(std::move(change));
  return OkStatus();
}

Result<std::unique_ptr<File>> FaultFileSystem::Create(const std::string& path) {
  MutexLock lock(mutex_);
  const Verdict verdict = Count(Call::kCreate, path);
  if (!verdict.has_effect) return verdict.status;
  if (Find(path) != nullptr) return AlreadyExists(path + " exists");
  auto node = std::make_shared<Node>();
  RETURN_IF_ERROR(ChangeNames({"", path, node}));
  RETURN_IF_ERROR(verdict.status);
  return std::unique_ptr<File>(std::make_unique<OpenFile>(this, std::move(node), path, generation_));
}

Result<std::unique_ptr<File>> FaultFileSystem::Open(const std::string& path) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Count(Call::kOpen, path).status);
  auto node = Find(path);
  if (node == nullptr || node->is_folder) return NotFound(path + " is no file");
  return std::unique_ptr<File>(std::make_unique<OpenFile>(this, std::move(node), path, generation_));
}

Status FaultFileSystem::SyncDirectory(const std::string& path) {
  MutexLock lock(mutex_);
  const Verdict verdict = Count(Call::kSyncDirectory, path);
  if (Find(path) == nullptr) return NotFound(path + " is no folder");
  if (verdict.has_effect) {
    for (const NameChange& change : unsynced_names_[path]) Apply(&durable_names_, change);
    unsynced_names_[path].clear();
  }
  return verdict.status;
}

Status FaultFileSystem::CreateDirectory(const std::string& path) {
  MutexLock lock(mutex_);
  const Verdict verdict = Count(Call::kCreateDirectory, path);
  if (!verdict.has_effect) return verdict.status;
  if (Find(path) != nullptr) return verdict.status;
  RETURN_IF_ERROR(ChangeNames({"", path, std::make_shared<Node>(Node{true, {}, {}, {}})}));
  return verdict.status;
}

Result<std::vector<std::string>> FaultFileSystem::List(const std::string& path) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Count(Call::kList, path).status);
  if (Find(path) == nullptr) return NotFound(path + " is no folder");
  std::vector<std::string> names;
  for (const auto& [name, node] : names_) {
    if (FolderOf(name) == path) names.push_back(name.substr(name.find_last_of('/') + 1));
  }
  return names;
}

Status FaultFileSystem::Remove(const std::string& path) {
  MutexLock lock(mutex_);
  const Verdict verdict = Count(Call::kRemove, path);
  if (!verdict.has_effect) return verdict.status;
  if (Find(path) == nullptr) return NotFound(path + " is no file");
  RETURN_IF_ERROR(ChangeNames({path, "", nullptr}));
  return verdict.status;
}

Status FaultFileSystem::Rename(const std::string& from, const std::string& to) {
  MutexLock lock(mutex_);
  const Verdict verdict = Count(Call::kRename, from);
  if (!verdict.has_effect) return verdict.status;
  const auto node = Find(from);
  if (node == nullptr) return NotFound(from + " is no file");
  CHECK(FolderOf(from) == FolderOf(to));
  RETURN_IF_ERROR(ChangeNames({from, to, node}));
  return verdict.status;
}

Result<FileSystem::Space> FaultFileSystem::FreeSpace(const std::string& path) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Count(Call::kFreeSpace, path).status);
  const uint64_t used = std::min(capacity_bytes_, UsedBytes());
  return Space{capacity_bytes_ - used, capacity_bytes_};
}

}  // namespace tarn
