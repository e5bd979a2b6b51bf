// What every engine::Store must do, run against the one on disk and the one in memory, so that the double cannot drift.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <thread>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/limits.h"
#include "storage/base/random.h"
#include "storage/engine/keys.h"
#include "storage/engine/state_hash.h"
#include "storage/engine/store.h"
#include "storage/testing/builders.h"
#include "storage/testing/manual_clock.h"
#include "storage/testing/mem_store.h"
#include "storage/testing/temp_directory.h"

namespace tarn::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using Entries = std::vector<std::pair<std::string, std::string>>;

enum class Kind { kDisk, kMemory };

class StoreConformance : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Kind::kMemory) {
      store_ = std::make_unique<MemStore>(&clock_);
      return;
    }
    StoreOptions options;
    options.directory = directory_.path() + "/data";
    options.clock = &clock_;
    options.ballast_bytes = 0;
    auto store = Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = *std::move(store);
  }

  CommitInfo MustCommit(Mutation mutation) {
    auto info = store_->Commit(std::move(mutation));
    EXPECT_TRUE(info.ok()) << info.status().ToString();
    return info.ok() ? *info : CommitInfo();
  }
  Entries ScanAll(Family family, std::string_view lower = {}, std::string_view upper = {}) {
    Entries entries;
    const auto view = store_->NewReadView();
    EXPECT_TRUE((*view)
                    ->Scan(family, lower, upper,
                           [&entries](std::string_view key, std::string_view value) {
                             entries.emplace_back(key, value);
                             return true;
                           })
                    .ok());
    return entries;
  }
  std::optional<std::string> Value(Family family, std::string_view key) { return ValueOf(*store_, family, key); }

  TempDirectory directory_;
  ManualClock clock_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreConformance, StartsEmpty) {
  EXPECT_EQ(store_->last_lsn(), Lsn());
  EXPECT_EQ(Value(Family::kPackage, "a"), std::nullopt);
  EXPECT_THAT(ScanAll(Family::kPackage), IsEmpty());
  EXPECT_EQ(store_->log().Read(Lsn(1)).code(), Code::kNotFound);
  EXPECT_EQ(store_->blobs().Open(Sha512("x")).code(), Code::kNotFound);
  EXPECT_TRUE(store_->CanCommit().ok());
}

TEST_P(StoreConformance, CommitIsVisibleAndNumberedWithoutGaps) {
  const CommitInfo first = MustCommit(PutMutation(Family::kPackage, "a", "1"));
  EXPECT_EQ(first.lsn, Lsn(1));
  EXPECT_EQ(first.epoch, Epoch(1));
  EXPECT_EQ(first.time_ms, clock_.NowMs());
  clock_.AdvanceMs(5);
  const CommitInfo second = MustCommit(PutMutation(Family::kPackage, "a", "2"));
  EXPECT_EQ(second.lsn, Lsn(2));
  EXPECT_EQ(second.time_ms, first.time_ms + 5);
  EXPECT_EQ(store_->last_lsn(), Lsn(2));
  EXPECT_EQ(Value(Family::kPackage, "a"), "2");
  EXPECT_EQ(Value(Family::kVersion, "a"), std::nullopt);
}

TEST_P(StoreConformance, TellsEmptyFromAbsent) {
  MustCommit(PutMutation(Family::kSetting, "a", ""));
  EXPECT_EQ(Value(Family::kSetting, "a"), "");
  MustCommit(MutationOf({Delete(Family::kSetting, "a"), Delete(Family::kSetting, "never there")}));
  EXPECT_EQ(Value(Family::kSetting, "a"), std::nullopt);
}

TEST_P(StoreConformance, ScansInByteOrderWithinBoundsAndStopsWhenTold) {
  MustCommit(MutationOf({Put(Family::kUser, "b", "2"), Put(Family::kUser, "a", "1"), Put(Family::kUser, "\xff", "4"),
                         Put(Family::kUser, "ba", "3"), Put(Family::kOrg, "b", "other family")}));
  EXPECT_THAT(ScanAll(Family::kUser), ElementsAre(Pair("a", "1"), Pair("b", "2"), Pair("ba", "3"), Pair("\xff", "4")));
  EXPECT_THAT(ScanAll(Family::kUser, "b", "ba"), ElementsAre(Pair("b", "2")));
  EXPECT_THAT(ScanAll(Family::kUser, "b", "b"), IsEmpty());
  EXPECT_THAT(ScanAll(Family::kUser, "c", "b"), IsEmpty());

  std::vector<std::string> seen;
  const auto view = store_->NewReadView();
  ASSERT_TRUE((*view)
                  ->ScanPrefix(Family::kUser, "b",
                               [&seen](std::string_view key, std::string_view) {
                                 seen.emplace_back(key);
                                 return true;
                               })
                  .ok());
  EXPECT_THAT(seen, ElementsAre("b", "ba"));
  seen.clear();
  ASSERT_TRUE((*view)
                  ->Scan(Family::kUser, "", "",
                         [&seen](std::string_view key, std::string_view) {
                           seen.emplace_back(key);
                           return seen.size() < 2;
                         })
                  .ok());
  EXPECT_THAT(seen, ElementsAre("a", "b"));
}

TEST_P(StoreConformance, AViewStaysAtItsLsn) {
  MustCommit(MutationOf({Put(Family::kUser, "a", "1"), Put(Family::kUser, "b", "1")}));
  const auto view = store_->NewReadView();
  MustCommit(MutationOf({Put(Family::kUser, "a", "2"), Delete(Family::kUser, "b"), Put(Family::kUser, "c", "2")}));
  EXPECT_EQ((*view)->lsn(), Lsn(1));
  EXPECT_EQ(**(*view)->Get(Family::kUser, "a"), "1");
  Entries entries;
  ASSERT_TRUE((*view)
                  ->Scan(Family::kUser, "", "",
                         [&](std::string_view key, std::string_view value) {
                           entries.emplace_back(key, value);
                           return true;
                         })
                  .ok());
  EXPECT_THAT(entries, ElementsAre(Pair("a", "1"), Pair("b", "1")));
  EXPECT_THAT(ScanAll(Family::kUser), ElementsAre(Pair("a", "2"), Pair("c", "2")));
}

TEST_P(StoreConformance, PreconditionsAreExactBytesOrAbsence) {
  MustCommit(PutMutation(Family::kPackage, "a", "1"));
  const auto commit_expecting = [this](std::optional<std::string> expected_a, std::optional<std::string> expected_b) {
    Mutation mutation = PutMutation(Family::kPackage, "a", "2");
    mutation.preconditions = {{Family::kPackage, "a", std::move(expected_a)},
                              {Family::kPackage, "b", std::move(expected_b)}};
    return store_->Commit(std::move(mutation)).code();
  };
  EXPECT_EQ(commit_expecting("0", std::nullopt), Code::kConflict);
  EXPECT_EQ(commit_expecting(std::nullopt, std::nullopt), Code::kConflict);
  EXPECT_EQ(commit_expecting("1", ""), Code::kConflict);
  EXPECT_EQ(Value(Family::kPackage, "a"), "1");
  EXPECT_EQ(store_->last_lsn(), Lsn(1)) << "a conflict takes no LSN";
  EXPECT_EQ(commit_expecting("1", std::nullopt), Code::kOk);
  EXPECT_EQ(Value(Family::kPackage, "a"), "2");
}

TEST_P(StoreConformance, RefusesWhatBreaksALimitOrARule) {
  const auto code_of = [this](std::vector<Change> changes) {
    return store_->Commit(MutationOf(std::move(changes))).code();
  };
  EXPECT_EQ(code_of({Put(Family::kUser, std::string(limits::kKeyBytesMax, 'k'), "")}), Code::kOk);
  EXPECT_EQ(code_of({Put(Family::kUser, std::string(limits::kKeyBytesMax + 1, 'k'), "")}), Code::kInvalidArgument);
  EXPECT_EQ(code_of({Put(Family::kUser, "", "")}), Code::kInvalidArgument);
  EXPECT_EQ(code_of({Put(Family::kUser, "a", "1"), Delete(Family::kUser, "a")}), Code::kInvalidArgument);
  for (const Family family : {Family::kLog, Family::kLocation, Family::kNode, Family::kByUser, Family{31}}) {
    EXPECT_EQ(code_of({Put(family, "a", "1")}), Code::kInvalidArgument) << FamilyName(family);
  }
  EXPECT_EQ(code_of(std::vector<Change>(limits::kChangesPerRecordMax + 1)), Code::kInvalidArgument);
  Mutation no_blob;
  no_blob.blobs.push_back(nullptr);
  EXPECT_EQ(store_->Commit(std::move(no_blob)).code(), Code::kInvalidArgument);
  for (const Family family : {Family::kNode, Family::kByUser}) {
    Mutation mutation;
    mutation.preconditions = {{family, "a", std::nullopt}};
    EXPECT_EQ(store_->Commit(std::move(mutation)).code(), Code::kInvalidArgument) << FamilyName(family);
  }
  EXPECT_EQ(store_->last_lsn(), Lsn(1));
}

TEST_P(StoreConformance, BlobsBelongToTheirCommit) {
  for (const std::string& bytes :
       {std::string("small"), std::string(), std::string(limits::kSharedBlobBytesMax + 1, 'L')}) {
    const std::shared_ptr<StagedBlob> staged = StageBlob(*store_, bytes);
    const Digest digest = staged->info().sha512;
    EXPECT_EQ(digest, Sha512(bytes));
    EXPECT_EQ(staged->info().sha1, Sha1(bytes));
    EXPECT_EQ(store_->blobs().Open(digest).code(), Code::kNotFound) << "before its commit";
    Mutation mutation;
    mutation.blobs = {staged, staged};
    MustCommit(std::move(mutation));
    const auto reader = store_->blobs().Open(digest);
    ASSERT_TRUE(reader.ok()) << reader.status().ToString();
    EXPECT_EQ(reader->info.size_bytes, bytes.size());
    EXPECT_EQ(reader->info.sha1, Sha1(bytes));
    EXPECT_EQ(*ReadBlob(*store_, digest), bytes);
    EXPECT_TRUE(store_->blobs().Verify(digest, BlobStore::Depth::kDigest).ok());
    EXPECT_NE(Value(Family::kBlob, DigestKey(digest)), std::nullopt);
  }
}

TEST_P(StoreConformance, ABlobThatLostAConflictCanBeCommittedAgain) {
  const std::shared_ptr<StagedBlob> staged = StageBlob(*store_, "bytes");
  Mutation stale;
  stale.preconditions = {{Family::kPackage, "a", "was there"}};
  stale.blobs = {staged};
  EXPECT_EQ(store_->Commit(std::move(stale)).code(), Code::kConflict);
  EXPECT_EQ(store_->blobs().Open(Sha512("bytes")).code(), Code::kNotFound);
  Mutation again;
  again.blobs = {staged};
  MustCommit(std::move(again));
  EXPECT_EQ(*ReadBlob(*store_, Sha512("bytes")), "bytes");
}

TEST_P(StoreConformance, AnAbandonedBlobIsNowhere) {
  StageBlob(*store_, "gone");
  MustCommit(PutMutation(Family::kPackage, "a", "1"));
  EXPECT_EQ(store_->blobs().Open(Sha512("gone")).code(), Code::kNotFound);
}

TEST_P(StoreConformance, LogHoldsWhatWasCommittedChained) {
  Mutation mutation = MutationOf({Put(Family::kPackage, "a", "1"), Delete(Family::kVersion, "b")});
  mutation.event = Event{EventKind::kPublishVersion, "a", "1.0.0", "ann", "key"};
  mutation.blobs = {StageBlob(*store_, "bytes")};
  MustCommit(std::move(mutation));
  MustCommit(PutMutation(Family::kPackage, "a", "2"));

  const auto first = store_->log().Read(Lsn(1));
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_EQ(first->event.kind, EventKind::kPublishVersion);
  EXPECT_EQ(first->event.actor, "ann");
  ASSERT_EQ(first->changes.size(), 3u) << "the engine adds the blob entry";
  EXPECT_EQ(first->changes[0].value, "1");
  EXPECT_EQ(first->changes[1].value, std::nullopt);
  EXPECT_EQ(first->changes[2].family, Family::kBlob);
  ASSERT_EQ(first->blobs.size(), 1u);
  EXPECT_EQ(first->blobs[0].sha512, Sha512("bytes"));
  EXPECT_EQ(first->previous_chain_hash, Sha256Digest());
  const auto second = store_->log().Read(Lsn(2));
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->previous_chain_hash, first->chain_hash);
  EXPECT_EQ(store_->Stats().chain_hash, second->chain_hash);
  EXPECT_EQ(store_->log().Read(Lsn(3)).code(), Code::kNotFound);
  EXPECT_EQ(store_->log().Read(Lsn()).code(), Code::kNotFound);
}

// Counts users in a derived row and writes down what it was told.
class CountingObserver : public CommitObserver {
 public:
  explicit CountingObserver(Store* store) : store_(*store) {}
  void Derive(const LogRecord& record, const ReadView& before, std::vector<Change>* derived) override {
    EXPECT_EQ(before.lsn().value() + 1, record.lsn.value());
    uint64_t count = 0;
    EXPECT_TRUE(before
                    .Scan(Family::kUser, "", "",
                          [&count](std::string_view, std::string_view) {
                            ++count;
                            return true;
                          })
                    .ok());
    const auto previous = before.Get(Family::kByUser, "count");
    EXPECT_EQ(previous->value_or(std::to_string(count)), std::to_string(count)) << "derived rows of the record before";
    for (const Change& change : record.changes) count += change.family == Family::kUser && change.value ? 1 : 0;
    derived->push_back(Put(Family::kByUser, "count", std::to_string(count)));
  }
  void Applied(const LogRecord& record) override {
    EXPECT_EQ(ValueOf(store_, Family::kByUser, "count").has_value(), true) << "visible before Applied";
    applied_.push_back(record.lsn.value());
  }
  const std::vector<uint64_t>& applied() const { return applied_; }

 private:
  Store& store_;
  std::vector<uint64_t> applied_;
};

TEST_P(StoreConformance, ObserverDerivesInTheSameCommitAndHearsOfItBeforeTheCaller) {
  CountingObserver observer(store_.get());
  store_->SetObserver(&observer);
  for (uint64_t i = 1; i <= 5; ++i) {
    MustCommit(PutMutation(Family::kUser, "user" + std::to_string(i), ""));
    ASSERT_EQ(observer.applied().size(), i);
    ASSERT_EQ(Value(Family::kByUser, "count"), std::to_string(i));
  }
  EXPECT_THAT(observer.applied(), ElementsAre(1, 2, 3, 4, 5));
  store_->SetObserver(nullptr);
  MustCommit(PutMutation(Family::kUser, "unseen", ""));
  EXPECT_EQ(Value(Family::kByUser, "count"), "5");
}

TEST_P(StoreConformance, ManyAsynchronousCommitsAreEachAnsweredOnceInOrder) {
  constexpr uint64_t kCommits = 500;
  CountingObserver observer(store_.get());
  store_->SetObserver(&observer);
  Mutex mutex;
  CondVar changed;
  std::vector<uint64_t> answers;
  for (uint64_t i = 0; i < kCommits; ++i) {
    store_->CommitAsync(PutMutation(Family::kUser, std::to_string(i), ""), [&](Result<CommitInfo> info) {
      MutexLock lock(mutex);
      ASSERT_TRUE(info.ok());
      answers.push_back(info->lsn.value());
      changed.NotifyOne();
    });
  }
  MutexLock lock(mutex);
  while (answers.size() < kCommits) changed.Wait(mutex);
  for (uint64_t i = 0; i < kCommits; ++i) ASSERT_EQ(answers[i], i + 1);
  EXPECT_EQ(observer.applied(), answers);
  EXPECT_EQ(Value(Family::kByUser, "count"), std::to_string(kCommits));
}

TEST_P(StoreConformance, NoUpdateOfACounterIsLostUnderContention) {
  constexpr int kThreads = 16;
  constexpr int kIncrements = 20;
  const auto increment = [this] {
    for (;;) {
      const std::optional<std::string> old = Value(Family::kCounter, "n");
      Mutation mutation = PutMutation(Family::kCounter, "n", std::to_string(old ? std::stoi(*old) + 1 : 1));
      mutation.preconditions = {{Family::kCounter, "n", old}};
      const auto info = store_->Commit(std::move(mutation));
      if (info.ok()) return;
      ASSERT_EQ(info.code(), Code::kConflict);
      // The state it lost against is visible by now, so recomputing must make progress somewhere.
      ASSERT_NE(Value(Family::kCounter, "n"), old);
    }
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kIncrements; ++i) increment();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Value(Family::kCounter, "n"), std::to_string(kThreads * kIncrements));
  EXPECT_EQ(store_->last_lsn(), Lsn(kThreads * kIncrements));
}

TEST_P(StoreConformance, ReadersSeeWholeCommitsOnly) {
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 0; i < 200; ++i) {
      const std::string value = std::to_string(i);
      MustCommit(MutationOf({Put(Family::kUser, "left", value), Put(Family::kOrg, "right", value)}));
    }
    done = true;
  });
  uint64_t last_lsn = 0;
  while (!done) {
    const auto view = store_->NewReadView();
    EXPECT_EQ(*(*view)->Get(Family::kUser, "left"), *(*view)->Get(Family::kOrg, "right"));
    EXPECT_GE((*view)->lsn().value(), last_lsn);
    last_lsn = (*view)->lsn().value();
  }
  writer.join();
}

uint64_t TestSeed() {
  const char* text = std::getenv("TEST_SEED");
  return text == nullptr ? 42 : std::strtoull(text, nullptr, 10);
}

TEST_P(StoreConformance, AgreesWithAMapOverRandomCommits) {
  SeededRandom random(TestSeed());
  SCOPED_TRACE("TEST_SEED=" + std::to_string(TestSeed()));
  constexpr Family kUsed[] = {Family::kPackage, Family::kVersion, Family::kSetting};
  std::map<std::pair<Family, std::string>, std::string> model;
  for (int step = 0; step < 300; ++step) {
    std::map<std::pair<Family, std::string>, std::optional<std::string>> changes;
    for (uint64_t n = random.Below(6); n > 0; --n) {
      const std::pair key{kUsed[random.Below(3)], std::string(1, static_cast<char>('a' + random.Below(12)))};
      changes[key] = random.Below(3) == 0 ? std::nullopt : std::optional(random.Bytes(random.Below(2000)));
    }
    std::vector<Change> list;
    for (const auto& [key, value] : changes) list.push_back({key.first, key.second, value});
    MustCommit(MutationOf(std::move(list)));
    for (const auto& [key, value] : changes) {
      value ? static_cast<void>(model[key] = *value) : static_cast<void>(model.erase(key));
    }
  }
  StateHash expected_hash;
  for (const Family family : kUsed) {
    Entries expected;
    for (const auto& [key, value] : model) {
      if (key.first != family) continue;
      expected.emplace_back(key.second, value);
      expected_hash.Add(HashEntry(family, key.second, value));
    }
    EXPECT_EQ(ScanAll(family), expected);
  }
  EXPECT_EQ(store_->Stats().state_hash, expected_hash.words());
}

// The same commits give the same hashes on every implementation, for ever: another node may be of another release.
TEST_P(StoreConformance, HashesOfAFixedHistory) {
  Mutation mutation = MutationOf({Put(Family::kPackage, "a", "1"), Put(Family::kUser, "ann", "")});
  mutation.event = Event{EventKind::kPublishVersion, "a", "1.0.0", "ann", ""};
  mutation.blobs = {StageBlob(*store_, "bytes")};
  MustCommit(std::move(mutation));
  clock_.AdvanceMs(1000);
  MustCommit(MutationOf({Put(Family::kPackage, "a", std::string(300, 'x')), Delete(Family::kUser, "ann")}));
  EXPECT_EQ(HexEncode(store_->Stats().chain_hash.view()),
            "446c0e4368054ed4645b3797a7474b515925982ae40fd7455001a7eafb43036a");
  EXPECT_EQ(store_->Stats().state_hash, (std::array<uint64_t, 2>{7049990101879934161u, 10624864714491415135u}));
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreConformance, ::testing::Values(Kind::kDisk, Kind::kMemory),
                         [](const auto& kind) { return kind.param == Kind::kDisk ? "Disk" : "Memory"; });

}  // namespace
}  // namespace tarn::engine
