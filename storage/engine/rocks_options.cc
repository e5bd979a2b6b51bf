#include "storage/engine/rocks_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_manager.h>
#include <rocksdb/table.h>

#include <algorithm>

#include "storage/base/limits.h"

namespace tarn::engine {
namespace {

using limits::kKiB;
using limits::kMiB;

constexpr double kBloomBitsPerKey = 10;  // One lookup in a hundred for an absent key reads a block in vain.

// What differs between families.
struct Shape {
  size_t block_bytes;
  rocksdb::CompressionType compression;
};

Shape ShapeOf(Family family) {
  switch (family) {
    // Read one by one on the hot path; records of some hundred bytes that share field layouts: cheap to unpack.
    case Family::kPackage:
    case Family::kUser:
    case Family::kToken:
    case Family::kOrg:
    case Family::kGrant:
    case Family::kHook:
    case Family::kSetting:
    case Family::kCounter:
    case Family::kTombstone: return {8 * kKiB, rocksdb::kLZ4Compression};
    // The bulk of the state: JSON-like, neighbours are versions of one package and nearly equal, read in ranges.
    case Family::kVersion: return {32 * kKiB, rocksdb::kZSTD};
    // Deflated already.
    case Family::kRendered: return {32 * kKiB, rocksdb::kNoCompression};
    // Digests do not compress, and are looked up singly.
    case Family::kBlob:
    case Family::kLocation:
    case Family::kShasum:
    case Family::kLog: return {4 * kKiB, rocksdb::kNoCompression};
    // A handful of rows; keys alone.
    case Family::kNode:
    case Family::kChange:
    case Family::kByUser: return {4 * kKiB, rocksdb::kLZ4Compression};
  }
  return {4 * kKiB, rocksdb::kNoCompression};
}

}  // namespace

rocksdb::DBOptions MakeDatabaseOptions(const RocksOptions& options) {
  rocksdb::DBOptions db;
  if (options.env != nullptr) db.env = options.env;
  db.create_if_missing = true;

  // A torn WAL tail is normal after power loss. That this mode also accepts a hole in the middle does not matter: what
  // is missing is re-applied from the journal, and the chain hash proves it.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  db.paranoid_checks = true;
  db.recycle_log_file_num = 0;                   // Known bug until 9.2.
  db.track_and_verify_wals_in_manifest = false;  // Reports missing WALs falsely until 7.10.

  // What may still have to be written when the disk is nearly full, see disk_watch.h.
  db.db_write_buffer_size = options.write_buffer_bytes;
  db.max_total_wal_size = options.write_buffer_bytes;
  db.manifest_preallocation_size = 64 * kKiB;  // 4 MiB by default: much on a small disk.
  // Lets RocksDB notice ENOSPC of its own and resume when there is room.
  db.sst_file_manager.reset(rocksdb::NewSstFileManager(db.env));

  db.max_background_jobs = 2;                  // One flush, one compaction: serving needs the cores.
  db.allow_concurrent_memtable_write = false;  // One writer: plain stores instead of compare-and-swap.
  db.enable_write_thread_adaptive_yield = false;
  db.max_file_opening_threads = 1;          // At most a few hundred tables; not 16 threads for each family.
  db.max_open_files = 512;                  // Tables of cold packages need no descriptor.
  db.skip_stats_update_on_db_open = true;   // Start-up does not grow with the number of tables.
  db.avoid_unnecessary_blocking_io = true;  // Readers never delete obsolete files themselves.
  db.stats_dump_period_sec = 0;             // Idle means idle.
  db.stats_persist_period_sec = 0;
  db.info_log_level = rocksdb::WARN_LEVEL;  // RocksDB's own LOG: for post-mortems, within 4 MiB.
  db.keep_log_file_num = 4;
  db.max_log_file_size = kMiB;
  return db;
}

rocksdb::ColumnFamilyOptions MakeFamilyOptions(const RocksOptions& options, Family family,
                                               const std::shared_ptr<rocksdb::Cache>& cache) {
  const Shape shape = ShapeOf(family);
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;  // Debian's build computes CRC32C in software.
  table.block_size = shape.block_bytes;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
  table.whole_key_filtering = true;            // 404s are common and must not read blocks.
  table.cache_index_and_filter_blocks = true;  // Within the one budget, whatever the number of tables.
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;

  rocksdb::ColumnFamilyOptions column;
  column.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  column.compression = shape.compression;
  // Sizes follow the budget of all memtables, so that a small disk gets small files.
  column.write_buffer_size = std::max<size_t>(options.write_buffer_bytes / 4, 256 * kKiB);
  column.target_file_size_base = std::max<uint64_t>(options.write_buffer_bytes / 2, kMiB);
  column.max_bytes_for_level_base = column.target_file_size_base * 4;
  column.level_compaction_dynamic_level_bytes = true;  // Least space: nine tenths are in the last level.
  column.force_consistency_checks = true;
  column.paranoid_file_checks = true;  // Reads back what flush and compaction wrote; metadata is small.
  return column;
}

rocksdb::ColumnFamilyOptions MakeUnusedFamilyOptions() {
  rocksdb::ColumnFamilyOptions column;
  column.write_buffer_size = 64 * kKiB;
  return column;
}

}  // namespace tarn::engine
