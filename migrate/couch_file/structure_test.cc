// Headers, trees, revision trees, summaries: the layers between terms and documents.
#include <gtest/gtest.h>

#include "migrate/couch_file/document_index.h"
#include "migrate/couch_file/file_builder_for_test.h"
#include "migrate/couch_file/header.h"
#include "migrate/couch_file/memory_file_for_test.h"
#include "migrate/couch_file/rev_tree.h"
#include "migrate/couch_file/summary.h"
#include "migrate/couch_file/tree_walk.h"
#include "storage/base/couch_file_limits.h"

namespace tarn::couch_file {
namespace {

using namespace build;  // NOLINT: the builders of terms.
using std::string_literals::operator""s;

class Collected final : public FindingSink {
 public:
  void OnFinding(Finding finding) override { findings.push_back(std::move(finding)); }
  std::vector<Finding> findings;
};

struct Found {
  Result<Header> header = Internal("not looked for");
  std::vector<Finding> findings;
};

Found Search(const std::string& bytes) {
  const MemoryFile file(bytes);
  BlockFile blocks(file, bytes.size());
  Collected collected;
  Found found;
  found.header = FindHeader(&blocks, &collected);
  found.findings = collected.findings;
  return found;
}

FileBuilder TwoHeaders() {
  FileBuilder builder;
  builder.Header(Atom("nil"), Atom("nil"));
  builder.Chunk(std::string(5000, 'x'));
  builder.Header(Tuple({Integer(4100), Tuple({Integer(3), Integer(2), Nil()}), Integer(9)}),
                 Tuple({Integer(4200), Integer(5)}));
  return builder;
}

TEST(Header, TakesTheLastOne) {
  const Found found = Search(TwoHeaders().bytes());
  ASSERT_TRUE(found.header.ok()) << found.header.status().ToString();
  EXPECT_EQ(found.header->position, 8192u);
  EXPECT_EQ(found.header->disk_version, 8u);
  EXPECT_EQ(found.header->by_id->position, 4100u);
  EXPECT_EQ(found.header->by_id->documents, 3u);
  EXPECT_EQ(found.header->by_id->deleted, 2u);
  EXPECT_EQ(found.header->by_seq->position, 4200u);
  EXPECT_FALSE(found.header->security_position.has_value());
  EXPECT_TRUE(found.findings.empty());
}

TEST(Header, GoesBackWhereTheLastOneIsTorn) {
  const std::string bytes = TwoHeaders().bytes();
  for (size_t size = 4097; size < bytes.size(); ++size) {
    const Found found = Search(bytes.substr(0, size));
    ASSERT_TRUE(found.header.ok()) << size;
    EXPECT_EQ(found.header->position, 0u);
    EXPECT_FALSE(found.header->by_id.has_value());
    EXPECT_FALSE(found.findings.empty());
  }
}

TEST(Header, GoesBackWhereTheLastOneIsDamaged) {
  const std::string bytes = TwoHeaders().bytes();
  for (size_t i = 8192; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x20);
    const Found found = Search(damaged);
    ASSERT_TRUE(found.header.ok()) << i;
    EXPECT_EQ(found.header->position, 0u) << i;
    EXPECT_FALSE(found.findings.empty()) << i;
  }
}

TEST(Header, MayBeLongerThanABlock) {
  FileBuilder builder(Checksum::kMd5);
  std::string term = Stored("h\x11"s + builder.HeaderTerm(Atom("nil"), Atom("nil")).substr(3));
  for (int i = 0; i < 6; ++i) term += Binary(std::string(2000, static_cast<char>('a' + i)));
  builder.RawHeader(term);
  const Found found = Search(builder.bytes());
  ASSERT_TRUE(found.header.ok()) << found.header.status().ToString();
  EXPECT_EQ(found.header->end, builder.bytes().size());
}

TEST(Header, RefusesOtherFiles) {
  EXPECT_EQ(Search("").header.code(), Code::kCorruption);
  EXPECT_EQ(Search("{\"rows\":[]}").header.code(), Code::kCorruption);
  EXPECT_EQ(Search(std::string(100'000, '\1')).header.code(), Code::kCorruption);
  for (const uint64_t version : {0u, 3u, 9u, 1000u}) {
    FileBuilder builder(Checksum::kMd5, version);
    builder.Header(Atom("nil"), Atom("nil"));
    EXPECT_EQ(Search(builder.bytes()).header.code(), Code::kFailedPrecondition) << version;
  }
  for (const uint64_t version : {4u, 5u, 6u, 7u, 8u}) {
    FileBuilder builder(Checksum::kMd5, version);
    builder.Header(Atom("nil"), Atom("nil"));
    EXPECT_TRUE(Search(builder.bytes()).header.ok()) << version;
  }
  FileBuilder index;
  index.RawHeader(Stored(Tuple({Atom("index_header"), Integer(1), Nil(), Nil(), Nil(), Nil()})));
  EXPECT_NE(Search(index.bytes()).findings.at(0).what.find("view indexes"), std::string::npos);
}

// --- Revisions ---

std::string Node(const std::string& id, const std::string& value, const std::vector<std::string>& children = {}) {
  return Tuple({Binary(id), value, List(children)});
}
std::string Body(bool deleted, uint64_t position) { return Tuple({Integer(deleted), Integer(position), Integer(1)}); }

Result<std::vector<std::string>> Revisions(const std::string& term) {
  std::vector<Leaf> leaves;
  TermReader reader(term);
  RETURN_IF_ERROR(ReadRevisionTree(&reader, &leaves));
  EXPECT_TRUE(reader.at_end());
  SortByWinner(&leaves);
  std::vector<std::string> out;
  for (const Leaf& leaf : leaves) {
    out.push_back(RevisionText(leaf.generation, leaf.id) + (leaf.deleted ? " deleted " : " ") +
                  std::to_string(leaf.body_position));
  }
  return out;
}

TEST(RevisionTree, FindsLeavesAndTheWinner) {
  // A body within the tree is old; a leaf without one is left out; 1207- begins after stemming.
  const std::string tree =
      List({Tuple({Integer(1), Node("a", Body(false, 10),
                                    {Node("b", Nil(), {Node("c", Body(true, 30)), Node("d", Body(false, 40))}),
                                     Node("e", Body(false, 50)), Node("f", Nil())})}),
            Tuple({Integer(1207), Node(std::string(16, '\xAB'), Body(true, 60))})});
  const std::string hex = "abababababababababababababababab";
  EXPECT_EQ(*Revisions(tree),
            (std::vector<std::string>{"3-d 40", "2-e 50", "1207-" + hex + " deleted 60", "3-c deleted 30"}));
}

TEST(RevisionTree, PrefersTheGreaterId) {
  const std::string low = std::string(15, '\0') + "\x7F";
  const std::string high = "\x80" + std::string(15, '\0');
  const auto found = Revisions(
      List({Tuple({Integer(2), Node(low, Body(false, 1))}), Tuple({Integer(2), Node(high, Body(false, 2))})}));
  EXPECT_EQ(found->at(0).back(), '2');
}

TEST(RevisionTree, ReadsDeepOnesWithoutRecursion) {
  const auto chain = [](size_t levels) {
    std::string term;
    for (size_t i = 0; i < levels; ++i) term += "h\3"s + Binary("x") + Nil() + "l\0\0\0\1"s;
    term += Node("leaf", Body(false, 9));
    return List({Tuple({Integer(1), term + std::string(levels, 'j')})});
  };
  EXPECT_EQ(Revisions(chain(limits::kCouchRevisionDepthMax))->at(0), "100001-leaf 9");
  EXPECT_EQ(Revisions(chain(limits::kCouchRevisionDepthMax + 1)).status().code(), Code::kTooLarge);
}

TEST(RevisionTree, RefusesWhatIsNone) {
  const std::string good =
      List({Tuple({Integer(1), Node("a", Nil(), {Node("b", Body(false, 2)), Node("c", Body(true, 3))})})});
  ASSERT_TRUE(Revisions(good).ok());
  for (size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(Revisions(good.substr(0, size)).ok()) << size;
  for (const std::string& bad :
       {Integer(1), List({Integer(1)}), List({Tuple({Integer(1), Integer(2)})}),
        List({Tuple({Integer(1), Node("", Nil())})}), List({Tuple({Integer(1), Node(std::string(300, 'x'), Nil())})}),
        List({Tuple({Integer(1), Node("a", Tuple({Integer(2), Integer(1), Integer(1)}))})}),
        List({Tuple({Integer(1), Node("a", Tuple({Integer(0), Binary("x"), Integer(1)}))})})}) {
    EXPECT_FALSE(Revisions(bad).ok()) << HexEncode(bad);
  }
}

// --- Trees ---

struct Walked {
  std::vector<std::string> rows;
  std::vector<Finding> findings;
};

Walked Walk(const std::string& bytes, uint64_t root) {
  const MemoryFile file(bytes);
  BlockFile blocks(file, bytes.size());
  Collected collected;
  TreeWalk walk(&blocks, TreeRoot{root, {}, {}}, bytes.size(), &collected);
  Walked walked;
  std::string_view row;
  while (walk.Next(&row)) {
    TermReader reader(row);
    EXPECT_TRUE(reader.ReadTuple(2).ok());
    walked.rows.emplace_back(*reader.ReadBinary());
  }
  EXPECT_EQ(walk.damaged(), !collected.findings.empty());
  walked.findings = collected.findings;
  return walked;
}

std::string Row(std::string_view key) { return Tuple({Binary(key), Nil()}); }

TEST(TreeWalk, GoesFromLeftToRight) {
  FileBuilder builder;
  builder.Payload("x");
  const uint64_t ab = builder.Leaf({Row("a"), Row("b")});
  const uint64_t c = builder.Leaf({Row("c")});
  const uint64_t inner = builder.Inner({{Binary("b"), ab}, {Binary("c"), c}});
  const uint64_t d = builder.Leaf({Row("d")});
  const uint64_t top = builder.Inner({{Binary("c"), inner}, {Binary("d"), d}});
  const Walked walked = Walk(builder.bytes(), top);
  EXPECT_EQ(walked.rows, (std::vector<std::string>{"a", "b", "c", "d"}));
  EXPECT_TRUE(walked.findings.empty());
}

TEST(TreeWalk, LeavesOutWhatIsDamaged) {
  FileBuilder builder;
  builder.Payload("x");
  const uint64_t a = builder.Leaf({Row("a"), Integer(5), Row("b")});
  const uint64_t junk = builder.Chunk("\x83" + Tuple({Atom("kx_node"), Nil()}));
  const uint64_t c = builder.Leaf({Row("c")});
  const uint64_t top = builder.Inner({{Binary("b"), a}, {Binary("b"), junk}, {Binary("b"), 1 << 30}, {Binary("c"), c}});
  const Walked walked = Walk(builder.bytes(), top);
  EXPECT_EQ(walked.rows, (std::vector<std::string>{"a", "b", "c"}));
  ASSERT_EQ(walked.findings.size(), 3u);
  EXPECT_EQ(walked.findings[1].offset, junk);
}

// Every pointer leads backwards, so there are no circles.
TEST(TreeWalk, EndsForCircles) {
  FileBuilder builder;
  builder.Payload("x");
  const uint64_t a = builder.Leaf({Row("a")});
  const uint64_t here = builder.bytes().size();
  const uint64_t top = builder.Inner({{Binary("a"), a}, {Binary("b"), here}, {Binary("c"), here + 1}});
  ASSERT_EQ(top, here);
  const Walked walked = Walk(builder.bytes(), top);
  EXPECT_EQ(walked.rows, std::vector<std::string>{"a"});
  EXPECT_EQ(walked.findings.size(), 2u);
}

// Forty levels of two equal children each would be 2^40 leaves.
TEST(TreeWalk, EndsForTreesThatShareNodes) {
  FileBuilder builder;
  builder.Payload("x");
  uint64_t node = builder.Leaf({Row("a")});
  for (int level = 0; level < 40; ++level) node = builder.Inner({{Binary("a"), node}, {Binary("a"), node}});
  const Walked walked = Walk(builder.bytes(), node);
  EXPECT_LT(walked.rows.size(), 100u);
  EXPECT_NE(walked.findings.back().what.find("more bytes than the file"), std::string::npos);
}

TEST(TreeWalk, LimitsDepth) {
  FileBuilder builder;
  builder.Payload("x");
  uint64_t node = builder.Leaf({Row("a")});
  for (size_t level = 0; level < limits::kCouchTreeDepthMax; ++level) node = builder.Inner({{Binary("a"), node}});
  EXPECT_EQ(Walk(builder.bytes(), node).rows.size(), 1u);
  node = builder.Inner({{Binary("a"), node}});
  EXPECT_EQ(Walk(builder.bytes(), node).rows.size(), 0u);
}

// --- Summaries ---

std::vector<couch_file::Attachment> AttachmentsOf(const std::vector<std::string>& terms, size_t* bad) {
  FileBuilder builder;
  builder.Payload("x");
  const uint64_t position = builder.Summary(Object({}), List(terms));
  const MemoryFile file(builder.bytes());
  BlockFile blocks(file, builder.bytes().size());
  Summary summary;
  EXPECT_TRUE(summary.Read(&blocks, position).ok());
  std::vector<couch_file::Attachment> attachments;
  EXPECT_TRUE(summary.ReadAttachments(&attachments, [&](const Status&) { ++*bad; }).ok());
  return attachments;
}

TEST(Summary, ReadsEveryFormOfAttachments) {
  const std::string md5(16, 'm');
  const std::string pieces = List({Tuple({Integer(7), Integer(8)})});
  const std::string eight =
      Tuple({Binary("a"), Binary("t"), pieces, Integer(8), Integer(99), Integer(0), Binary(md5), Atom("gzip")});
  size_t bad = 0;
  const auto read = AttachmentsOf(
      {eight, Tuple({eight, List({Pair("k", Nil())})}),
       Tuple({Binary("b"), Binary("t"), List({Integer(300), Integer(400)}), Integer(8), Integer(1), Binary("")}),
       Tuple({Binary("c"), Tuple({Binary("t"), Nil(), Integer(0)})}),
       Tuple({Binary("d"), Binary("t"), pieces, Integer(8), Integer(8), Integer(0), Binary(md5), Atom("false")})},
      &bad);
  EXPECT_EQ(bad, 0u);
  ASSERT_EQ(read.size(), 5u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read[i].name, "a");
    EXPECT_TRUE(read[i].gzip);
    EXPECT_EQ(read[i].stored_bytes, 8u);
    EXPECT_EQ(read[i].identity_bytes, 99u);
    EXPECT_EQ(read[i].md5, md5);
    EXPECT_EQ(read[i].pieces.at(0).position, 7u);
    EXPECT_EQ(read[i].pieces.at(0).bytes, 8u);
  }
  EXPECT_EQ(read[2].pieces.at(1).position, 400u);
  EXPECT_FALSE(read[2].pieces.at(1).bytes.has_value());
  EXPECT_EQ(read[2].identity_bytes, 8u);
  EXPECT_TRUE(read[2].md5.empty());
  EXPECT_TRUE(read[3].pieces.empty());
  EXPECT_FALSE(read[4].gzip);
}

TEST(Summary, LeavesOutAttachmentsThatAreNone) {
  size_t bad = 0;
  const std::string md5(16, 'm');
  const auto read = AttachmentsOf(
      {Integer(1), Tuple({}), Tuple({Binary("a"), Binary("t"), Nil(), Integer(8), Integer(1), Binary("short")}),
       Tuple({Binary("a"), Binary("t"), Nil(), Integer(8), Integer(9), Integer(0), Binary(md5), Atom("br")}),
       Tuple({Binary("ok"), Binary("t"), Nil(), Integer(0), Integer(1), Binary(md5)})},
      &bad);
  EXPECT_EQ(bad, 4u);
  EXPECT_EQ(read.at(0).name, "ok");
}

}  // namespace
}  // namespace tarn::couch_file
