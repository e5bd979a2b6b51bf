#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/result.h"
#include "storage/engine/column_families.h"

namespace rocksdb {
class Env;
}

// Private to engine: the current state, in one RocksDB database with one column family per Family. Keys and payloads
// go in and come out; frames (value_frame.h) are added and checked here. No RocksDB type leaves this file's .cc.
namespace tarn::engine {

struct RocksOptions {
  std::string directory;
  uint64_t block_cache_bytes = 0;
  uint64_t write_buffer_bytes = 0;  // Memtables of all families together; the WAL is held to the same size.
  bool read_only = false;           // Nothing on disk changes.
  rocksdb::Env* env = nullptr;      // nullptr: the machine's. Tests drop unsynced data here.
};

// One atomic write, collected. Made by Rocks::NewBatch, and written to that database or dropped.
// Ownership: move-only. Threads: one at a time.
class RocksBatch {
 public:
  ~RocksBatch();
  RocksBatch(RocksBatch&&) noexcept;
  RocksBatch& operator=(RocksBatch&&) noexcept;

  void Put(Family family, std::string_view key, std::string_view payload);
  void Delete(Family family, std::string_view key);
  uint64_t size_bytes() const;

 private:
  friend class Rocks;
  struct Rep;
  explicit RocksBatch(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

// The database as it was at one moment. Keeps the database open and pins old data. Threads: any.
class RocksSnapshot;

class Rocks {
 public:
  // Creates the database if the folder is absent or empty, unless read-only: then kNotFound.
  // kCorruption: what is there is damaged or incomplete, and can be moved aside and rebuilt.
  // kFailedPrecondition: it has families this program does not know, or another process has it open.
  static Result<std::unique_ptr<Rocks>> Open(const RocksOptions& options);
  ~Rocks();
  Rocks(const Rocks&) = delete;
  Rocks& operator=(const Rocks&) = delete;

  // nullopt when there is no such key. kCorruption names family and key. No snapshot: the latest state. Threads: any.
  Result<std::optional<std::string>> Get(Family family, std::string_view key,
                                         const RocksSnapshot* snapshot = nullptr) const;
  // Keys in [lower, upper) in byte order, an empty upper meaning "to the end", until `visit` returns false.
  using Visitor = std::function<bool(std::string_view key, std::string_view payload)>;
  Status Scan(Family family, std::string_view lower, std::string_view upper, const Visitor& visit,
              const RocksSnapshot* snapshot = nullptr) const;
  std::shared_ptr<const RocksSnapshot> NewSnapshot() const;

  RocksBatch NewBatch() const;
  // Durable (the WAL is synced) and visible at once when it returns OK. Only the committer and recovery call it, one
  // at a time. After an error the database refuses writes until Resume succeeds.
  Status Write(RocksBatch* batch);
  Status Resume();
  // Everything in memtables into files; shortens the next open.
  Status Flush();

 private:
  class Database;
  friend class RocksBatch;
  friend class RocksSnapshot;
  explicit Rocks(std::shared_ptr<Database> database);
  const std::shared_ptr<Database> database_;  // Shared with snapshots, so that a late reader never meets a closed one.
};

}  // namespace tarn::engine
