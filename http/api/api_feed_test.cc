// What followers of CouchDB's protocol read. Streams are pulled as the connection pulls them.
#include <gtest/gtest.h>

#include "http/api/testing/api_fixture.h"
#include "http/net/body_stream.h"
#include "http/net/testing/run_task.h"
#include "storage/registry/change_feed.h"

namespace tarn::http {
namespace {

class ApiFeedTest : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    AddUser("alice");
    AddUser("bob");
    alice_ = TokenOf("alice");
    bob_ = TokenOf("bob");
  }
  void Publish(const std::string& name, const std::string& version = "1.0.0", const std::string& access = "") {
    PublishBuilder builder;
    builder.name = name;
    builder.version = version;
    builder.access = access;
    ASSERT_EQ(PublishAs(alice_, builder).status(), 201);
  }
  static StreamStep Step(const Response& response, BodyStream::Mode mode = BodyStream::Mode::kGoOn) {
    return testing::RunTask(response.stream()->Next(mode));
  }
  static std::string TextOf(const StreamStep& step) {
    std::string text;
    for (const SharedBytes& piece : step.pieces) text += piece.bytes;
    return text;
  }
  // Everything up to the end, or up to a wait, which adds "…".
  static std::string Pull(const Response& response, BodyStream::Mode mode = BodyStream::Mode::kGoOn) {
    std::string text;
    for (int i = 0; i < 10'000; ++i) {
      const StreamStep step = Step(response, mode);
      text += TextOf(step);
      if (step.kind == StreamStep::Kind::kEnd) return text;
      if (step.kind == StreamStep::Kind::kBroken) return text + "(broken)";
      if (step.kind == StreamStep::Kind::kWait && step.until_ms > 0) return text + "…";
    }
    return "does not end";
  }
  std::string Read(const std::string& target, Headers headers = {}) {
    const Response response = Get(target, std::move(headers));
    EXPECT_EQ(response.status(), 200) << BodyOf(response);
    return response.stream() == nullptr ? BodyOf(response) : Pull(response);
  }
  std::string Post(const std::string& target, const std::string& body, Headers headers = {}) {
    const Response response = Ask(Method::kPost, target, std::move(headers), body);
    EXPECT_EQ(response.status(), 200) << BodyOf(response);
    return response.stream() == nullptr ? BodyOf(response) : Pull(response);
  }
  std::string RowOf(const std::string& name, const std::string& more = "") {
    const auto piece = registry_->changes().Read(registry::Principal::System(), {.rows_max = 1000});
    for (const auto& package : piece->packages) {
      if (package.name != name) continue;
      return "{\"seq\":" + std::to_string(package.sequence) + ",\"id\":\"" + name + "\",\"changes\":[{\"rev\":\"" +
             package.rev + "\"}]" + more + "}";
    }
    return "no row of " + name;
  }
  std::string Seq() { return std::to_string(registry_->changes().CurrentSequence()); }

  std::string alice_, bob_;
};

TEST_F(ApiFeedTest, NormalFeedIsOneDocument) {
  EXPECT_EQ(Read("/_changes"), "{\"results\":[\n\n],\n\"last_seq\":" + Seq() + ",\"pending\":0}\n");
  Publish("a");
  Publish("b");
  EXPECT_EQ(Read("/_changes"),
            "{\"results\":[\n" + RowOf("a") + ",\n" + RowOf("b") + "\n],\n\"last_seq\":" + Seq() + ",\"pending\":0}\n");
  const std::string first = Read("/_changes?limit=1");
  EXPECT_NE(first.find(RowOf("a") + "\n],\n"), std::string::npos) << first;
  EXPECT_NE(first.find("\"pending\":1}"), std::string::npos) << first;
  EXPECT_EQ(Read("/_changes?descending=true&limit=1").find("{\"results\":[\n" + RowOf("b") + "\n],"), 0u);
  EXPECT_EQ(Read("/_changes?since=" + Seq()), "{\"results\":[\n\n],\n\"last_seq\":" + Seq() + ",\"pending\":0}\n");
  EXPECT_EQ(Read("/_changes?since=now"), Read("/_changes?since=" + Seq()));
  EXPECT_EQ(Read("/_changes?since=999999"), Read("/_changes")) << "of another journal: everything again";
  EXPECT_EQ(
      Post("/_changes?filter=_doc_ids", R"({"doc_ids":["b","nothing"]})").find("{\"results\":[\n" + RowOf("b") + "\n]"),
      0u);
}

TEST_F(ApiFeedTest, PagesLeaveNothingOut) {
  std::string expected;
  for (int i = 0; i < 12; ++i) Publish("p" + std::to_string(i));
  std::string since = "0", names;
  for (int page = 0; page < 12; ++page) {
    const std::string text = Read("/_changes?limit=5&since=" + since);
    for (size_t at = 0; (at = text.find("\"id\":\"", at)) != std::string::npos;) {
      at += 6;
      names += text.substr(at, text.find('"', at) - at) + " ";
    }
    const size_t at = text.find("\"last_seq\":") + 11;
    since = text.substr(at, text.find(',', at) - at);
    if (text.find("\"pending\":0}") != std::string::npos) break;
  }
  for (int i = 0; i < 12; ++i) expected += "p" + std::to_string(i) + " ";
  EXPECT_EQ(names, expected);
}

TEST_F(ApiFeedTest, DocumentsComeAlong) {
  Publish("a");
  const std::string document = BodyOf(Get("/a", {{"Accept-Encoding", "identity"}}));
  EXPECT_NE(Read("/_changes?include_docs=true").find(",\"doc\":" + document + "}"), std::string::npos);
  const std::string line = Read("/_changes?include_docs=true&feed=continuous&timeout=1");
  EXPECT_NE(line.find(",\"doc\":{"), std::string::npos) << line;
}

TEST_F(ApiFeedTest, ContinuousFeedWaitsAndIsWokenByACommit) {
  Publish("a");
  const Response response = Get("/_changes?feed=continuous&heartbeat=2000");
  ASSERT_NE(response.stream(), nullptr);
  EXPECT_EQ(api_->followers().count(), 1u);
  std::atomic<int> wakes{0};
  const auto waker = std::make_shared<StreamWaker>([&] { ++wakes; });
  response.stream()->Start(waker);
  EXPECT_EQ(Pull(response), RowOf("a") + "\n…");
  waker->Rearm();
  Publish("b");
  Publish("c");
  EXPECT_EQ(wakes, 1) << "the second finds it awake";
  EXPECT_EQ(Pull(response), RowOf("b") + "\n" + RowOf("c") + "\n…");
  clock_.AdvanceMs(2000);
  EXPECT_EQ(Pull(response), "\n…") << "a heartbeat";
  EXPECT_EQ(Pull(response, BodyStream::Mode::kFinish), "{\"last_seq\":" + Seq() + ",\"pending\":0}\n");
}

TEST_F(ApiFeedTest, LongPollEndsWithTheFirstRowsOrInTime) {
  const Response waiting = Get("/_changes?feed=longpoll&since=now&heartbeat=1000");
  EXPECT_EQ(Pull(waiting), "{\"results\":[\n…");
  Publish("a");
  EXPECT_EQ(Pull(waiting), RowOf("a") + "\n],\n\"last_seq\":" + Seq() + ",\"pending\":0}\n");
  const Response patient = Get("/_changes?feed=longpoll&since=now&timeout=500");
  EXPECT_EQ(Pull(patient), "{\"results\":[\n…");
  clock_.AdvanceMs(500);
  EXPECT_EQ(Pull(patient), "\n],\n\"last_seq\":" + Seq() + ",\"pending\":0}\n");
}

TEST_F(ApiFeedTest, EventSourceNamesTheSequence) {
  Publish("a");
  const Response response = Get("/_changes?feed=eventsource");
  EXPECT_EQ(response.FindHeader("content-type"), "text/event-stream");
  EXPECT_EQ(Pull(response), "data: " + RowOf("a") + "\nid: " + Seq() + "\n\n…");
  EXPECT_EQ(Pull(Get("/_changes?feed=eventsource", {{"Last-Event-ID", Seq()}})), "…");
}

TEST_F(ApiFeedTest, FollowersHaveALimitAndLeaveTheirPlace) {
  std::vector<Response> responses;
  for (size_t i = 0; i < limits::kFollowersMax; ++i) responses.push_back(Get("/_changes?feed=continuous"));
  const Response refused = Get("/_changes?feed=continuous");
  EXPECT_EQ(refused.status(), 503);
  EXPECT_EQ(Get("/_changes").status(), 200) << "whoever does not wait takes no place";
  responses.pop_back();
  EXPECT_EQ(Get("/_changes?feed=continuous").status(), 200);
  responses.clear();
  EXPECT_EQ(api_->followers().count(), 0u);
}

TEST_F(ApiFeedTest, WhatOneMayNotReadIsNotThere) {
  Publish("open");
  Publish("@alice/secret", "1.0.0", "restricted");
  for (const Headers& stranger : {Headers{}, Headers{Bearer(bob_)}}) {
    for (const char* target : {"/_changes", "/_changes?descending=true", "/_changes?include_docs=true", "/_all_docs",
                               "/_all_docs?include_docs=true", "/_changes?doc_ids=%5B%22@alice/secret%22%5D"}) {
      EXPECT_EQ(Read(target, stranger).find("secret"), std::string::npos) << target;
    }
    for (const char* query : {"?rev=1-0", "?revs=true", "?open_revs=all", "?open_revs=%5B%221-0%22%5D&latest=true"}) {
      const Response invisible = Get("/@alice%2fsecret" + std::string(query), stranger);
      const Response missing = Get("/@alice%2fnothing" + std::string(query), stranger);
      EXPECT_EQ(invisible.status(), 404);
      EXPECT_EQ(BodyOf(invisible), BodyOf(missing)) << query;
    }
    std::string bulk = Post("/_bulk_get", R"({"docs":[{"id":"@alice/secret","rev":"1-0"}]})", stranger);
    std::string missing = Post("/_bulk_get", R"({"docs":[{"id":"@alice/nothin","rev":"1-0"}]})", stranger);
    for (size_t at = 0; (at = bulk.find("secret")) != std::string::npos;) bulk.replace(at, 6, "nothin");
    EXPECT_EQ(bulk, missing);
    EXPECT_NE(BodyOf(Get("/", stranger)).find("\"doc_count\":1,"), std::string::npos);
  }
  EXPECT_NE(Read("/_changes", {Bearer(alice_)}).find("@alice/secret"), std::string::npos);
  EXPECT_NE(Read("/_all_docs", {Bearer(alice_)}).find("@alice/secret"), std::string::npos);
}

TEST_F(ApiFeedTest, ARevokedTokenFollowsNoFurther) {
  Publish("@alice/secret", "1.0.0", "restricted");
  const Response response = Get("/_changes?feed=continuous", {Bearer(alice_)});
  EXPECT_EQ(Pull(response), RowOf("@alice/secret") + "\n…");
  ASSERT_TRUE(registry_->RevokeToken(registry::Principal::System(), alice_).ok());
  EXPECT_EQ(Pull(response), "(broken)");
}

TEST_F(ApiFeedTest, RevisionsAsFollowersAskForThem) {
  Publish("a");
  const std::string first = RevOf("a");
  Publish("a", "1.0.1");
  const std::string second = RevOf("a");
  const std::string document = BodyOf(Get("/a", {{"Accept-Encoding", "identity"}}));
  const std::string revisions =
      "\"_revisions\":{\"start\":2,\"ids\":[\"" + second.substr(2) + "\",\"" + first.substr(2) + "\"]},";
  const std::string with_revisions = "{" + revisions + document.substr(1);
  EXPECT_EQ(Read("/a?rev=" + second), document);
  EXPECT_EQ(Get("/a?rev=" + first).status(), 404) << "only the last one is kept";
  EXPECT_EQ(Read("/a?rev=" + first + "&latest=true&revs=true"), with_revisions);
  EXPECT_EQ(Read("/a?open_revs=%5B%22" + first + "%22%5D&revs=true&latest=true"), "[{\"ok\":" + with_revisions + "}]");
  EXPECT_EQ(Read("/a?open_revs=%5B%22" + first + "%22%5D"), "[{\"missing\":\"" + first + "\"}]");
  EXPECT_EQ(Read("/a?open_revs=all"), "[{\"ok\":" + document + "}]");
  EXPECT_EQ(
      Post("/_bulk_get?revs=true&latest=true&attachments=true",
           "{\"docs\":[{\"id\":\"a\",\"rev\":\"" + first +
               "\"},{\"id\":\"b\",\"rev\":\"1-a\"},{\"id\":\"a\",\"rev\":\"9-f\"}]}"),
      "{\"results\":[\n{\"id\":\"a\",\"docs\":[{\"ok\":" + with_revisions +
          "}]},\n{\"id\":\"b\",\"docs\":[{\"error\":{\"id\":\"b\",\"rev\":\"1-a\",\"error\":\"not_found\",\"reason\":"
          "\"missing\"}}]},\n{\"id\":\"a\",\"docs\":[{\"error\":{\"id\":\"a\",\"rev\":\"9-f\",\"error\":\"not_found\","
          "\"reason\":\"missing\"}}]}\n]}\n");
  EXPECT_EQ(Ask(Method::kPost, "/_bulk_get", {}, "{}").status(), 400);
  EXPECT_EQ(Ask(Method::kPost, "/_bulk_get", {}, R"({"docs":[{"rev":"1-a"}]})").status(), 400);
}

TEST_F(ApiFeedTest, AnUnpublishedPackageIsDeleted) {
  Publish("a");
  ASSERT_EQ(Ask(Method::kDelete, "/a/-rev/" + RevOf("a"), {Bearer(alice_)}).status(), 200);
  EXPECT_NE(Read("/_changes").find(RowOf("a", ",\"deleted\":true")), std::string::npos);
  EXPECT_EQ(Read("/a?rev=" + RevOf("a") + "&revs=true").find("{\"_deleted\":true,\"_revisions\":{\"start\":2,"), 0u);
  EXPECT_EQ(Read("/_all_docs"), "{\"total_rows\":0,\"offset\":0,\"rows\":[\n\n]}\n");
  EXPECT_NE(Read("/_all_docs?keys=%5B%22a%22,%22b%22%5D")
                .find("\"deleted\":true}},\n{\"key\":\"b\",\"error\":\"not_found\"}"),
            std::string::npos);
  EXPECT_NE(BodyOf(Get("/")).find("\"doc_count\":0,\"doc_del_count\":1,"), std::string::npos);
}

TEST_F(ApiFeedTest, AllDocsInParts) {
  for (const char* name : {"a", "b", "c", "d"}) Publish(name);
  const auto names = [&](const std::string& query) {
    const std::string text = Read("/_all_docs" + query);
    std::string found;
    for (size_t at = 0; (at = text.find("{\"id\":\"", at)) != std::string::npos; ++at) found += text[at + 7];
    return found;
  };
  EXPECT_EQ(names(""), "abcd");
  EXPECT_EQ(names("?startkey=%22b%22&limit=2"), "bc");
  EXPECT_EQ(names("?startkey=%22b%22&endkey=%22d%22&inclusive_end=false"), "bc");
  EXPECT_EQ(names("?skip=1&limit=1&include_docs=true"), "b");
  EXPECT_EQ(names("?limit=0"), "");
  EXPECT_EQ(Get("/_all_docs?descending=true").status(), 400);
}

TEST_F(ApiFeedTest, CheckpointsOfFollowers) {
  EXPECT_EQ(Get("/_local/x.y_z").status(), 404);
  EXPECT_EQ(Ask(Method::kPut, "/_local/x.y_z", {}, R"({"last_seq":3})").status(), 201);
  EXPECT_EQ(BodyOf(Get("/_local/x.y_z")), R"({"_id":"_local/x.y_z","_rev":"0-1","last_seq":3})");
  EXPECT_EQ(Get("/_local/x.y_z", {Bearer(alice_)}).status(), 404) << "users have their own";
  EXPECT_EQ(Ask(Method::kPut, "/_local/x.y_z", {}, R"({"last_seq":4})").status(), 409);
  EXPECT_EQ(Ask(Method::kPut, "/_local/x.y_z", {}, "[]").status(), 400);
}

TEST_F(ApiFeedTest, OfAPrivateRegistryIsForUsers) {
  Publish("a");
  options_.read_access = registry::RegistryOptions::ReadAccess::kAuthenticated;
  api_options_.reads_are_private = true;
  StartApi();
  for (const char* target :
       {"/_changes", "/_changes?feed=continuous", "/_all_docs", "/", "/_local/x", "/downloads/point/last-day"}) {
    EXPECT_EQ(Get(target).status(), 401) << target;
    EXPECT_NE(Get(target, {Bearer(bob_)}).status(), 401) << target;
  }
}

}  // namespace
}  // namespace tarn::http
