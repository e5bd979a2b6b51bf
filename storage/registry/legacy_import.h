#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/import_limits.h"
#include "storage/base/mutex.h"
#include "storage/base/random.h"
#include "storage/base/result.h"
#include "storage/engine/blob_store.h"
#include "storage/engine/store.h"
#include "storage/registry/package_name.h"
#include "storage/registry/package_state.h"
#include "storage/registry/records.h"

namespace tarn::registry {

// A package as its origin had it, in our records. What only the store knows is filled in by LegacyImport: revision,
// ordinals, counts.
struct LegacyPackage {
  PackageName name;
  PackageRecord package;  // With `imported`.
  // In the order of their publication. A version is stored under the key of its text: two may not be equal as text.
  std::vector<VersionRecord> versions;
  std::vector<TombstoneRecord> tombstones;  // Versions that are gone and must not come again.
};

// Brings packages in from elsewhere, through the same commits as a publish.
//
// Tarballs are hashed and written as they come (NewWriter), kept until their package is put (Keep), and stored before it
// when they are many. A package is one commit, or, when its versions are larger than limits::kImportRecordBytes, several of
// which the last makes it visible. Commits of different packages are handed over in groups, and several of those are under way
// at the same time; Wait ends that.
// Whatever was acknowledged survives; a run that was killed is begun again, and finds by the origin's revision what is in.
// Threads: one at a time. Blocks on disk.
class LegacyImport {
 public:
  // `store` outlives it. Nothing else may write the same packages meanwhile.
  LegacyImport(engine::Store* store, Clock* clock, Random* random) : store_(store), clock_(clock), random_(random) {}
  // Waits for commits under way.
  ~LegacyImport();

  // What stands under a name before it is put.
  struct Standing {
    enum class Kind : uint8_t {
      kFree,
      kImported,  // As it was imported, and nothing changed here since.
      kOurs,      // Published here, or changed here since it was imported: the origin has no say any more.
    };
    Kind kind = Kind::kFree;
    std::string origin_rev;             // Of an imported one.
    uint32_t finding_count = 0;         // Likewise: of the import that brought it.
    size_t missing_tarballs = 0;        // Likewise: versions that it brought without their bytes.
    std::vector<std::string> versions;  // Live ones, unless it is free.
  };
  enum class WithVersions : uint8_t { kNo, kYes };
  Result<Standing> Find(const PackageName& name, WithVersions with_versions);

  // The tarball of a version of an imported package; nullopt: there is none with bytes.
  Result<std::optional<TarballRecord>> FindTarball(const PackageName& name, std::string_view version);

  Result<std::unique_ptr<engine::BlobWriter>> NewWriter() { return store_->blobs().NewWriter(); }
  // Waits with the next package; may commit what waits.
  Status Keep(std::unique_ptr<engine::StagedBlob> blob);
  // Forgets what waits: its package does not come.
  void DropKept();

  // What becomes of live versions that `package` does not have.
  enum class Vanished : uint8_t {
    kTombstone,  // They were there and went.
    kForget,     // They never were: the revision that had them turned out not to be the document.
  };
  // Puts the package in the place of what was imported before. kFailedPrecondition when it is ours by now.
  Status Put(LegacyPackage package, Vanished vanished);
  // How what is here differs from `package`, in words; empty: it does not. Signatures of ours are no difference, nor is what
  // only the store knows.
  Result<std::vector<std::string>> Compare(LegacyPackage package);
  // The origin deleted it: its versions become tombstones, and the name stays taken. No-op when it is not there.
  Status Remove(const PackageName& name, std::string_view origin_rev);

  // Where an import of a live origin goes on; empty when there is nothing. `origin` is any text, such as its URL.
  Result<std::string> ReadCheckpoint(std::string_view origin);
  // Commits what came before first.
  Status WriteCheckpoint(std::string_view origin, std::string_view position);

  // All commits so far are durable, or the first error of one.
  Status Wait();
  // Asks for what was imported to be signed at the next start of a server that signs.
  Status RequestSignatures();

 private:
  using ReadView = engine::ReadView;

  // The state of a package before it is put.
  struct Before {
    Stored<PackageRecord> package;
    std::vector<VersionSlot> versions;
    std::vector<TombstoneRecord> tombstones;
  };
  Result<Before> ReadBefore(const ReadView& view, const PackageName& name) const;
  Status PutFrom(const ReadView& view, LegacyPackage package, Vanished vanished);
  Status CommitVersions(std::vector<engine::Change>* changes, uint64_t* bytes);
  Status StoreKept();
  Status Commit(engine::Mutation mutation, const std::string& package) EXCLUDES(mutex_);
  void HandOver() EXCLUDES(mutex_);
  void Committed(const std::string& package, uint64_t bytes, const Status& status) EXCLUDES(mutex_);
  Status WaitFor(const std::string& package) EXCLUDES(mutex_);
  bool IsUnderWay(const std::string& package) const REQUIRES(mutex_);
  bool HasRoom(uint64_t bytes) EXCLUDES(mutex_);
  bool HasRoomLocked(uint64_t bytes) const REQUIRES(mutex_);
  uint64_t NewRevHash();

  engine::Store* const store_;
  Clock* const clock_;
  Random* const random_;
  std::vector<std::shared_ptr<engine::StagedBlob>> kept_;
  uint64_t kept_bytes_ = 0;
  std::vector<engine::Store::PendingCommit> group_;  // Not handed to the store yet; its packages count as under way.
  uint64_t group_bytes_ = 0;

  Mutex mutex_;
  CondVar committed_;
  struct UnderWay {
    std::string package;  // Empty: blobs or versions ahead of it.
    uint64_t bytes = 0;
  };
  std::vector<UnderWay> under_way_ GUARDED_BY(mutex_);
  Status error_ GUARDED_BY(mutex_);  // The first; it stays.
};

}  // namespace tarn::registry
