#include "storage/testing/rocks_fault_env.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/check.h"
#include "storage/base/mutex.h"

namespace tarn {
namespace {

using rocksdb::FSDirectory;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string FolderOf(const std::string& path) { return std::filesystem::path(path).parent_path().string(); }

}  // namespace

class RocksFaultEnv::FaultFs final : public rocksdb::FileSystemWrapper {
 public:
  FaultFs() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  // RocksDB's threads are done with this by means that ThreadSanitizer does not see; the lock it does.
  ~FaultFs() override { MutexLock lock(mutex_); }
  const char* Name() const override { return "RocksFaultEnv"; }

  // Counts a change; not OK when the power is off, or goes off now.
  IOStatus Change() {
    MutexLock lock(mutex_);
    if (!is_power_off_ && cut_after_.has_value() && (*cut_after_)-- == 0) is_power_off_ = true;
    if (is_power_off_) return IOStatus::IOError("power is off");
    ++change_count_;
    return IOStatus::OK();
  }
  IOStatus LogWrite(const std::string& path) {
    if (!path.ends_with(".log")) return IOStatus::OK();
    MutexLock lock(mutex_);
    if (log_failure_ == Code::kOutOfSpace) return IOStatus::NoSpace("planned fault");
    return log_failure_ == Code::kOk ? IOStatus::OK() : IOStatus::IOError("planned fault");
  }
  void Synced(const std::string& path, uint64_t size) {
    MutexLock lock(mutex_);
    if (!ignores_syncs_) synced_bytes_[path] = size;
  }
  void FolderSynced(const std::string& folder) {
    MutexLock lock(mutex_);
    if (!ignores_syncs_)
      std::erase_if(name_changes_, [&](const NameChange& change) { return FolderOf(change.path) == folder; });
  }

  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                           std::unique_ptr<FSWritableFile>* result, IODebugContext* debug) override;
  IOStatus NewDirectory(const std::string& path, const IOOptions& options, std::unique_ptr<FSDirectory>* result,
                        IODebugContext* debug) override;
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    if (IOStatus power = Change(); !power.ok()) return power;
    Remember(from);
    Remember(to);
    {
      MutexLock lock(mutex_);
      synced_bytes_[to] = synced_bytes_[from];
    }
    return FileSystemWrapper::RenameFile(from, to, options, debug);
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus power = Change(); !power.ok()) return power;
    Remember(path);
    return FileSystemWrapper::DeleteFile(path, options, debug);
  }

  void LoseUnsynced() {
    MutexLock lock(mutex_);
    for (const auto& [path, bytes] : synced_bytes_) {
      std::error_code error;
      if (std::filesystem::exists(path, error)) std::filesystem::resize_file(path, bytes);
    }
    for (auto change = name_changes_.rbegin(); change != name_changes_.rend(); ++change) {
      std::filesystem::remove(change->path);
      if (change->before.has_value()) std::ofstream(change->path, std::ios::binary) << *change->before;
    }
    synced_bytes_.clear();
    name_changes_.clear();
    cut_after_.reset();
    log_failure_ = Code::kOk;
    is_power_off_ = false;
  }

  mutable Mutex mutex_;
  uint64_t change_count_ GUARDED_BY(mutex_) = 0;
  std::optional<uint64_t> cut_after_ GUARDED_BY(mutex_);
  bool is_power_off_ GUARDED_BY(mutex_) = false;
  Code log_failure_ GUARDED_BY(mutex_) = Code::kOk;
  bool ignores_syncs_ GUARDED_BY(mutex_) = false;

 private:
  // What a name was before it changed; undone unless its folder is synced.
  struct NameChange {
    std::string path;
    std::optional<std::string> before;
  };

  // Before a name is created, replaced or removed. What is kept is what was durable of it.
  void Remember(const std::string& path) {
    MutexLock lock(mutex_);
    NameChange change{path, std::nullopt};
    if (std::filesystem::exists(path)) {
      change.before = ReadWhole(path);
      if (const auto synced = synced_bytes_.find(path); synced != synced_bytes_.end())
        change.before->resize(synced->second);
    }
    name_changes_.push_back(std::move(change));
  }

  std::map<std::string, uint64_t> synced_bytes_ GUARDED_BY(mutex_);  // Of files written by this process.
  std::vector<NameChange> name_changes_ GUARDED_BY(mutex_);
};

namespace {

// `Fs` is FaultFs, which is private to RocksFaultEnv.
template <typename Fs>
class TrackedFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  TrackedFile(Fs* file_system, std::string path, std::unique_ptr<FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), fs_(*file_system), path_(std::move(path)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus fault = fs_.LogWrite(path_); !fault.ok()) return fault;
    if (IOStatus power = fs_.Change(); !power.ok()) return power;
    size_ += data.size();
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    size_ = size;
    return FSWritableFileOwnerWrapper::Truncate(size, options, debug);
  }
  // The machine's own sync is left out: only its promise matters here.
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    if (IOStatus power = fs_.Change(); !power.ok()) return power;
    fs_.Synced(path_, size_);
    return IOStatus::OK();
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override { return Sync(options, debug); }

 private:
  Fs& fs_;
  const std::string path_;
  uint64_t size_ = 0;
};

template <typename Fs>
class TrackedDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  TrackedDirectory(Fs* file_system, std::string path, std::unique_ptr<FSDirectory> directory)
      : FSDirectoryWrapper(std::move(directory)), fs_(*file_system), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    if (IOStatus power = fs_.Change(); !power.ok()) return power;
    fs_.FolderSynced(path_);
    return IOStatus::OK();
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions&) override {
    return Fsync(options, debug);
  }

 private:
  Fs& fs_;
  const std::string path_;
};

}  // namespace

IOStatus RocksFaultEnv::FaultFs::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                                 std::unique_ptr<FSWritableFile>* result, IODebugContext* debug) {
  if (IOStatus power = Change(); !power.ok()) return power;
  Remember(path);
  std::unique_ptr<FSWritableFile> file;
  IOStatus status = FileSystemWrapper::NewWritableFile(path, options, &file, debug);
  if (!status.ok()) return status;
  {
    MutexLock lock(mutex_);
    synced_bytes_[path] = 0;
  }
  *result = std::make_unique<TrackedFile<FaultFs>>(this, path, std::move(file));
  return status;
}

IOStatus RocksFaultEnv::FaultFs::NewDirectory(const std::string& path, const IOOptions& options,
                                              std::unique_ptr<FSDirectory>* result, IODebugContext* debug) {
  std::unique_ptr<FSDirectory> directory;
  IOStatus status = FileSystemWrapper::NewDirectory(path, options, &directory, debug);
  if (status.ok()) *result = std::make_unique<TrackedDirectory<FaultFs>>(this, path, std::move(directory));
  return status;
}

RocksFaultEnv::RocksFaultEnv()
    : file_system_(std::make_shared<FaultFs>()), env_(rocksdb::NewCompositeEnv(file_system_)) {}
RocksFaultEnv::~RocksFaultEnv() = default;

rocksdb::Env* RocksFaultEnv::env() const { return env_.get(); }

uint64_t RocksFaultEnv::change_count() const {
  MutexLock lock(file_system_->mutex_);
  return file_system_->change_count_;
}

void RocksFaultEnv::CutPowerAtChange(uint64_t after) {
  MutexLock lock(file_system_->mutex_);
  file_system_->cut_after_ = after;
}

bool RocksFaultEnv::is_power_off() const {
  MutexLock lock(file_system_->mutex_);
  return file_system_->is_power_off_;
}

void RocksFaultEnv::FailLogWrites(Code code) {
  MutexLock lock(file_system_->mutex_);
  file_system_->log_failure_ = code;
}

void RocksFaultEnv::IgnoreSyncs() {
  MutexLock lock(file_system_->mutex_);
  file_system_->ignores_syncs_ = true;
}

void RocksFaultEnv::LoseUnsynced() { file_system_->LoseUnsynced(); }

}  // namespace tarn
