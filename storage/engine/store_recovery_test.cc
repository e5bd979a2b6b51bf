// What a store makes of the two halves it finds at open: a journal and a database that may be older, damaged or gone.
#include <rocksdb/db.h>

#include <fstream>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/engine/store_fixture_for_test.h"

namespace tarn::engine {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class StoreRecovery : public StoreTest {
 protected:
  std::string LastSegment() const {
    std::string last;
    for (const auto& entry : fs::directory_iterator(segments())) last = std::max(last, entry.path().string());
    return last;
  }
  // As if this program had not known the family yet.
  void DropFamily(std::string_view name) {
    std::vector<std::string> names;
    ASSERT_TRUE(rocksdb::DB::ListColumnFamilies({}, database(), &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> columns;
    for (const std::string& family : names) columns.emplace_back(family, rocksdb::ColumnFamilyOptions());
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open({}, database(), columns, &handles, &opened).ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    bool dropped = false;
    for (rocksdb::ColumnFamilyHandle* handle : handles) {
      if (handle->GetName() == name) dropped = db->DropColumnFamily(handle).ok();
      db->DestroyColumnFamilyHandle(handle);
    }
    ASSERT_TRUE(dropped);
  }
  void ExpectSameState(const StoreStats& expected) {
    const StoreStats stats = store_->Stats();
    EXPECT_EQ(stats.last_lsn, expected.last_lsn);
    EXPECT_EQ(stats.chain_hash, expected.chain_hash);
    EXPECT_EQ(stats.state_hash, expected.state_hash);
    ExpectSound();
  }
};

TEST_F(StoreRecovery, FindsEverythingAgainAfterAnOrderlyClose) {
  Open();
  CommitUsers(0, 5);
  const StoreStats before = store_->Stats();
  Open();
  ExpectSameState(before);
  EXPECT_EQ(store_->recovery().records_replayed, 0u);
  EXPECT_EQ(store_->recovery().bytes_truncated, 0u);
  EXPECT_EQ(*ReadBlob(*store_, Sha512("blob of user 3")), "blob of user 3");
  CommitUsers(5, 1);
  EXPECT_EQ(store_->last_lsn(), Lsn(6));
}

// As a server that changes its role: it closes the store and opens it again, and nobody comes between.
TEST_F(StoreRecovery, ALockOfTheCallersOwnSpansItsOpenings) {
  auto lock = LockDirectory(options_.directory);
  ASSERT_TRUE(lock.ok()) << lock.status().ToString();
  options_.lock = *std::move(lock);
  Open();
  MustCommit(PutMutation(Family::kUser, "user", "1"));
  Close();
  StoreOptions others = options_;
  others.lock = nullptr;
  EXPECT_EQ(LocalStore::Open(others, nullptr).status().code(), Code::kFailedPrecondition) << "closed, and not let go";
  others.mode = StoreOptions::Mode::kReadOnly;
  EXPECT_EQ(LocalStore::Open(others, nullptr).status().code(), Code::kFailedPrecondition);
  Open();
  EXPECT_EQ(Value(Family::kUser, "user"), "1");
  Close();
  options_.lock = nullptr;
  Open();
}

TEST_F(StoreRecovery, RollsAnOlderDatabaseForward) {
  Open();
  CommitUsers(0, 4);
  Close();
  CopyFolder(database(), directory_.path() + "/older");
  Open();
  CommitUsers(4, 30);
  MustCommit(MutationOf({Delete(Family::kUser, "user1"), Put(Family::kUser, "user4", "other")}));
  const StoreStats before = store_->Stats();
  Close();
  CopyFolder(directory_.path() + "/older", database());
  Open();
  EXPECT_EQ(store_->recovery().records_replayed, 31u);
  EXPECT_FALSE(store_->recovery().state_rebuilt);
  EXPECT_EQ(Value(Family::kByUser, "count"), "34") << "derived again: 34 puts, 1 delete, 1 put";
  EXPECT_EQ(*ReadBlob(*store_, Sha512("blob of user 33")), "blob of user 33");
  ExpectSameState(before);
}

TEST_F(StoreRecovery, RebuildsALostDatabase) {
  Open();
  CommitUsers(0, 20);
  const StoreStats before = store_->Stats();
  Close();
  fs::remove_all(database());
  Open();
  EXPECT_TRUE(store_->recovery().state_rebuilt);
  EXPECT_EQ(store_->recovery().records_replayed, 20u);
  EXPECT_EQ(Value(Family::kByUser, "count"), "20");
  ExpectSameState(before);
  CommitUsers(20, 1);
}

TEST_F(StoreRecovery, RebuildsADatabaseFromBeforeADerivedFamily) {
  Open();
  CommitUsers(0, 20);
  const StoreStats before = store_->Stats();
  Close();
  DropFamily(FamilyName(Family::kChange));
  Open();
  EXPECT_TRUE(store_->recovery().state_rebuilt);
  EXPECT_EQ(store_->recovery().records_replayed, 20u) << "derived from the first record on";
  ExpectSameState(before);
  EXPECT_TRUE(fs::exists(database() + ".damaged-1")) << "nothing is thrown away";
  Open();
  EXPECT_FALSE(store_->recovery().state_rebuilt) << "once";
}

TEST_F(StoreRecovery, MovesADamagedDatabaseAsideAndRebuilds) {
  Open();
  CommitUsers(0, 20);
  const StoreStats before = store_->Stats();
  Close();
  fs::remove(database() + "/CURRENT");
  Open();
  EXPECT_TRUE(store_->recovery().state_rebuilt);
  EXPECT_TRUE(fs::exists(database() + ".damaged-1"));
  ExpectSameState(before);

  Close();
  for (const auto& entry : fs::directory_iterator(database())) {
    if (entry.path().filename().string().starts_with("MANIFEST")) std::ofstream(entry.path()) << "not a manifest";
  }
  Open();
  EXPECT_TRUE(fs::exists(database() + ".damaged-2"));
  ExpectSameState(before);
}

TEST_F(StoreRecovery, RollsForwardPastAHoleInTheWriteAheadLog) {
  Open();
  CommitUsers(0, 40);
  const StoreStats before = store_->Stats();
  Close();
  for (const auto& entry : fs::directory_iterator(database())) {
    if (entry.path().extension() != ".log") continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(entry.path()) / 2));
    file << "damage";
  }
  Open();
  EXPECT_GT(store_->recovery().records_replayed, 0u) << "RocksDB alone opens with a part of the commits";
  ExpectSameState(before);
}

TEST_F(StoreRecovery, CutsOffATornGroup) {
  Open();
  CommitUsers(0, 3);
  const StoreStats before = store_->Stats();
  Close();
  std::ofstream(LastSegment(), std::ios::app) << std::string(1000, 'x');
  Open();
  EXPECT_GE(store_->recovery().bytes_truncated, 1000u);
  ExpectSameState(before);
  CommitUsers(3, 2);
  Open();
  EXPECT_EQ(store_->recovery().bytes_truncated, 0u);
  EXPECT_EQ(store_->last_lsn(), Lsn(5));
}

TEST_F(StoreRecovery, RefusesAJournalThatLostAcknowledgedRecords) {
  Open();
  CommitUsers(0, 3);
  Close();
  const std::string segment = LastSegment();
  const uint64_t size = fs::file_size(segment);
  fs::resize_file(segment, size - 200);
  EXPECT_EQ(TryOpen().code(), Code::kCorruption);
  EXPECT_EQ(fs::file_size(segment), size - 200) << "nothing is changed";
  fs::remove_all(segments());
  EXPECT_EQ(TryOpen().code(), Code::kCorruption);
}

TEST_F(StoreRecovery, RefusesTheJournalOfAnotherStore) {
  Open();
  CommitUsers(0, 3);
  Close();
  CopyFolder(segments(), directory_.path() + "/other-segments");
  fs::remove_all(options_.directory);
  Open();
  CommitUsers(1, 3);
  Close();
  CopyFolder(directory_.path() + "/other-segments", segments());
  const Status status = TryOpen();
  EXPECT_EQ(status.code(), Code::kCorruption) << status.ToString();
}

TEST_F(StoreRecovery, RemovesSoloSegmentsThatNoRecordRefersTo) {
  Open();
  const std::string large(limits::kSharedBlobBytesMax + 1, 'L');
  Mutation mutation;
  mutation.blobs = {StageBlob(*store_, large)};
  MustCommit(std::move(mutation));
  // As after a crash between the end of an upload and its commit: the file is there, whole, and belongs to nobody.
  Close();
  CopyFolder(database(), directory_.path() + "/db-copy");
  CopyFolder(segments(), directory_.path() + "/segments-copy");
  Open();
  std::shared_ptr<StagedBlob> orphan = StageBlob(*store_, large + "!");
  CopyFolder(segments(), directory_.path() + "/segments-copy");
  orphan.reset();
  Close();
  CopyFolder(directory_.path() + "/db-copy", database());
  CopyFolder(directory_.path() + "/segments-copy", segments());
  Open();
  EXPECT_EQ(store_->recovery().orphan_solos_removed, 1u);
  EXPECT_EQ(*ReadBlob(*store_, Sha512(large)), large);
  ExpectSound();
}

TEST_F(StoreRecovery, RefusesANewerFormat) {
  Open();
  CommitUsers(0, 1);
  Close();
  {
    RocksOptions rocks_options;
    rocks_options.directory = database();
    rocks_options.block_cache_bytes = rocks_options.write_buffer_bytes = limits::kMiB;
    auto rocks = Rocks::Open(rocks_options);
    ASSERT_TRUE(rocks.ok()) << rocks.status().ToString();
    RocksBatch batch = (*rocks)->NewBatch();
    batch.Put(Family::kNode, kFormatKey, EncodeFormat(kFormat + 1));
    ASSERT_TRUE((*rocks)->Write(&batch).ok());
  }
  const Status status = TryOpen();
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("format 2"));
  EXPECT_FALSE(fs::exists(database() + ".damaged-1")) << "newer is not damaged";
}

TEST_F(StoreRecovery, OneProcessAtATime) {
  Open();
  EXPECT_EQ(Store::Open(options_).code(), Code::kFailedPrecondition);
  StoreOptions read_only = options_;
  read_only.mode = StoreOptions::Mode::kReadOnly;
  EXPECT_EQ(Store::Open(read_only).code(), Code::kFailedPrecondition);
  Close();
  EXPECT_TRUE(Store::Open(options_).ok());
}

TEST_F(StoreRecovery, ReadOnlyReadsAndChangesNothing) {
  Open();
  CommitUsers(0, 3);
  Close();
  CopyFolder(database(), directory_.path() + "/older");
  Open();
  CommitUsers(3, 2);
  Close();
  CopyFolder(directory_.path() + "/older", database());
  std::ofstream(LastSegment(), std::ios::app) << "torn";
  const uint64_t size = fs::file_size(LastSegment());

  options_.mode = StoreOptions::Mode::kReadOnly;
  Open();
  EXPECT_EQ(store_->last_lsn(), Lsn(3)) << "what RocksDB has";
  EXPECT_EQ(store_->recovery().records_replayed, 2u) << "what an open for writing would apply";
  EXPECT_EQ(Value(Family::kUser, "user2"), std::string(100, 'u'));
  EXPECT_EQ(store_->Commit(PutMutation(Family::kUser, "a", "")).code(), Code::kFailedPrecondition);
  EXPECT_EQ(store_->CanCommit().code(), Code::kFailedPrecondition);
  EXPECT_FALSE(store_->blobs().NewWriter().ok());
  ExpectSound();
  const auto second_reader = Store::Open(options_);
  EXPECT_TRUE(second_reader.ok()) << second_reader.status().ToString();
  EXPECT_EQ(fs::file_size(LastSegment()), size);
}

TEST_F(StoreRecovery, ReadOnlyOfNothingIsNotFound) {
  options_.mode = StoreOptions::Mode::kReadOnly;
  EXPECT_EQ(TryOpen().code(), Code::kNotFound);
  EXPECT_FALSE(fs::exists(options_.directory));
}

}  // namespace
}  // namespace tarn::engine
