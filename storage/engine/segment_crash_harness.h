#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/random.h"
#include "storage/engine/segment_store.h"
#include "storage/engine/segment_test_journal.h"
#include "storage/testing/fault_fs.h"

namespace tarn::engine {

// Lives of a process that writes segments on a FaultFileSystem, and an oracle that outlives them. Each life opens,
// recovers as the engine does, and works until something goes wrong.
//
// What must hold after every end: each acknowledged group is there, whole and in order, blobs included; behind them
// there is nothing but, perhaps and whole, the one group whose outcome the process never learned; nothing else is left.
// Results are words: empty when all is well, otherwise what is wrong.
class SegmentCrashHarness {
 public:
  explicit SegmentCrashHarness(uint64_t seed);

  FaultFileSystem& file_system() { return file_system_; }
  SegmentStoreOptions& options() { return options_; }
  SeededRandom& random() { return random_; }

  // Open, check against the oracle, start appending, remove orphans. Words, or empty; is_alive() says how it ended.
  std::string Recover();
  // One random step: stage, give up or commit blobs, append a group. Only while alive.
  std::string Step();
  // A group with `blob_sizes` (staged in pieces) and `record_count` records.
  std::string Commit(const std::vector<size_t>& blob_sizes, size_t record_count);
  // The process is gone; nothing on disk is changed by its going unless it is alive.
  void Die(FaultFileSystem::Unsynced unsynced);
  bool is_alive() const { return store_ != nullptr; }
  SegmentStore& store() { return *store_; }
  size_t acknowledged_count() const { return acknowledged_.size(); }

 private:
  struct Group {
    std::vector<std::string> payloads;
    std::vector<std::string> blobs;  // Bytes, in the order of the group.
    TestJournal::Head head_after;
  };

  // Ends the process; words only if the error may not happen.
  std::string Fail(const Status& status, const char* during);
  std::string Compare(const ScannedGroup& found, const Group& expected);
  std::string CheckFolder(const std::vector<ScannedGroup>& groups);
  void DropStore();

  FaultFileSystem file_system_;
  SeededRandom random_;
  SegmentStoreOptions options_;
  TestJournal journal_;
  std::unique_ptr<SegmentStore> store_;
  std::vector<std::unique_ptr<StagedBlob>> idle_blobs_;  // Staged and never committed.
  std::vector<std::unique_ptr<BlobWriter>> idle_writers_;

  std::vector<Group> acknowledged_;
  std::optional<Group> in_doubt_;
};

}  // namespace tarn::engine
