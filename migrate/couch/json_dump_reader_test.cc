#include "migrate/couch/json_dump_reader.h"

#include <gtest/gtest.h>

#include "migrate/couch/recording_visitor_for_test.h"
#include "storage/base/bytes.h"

namespace tarn::migrate {
namespace {

struct Outcome {
  Status status;
  RecordingVisitor visitor;
};

Outcome Read(std::string_view text, size_t piece_bytes = 1 << 20, std::string unwanted = {}) {
  Outcome outcome;
  outcome.visitor.unwanted = std::move(unwanted);
  JsonDumpReader reader(&outcome.visitor);
  for (size_t at = 0; at < text.size() && outcome.status.ok(); at += piece_bytes) {
    outcome.status = reader.Append(text.substr(at, piece_bytes));
  }
  if (outcome.status.ok()) outcome.status = reader.Finish();
  EXPECT_TRUE(outcome.visitor.broken_rules.empty()) << outcome.visitor.broken_rules.front();
  return outcome;
}

const std::string kDocument =
    R"({"_id":"a","_rev":"2-b","name":"a","x":[1, 2.50,{"y":"\u00e9\n"}],"_attachments":{"a-1.tgz":{"content_type":"t/x",)"
    R"("revpos":1,"digest":"md5-x","data":"aGVsbG8="},"s.tgz":{"stub":true,"length":3}},"n":null, "last" : -1e5})";
const std::string kBody = R"({"name":"a","x":[1, 2.50,{"y":"\u00e9\n"}],"n":null,"last" : -1e5})";

void ExpectTheDocument(const Outcome& outcome) {
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  ASSERT_EQ(outcome.visitor.documents.size(), 1u);
  const auto& document = outcome.visitor.documents[0];
  EXPECT_EQ(document.end.id, "a");
  EXPECT_EQ(document.end.rev, "2-b");
  EXPECT_EQ(document.end.body, kBody);
  EXPECT_EQ(document.end.stubs, std::vector<std::string>{"s.tgz"});
  ASSERT_TRUE(document.attachments.contains("a-1.tgz"));
  EXPECT_EQ(document.attachments.at("a-1.tgz"), "hello");
  EXPECT_EQ(document.heads.at("a-1.tgz").digest, "md5-x");
}

TEST(JsonDumpReader, FindsDocumentsInEveryForm) {
  const std::string row = R"({"id":"a","key":"a","value":{"rev":"2-b"},"doc":)" + kDocument + "}";
  const std::string change = R"({"seq":"1-x","id":"a","changes":[{"rev":"2-b"}],"doc":)" + kDocument + "}";
  const std::string forms[] = {
      R"({"total_rows":1,"offset":0,"rows":[)" + row + "]}\n",
      "{\"total_rows\":1,\"offset\":0,\"rows\":[\r\n" + row + "\r\n]}",
      R"({"results":[)" + change + R"(],"last_seq":"1-x","pending":0})",
      change + "\n\n" + R"({"last_seq":"1-x","pending":0})" + "\n",
      R"({"name":"@cloudant/couchbackup","version":"2.11.12"})"
      "\n[" +
          kDocument + "]\n",
      R"({"docs":[)" + kDocument + "]}",
      R"({"results":[{"id":"a","docs":[{"ok":)" + kDocument + R"(}]},{"id":"z","docs":[{"error":{"id":"z"}}]}]})",
      kDocument,
  };
  for (const std::string& form : forms) {
    for (const size_t piece_bytes : {size_t{1}, size_t{7}, size_t{64}, form.size()}) {
      SCOPED_TRACE(form.substr(0, 60) + " in pieces of " + std::to_string(piece_bytes));
      ExpectTheDocument(Read(form, piece_bytes));
    }
  }
}

TEST(JsonDumpReader, SaysWhoChoseTheWinner) {
  EXPECT_EQ(Read("[" + kDocument + "]\n").visitor.documents[0].end.scope, LeafScope::kLeaf);
  EXPECT_EQ(Read(R"({"seq":1,"id":"a","doc":)" + kDocument + "}").visitor.documents[0].end.scope, LeafScope::kWinner);
}

TEST(JsonDumpReader, HandsTombstonesOver) {
  const Outcome outcome = Read(
      R"({"seq":1,"id":"x","changes":[{"rev":"2-a"}],"deleted":true})"
      "\n"
      R"({"seq":2,"id":"y","changes":[{"rev":"3-a"}],"deleted":true,"doc":{"_id":"y","_rev":"3-a","_deleted":true,"k":1}})");
  ASSERT_EQ(outcome.visitor.documents.size(), 2u);
  EXPECT_TRUE(outcome.visitor.documents[0].end.is_deleted);
  EXPECT_EQ(outcome.visitor.documents[0].end.rev, "2-a");
  EXPECT_TRUE(outcome.visitor.documents[1].end.is_deleted);
  EXPECT_EQ(outcome.visitor.documents[1].end.body, R"({"k":1})");
}

TEST(JsonDumpReader, NamesOtherLeaves) {
  const Outcome outcome = Read(
      R"({"seq":1,"id":"a","changes":[{"rev":"2-b"},{"rev":"2-a"},{"rev":"1-z"}],"doc":{"_id":"a","_rev":"2-b","_conflicts":["2-a"]}})");
  ASSERT_EQ(outcome.visitor.documents.size(), 1u);
  EXPECT_EQ(outcome.visitor.documents[0].end.conflicts, std::vector<std::string>{"2-a"});
  EXPECT_EQ(outcome.visitor.documents[0].end.other_leaves, std::vector<std::string>{"1-z"});
}

TEST(JsonDumpReader, SkipsWhatIsNotWanted) {
  const Outcome outcome = Read(R"({"seq":1,"id":"a","doc":)" + kDocument + "}", 5, "a");
  EXPECT_TRUE(outcome.status.ok());
  EXPECT_TRUE(outcome.visitor.documents.empty());
}

TEST(JsonDumpReader, AbandonsAnAttachmentThatIsNotBase64) {
  const Outcome outcome = Read(R"({"_id":"a","_attachments":{"x":{"data":"aGV*"},"y":{"data":"aGVsbG8="}},"k":1})");
  ASSERT_TRUE(outcome.status.ok());
  EXPECT_EQ(outcome.visitor.abandoned_attachments, 1);
  EXPECT_EQ(outcome.visitor.findings.size(), 1u);
  ASSERT_EQ(outcome.visitor.documents.size(), 1u);
  EXPECT_EQ(outcome.visitor.documents[0].attachments.count("y"), 1u);
}

TEST(JsonDumpReader, PassesOverADamagedLine) {
  const std::string line = R"({"seq":1,"id":"a","doc":)" + kDocument + "}\n";
  const Outcome outcome = Read(line + line.substr(0, 150) + "\n" + line);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_EQ(outcome.visitor.documents.size(), 2u);
  EXPECT_EQ(outcome.visitor.findings.size(), 1u);
}

// What was read of the damaged document says nothing about the pieces that come after it.
TEST(JsonDumpReader, AShortLineFollowsADamagedOne) {
  const std::string row = R"({"id":"a","doc":{"_id":"a","n":1,"m":2, "tim)";
  for (const size_t piece_bytes : {size_t{1}, size_t{7}, size_t{1} << 20}) {
    const Outcome outcome = Read("[" + kDocument + "]\n" + row + "\x01\n{}\n" + row + "\n{}\n", piece_bytes);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
    EXPECT_EQ(outcome.visitor.documents.size(), 1u);
    EXPECT_EQ(outcome.visitor.findings.size(), 2u);
  }
}

TEST(JsonDumpReader, RefusesHalfADump) {
  const std::string whole = R"({"rows":[{"id":"a","doc":)" + kDocument + "}]}";
  for (size_t size = 1; size < whole.size(); ++size) {
    const Outcome outcome = Read(whole.substr(0, size));
    EXPECT_EQ(outcome.status.code(), Code::kInvalidArgument) << size;
  }
}

TEST(JsonDumpReader, RefusesRowsWithoutDocuments) {
  const Outcome outcome = Read(R"({"rows":[{"id":"a","key":"a","value":{"rev":"1-a"}}]})");
  EXPECT_EQ(outcome.status.code(), Code::kInvalidArgument);
  EXPECT_NE(outcome.status.ToString().find("include_docs=true"), std::string::npos);
}

TEST(JsonDumpReader, ADeepDocumentCostsItselfAlone) {
  const std::string deep = R"({"_id":"deep","x":)" + std::string(limits::kImportDepthMax + 1, '[') +
                           std::string(limits::kImportDepthMax + 1, ']') + "}";
  const Outcome outcome = Read(R"({"docs":[)" + deep + "," + kDocument + "]}");
  ExpectTheDocument(outcome);
  EXPECT_EQ(outcome.visitor.findings.size(), 1u);
}

// As PouchDB's server and others write it, whose members stand in another order.
const std::string kIdLast = R"({"name":"a","x":1,"_rev":"2-b","_id":"a"})";

TEST(JsonDumpReader, TakesAnExpectedDocumentInAnyOrder) {
  RecordingVisitor visitor;
  JsonDumpReader reader(&visitor);
  reader.ExpectDocument("a");
  ASSERT_TRUE(reader.Append(kIdLast).ok());
  ASSERT_TRUE(reader.Finish().ok());
  ASSERT_EQ(visitor.documents.size(), 1u);
  EXPECT_EQ(visitor.documents[0].end.id, "a");
  EXPECT_EQ(visitor.documents[0].end.rev, "2-b");
  EXPECT_EQ(visitor.documents[0].end.body, R"({"name":"a","x":1})");
}

TEST(JsonDumpReader, SaysThatADocumentWasNotKnownForOne) {
  const Outcome outcome = Read(kDocument + "\n" + kIdLast + "\n");
  EXPECT_EQ(outcome.visitor.documents.size(), 1u);
  ASSERT_EQ(outcome.visitor.findings.size(), 1u);
  EXPECT_EQ(outcome.visitor.findings[0].severity, SourceFinding::Severity::kError);
}

TEST(JsonDumpReader, NamesTheRevisionFromItsHistory) {
  const Outcome outcome = Read(R"([{"_id":"a","_revisions":{"start":3,"ids":["ccc","bbb"]},"k":1}])");
  ASSERT_EQ(outcome.visitor.documents.size(), 1u);
  EXPECT_EQ(outcome.visitor.documents[0].end.rev, "3-ccc");
}

}  // namespace
}  // namespace tarn::migrate
