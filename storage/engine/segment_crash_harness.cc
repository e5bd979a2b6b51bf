#include "storage/engine/segment_crash_harness.h"

#include <set>

namespace tarn::engine {
namespace {

constexpr char kFolder[] = "/data/segments";
constexpr size_t kPieceBytes = 7000;

}  // namespace

SegmentCrashHarness::SegmentCrashHarness(uint64_t seed) : file_system_(seed), random_(seed ^ 0x5eed) {
  CHECK(file_system_.CreateDirectory("/data").ok() && file_system_.SyncDirectory("/").ok());
  options_.directory = kFolder;
  options_.file_system = &file_system_;
  options_.random = &random_;
  options_.segment_bytes_max = 100'000;    // A few groups.
  options_.upload_budget_bytes = 100'000;  // So that some blobs go solo.
}

std::string SegmentCrashHarness::Recover() {
  auto store = SegmentStore::Open(options_);
  if (!store.ok()) return Fail(store.status(), "open");
  store_ = std::move(*store);
  std::vector<ScannedGroup> groups;
  const auto end = ScanInto(*store_, {}, &groups);
  if (!end.ok()) return Fail(end.status(), "scan");
  if (groups.size() < acknowledged_.size()) {
    return std::to_string(acknowledged_.size()) + " groups were acknowledged, " + std::to_string(groups.size()) +
           " are there";
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    const bool is_acknowledged = i < acknowledged_.size();
    if (!is_acknowledged && (i > acknowledged_.size() || !in_doubt_.has_value()))
      return "a group nobody wrote, or refused";
    std::string wrong = Compare(groups[i], is_acknowledged ? acknowledged_[i] : *in_doubt_);
    if (!wrong.empty() || !is_alive()) return wrong;
  }
  const auto dropped = store_->StartAppending(*end);
  if (!dropped.ok()) return Fail(dropped.status(), "start appending");
  if (groups.size() > acknowledged_.size()) acknowledged_.push_back(std::move(*in_doubt_));
  in_doubt_.reset();
  journal_.SetHead(acknowledged_.empty() ? TestJournal::Head() : acknowledged_.back().head_after);
  return CheckFolder(groups);
}

std::string SegmentCrashHarness::Compare(const ScannedGroup& found, const Group& expected) {
  if (found.payloads != expected.payloads) return "a group with other records";
  if (found.blobs.size() != expected.blobs.size()) return "a group with another number of blobs";
  for (size_t i = 0; i < found.blobs.size(); ++i) {
    const auto bytes = ReadBlob(*store_, found.blobs[i]);
    if (!bytes.ok()) return Fail(bytes.status(), "read a blob");
    if (*bytes != expected.blobs[i]) return "a blob with other bytes";
  }
  return "";
}

// Removes orphans; then there is one file per live segment and nothing else, and all of it verifies.
std::string SegmentCrashHarness::CheckFolder(const std::vector<ScannedGroup>& groups) {
  std::set<SegmentPosition> referenced;
  std::set<SegmentId> segments;
  for (const ScannedGroup& group : groups) {
    segments.insert(group.begin.segment);
    for (const Location& blob : group.blobs) {
      referenced.insert({blob.segment, blob.payload_offset_bytes});
      segments.insert(blob.segment);
    }
  }
  const auto removed = store_->RemoveOrphanSolos([&referenced](const Location& location) {
    return referenced.contains({location.segment, location.payload_offset_bytes});
  });
  if (!removed.ok()) return Fail(removed.status(), "remove orphans");
  const auto names = file_system_.List(kFolder);
  if (!names.ok()) return Fail(names.status(), "list");
  // One more when the last shared segment was cut down to its header.
  if (names->size() > segments.size() + 1) return std::to_string(names->size()) + " files are left over";
  const std::vector<std::string> findings = Findings(*store_);
  if (findings.empty() || file_system_.fault_happened()) return "";
  return "verify: " + findings.front();
}

std::string SegmentCrashHarness::Step() {
  switch (random_.Below(8)) {
    case 0: {
      auto blob = Stage(*store_, random_.Bytes(random_.Below(40'000)), kPieceBytes);
      if (blob.ok()) idle_blobs_.push_back(std::move(*blob));
      return "";
    }
    case 1: {
      auto writer = store_->NewWriter();
      if (writer.ok() && (*writer)->Append(random_.Bytes(random_.Below(40'000))).ok()) {
        idle_writers_.push_back(std::move(*writer));
      }
      return "";
    }
    case 2: {
      idle_blobs_.clear();
      idle_writers_.clear();
      return "";
    }
    default: {
      std::vector<size_t> blob_sizes(random_.Below(3));
      for (size_t& size : blob_sizes) size = random_.Below(30'000);
      return Commit(blob_sizes, 1 + random_.Below(3));
    }
  }
}

std::string SegmentCrashHarness::Commit(const std::vector<size_t>& blob_sizes, size_t record_count) {
  Group group;
  std::vector<std::unique_ptr<StagedBlob>> staged;
  GroupToWrite write;
  for (const size_t size : blob_sizes) {
    std::string bytes = random_.Bytes(size);
    auto blob = Stage(*store_, bytes, kPieceBytes);
    if (!blob.ok()) return "";  // An upload may fail; nobody was promised anything.
    write.blobs.push_back(blob->get());
    staged.push_back(std::move(*blob));
    group.blobs.push_back(std::move(bytes));
  }
  const TestJournal::Head before = journal_.head();
  for (size_t i = 0; i < record_count; ++i) {
    group.payloads.push_back(random_.Bytes(random_.Below(3000)));
    write.records.push_back(journal_.Next(group.payloads.back()));
  }
  group.head_after = journal_.head();
  const auto written = store_->AppendGroup(write);
  if (written.ok()) {
    acknowledged_.push_back(std::move(group));
    return "";
  }
  journal_.SetHead(before);
  if (written.code() == Code::kOutOfSpace) return "";  // Refused; it may never be seen again.
  in_doubt_ = std::move(group);
  staged.clear();
  return Fail(written.status(), "append");
}

std::string SegmentCrashHarness::Fail(const Status& status, const char* during) {
  DropStore();
  if (file_system_.fault_happened() && status.code() != Code::kCorruption && status.code() != Code::kFailedPrecondition)
    return "";
  return std::string(during) + ": " + status.ToString();
}

void SegmentCrashHarness::DropStore() {
  idle_blobs_.clear();
  idle_writers_.clear();
  store_.reset();
}

void SegmentCrashHarness::Die(FaultFileSystem::Unsynced unsynced) {
  DropStore();
  file_system_.Restart(unsynced);
}

}  // namespace tarn::engine
