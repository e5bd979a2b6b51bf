#include "storage/engine/rocks.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/check.h"
#include "storage/engine/rocks_options.h"
#include "storage/engine/value_frame.h"

namespace tarn::engine {
namespace {

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// The one translation of RocksDB's errors.
Status FromRocks(const rocksdb::Status& status) {
  if (status.ok()) return OkStatus();
  std::string text = "RocksDB: " + status.ToString();
  if (status.IsNoSpace()) return OutOfSpace(std::move(text));
  switch (status.code()) {
    case rocksdb::Status::kNotFound: return NotFound(std::move(text));
    case rocksdb::Status::kCorruption: return Corruption(std::move(text));
    case rocksdb::Status::kInvalidArgument: return InvalidArgument(std::move(text));
    case rocksdb::Status::kNotSupported: return FailedPrecondition(std::move(text));
    case rocksdb::Status::kIncomplete:
    case rocksdb::Status::kShutdownInProgress:
    case rocksdb::Status::kBusy:
    case rocksdb::Status::kTryAgain: return Unavailable(std::move(text));
    default: return IoError(std::move(text));
  }
}

std::string NameOf(Family family, std::string_view key) {
  return std::string(FamilyName(family)) + " " + HexEncode(key);
}

size_t IndexOf(Family family) {
  for (size_t i = 0; i < kFamilies.size(); ++i) {
    if (kFamilies[i].family == family) return i;
  }
  CheckFailed(__FILE__, __LINE__, "unknown family", std::to_string(static_cast<int>(family)));
}

const FamilyInfo* FindFamilyByName(std::string_view name) {
  for (const FamilyInfo& info : kFamilies) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// What makes a database refuse to open, sorted by what can be done. A file that is not there is as bad as a damaged one.
Status FromRocksOpen(const rocksdb::Status& status) {
  if (status.IsPathNotFound()) return Corruption("RocksDB: " + status.ToString());
  // "lock hold by current process" and "While lock file" are all RocksDB says.
  const std::string text = status.ToString();
  if (status.IsIOError() && text.find("lock ") != std::string::npos) return FailedPrecondition("RocksDB: " + text);
  return FromRocks(status);
}

// Empty when there is no database yet.
Result<std::vector<std::string>> ExistingFamilies(const RocksOptions& options) {
  std::error_code error;
  if (!std::filesystem::exists(options.directory, error) || std::filesystem::is_empty(options.directory, error)) {
    return std::vector<std::string>();
  }
  rocksdb::DBOptions db_options;
  if (options.env != nullptr) db_options.env = options.env;
  std::vector<std::string> names;
  const rocksdb::Status listed = rocksdb::DB::ListColumnFamilies(db_options, options.directory, &names);
  if (!listed.ok()) return FromRocksOpen(listed);
  return names;
}

Status CheckFamiliesKnown(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name == rocksdb::kDefaultColumnFamilyName || FindFamilyByName(name) != nullptr) continue;
    return FailedPrecondition("the database has a family \"" + name + "\" that this program does not know");
  }
  return OkStatus();
}

// A database from before a derived family was thought of has data that the family should follow from. It counts as damaged:
// the state is made anew from the journal, which fills the family.
Status CheckDerivedComplete(const RocksOptions& options, const std::vector<std::string>& names) {
  if (options.read_only || !Contains(names, FamilyName(Family::kPackage))) return OkStatus();
  for (const FamilyInfo& info : kFamilies) {
    if (info.kind != FamilyKind::kDerived || Contains(names, info.name)) continue;
    return Corruption("the database is older than the derived family \"" + std::string(info.name) + "\"");
  }
  return OkStatus();
}

using Descriptors = std::vector<rocksdb::ColumnFamilyDescriptor>;

Status OpenDatabase(const RocksOptions& options, const Descriptors& columns, std::unique_ptr<rocksdb::DB>* db,
                    std::vector<rocksdb::ColumnFamilyHandle*>* handles) {
  rocksdb::DB* opened = nullptr;
  const rocksdb::DBOptions db_options = MakeDatabaseOptions(options);
  const rocksdb::Status status =
      options.read_only ? rocksdb::DB::OpenForReadOnly(db_options, options.directory, columns, handles, &opened)
                        : rocksdb::DB::Open(db_options, options.directory, columns, handles, &opened);
  if (!status.ok()) return FromRocksOpen(status);
  db->reset(opened);
  return OkStatus();
}

}  // namespace

class Rocks::Database {
 public:
  ~Database() {
    if (db == nullptr) return;
    for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
  }

  void IndexHandles() {
    for (rocksdb::ColumnFamilyHandle* handle : handles) {
      if (const FamilyInfo* info = FindFamilyByName(handle->GetName())) by_family_[IndexOf(info->family)] = handle;
    }
  }
  // nullptr for a family that a read-only older directory lacks.
  rocksdb::ColumnFamilyHandle* Handle(Family family) const { return by_family_[IndexOf(family)]; }

  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;  // All, "default" included.

 private:
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies.size()> by_family_{};  // By place in kFamilies.
};

class RocksSnapshot {
 public:
  explicit RocksSnapshot(std::shared_ptr<Rocks::Database> database)
      : database_(std::move(database)), snapshot_(database_->db->GetSnapshot()) {}
  ~RocksSnapshot() { database_->db->ReleaseSnapshot(snapshot_); }
  RocksSnapshot(const RocksSnapshot&) = delete;
  RocksSnapshot& operator=(const RocksSnapshot&) = delete;

  const rocksdb::Snapshot* get() const { return snapshot_; }

 private:
  const std::shared_ptr<Rocks::Database> database_;
  const rocksdb::Snapshot* const snapshot_;
};

struct RocksBatch::Rep {
  std::shared_ptr<Rocks::Database> database;
  rocksdb::WriteBatch batch;
};

RocksBatch::RocksBatch(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
RocksBatch::~RocksBatch() = default;
RocksBatch::RocksBatch(RocksBatch&&) noexcept = default;
RocksBatch& RocksBatch::operator=(RocksBatch&&) noexcept = default;

void RocksBatch::Put(Family family, std::string_view key, std::string_view payload) {
  const rocksdb::Status status =
      rep_->batch.Put(rep_->database->Handle(family), ToSlice(key), FrameValue(family, payload));
  CHECK(status.ok());  // Nothing is written yet; only a foreign handle can fail.
}

void RocksBatch::Delete(Family family, std::string_view key) {
  CHECK(rep_->batch.Delete(rep_->database->Handle(family), ToSlice(key)).ok());
}

uint64_t RocksBatch::size_bytes() const { return rep_->batch.GetDataSize(); }

Rocks::Rocks(std::shared_ptr<Database> database) : database_(std::move(database)) {}
Rocks::~Rocks() = default;

Result<std::unique_ptr<Rocks>> Rocks::Open(const RocksOptions& options) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ExistingFamilies(options));
  if (names.empty() && options.read_only) return NotFound("no database in " + options.directory);
  RETURN_IF_ERROR(CheckFamiliesKnown(names));

  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  Descriptors existing;
  Descriptors missing;
  existing.emplace_back(rocksdb::kDefaultColumnFamilyName, MakeUnusedFamilyOptions());
  for (const FamilyInfo& info : kFamilies) {
    Descriptors& columns = Contains(names, info.name) ? existing : missing;
    columns.emplace_back(std::string(info.name), MakeFamilyOptions(options, info.family, cache));
  }
  RETURN_IF_ERROR(CheckDerivedComplete(options, names));
  const auto database = std::make_shared<Database>();
  RETURN_IF_ERROR(OpenDatabase(options, existing, &database->db, &database->handles));
  // In a read-only older directory they read as empty. Created in one call: RocksDB would otherwise rewrite and sync its
  // options file for each.
  if (!options.read_only && !missing.empty()) {
    std::vector<rocksdb::ColumnFamilyHandle*> created;
    const rocksdb::Status status = database->db->CreateColumnFamilies(missing, &created);
    database->handles.insert(database->handles.end(), created.begin(), created.end());
    if (!status.ok()) return FromRocks(status);
  }
  database->IndexHandles();
  return std::unique_ptr<Rocks>(new Rocks(database));
}

Result<std::optional<std::string>> Rocks::Get(Family family, std::string_view key,
                                              const RocksSnapshot* snapshot) const {
  rocksdb::ColumnFamilyHandle* handle = database_->Handle(family);
  if (handle == nullptr) return std::optional<std::string>();
  rocksdb::ReadOptions options;
  options.snapshot = snapshot == nullptr ? nullptr : snapshot->get();
  rocksdb::PinnableSlice value;
  const rocksdb::Status status = database_->db->Get(options, handle, ToSlice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return FromRocks(status).WithContext(NameOf(family, key));
  const Result<std::string_view> payload = UnframeValue(family, ToView(value));
  if (!payload.ok()) return payload.status().WithContext(NameOf(family, key));
  return std::optional<std::string>(*payload);
}

Status Rocks::Scan(Family family, std::string_view lower, std::string_view upper, const Visitor& visit,
                   const RocksSnapshot* snapshot) const {
  rocksdb::ColumnFamilyHandle* handle = database_->Handle(family);
  if (handle == nullptr || (!upper.empty() && lower >= upper)) return OkStatus();
  const rocksdb::Slice upper_bound = ToSlice(upper);
  rocksdb::ReadOptions options;
  options.snapshot = snapshot == nullptr ? nullptr : snapshot->get();
  if (!upper.empty()) options.iterate_upper_bound = &upper_bound;
  const std::unique_ptr<rocksdb::Iterator> iterator(database_->db->NewIterator(options, handle));
  // Behind its frame's two bytes a payload lies at an odd address of RocksDB's block, and readers that take it for a
  // FlatBuffer read words: a string's bytes are aligned, as those of Get are.
  std::string aligned;
  for (iterator->Seek(ToSlice(lower)); iterator->Valid(); iterator->Next()) {
    const std::string_view key = ToView(iterator->key());
    const Result<std::string_view> payload = UnframeValue(family, ToView(iterator->value()));
    if (!payload.ok()) return payload.status().WithContext(NameOf(family, key));
    aligned.assign(*payload);
    if (!visit(key, aligned)) return OkStatus();
  }
  return FromRocks(iterator->status()).WithContext(FamilyName(family));
}

std::shared_ptr<const RocksSnapshot> Rocks::NewSnapshot() const {
  return std::make_shared<const RocksSnapshot>(database_);
}

RocksBatch Rocks::NewBatch() const {
  auto rep = std::make_unique<RocksBatch::Rep>();
  rep->database = database_;
  return RocksBatch(std::move(rep));
}

Status Rocks::Write(RocksBatch* batch) {
  CHECK(batch->rep_->database == database_);
  rocksdb::WriteOptions options;
  options.sync = true;
  options.disableWAL = false;
  return FromRocks(database_->db->Write(options, &batch->rep_->batch));
}

Status Rocks::Resume() { return FromRocks(database_->db->Resume()); }

Status Rocks::Flush() { return FromRocks(database_->db->Flush(rocksdb::FlushOptions(), database_->handles)); }

}  // namespace tarn::engine
