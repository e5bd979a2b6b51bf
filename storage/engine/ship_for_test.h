#pragma once

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/engine/shipping.h"
#include "storage/engine/store.h"
#include "storage/testing/builders.h"

// For tests of two stores, one of which follows the other: the shortest way between them.
namespace tarn::engine {

inline std::string BytesOf(const BlobReader& reader) {
  std::string bytes;
  EXPECT_TRUE(reader.file->ReadAt(reader.offset_bytes, reader.info.size_bytes, &bytes).ok());
  return bytes;
}

// What `to` has not got yet of the blobs of a record.
inline std::vector<std::shared_ptr<StagedBlob>> FetchBlobs(Shipping& from, Store& to, const RawRecord& record) {
  std::vector<std::shared_ptr<StagedBlob>> staged;
  const auto blobs = BlobsOf(record);
  EXPECT_TRUE(blobs.ok());
  for (const BlobInfo& info : *blobs) {
    if (to.shipping()->OpenBlob(info.sha512).ok()) continue;
    const auto reader = from.OpenBlob(info.sha512);
    EXPECT_TRUE(reader.ok()) << reader.status().ToString();
    staged.push_back(StageBlob(to, BytesOf(*reader)));
  }
  return staged;
}

inline RawRecord MustReadRaw(Shipping& from, Lsn lsn) {
  auto record = from.ReadRaw(lsn);
  EXPECT_TRUE(record.ok()) << record.status().ToString();
  return record.ok() ? *std::move(record) : RawRecord();
}

inline std::future<Status> StartFollow(Store& to, RawRecord record, std::vector<std::shared_ptr<StagedBlob>> blobs) {
  auto answer = std::make_shared<std::promise<Status>>();
  to.shipping()->Follow(std::move(record), std::move(blobs), {},
                        [answer](Status status) { answer->set_value(status); });
  return answer->get_future();
}

inline Status Follow(Shipping& from, Store& to, Lsn lsn) {
  RawRecord record = MustReadRaw(from, lsn);
  std::vector<std::shared_ptr<StagedBlob>> blobs = FetchBlobs(from, to, record);
  return StartFollow(to, std::move(record), std::move(blobs)).get();
}

inline void FollowAll(Shipping& from, Store& to) {
  for (Lsn lsn = to.shipping()->journaled().lsn.Next(); lsn <= from.journaled().lsn; lsn = lsn.Next()) {
    const Status status = Follow(from, to, lsn);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
}

}  // namespace tarn::engine
