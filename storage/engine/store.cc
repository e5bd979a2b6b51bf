#include "storage/engine/store.h"

#include <filesystem>
#include <optional>
#include <utility>

#include "storage/base/logging.h"
#include "storage/engine/local_store.h"
#include "storage/engine/recovery.h"

namespace tarn::engine {
namespace {

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

RocksOptions RocksOptionsOf(const StoreOptions& options, const StorePaths& paths, const DiskWatch& disk,
                            rocksdb::Env* env) {
  RocksOptions rocks;
  rocks.directory = paths.database;
  rocks.block_cache_bytes = options.block_cache_bytes;
  rocks.write_buffer_bytes = RocksWriteBufferBytes(disk.marks());
  rocks.read_only = options.mode == StoreOptions::Mode::kReadOnly;
  rocks.env = env;
  return rocks;
}

// To db.damaged-1, db.damaged-2, …: kept for whoever wants to know why.
Status MoveAside(const StorePaths& paths, const Status& reason) {
  uint64_t number = 1;
  while (Exists(paths.database + ".damaged-" + std::to_string(number))) ++number;
  const std::string aside = paths.database + ".damaged-" + std::to_string(number);
  RETURN_IF_ERROR(PosixFileSystem().Rename(paths.database, aside));
  RETURN_IF_ERROR(PosixFileSystem().SyncDirectory(paths.directory));
  Log(LogLevel::kWarning, "the state is damaged and will be rebuilt from the journal",
      {{"moved_to", aside}, {"reason", reason.ToString()}});
  return OkStatus();
}

struct OpenedState {
  std::unique_ptr<Rocks> rocks;
  std::optional<AppliedState> applied;  // None: the database is new.
};

Result<OpenedState> OpenState(const RocksOptions& options) {
  OpenedState opened;
  ASSIGN_OR_RETURN(opened.rocks, Rocks::Open(options));
  ASSIGN_OR_RETURN(opened.applied, LoadAppliedState(*opened.rocks));
  return opened;
}

// Opens RocksDB; one that is damaged is replaced by an empty one, provided that the journal is whole.
Result<OpenedState> OpenOrReplaceState(const RocksOptions& options, const StorePaths& paths, SegmentStore* segments) {
  Result<OpenedState> opened = OpenState(options);
  if (opened.code() != Code::kCorruption || options.read_only) return opened;
  const auto skip = [](const GroupRead&) { return OkStatus(); };
  RETURN_IF_ERROR(segments->Scan(SegmentPosition(), skip).status());
  RETURN_IF_ERROR(MoveAside(paths, opened.status()));
  return OpenState(options);
}

SegmentStoreOptions SegmentOptionsOf(const StoreOptions& options, const StorePaths& paths, DiskWatch* disk) {
  SegmentStoreOptions segments;
  segments.directory = paths.segments;
  segments.file_system = options.file_system;
  segments.random = options.random;
  segments.segment_bytes_max = options.segment_bytes_max;
  segments.upload_budget_bytes = options.upload_budget_bytes;
  segments.read_only = options.mode == StoreOptions::Mode::kReadOnly;
  segments.skip_sync = options.planted_faults.skip_segment_sync;
  segments.skip_directory_sync = options.planted_faults.skip_directory_sync;
  segments.may_write = [disk] { return disk->CheckRoom(limits::kMiB); };
  return segments;
}

StoreOptions WithDefaults(StoreOptions options) {
  if (options.file_system == nullptr) options.file_system = &PosixFileSystem();
  if (options.clock == nullptr) options.clock = &SystemClock();
  if (options.random == nullptr) options.random = &SystemRandom();
  return options;
}

// The folder and its name are on stable storage before anything is acknowledged in it.
Status CreateDataDirectory(const std::string& directory) {
  if (Exists(directory)) return OkStatus();
  RETURN_IF_ERROR(PosixFileSystem().CreateDirectory(directory));
  const std::filesystem::path parent = std::filesystem::absolute(directory).parent_path();
  return PosixFileSystem().SyncDirectory(parent.string());
}

// Whatever was recovered from the journal, a new database first learns its format.
Status WriteFirstRows(Rocks* rocks, const StorePaths& paths) {
  RocksBatch batch = rocks->NewBatch();
  batch.Put(Family::kNode, kFormatKey, EncodeFormat(kFormat));
  batch.Put(Family::kNode, kAppliedKey, EncodeAppliedState(AppliedState()));
  RETURN_IF_ERROR(rocks->Write(&batch));
  return PosixFileSystem().SyncDirectory(paths.directory);
}

}  // namespace

Result<std::shared_ptr<DirectoryLock>> LockDirectory(const std::string& directory) {
  RETURN_IF_ERROR(CreateDataDirectory(directory));
  ASSIGN_OR_RETURN(auto lock, DirectoryLock::Acquire(StorePaths(directory).lock, DirectoryLock::Kind::kExclusive));
  return std::shared_ptr<DirectoryLock>(std::move(lock));
}

Result<std::unique_ptr<Store>> Store::Open(const StoreOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<LocalStore> store, LocalStore::Open(options, nullptr));
  return std::unique_ptr<Store>(std::move(store));
}

Result<std::unique_ptr<LocalStore>> LocalStore::Open(const StoreOptions& options_in, rocksdb::Env* rocks_env) {
  const StoreOptions options = WithDefaults(options_in);
  const bool is_read_only = options.mode == StoreOptions::Mode::kReadOnly;
  const StorePaths paths(options.directory);
  auto store = std::make_unique<LocalStore>(options);
  if (options.lock != nullptr) {
    store->lock_ = options.lock;
  } else if (is_read_only) {
    ASSIGN_OR_RETURN(store->lock_, DirectoryLock::Acquire(paths.lock, DirectoryLock::Kind::kShared));
  } else {
    ASSIGN_OR_RETURN(store->lock_, LockDirectory(paths.directory));
  }
  ASSIGN_OR_RETURN(store->disk_,
                   DiskWatch::Create(options.file_system, paths.directory, options.disk_reserve_bytes, options.clock));
  if (!is_read_only) EnsureBallast(options.file_system, paths.ballast, options.ballast_bytes, *store->disk_);
  ASSIGN_OR_RETURN(store->segments_, SegmentStore::Open(SegmentOptionsOf(options, paths, store->disk_.get())));

  const RocksOptions rocks_options = RocksOptionsOf(options, paths, *store->disk_, rocks_env);
  ASSIGN_OR_RETURN(OpenedState opened, OpenOrReplaceState(rocks_options, paths, store->segments_.get()));
  store->rocks_ = std::move(opened.rocks);
  const AppliedState before = opened.applied.value_or(AppliedState());
  RETURN_IF_ERROR(CheckJournalReaches(*store->rocks_, store->segments_.get(), before));
  if (!opened.applied.has_value() && !is_read_only) RETURN_IF_ERROR(WriteFirstRows(store->rocks_.get(), paths));
  ASSIGN_OR_RETURN(const Recovered recovered,
                   is_read_only ? CountUnapplied(store->segments_.get(), before)
                                : RollForward(store->rocks_.get(), store->segments_.get(), options.observer, before));
  store->recovery_.records_replayed = recovered.records_replayed;
  store->recovery_.bytes_truncated = recovered.bytes_truncated;
  store->recovery_.orphan_solos_removed = recovered.orphan_solos_removed;
  store->recovery_.state_rebuilt = !opened.applied.has_value() && recovered.records_replayed > 0;
  store->Start(recovered.applied);
  return store;
}

}  // namespace tarn::engine
