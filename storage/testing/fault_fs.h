#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/file_system.h"
#include "storage/base/mutex.h"
#include "storage/base/random.h"

namespace tarn {

// A file system in memory that keeps apart what is written and what is on stable storage. It can lose power at any
// call, fail any call, fill up and flip bits. One seed decides everything that is left to chance.
//
// Harder than real disks, on purpose: a name is durable only after SyncDirectory of its folder (ext4, XFS and btrfs all
// forgive that), unsynced writes survive in any combination of 512-byte sectors, and after a failed Sync the bytes it
// was about are never written, whatever a later Sync says.
// Files have no descriptor (-1). Folders: "/" exists; a rename stays in its folder.
// Threads: any; calls are serialised, and their order decides which is the n-th.
class FaultFileSystem final : public FileSystem {
 public:
  explicit FaultFileSystem(uint64_t seed = 1) : random_(seed) {}

  enum class Call : uint8_t {
    kWriteAt,
    kReadAt,
    kSync,
    kTruncate,
    kSize,
    kCreate,
    kOpen,
    kSyncDirectory,
    kCreateDirectory,
    kList,
    kRemove,
    kRename,
    kFreeSpace,
  };
  // Calls so far, all or of one kind. Calls while the power is off do not count.
  uint64_t call_count() const EXCLUDES(mutex_);
  uint64_t call_count(Call kind) const EXCLUDES(mutex_);

  // --- faults; `after` counts calls from now, 0 is the next one ---
  // Fails once with `code`. A write has written a prefix by then.
  void FailCall(uint64_t after, Code code) EXCLUDES(mutex_);
  void FailCallOf(Call kind, uint64_t after, Code code) EXCLUDES(mutex_);
  // That call and all later ones fail with kIoError; that call may have had its effect.
  void CutPowerAtCall(uint64_t after) EXCLUDES(mutex_);
  // Whether the planned fault has happened.
  bool fault_happened() const EXCLUDES(mutex_);
  // Writes that need more than this in all files together fail with kOutOfSpace after a prefix.
  void SetCapacity(uint64_t bytes) EXCLUDES(mutex_);

  // What becomes of unsynced changes: after a power cut kLost or kAnySubset; kKept when only the process died, and then
  // they are still unsynced.
  enum class Unsynced : uint8_t { kLost, kAnySubset, kKept };
  // Forgets open files and planned faults, and turns the power on if it is off.
  void Restart(Unsynced unsynced) EXCLUDES(mutex_);

  // --- looking and meddling, behind the back of whoever has the file open ---
  std::string Contents(const std::string& path) const EXCLUDES(mutex_);
  void FlipBit(const std::string& path, uint64_t byte_offset, int bit) EXCLUDES(mutex_);

  // --- FileSystem ---
  Result<std::unique_ptr<File>> Create(const std::string& path) override EXCLUDES(mutex_);
  Result<std::unique_ptr<File>> OpenReadWrite(const std::string& path) override { return Open(path); }
  Result<std::unique_ptr<File>> OpenReadOnly(const std::string& path) override { return Open(path); }
  Status SyncDirectory(const std::string& path) override EXCLUDES(mutex_);
  Status CreateDirectory(const std::string& path) override EXCLUDES(mutex_);
  Result<std::vector<std::string>> List(const std::string& path) override EXCLUDES(mutex_);
  Status Remove(const std::string& path) override EXCLUDES(mutex_);
  Status Rename(const std::string& from, const std::string& to) override EXCLUDES(mutex_);
  Result<Space> FreeSpace(const std::string& path) override EXCLUDES(mutex_);

 private:
  class OpenFile;

  // A write, or a truncation to `offset` when there are no bytes.
  struct DataChange {
    uint64_t offset = 0;
    std::optional<std::string> bytes;
  };
  // A file or folder, which names refer to.
  struct Node {
    bool is_folder = false;
    std::string current;
    std::string durable;
    std::vector<DataChange> unsynced;  // Leads from durable to current, unless a Sync failed.
  };
  using Names = std::map<std::string, std::shared_ptr<Node>>;
  // Removes `removed` and adds `added`; either may be empty. Atomic.
  struct NameChange {
    std::string removed;
    std::string added;
    std::shared_ptr<Node> node;
  };
  struct PlannedFault {
    std::optional<Call> kind;  // Of any kind when unset.
    uint64_t calls_left = 0;
    bool is_power_cut = false;
    Code code = Code::kOk;
  };
  // What becomes of one call.
  struct Verdict {
    Status status;
    bool has_effect = true;  // For a failing write: of a prefix.
  };

  Verdict Count(Call kind, std::string_view what) REQUIRES(mutex_);
  Result<std::unique_ptr<File>> Open(const std::string& path) EXCLUDES(mutex_);
  Status ChangeNames(NameChange change) REQUIRES(mutex_);
  std::shared_ptr<Node> Find(const std::string& path) const REQUIRES(mutex_);
  uint64_t UsedBytes() const REQUIRES(mutex_);
  Status Write(Node* node, uint64_t offset, std::string bytes) REQUIRES(mutex_);
  void LoseUnsynced(Node* node, Unsynced unsynced) REQUIRES(mutex_);
  void ApplyTorn(Node* node, const DataChange& change) REQUIRES(mutex_);
  static void Apply(std::string* contents, const DataChange& change);
  static void Apply(Names* names, const NameChange& change);
  static std::string FolderOf(const std::string& path);

  mutable Mutex mutex_;
  SeededRandom random_ GUARDED_BY(mutex_);
  Names names_ GUARDED_BY(mutex_);
  Names durable_names_ GUARDED_BY(mutex_);
  std::map<std::string, std::vector<NameChange>> unsynced_names_ GUARDED_BY(mutex_);  // By folder.
  uint64_t capacity_bytes_ GUARDED_BY(mutex_) = UINT64_MAX;
  uint64_t generation_ GUARDED_BY(mutex_) = 0;  // Raised by Restart; files of an older one are dead.
  bool is_power_off_ GUARDED_BY(mutex_) = false;
  std::optional<PlannedFault> fault_ GUARDED_BY(mutex_);
  bool fault_happened_ GUARDED_BY(mutex_) = false;
  std::map<Call, uint64_t> calls_ GUARDED_BY(mutex_);
};

}  // namespace tarn
