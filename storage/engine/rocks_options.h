#pragma once

#include <memory>

#include "storage/engine/rocks.h"

namespace rocksdb {
struct ColumnFamilyOptions;
struct DBOptions;
class Cache;
}  // namespace rocksdb

// Private to rocks.cc: every RocksDB option we set, each with its reason.
namespace tarn::engine {

rocksdb::DBOptions MakeDatabaseOptions(const RocksOptions& options);
rocksdb::ColumnFamilyOptions MakeFamilyOptions(const RocksOptions& options, Family family,
                                               const std::shared_ptr<rocksdb::Cache>& cache);
// For the "default" family, which RocksDB insists on and nobody uses.
rocksdb::ColumnFamilyOptions MakeUnusedFamilyOptions();

}  // namespace tarn::engine
