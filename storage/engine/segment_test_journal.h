#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/digest.h"
#include "storage/engine/segment_store.h"

// For tests of segment files: log records that continue each other, blobs, and groups of both.
namespace tarn::engine {

// Makes records with consecutive LSNs and linked chain hashes (here a hash of previous and payload; what a real chain
// hash covers is not the segments' business). Payloads live as long as this.
class TestJournal {
 public:
  RecordFrame Next(std::string payload) {
    const std::string& kept = payloads_.emplace_back(std::move(payload));
    RecordFrame record;
    record.lsn = head_.lsn.Next();
    record.epoch = Epoch(1);
    record.time_ms = 1'700'000'000'000 + record.lsn.value();
    record.previous_chain_hash = head_.chain_hash;
    record.chain_hash = Sha256(std::string(head_.chain_hash.view()) + kept);
    record.payload = kept;
    head_ = {record.lsn, record.chain_hash};
    return record;
  }

  // Where the next record continues; set back when a group was refused or lost.
  struct Head {
    Lsn lsn;
    Sha256Digest chain_hash;
  };
  const Head& head() const { return head_; }
  void SetHead(const Head& head) { head_ = head; }

 private:
  std::deque<std::string> payloads_;
  Head head_;
};

inline Result<std::unique_ptr<StagedBlob>> Stage(SegmentStore& store, std::string_view bytes,
                                                 size_t piece_bytes = 1000) {
  ASSIGN_OR_RETURN(const std::unique_ptr<BlobWriter> writer, store.NewWriter());
  for (size_t at = 0; at < bytes.size(); at += piece_bytes) {
    RETURN_IF_ERROR(writer->Append(bytes.substr(at, piece_bytes)));
  }
  return writer->Finish();
}

inline Result<std::string> ReadBlob(SegmentStore& store, const Location& location) {
  ASSIGN_OR_RETURN(const BlobReader reader, store.Open(location));
  std::string bytes;
  RETURN_IF_ERROR(reader.file->ReadAt(reader.offset_bytes, reader.info.size_bytes, &bytes));
  return bytes;
}

// What Scan found, with payloads that stay.
struct ScannedGroup {
  SegmentPosition begin;
  SegmentPosition end;
  std::vector<Location> blobs;
  std::vector<SegmentPosition> record_positions;
  std::vector<Lsn> lsns;
  std::vector<std::string> payloads;
};

inline Result<SegmentPosition> ScanInto(SegmentStore& store, SegmentPosition from, std::vector<ScannedGroup>* groups) {
  return store.Scan(from, [groups](const GroupRead& read) {
    ScannedGroup& group = groups->emplace_back();
    group.begin = read.begin;
    group.end = read.end;
    group.blobs = read.blobs;
    group.record_positions = read.record_positions;
    for (const RecordFrame& record : read.records) {
      group.lsns.push_back(record.lsn);
      group.payloads.emplace_back(record.payload);
    }
    return OkStatus();
  });
}

inline std::vector<std::string> Findings(SegmentStore& store, BlobStore::Depth depth = BlobStore::Depth::kDigest) {
  std::vector<std::string> findings;
  uint64_t bytes_read = 0;
  const Status read = store.VerifyFiles(
      depth, [&findings](std::string text) { findings.push_back(std::move(text)); },
      [](uint64_t) { return OkStatus(); }, &bytes_read);
  if (!read.ok()) findings.push_back(read.ToString());
  return findings;
}

}  // namespace tarn::engine
