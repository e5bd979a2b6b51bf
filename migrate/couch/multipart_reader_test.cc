#include "migrate/couch/multipart_reader.h"

#include <gtest/gtest.h>

#include "migrate/couch/recording_visitor_for_test.h"

namespace tarn::migrate {
namespace {

struct Outcome {
  Status status;
  RecordingVisitor visitor;
};

Outcome Read(std::string_view text, std::string_view content_type = {}, size_t piece_bytes = 1 << 20) {
  Outcome outcome;
  MultipartReader reader(&outcome.visitor, content_type);
  for (size_t at = 0; at < text.size() && outcome.status.ok(); at += piece_bytes) {
    outcome.status = reader.Append(text.substr(at, piece_bytes));
  }
  if (outcome.status.ok()) outcome.status = reader.Finish();
  EXPECT_TRUE(outcome.visitor.broken_rules.empty()) << outcome.visitor.broken_rules.front();
  return outcome;
}

// One document with two attachments, the second with a body that looks like a boundary and is none.
std::string Related(const std::string& boundary) {
  return "--" + boundary +
         "\r\nContent-Type: application/json\r\n\r\n"
         R"({"_id":"a","_rev":"1-a","k":1,"_attachments":{"x":{"follows":true,"length":5},"y \"z":{"follows":true,"length":8}}})"
         "\r\n--" +
         boundary + "\r\nContent-Disposition: attachment; filename=\"x\"\r\nContent-Length: 5\r\n\r\nhello\r\n--" +
         boundary + "\r\n\r\n\r\n--bou\r\r\n--" + boundary + "--";
}

void ExpectTheDocument(const Outcome& outcome, LeafScope scope) {
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  ASSERT_EQ(outcome.visitor.documents.size(), 1u);
  const auto& document = outcome.visitor.documents[0];
  EXPECT_EQ(document.end.id, "a");
  EXPECT_EQ(document.end.body, R"({"k":1})");
  EXPECT_EQ(document.end.scope, scope);
  EXPECT_EQ(document.attachments.at("x"), "hello");
  EXPECT_EQ(document.attachments.at("y \"z"), "\r\n--bou\r");
  EXPECT_TRUE(outcome.visitor.findings.empty());
}

TEST(MultipartReader, ReadsADocumentInPiecesOfAnySize) {
  const std::string body = Related("bound");
  const std::string head =
      "HTTP/1.1 200 OK\r\nServer: CouchDB\r\nContent-Type: multipart/related; boundary=\"bound\"\r\n\r\n";
  for (const size_t piece_bytes : {size_t{1}, size_t{3}, size_t{50}, size_t{10'000}}) {
    ExpectTheDocument(Read(body, "multipart/related; boundary=\"bound\"", piece_bytes), LeafScope::kWinner);
    ExpectTheDocument(Read(head + body, {}, piece_bytes), LeafScope::kWinner);
    ExpectTheDocument(Read(body, {}, piece_bytes), LeafScope::kWinner);
  }
}

TEST(MultipartReader, ReadsDocumentsWithinAList) {
  const std::string list = "--out\r\nContent-Type: multipart/related; boundary=in\r\n\r\n" + Related("in") +
                           "\r\n--out\r\nContent-Type: application/json; error=\"true\"\r\n\r\n{\"missing\":\"3-x\"}"
                           "\r\n--out--";
  for (const size_t piece_bytes : {size_t{1}, size_t{10}, size_t{10'000}}) {
    Outcome outcome = Read(list, "multipart/mixed; boundary=out", piece_bytes);
    EXPECT_EQ(outcome.visitor.findings.size(), 1u);
    outcome.visitor.findings.clear();
    ExpectTheDocument(outcome, LeafScope::kLeaf);
  }
}

TEST(MultipartReader, SaysWhenAttachmentsDoNotCome) {
  const std::string body =
      "--b\r\nContent-Type: application/json\r\n\r\n"
      R"({"_id":"a","_attachments":{"x":{"follows":true,"length":5}}})"
      "\r\n--b--";
  const Outcome outcome = Read(body);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_EQ(outcome.visitor.findings.size(), 1u);
  EXPECT_EQ(outcome.visitor.documents.size(), 1u);
}

TEST(MultipartReader, AnAttachmentOfTheWrongLengthIsAbandoned) {
  std::string body = Related("bound");
  body.replace(body.find("\"length\":5"), 10, "\"length\":6");
  const Outcome outcome = Read(body);
  ASSERT_TRUE(outcome.status.ok());
  EXPECT_EQ(outcome.visitor.abandoned_attachments, 1);
  EXPECT_EQ(outcome.visitor.findings.size(), 1u);
}

TEST(MultipartReader, TheFirstEmptyLineEndsTheHead) {
  const std::string body = "Content-Type: multipart/related; boundary=\"bound\"\n\n" + Related("bound");
  for (const size_t piece_bytes : {size_t{1}, size_t{3}, body.size()}) {
    const Outcome outcome = Read(body, {}, piece_bytes);
    EXPECT_TRUE(outcome.status.ok()) << piece_bytes << outcome.status.ToString();
    EXPECT_EQ(outcome.visitor.documents.size(), 1u) << piece_bytes;
  }
}

TEST(MultipartReader, RefusesHalfABody) {
  const std::string body = Related("bound");
  for (size_t size = 0; size < body.size(); ++size) {
    EXPECT_EQ(Read(body.substr(0, size)).status.code(), Code::kInvalidArgument) << size;
  }
}

}  // namespace
}  // namespace tarn::migrate
