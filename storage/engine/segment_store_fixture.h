#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/engine/segment_store.h"
#include "storage/engine/segment_test_journal.h"
#include "storage/testing/fault_fs.h"

namespace tarn::engine {

// A segment store on a FaultFileSystem, and the journal that is written to it.
class SegmentStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.directory = "/segments";
    options_.file_system = &file_system_;
    Reopen({});
  }

  void Open() {
    store_.reset();
    auto store = SegmentStore::Open(options_);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = std::move(*store);
  }
  void Reopen(SegmentPosition end) {
    Open();
    const auto dropped = store_->StartAppending(end);
    ASSERT_TRUE(dropped.ok()) << dropped.status().ToString();
  }

  std::unique_ptr<StagedBlob> MustStage(std::string_view bytes, size_t piece_bytes = 1000) {
    auto blob = Stage(*store_, bytes, piece_bytes);
    EXPECT_TRUE(blob.ok()) << blob.status().ToString();
    return blob.ok() ? std::move(*blob) : nullptr;
  }
  Result<GroupWritten> Append(std::vector<const StagedBlob*> blobs, std::vector<std::string> payloads) {
    GroupToWrite group{std::move(blobs), {}};
    const TestJournal::Head before = journal_.head();
    for (std::string& payload : payloads) group.records.push_back(journal_.Next(std::move(payload)));
    auto written = store_->AppendGroup(group);
    if (!written.ok()) journal_.SetHead(before);
    return written;
  }
  GroupWritten MustAppend(std::vector<const StagedBlob*> blobs, std::vector<std::string> payloads) {
    auto written = Append(std::move(blobs), std::move(payloads));
    EXPECT_TRUE(written.ok()) << written.status().ToString();
    return written.ok() ? *written : GroupWritten();
  }
  std::vector<std::string> FileNames() { return *file_system_.List("/segments"); }
  static std::string PathOf(SegmentId id) {
    std::string digits;
    AppendBigEndian64(&digits, id.value());
    return "/segments/" + HexEncode(digits) + ".seg";
  }

  FaultFileSystem file_system_;
  SegmentStoreOptions options_;
  TestJournal journal_;
  std::unique_ptr<SegmentStore> store_;
};

}  // namespace tarn::engine
