#include "migrate/couch_file/database_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>
#include <set>

#include "migrate/couch_file/file_builder_for_test.h"
#include "migrate/couch_file/memory_file_for_test.h"
#include "migrate/couch_file/recorder_for_test.h"
#include "storage/base/couch_file_limits.h"
#include "storage/testing/gzip.h"

namespace tarn::couch_file {
namespace {

using namespace build;  // NOLINT: the builders of terms.
using std::string_literals::operator""s;

std::unique_ptr<DatabaseFile> Opened(const std::string& bytes) {
  auto file = DatabaseFile::Open(std::make_unique<MemoryFile>(bytes), "x.couch");
  EXPECT_TRUE(file.ok()) << file.status().ToString();
  return std::move(*file);
}

Recorder ReadWhole(const std::string& bytes, const ReadOptions& options = {}) {
  Recorder recorder;
  EXPECT_TRUE(Opened(bytes)->ReadAll(options, &recorder).ok());
  return recorder;
}

std::string BodyOf(std::string_view text) { return Object({Pair("text", Binary(text))}); }

Rev Revision(uint64_t generation, char id, std::string_view text, bool deleted = false) {
  return {generation, std::string(16, id), deleted, BodyOf(text), {}};
}

FileBuilder Small(size_t rows_per_leaf = 2, Checksum checksum = Checksum::kXxh3, uint64_t version = 8) {
  FileBuilder builder(checksum, version);
  builder.Header(Atom("nil"), Atom("nil"));
  Doc with{"a", {Revision(3, 'b', "winner"), Revision(2, 'c', "loser"), Revision(9, 'd', "gone", true)}};
  with.leaves[0].attachments = {{"one.tgz", std::string(20'000, 'q'), "", 8192, false, 0},
                                {"none", "", "", 8192, false, 0},
                                {"text", Gzip(std::string(50'000, 't')), "", 100, true, 50'000}};
  builder.Add(with);
  for (const char* id : {"b", "c", "d", "e"}) builder.Add({id, {Revision(1, 'x', id)}});
  Doc deleted{"f", {Revision(2, 'z', "", true)}};
  deleted.leaves[0].body = Object({});
  builder.Add(deleted);
  Doc kept{"g", {Revision(2, 'z', "kept", true)}};
  kept.leaves[0].attachments = {{"old", "old", "", 8192, false, 0}};
  builder.Add(kept);
  builder.Commit(rows_per_leaf);
  return builder;
}

TEST(DatabaseFile, ReadsDocuments) {
  for (const uint64_t version : {5u, 6u, 7u, 8u}) {
    for (const Checksum checksum : {Checksum::kMd5, Checksum::kXxh3}) {
      const Recorder read = ReadWhole(Small(2, checksum, version).bytes());
      EXPECT_TRUE(read.findings.empty());
      ASSERT_EQ(read.documents.size(), 7u);
      const Recorder::Document& a = *read.Find("a");
      const std::string hex = "62626262626262626262626262626262";
      EXPECT_EQ(a.end.rev, "3-" + hex);
      EXPECT_EQ(a.end.body, R"({"_id":"a","_rev":"3-)" + hex + R"(","text":"winner"})");
      EXPECT_EQ(a.end.conflicts.size(), 1u);
      EXPECT_EQ(a.end.deleted_conflicts.size(), 1u);
      ASSERT_EQ(a.conflicting.size(), 1u);
      EXPECT_EQ(a.conflicting[0].first, a.end.conflicts[0]);
      EXPECT_NE(a.conflicting[0].second.find("loser"), std::string::npos);
      EXPECT_EQ(a.attachments.at("one.tgz"), std::string(20'000, 'q'));
      EXPECT_EQ(a.attachments.at("none"), "");
      EXPECT_EQ(a.attachments.at("text"), std::string(50'000, 't'));
      EXPECT_EQ(a.heads.at("one.tgz").digest, "md5-" + Base64Encode(Md5(std::string(20'000, 'q'))));
      EXPECT_EQ(a.heads.at("text").length, 50'000u);
      EXPECT_EQ(read.Find("f")->end.body, "");
      EXPECT_TRUE(read.Find("f")->end.is_deleted);
      EXPECT_NE(read.Find("g")->end.body.find(R"("_deleted":true,"text":"kept")"), std::string::npos);
      EXPECT_EQ(read.Find("g")->end.stubs, std::vector<std::string>{"old"});
    }
  }
}

TEST(DatabaseFile, HandsOverStoredBytesOnRequest) {
  ReadOptions options;
  options.attachments = AttachmentForm::kStored;
  const Recorder read = ReadWhole(Small().bytes(), options);
  const Recorder::Document& a = *read.Find("a");
  EXPECT_EQ(a.attachments.at("text"), Gzip(std::string(50'000, 't')));
  EXPECT_EQ(a.heads.at("text").encoding, migrate::AttachmentHead::Encoding::kGzip);
  EXPECT_EQ(a.heads.at("text").encoded_length, a.attachments.at("text").size());
  EXPECT_EQ(a.heads.at("one.tgz").encoding, migrate::AttachmentHead::Encoding::kIdentity);
}

TEST(DatabaseFile, ReadsSingleDocumentsAndAttachments) {
  const auto file = Opened(Small(1).bytes());
  for (const char* id : {"a", "b", "e", "g"}) {
    Recorder recorder;
    ASSERT_TRUE(file->ReadDocument(id, {}, &recorder).ok()) << id;
    EXPECT_EQ(recorder.documents.at(0).end.id, id);
  }
  Recorder recorder;
  for (const char* id : {"", "0", "aa", "h"})
    EXPECT_EQ(file->ReadDocument(id, {}, &recorder).code(), Code::kNotFound) << id;
  EXPECT_EQ(file->ReadAttachment("b", "x", {}, &recorder).code(), Code::kNotFound);
}

TEST(DatabaseFile, SkipsWhatIsNotWanted) {
  Recorder recorder;
  recorder.unwanted = "a";
  ASSERT_TRUE(Opened(Small().bytes())->ReadAll({}, &recorder).ok());
  EXPECT_EQ(recorder.documents.size(), 6u);
  EXPECT_EQ(recorder.Find("a"), nullptr);
}

TEST(DatabaseFile, HandsBackTheVisitorsErrorOfEveryCall) {
  FileBuilder builder = Small();
  (*builder.mutable_bytes()) += "torn";
  Recorder whole;
  ASSERT_TRUE(Opened(builder.bytes())->ReadAll({}, &whole).ok());
  ASSERT_GT(whole.calls, 20u);
  for (size_t call = 1; call <= whole.calls; ++call) {
    Recorder failing;
    failing.fail_at = call;
    EXPECT_EQ(Opened(builder.bytes())->ReadAll({}, &failing).code(), Code::kCancelled) << call;
    EXPECT_EQ(failing.calls, call);
  }
}

// --- Damage ---

TEST(DatabaseDamage, TheBySequenceTreeStandsIn) {
  FileBuilder builder = Small(2);
  // The leaf of c and d.
  (*builder.mutable_bytes())[builder.leaf_positions.at(1) + 6] ^= 1;
  const Recorder read = ReadWhole(builder.bytes());
  EXPECT_EQ(read.documents.size(), 7u);
  EXPECT_NE(read.Find("c"), nullptr);
  EXPECT_TRUE(read.HasFinding("2 documents that the damaged by-id tree lacks"));
}

TEST(DatabaseDamage, CountsWhatIsMissing) {
  FileBuilder builder;
  builder.Add({"a", {Revision(1, 'a', "a")}});
  const uint64_t leaf = builder.Leaf({Tuple({Binary("a"), Nil()})});
  builder.Header(Tuple({Integer(leaf), Tuple({Integer(5), Integer(1), Nil()}), Integer(1)}), Atom("nil"));
  const Recorder read = ReadWhole(builder.bytes());
  EXPECT_TRUE(read.documents.empty());
  EXPECT_TRUE(read.HasFinding("the header counts 6 documents"));
}

TEST(DatabaseDamage, ABodyWithAWrongChecksumIsAbandoned) {
  FileBuilder builder = Small();
  const size_t at = builder.bytes().find("winner");
  (*builder.mutable_bytes())[at] = 'W';
  const size_t kept = builder.bytes().find("kept");
  (*builder.mutable_bytes())[kept] = 'K';
  const Recorder read = ReadWhole(builder.bytes());
  EXPECT_EQ(read.abandoned, std::vector<std::string>{"a"});
  EXPECT_EQ(read.documents.size(), 6u);
  // A tombstone is one without its body, too.
  EXPECT_TRUE(read.Find("g")->end.is_deleted);
  EXPECT_EQ(read.Find("g")->end.body, "");
  EXPECT_EQ(read.Errors(), 2u);
  EXPECT_TRUE(read.HasFinding("document 'a', x.couch, offset "));
}

TEST(DatabaseDamage, AnAttachmentWithAWrongMd5IsAbandoned) {
  FileBuilder builder = Small();
  (*builder.mutable_bytes())[builder.bytes().find("qqqq") + 3] = 'Q';
  const Recorder read = ReadWhole(builder.bytes());
  EXPECT_EQ(read.Find("a")->abandoned, std::vector<std::string>{"one.tgz"});
  EXPECT_EQ(read.Find("a")->attachments.size(), 2u);
  EXPECT_TRUE(read.HasFinding("MD5"));
}

// The MD5 is asked only where the SHA-1 that the document has of its tarball is not that of the bytes.
TEST(DatabaseFile, ComparesTheMd5WhereTheSha1DoesNotTell) {
  const std::string dist = Object({Pair("shasum", Binary(std::string(40, 'a'))),
                                   Pair("tarball", Binary("http://registry.example/a/-/a-1.0.0.tgz"))});
  for (const bool has_sha1 : {true, false}) {
    for (const bool is_damaged : {true, false}) {
      FileBuilder builder;
      builder.Header(Atom("nil"), Atom("nil"));
      Doc doc{"a", {Revision(1, 'b', "")}};
      doc.leaves[0].body = Object({Pair("versions", Object({Pair("1.0.0", Object({Pair("dist", dist)}))}))});
      doc.leaves[0].attachments = {
          {"a-1.0.0.tgz", "bytes", is_damaged ? std::string(16, 'x') : std::string(), 8192, false, 0}};
      builder.Add(doc);
      builder.Commit();
      Recorder recorder;
      recorder.has_every_sha1 = has_sha1;
      ASSERT_TRUE(Opened(builder.bytes())->ReadAll({}, &recorder).ok());
      const bool is_taken = has_sha1 || !is_damaged;
      EXPECT_EQ(recorder.documents[0].attachments.count("a-1.0.0.tgz"), is_taken ? 1u : 0u);
      EXPECT_EQ(recorder.HasFinding("MD5"), !is_taken);
    }
  }
}

TEST(DatabaseDamage, AttachmentsThatAreNotWhatTheySay) {
  const std::string text = Gzip(std::string(1000, 't'));
  const std::vector<std::pair<Att, const char*>> cases = {
      {{"a", "not gzip", "", 8192, true, 5}, "does not decompress"},
      {{"a", text, "", 8192, true, 999}, "more bytes than the document says"},
      {{"a", text, "", 8192, true, 1001}, "fewer bytes than the document says"},
      {{"a", text.substr(0, text.size() - 1), "", 8192, true, 1000}, "end too early"},
      {{"a", Gzip(std::string(10'000'000, '\0')), "", 8192, true, 1000}, "more bytes than the document says"},
  };
  for (const auto& [att, wanted] : cases) {
    FileBuilder builder;
    Doc doc{"a", {Revision(1, 'a', "a")}};
    doc.leaves[0].attachments = {att};
    builder.Add(doc);
    builder.Commit();
    const Recorder read = ReadWhole(builder.bytes());
    EXPECT_EQ(read.documents.at(0).abandoned.size(), 1u) << wanted;
    EXPECT_TRUE(read.HasFinding(wanted)) << wanted;
  }
  // Members may follow one another.
  FileBuilder builder;
  Doc doc{"a", {Revision(1, 'a', "a")}};
  doc.leaves[0].attachments = {{"a", text + text, "", 7, true, 2000}};
  builder.Add(doc);
  builder.Commit();
  EXPECT_EQ(ReadWhole(builder.bytes()).documents.at(0).attachments.at("a"), std::string(2000, 't'));
}

TEST(DatabaseDamage, AttachmentPointersAreChecked) {
  const auto with = [](const std::string& pieces, uint64_t bytes) {
    FileBuilder builder;
    builder.Payload("x");
    const uint64_t chunk = builder.Chunk("12345678");
    EXPECT_EQ(chunk, 2u);
    const uint64_t position =
        builder.Summary(Object({}), List({Tuple({Binary("a"), Binary("t"), pieces, Integer(bytes), Integer(bytes),
                                                 Integer(0), Binary(""), Atom("identity")})}));
    const std::string node =
        Tuple({Binary(std::string(16, 'r')), Tuple({Integer(0), Integer(position), Integer(1)}), Nil()});
    builder.AddRow("a", Integer(0), List({Tuple({Integer(1), node})}));
    builder.Commit();
    return ReadWhole(builder.bytes()).documents.at(0).attachments.count("a");
  };
  const auto piece = [](uint64_t position, uint64_t bytes) { return Tuple({Integer(position), Integer(bytes)}); };
  EXPECT_EQ(with(List({piece(2, 8)}), 8), 1u);
  EXPECT_EQ(with(List({Integer(2), Integer(2)}), 16), 1u);
  EXPECT_EQ(with(List({piece(2, 7)}), 7), 0u);
  EXPECT_EQ(with(List({piece(2, 8)}), 9), 0u);
  EXPECT_EQ(with(List({piece(2, 8), piece(2, 8)}), 9), 0u);
  EXPECT_EQ(with(List({piece(1'000'000'000'000, 8)}), 8), 0u);
  EXPECT_EQ(with(List(std::vector<std::string>(100'000, Integer(2))), uint64_t{1} << 60), 0u);
}

// A tree whose rows all share one body is read only so often.
TEST(DatabaseDamage, LimitsHowOftenBytesAreReadAgain) {
  FileBuilder builder;
  builder.Payload("x");
  const uint64_t position = builder.Summary(Object({Pair("t", Binary(std::string(200'000, 'x')))}), Nil());
  const std::string node =
      Tuple({Binary(std::string(16, 'r')), Tuple({Integer(0), Integer(position), Integer(1)}), Nil()});
  for (int i = 1000; i < 2000; ++i) builder.AddRow(std::to_string(i), Integer(0), List({Tuple({Integer(1), node})}));
  builder.Commit(2000);
  const Recorder read = ReadWhole(builder.bytes());
  EXPECT_GT(read.documents.size(), 60u);
  EXPECT_LT(read.documents.size(), 200u);
  EXPECT_EQ(read.documents.size() + read.abandoned.size(), 1000u);
}

// 2 GiB in 32 KiB pieces that are made when they are read.
class LargeFile final : public File {
 public:
  explicit LargeFile(std::string tail) : tail_(std::move(tail)) {}
  static constexpr uint64_t kBytes = uint64_t{2} << 30;
  // One chunk from offset 1 on: the payload up to there.
  static constexpr uint64_t kChunkBytes = kBytes - kBytes / kBlockBytes - 4;

  using File::WriteAt;
  Status WriteAt(uint64_t, std::span<const iovec>) override { return IoError("a file to be read"); }
  Status ReadAt(uint64_t offset, size_t size, std::string* out) const override {
    largest_read = std::max(largest_read, size);
    out->assign(static_cast<size_t>(std::min<uint64_t>(size, kBytes + tail_.size() - offset)), '\0');
    // The chunk's length, then zeroes, then what stands behind it.
    if (offset == 0) out->replace(1, 4, Big(kChunkBytes, 4));
    for (uint64_t at = std::max(offset, kBytes); at < offset + out->size(); ++at) {
      (*out)[static_cast<size_t>(at - offset)] = tail_[static_cast<size_t>(at - kBytes)];
    }
    return OkStatus();
  }
  Status Sync() override { return OkStatus(); }
  Status Truncate(uint64_t) override { return IoError("a file to be read"); }
  Result<uint64_t> Size() const override { return kBytes + tail_.size(); }
  int descriptor() const override { return -1; }

  mutable size_t largest_read = 0;

 private:
  const std::string tail_;
};

class Counter final : public Recorder {
 public:
  Status AppendAttachment(std::string_view bytes) override {
    total += bytes.size();
    largest = std::max(largest, bytes.size());
    return OkStatus();
  }
  uint64_t total = 0;
  size_t largest = 0;
};

TEST(DatabaseFile, AnAttachmentOfTwoGigabytesGoesThroughInPieces) {
  FileBuilder builder;
  // What is written stands behind the chunk.
  const std::string attachment = Tuple(
      {Binary("big"), Binary("t"), List({Tuple({Integer(1), Integer(LargeFile::kChunkBytes)})}),
       Integer(LargeFile::kChunkBytes), Integer(LargeFile::kChunkBytes), Integer(1), Binary(""), Atom("identity")});
  const uint64_t summary = LargeFile::kBytes + builder.Summary(Object({}), List({attachment}));
  const std::string node =
      Tuple({Binary(std::string(16, 'r')), Tuple({Integer(0), Integer(summary), Integer(1)}), Nil()});
  const uint64_t leaf =
      LargeFile::kBytes +
      builder.Leaf({Tuple({Binary("a"), Tuple({Integer(1), Integer(0), Nil(), List({Tuple({Integer(1), node})})})})});
  builder.Header(Tuple({Integer(leaf), Nil(), Integer(1)}), Atom("nil"));
  auto large = std::make_unique<LargeFile>(builder.bytes());
  const LargeFile& source = *large;
  auto file = DatabaseFile::Open(std::move(large), "large.couch");
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  Counter counter;
  ASSERT_TRUE((*file)->ReadAll({}, &counter).ok());
  EXPECT_EQ(counter.Errors(), 0u) << counter.findings.at(0).what;
  EXPECT_EQ(counter.total, LargeFile::kChunkBytes);
  EXPECT_LE(counter.largest, limits::kCouchPieceBytes);
  EXPECT_LE(source.largest_read, limits::kCouchReadBytesLarge);
}

// --- Files of real CouchDBs, damaged ---

std::string Load(const std::string& name) {
  std::ifstream file(std::string(TARN_COUCH_TESTDATA) + "/" + name, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_GT(bytes.size(), 10'000u) << name;
  return bytes;
}

std::string WithoutRevision(const std::string& body) {
  const size_t rev = body.find("\"_rev\":");
  if (rev == std::string::npos) return body;
  const size_t end = body.find('"', rev + 8);
  return body.substr(end);
}

// What may be handed over as right.
struct Truth {
  std::set<std::string> bodies;
  std::set<std::string> attachments;

  void Add(const Recorder& recorder) {
    for (const auto& document : recorder.documents) {
      bodies.insert(WithoutRevision(document.end.body));
      for (const auto& [rev, body] : document.conflicting) bodies.insert(WithoutRevision(body));
      for (const auto& [name, bytes] : document.attachments) attachments.insert(bytes);
    }
  }
  void Check(const Recorder& recorder, const std::string& what) const {
    for (const auto& document : recorder.documents) {
      EXPECT_TRUE(document.end.body.empty() || bodies.count(WithoutRevision(document.end.body)) == 1)
          << what << ": " << document.end.body.substr(0, 200);
      for (const auto& [name, bytes] : document.attachments)
        EXPECT_EQ(attachments.count(bytes), 1u) << what << ": " << name;
    }
  }
};

class RealFiles : public testing::TestWithParam<const char*> {};

TEST_P(RealFiles, FlippedBitsAreNeverHandedOverAsRight) {
  const std::string bytes = Load(GetParam());
  Truth truth;
  const Recorder whole = ReadWhole(bytes);
  ASSERT_TRUE(whole.findings.empty());
  truth.Add(whole);
  const char* given = std::getenv("TEST_SEED");
  const auto seed = static_cast<uint32_t>(given != nullptr ? std::strtoul(given, nullptr, 10) : 20'260'101);
  std::printf("TEST_SEED=%u\n", seed);
  std::mt19937 random(seed);
  size_t unreadable = 0;
  for (int round = 0; round < 300; ++round) {
    std::string damaged = bytes;
    const int flips = 1 + round % 3;
    for (int i = 0; i < flips; ++i) damaged[random() % damaged.size()] ^= static_cast<char>(1 << random() % 8);
    Recorder recorder;
    auto file = DatabaseFile::Open(std::make_unique<MemoryFile>(damaged), "x.couch");
    if (!file.ok()) {
      ++unreadable;
      continue;
    }
    // An older commit, whose bodies are right but others.
    if ((*file)->header().update_seq != Opened(bytes)->header().update_seq) continue;
    ASSERT_TRUE((*file)->ReadAll({}, &recorder).ok());
    truth.Check(recorder, "round " + std::to_string(round));
    EXPECT_LE(recorder.documents.size(), whole.documents.size() + 2);
  }
  EXPECT_LT(unreadable, 30u);
}

TEST_P(RealFiles, AnyTruncationGivesAnOlderStateOrIsRefused) {
  const std::string bytes = Load(GetParam());
  Truth truth;
  truth.Add(ReadWhole(bytes));
  for (size_t size = 0; size < bytes.size(); size += 311) {
    auto file = DatabaseFile::Open(std::make_unique<MemoryFile>(bytes.substr(0, size)), "x.couch");
    if (!file.ok()) {
      EXPECT_EQ(file.status().code(), Code::kCorruption);
      continue;
    }
    Recorder recorder;
    ASSERT_TRUE((*file)->ReadAll({}, &recorder).ok());
    // A whole header refers to nothing behind itself.
    EXPECT_EQ(recorder.Errors(), 0u) << size << " " << recorder.findings.back().what;
    for (const auto& document : recorder.documents) {
      for (const auto& [name, content] : document.attachments)
        EXPECT_FALSE(content.empty() && !name.starts_with("empty"));
    }
  }
}

// Of every disk version the tree by sequence leads to the same documents as the one by id.
TEST_P(RealFiles, ADestroyedByIdTreeLosesNothing) {
  std::string bytes = Load(GetParam());
  const Recorder whole = ReadWhole(bytes);
  const uint64_t root = Opened(bytes)->header().by_id->position;
  for (uint64_t i = root; i < root + 10; ++i) bytes[static_cast<size_t>(i)] = '\xEE';
  const Recorder read = ReadWhole(bytes);
  EXPECT_TRUE(read.HasFinding(std::to_string(whole.documents.size()) + " documents that the damaged by-id tree lacks"));
  ASSERT_EQ(read.documents.size(), whole.documents.size());
  for (const auto& document : whole.documents) {
    const Recorder::Document* found = read.Find(document.end.id);
    ASSERT_NE(found, nullptr) << document.end.id;
    EXPECT_EQ(found->end.rev, document.end.rev);
    EXPECT_EQ(found->end.body, document.end.body);
    EXPECT_EQ(found->end.is_deleted, document.end.is_deleted);
    EXPECT_EQ(found->end.conflicts, document.end.conflicts);
    EXPECT_EQ(found->end.deleted_conflicts, document.end.deleted_conflicts);
    EXPECT_EQ(found->attachments, document.attachments);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, RealFiles,
    testing::Values("1.1.2/registry.subset.couch", "1.6.1/_users.couch", "3.5.0/couch/q1-none.couch",
                    "3.5.0/couch/q1-deflate_6.couch",
                    "3.5.0/couch/q2-snappy-compacted/shards/00000000-7fffffff/registry.1795472227.couch"),
    [](const auto& parameter) {
      std::string name = parameter.param;
      for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
      return name;
    });

}  // namespace
}  // namespace tarn::couch_file
