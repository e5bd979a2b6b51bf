#include "storage/registry/publish_document.h"

#include <gtest/gtest.h>

#include "storage/base/bytes.h"
#include "storage/base/logging.h"
#include "storage/base/random.h"

namespace tarn::registry {
namespace {

using Kind = PublishAttachment::Kind;

constexpr char kBundleType[] = "application/vnd.dev.sigstore.bundle.v0.3+json";

// Keeps what it is given, and checks the order of calls.
class MemorySink : public AttachmentSink {
 public:
  Status Begin(std::string_view name, std::string_view content_type) override {
    EXPECT_FALSE(began);
    began = true;
    name_at_begin = name;
    type_at_begin = content_type;
    return begin_answer;
  }
  Status Append(std::string_view bytes) override {
    EXPECT_TRUE(began && !ended);
    EXPECT_FALSE(bytes.empty());
    largest_piece = std::max(largest_piece, bytes.size());
    data += bytes;
    return append_answer;
  }
  Status End() override {
    EXPECT_TRUE(began && !ended);
    ended = true;
    return OkStatus();
  }

  bool began = false;
  bool ended = false;
  std::string name_at_begin, type_at_begin, data;
  size_t largest_piece = 0;
  Status begin_answer, append_answer;
};

Result<PublishDocument> Parse(std::string_view body, size_t piece, MemorySink* sink,
                              const PublishDocumentParser::Limits& limits = {}) {
  PublishDocumentParser parser(sink, limits);
  for (size_t i = 0; i < body.size(); i += piece) {
    const Status status = parser.Append(body.substr(i, piece));
    if (!status.ok()) {
      EXPECT_EQ(parser.Append("x").ToString(), status.ToString());
      EXPECT_EQ(parser.Finish().status().ToString(), status.ToString());
      return status;
    }
  }
  return parser.Finish();
}

// In one piece and by single bytes; both must end alike.
Result<PublishDocument> Parse(std::string_view body, MemorySink* sink,
                              const PublishDocumentParser::Limits& limits = {}) {
  MemorySink other = *sink;
  Result<PublishDocument> bytewise = Parse(body, 1, &other, limits);
  Result<PublishDocument> whole = Parse(body, body.size() + 1, sink, limits);
  EXPECT_EQ(whole.status().ToString(), bytewise.status().ToString());
  if (whole.ok() && bytewise.ok()) {
    EXPECT_EQ(whole->skeleton, bytewise->skeleton);
    EXPECT_EQ(sink->data, other.data);
  }
  return whole;
}

Status ParseStatus(std::string_view body, const PublishDocumentParser::Limits& limits = {}) {
  MemorySink sink;
  return Parse(body, &sink, limits).status();
}

TEST(PublishDocument, SplitsSkeletonAndTarball) {
  const std::string tarball = "\x1f\x8b not really a tarball \x00\xff";
  const std::string before = R"({"_id":"a", "name":"a","versions":{"1.0.0":{"name":"a","dist":{}}},)"
                             "\n"
                             R"("_attachments":{"a-1.0.0.tgz":{"content_type":"application/octet-stream","data":")";
  const std::string after = R"(","length":)" + std::to_string(tarball.size()) + "}}, \"access\":null}\n";
  MemorySink sink;
  const Result<PublishDocument> document = Parse(before + Base64Encode(tarball) + after, &sink);
  ASSERT_TRUE(document.ok()) << document.status().ToString();
  EXPECT_EQ(document->skeleton, before + after);
  EXPECT_EQ(sink.data, tarball);
  EXPECT_TRUE(sink.ended);
  EXPECT_EQ(sink.name_at_begin, "a-1.0.0.tgz");
  EXPECT_EQ(sink.type_at_begin, "application/octet-stream");
  ASSERT_EQ(document->attachments.size(), 1u);
  const PublishAttachment& attachment = document->attachments[0];
  EXPECT_EQ(attachment.kind, Kind::kTarball);
  EXPECT_EQ(attachment.name, "a-1.0.0.tgz");
  EXPECT_EQ(attachment.declared_length, tarball.size());
  EXPECT_EQ(attachment.data_bytes, tarball.size());
}

TEST(PublishDocument, OrderOfMembersDoesNotMatter) {
  // pnpm 12 writes versions first and _id last; others write the data before its type.
  const char* const bodies[] = {
      R"({"versions":{},"_attachments":{"t":{"data":"Zm9v","length":3,"content_type":"application/octet-stream"}},"_id":"a"})",
      R"({"_attachments":{"t":{"length":3,"data":"Zm9v"}},"versions":{}})",
      R"({"_attachments":{"t":{"content_type":"application/octet-stream","length":3,"data":"Zm9v"}}})",
      R"({"_attachments":{"@s/n-1.0.0.tgz":{"data":"Zm9v"}}})",
      R"({"_attachments":{"t":{"data":"Zm9\u0076"}}})",
      R"({"\u005fattachments":{"t":{"d\u0061ta":"Zm9v"}}})",
  };
  for (const char* body : bodies) {
    MemorySink sink;
    const Result<PublishDocument> document = Parse(body, &sink);
    ASSERT_TRUE(document.ok()) << body << document.status().ToString();
    EXPECT_EQ(sink.data, "foo") << body;
    EXPECT_EQ(document->attachments[0].kind, Kind::kTarball);
    EXPECT_EQ(document->skeleton.find("Zm9"), std::string::npos) << document->skeleton;
    EXPECT_NE(document->skeleton.find(R"(":"")"), std::string::npos) << document->skeleton;
  }
}

TEST(PublishDocument, BundlesAreTextNotBase64) {
  const std::string bundle = "{\"mediaType\":\"x\",\"\xc3\xa9\":[1,2]}";
  const std::string data = JsonString(bundle);
  const std::string type = JsonString(kBundleType);
  const std::string tarball = R"("a-1.0.0.tgz":{"content_type":"application/octet-stream","data":"Zm9v"})";
  const std::string bodies[] = {
      R"({"_attachments":{)" + tarball + R"(,"a-1.0.0.sigstore":{"content_type":)" + type + R"(,"data":)" + data +
          R"(,"length":7}}})",
      R"({"_attachments":{"a-1.0.0.sigstore":{"data":)" + data + R"(,"content_type":)" + type + "}," + tarball + "}}",
      R"({"_attachments":{"oddly named":{"content_type":)" + type + R"(,"data":)" + data + "}," + tarball + "}}",
      R"({"_attachments":{"a.sigstore":{"data":)" + data + "}," + tarball + "}}",
  };
  for (const std::string& body : bodies) {
    MemorySink sink;
    const Result<PublishDocument> document = Parse(body, &sink);
    ASSERT_TRUE(document.ok()) << body << document.status().ToString();
    EXPECT_EQ(sink.data, "foo");
    EXPECT_EQ(sink.name_at_begin, "a-1.0.0.tgz");
    ASSERT_EQ(document->attachments.size(), 2u);
    for (const PublishAttachment& attachment : document->attachments) {
      if (attachment.kind != Kind::kBundle) continue;
      EXPECT_EQ(attachment.bundle_text, bundle);
      EXPECT_EQ(attachment.data_bytes, bundle.size());
    }
    EXPECT_EQ(document->skeleton.find("mediaType"), std::string::npos);
  }
}

TEST(PublishDocument, ATypeThatComesLateMustAgree) {
  const std::string type = JsonString(kBundleType);
  EXPECT_EQ(ParseStatus(R"({"_attachments":{"a.tgz":{"data":"Zm9v","content_type":)" + type + "}}}").code(),
            Code::kInvalidArgument);
  EXPECT_EQ(ParseStatus(R"({"_attachments":{"a.sigstore":{"data":"{}",)"
                        R"("content_type":"application/octet-stream"}}})")
                .code(),
            Code::kInvalidArgument);
}

TEST(PublishDocument, DocumentsWithoutDataAreSkeletonsOnly) {
  for (const std::string_view body :
       {R"({})", R"({"versions":{"1.0.0":{"deprecated":"no"}}})", R"({"_attachments":{}})",
        R"({"_attachments":null,"a":[{"_attachments":{"data":1}}]})",
        R"({"versions":{"_attachments":{"x":{"data":"not base64!"}}}})", R"( {"a":[1,[2]],"b":"_attachments"} )"}) {
    MemorySink sink;
    const Result<PublishDocument> document = Parse(body, &sink);
    ASSERT_TRUE(document.ok()) << body << document.status().ToString();
    EXPECT_EQ(document->skeleton, body);
    EXPECT_TRUE(document->attachments.empty());
    EXPECT_FALSE(sink.began);
  }
}

TEST(PublishDocument, StubsAreReportedAsSuch) {
  MemorySink sink;
  const Result<PublishDocument> document =
      Parse(R"({"_attachments":{"a-1.0.0.tgz":{"stub":true,"revpos":3,"length":10,"x":{"data":[1]}}}})", &sink);
  ASSERT_TRUE(document.ok()) << document.status().ToString();
  EXPECT_FALSE(sink.began);
  EXPECT_EQ(document->attachments[0].kind, Kind::kStub);
  EXPECT_EQ(document->attachments[0].declared_length, 10u);
}

TEST(PublishDocument, RefusesBrokenDocuments) {
  const char* const bodies[] = {
      // Not JSON, not whole, not an object.
      "",
      "{",
      "[]",
      "null",
      "\"x\"",
      "1",
      "{} {}",
      R"({"a":1)",
      R"({"_attachments":{"t":{"data":"Zm9v)",
      R"({"_attachments":{"t":{"data":"Zm9v"}})",
      // Wrong types.
      R"({"_attachments":[]})",
      R"({"_attachments":"x"})",
      R"({"_attachments":1})",
      R"({"_attachments":true})",
      R"({"_attachments":{"t":"Zm9v"}})",
      R"({"_attachments":{"t":[]}})",
      R"({"_attachments":{"t":null}})",
      R"({"_attachments":{"t":{"data":null}}})",
      R"({"_attachments":{"t":{"data":1}}})",
      R"({"_attachments":{"t":{"data":{}}}})",
      R"({"_attachments":{"t":{"data":["Zm9v"]}}})",
      R"({"_attachments":{"t":{"content_type":1}}})",
      R"({"_attachments":{"t":{"length":"3","data":"Zm9v"}}})",
      R"({"_attachments":{"t":{"length":-3}}})",
      R"({"_attachments":{"t":{"length":3.0}}})",
      R"({"_attachments":{"t":{"length":1e1}}})",
      R"({"_attachments":{"t":{"length":99999999999999999999}}})",
      // Not base64.
      R"({"_attachments":{"t":{"data":"Zm9"}}})",
      R"({"_attachments":{"t":{"data":"Zm9v="}}})",
      R"({"_attachments":{"t":{"data":"Zm 9v"}}})",
      R"({"_attachments":{"t":{"data":"Zm9v\n"}}})",
      R"({"_attachments":{"t":{"data":"Zm-_"}}})",
      R"({"_attachments":{"t":{"data":"Zg==Zg=="}}})",
      R"({"_attachments":{"t":{"data":"\u00e9m9v"}}})",
      // Length and size differ, whichever comes first.
      R"({"_attachments":{"t":{"length":4,"data":"Zm9v"}}})",
      R"({"_attachments":{"t":{"data":"Zm9v","length":2}}})",
      R"({"_attachments":{"t":{"data":"Zm9v","length":0}}})",
      // Twice.
      R"({"name":"a","name":"b"})",
      R"({"name":"a","n\u0061me":"b"})",
      R"({"_attachments":{},"_attachments":{}})",
      R"({"_attachments":{"t":{"data":"Zm9v"},"t":{"data":"Zm9v"}}})",
      R"({"_attachments":{"t":{"data":"Zm9v","data":"Zm9v"}}})",
      R"({"_attachments":{"t":{"data":"Zm9v"},"u":{"data":"Zm9v"}}})",
      R"({"_attachments":{"t.sigstore":{"data":"{}"},"u.sigstore":{"data":"{}"}}})",
  };
  for (const char* body : bodies) {
    EXPECT_EQ(ParseStatus(body).code(), Code::kInvalidArgument) << body;
  }
}

TEST(PublishDocument, ErrorsSayWhere) {
  EXPECT_EQ(ParseStatus(R"({"a":1,"a":2})").message(), "publish document: the key \"a\" occurs twice, at offset 7");
  EXPECT_EQ(ParseStatus(R"({"_attachments":{"t.tgz":{"data":"Zm9*"}}})").message(),
            "attachment \"t.tgz\": base64: unexpected character at offset 3");
  EXPECT_EQ(ParseStatus(R"({"_attachments":{"t.tgz":{"data":"Zm9v","length":4}}})").message(),
            "publish document: attachment \"t.tgz\" declares a length of 4 but has 3 bytes, at "
            "offset 50");
  EXPECT_EQ(ParseStatus("{\"a\":tru}").message(), "JSON: expected a value, at offset 8");
}

TEST(PublishDocument, LimitsHoldExactly) {
  const std::string body = R"({"_attachments":{"t":{"data":"Zm9v"},"b.sigstore":{"data":"{}"}}})";
  PublishDocumentParser::Limits limits;
  limits.metadata_bytes_max = body.size() - 4 - 2;
  limits.tarball_bytes_max = 3;
  limits.bundle_bytes_max = 2;
  limits.attachments_max = 2;
  limits.depth_max = 3;
  EXPECT_TRUE(ParseStatus(body, limits).ok());
  for (const auto shrink : std::initializer_list<void (*)(PublishDocumentParser::Limits*)>{
           [](auto* l) { --l->metadata_bytes_max; }, [](auto* l) { --l->tarball_bytes_max; },
           [](auto* l) { --l->bundle_bytes_max; }, [](auto* l) { --l->attachments_max; }}) {
    PublishDocumentParser::Limits smaller = limits;
    shrink(&smaller);
    EXPECT_EQ(ParseStatus(body, smaller).code(), Code::kTooLarge);
  }
  limits.depth_max = 2;
  EXPECT_EQ(ParseStatus(body, limits).code(), Code::kInvalidArgument);
}

TEST(PublishDocument, NumbersOfKeysAreLimited) {
  const auto object_of = [](size_t keys) {
    std::string object = "{";
    for (size_t i = 0; i < keys; ++i) {
      object += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":0";
    }
    return object + "}";
  };
  EXPECT_TRUE(ParseStatus(object_of(limits::kPackumentMembersMax)).ok());
  EXPECT_EQ(ParseStatus(object_of(limits::kPackumentMembersMax + 1)).code(), Code::kTooLarge);
  const auto attachment_of = [&](size_t keys) { return R"({"_attachments":{"t":)" + object_of(keys) + "}}"; };
  EXPECT_TRUE(ParseStatus(attachment_of(limits::kAttachmentMembersMax)).ok());
  EXPECT_EQ(ParseStatus(attachment_of(limits::kAttachmentMembersMax + 1)).code(), Code::kTooLarge);
  const auto typed = [](size_t bytes) {
    return R"({"_attachments":{"t":{"content_type":")" + std::string(bytes, 'x') + "\"}}}";
  };
  EXPECT_TRUE(ParseStatus(typed(limits::kContentTypeBytesMax)).ok());
  EXPECT_EQ(ParseStatus(typed(limits::kContentTypeBytesMax + 1)).code(), Code::kTooLarge);
}

TEST(PublishDocument, ADeclaredLengthOverTheLimitIsRefusedBeforeTheData) {
  PublishDocumentParser::Limits limits;
  limits.tarball_bytes_max = 3;
  MemorySink sink;
  const Status status = Parse(R"({"_attachments":{"t":{"length":4,"data":"Zm9v)", 1, &sink, limits).status();
  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_FALSE(sink.began);
}

TEST(PublishDocument, TheSinksErrorComesBackUnchanged) {
  const std::string body = R"({"_attachments":{"t":{"data":"Zm9v"}}})";
  MemorySink refuses;
  refuses.begin_answer = PermissionDenied("not yours");
  EXPECT_EQ(Parse(body, 7, &refuses).status().ToString(), "PermissionDenied: not yours");
  MemorySink full;
  full.append_answer = OutOfSpace("disk");
  EXPECT_EQ(Parse(body, 7, &full).status().ToString(), "OutOfSpace: disk");
}

TEST(PublishDocument, LargeTarballsPassThroughSmallBuffers) {
  SeededRandom random(3);
  const std::string tarball = random.Bytes(1 << 20);
  const std::string body = R"({"_attachments":{"t":{"data":")" + Base64Encode(tarball) + "\"}}}";
  for (const size_t piece : {size_t{1000}, size_t{65536}, size_t{65537}, body.size()}) {
    MemorySink sink;
    const Result<PublishDocument> document = Parse(body, piece, &sink);
    ASSERT_TRUE(document.ok());
    EXPECT_EQ(sink.data, tarball);
    EXPECT_LE(sink.largest_piece, 64 * limits::kKiB);
    EXPECT_LT(document->skeleton.size(), 100u);
  }
}

}  // namespace
}  // namespace tarn::registry
