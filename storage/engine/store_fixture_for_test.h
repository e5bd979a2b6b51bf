#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "storage/engine/local_store.h"
#include "storage/engine/store.h"
#include "storage/testing/builders.h"
#include "storage/testing/manual_clock.h"
#include "storage/testing/temp_directory.h"

// For tests of the store on disk: one data directory that is opened again and again.
namespace tarn::engine {

// Keeps the number of users in the derived row by_user "count", so that tests see whether deriving happened.
class UserCounter : public CommitObserver {
 public:
  void Derive(const LogRecord& record, const ReadView& before, std::vector<Change>* derived) override {
    int64_t count = std::stoll(before.Get(Family::kByUser, "count")->value_or("0"));
    for (const Change& change : record.changes) {
      if (change.family == Family::kUser) count += change.value.has_value() ? 1 : -1;
    }
    derived->push_back(Put(Family::kByUser, "count", std::to_string(count)));
  }
  void Applied(const LogRecord&) override {}
};

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    options_.directory = directory_.path() + "/data";
    options_.clock = &clock_;
    options_.observer = &observer_;
    options_.ballast_bytes = 0;
  }

  void TearDown() override { Close(); }  // Before the members of derived fixtures go.

  Status TryOpen() {
    store_.reset();
    auto store = LocalStore::Open(options_, rocks_env_);
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    return OkStatus();
  }
  void Open() {
    const Status status = TryOpen();
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  void Close() { store_.reset(); }

  CommitInfo MustCommit(Mutation mutation) {
    auto info = store_->Commit(std::move(mutation));
    EXPECT_TRUE(info.ok()) << info.status().ToString();
    return info.ok() ? *info : CommitInfo();
  }
  // Users named from `first` on, each with a blob of its own name, one commit each.
  void CommitUsers(int first, int count) {
    for (int i = first; i < first + count; ++i) {
      Mutation mutation = PutMutation(Family::kUser, "user" + std::to_string(i), std::string(100, 'u'));
      mutation.blobs = {StageBlob(*store_, "blob of user " + std::to_string(i))};
      MustCommit(std::move(mutation));
    }
  }
  std::optional<std::string> Value(Family family, std::string_view key) { return ValueOf(*store_, family, key); }

  VerifyReport MustVerify(BlobStore::Depth depth = BlobStore::Depth::kDigest) {
    auto report = Verify(*store_, depth);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return report.ok() ? *std::move(report) : VerifyReport();
  }
  void ExpectSound() { EXPECT_THAT(MustVerify().findings, ::testing::IsEmpty()); }

  std::string database() const { return options_.directory + "/db"; }
  std::string segments() const { return options_.directory + "/segments"; }
  static void CopyFolder(const std::string& from, const std::string& to) {
    std::filesystem::remove_all(to);
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
  }

  TempDirectory directory_;
  ManualClock clock_;
  UserCounter observer_;
  StoreOptions options_;
  rocksdb::Env* rocks_env_ = nullptr;
  std::unique_ptr<LocalStore> store_;
};

}  // namespace tarn::engine
