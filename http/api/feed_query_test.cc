#include "http/api/feed_query.h"

#include <gtest/gtest.h>

#include "storage/base/limits.h"

namespace tarn::http {
namespace {

TEST(FeedQuery, Since) {
  const auto since = [](std::string_view query) { return ParseFeedQuery(query, "", "")->since; };
  EXPECT_EQ(since(""), 0u);
  EXPECT_EQ(since("since=17"), 17u);
  EXPECT_EQ(since("since=%2217%22"), 17u) << "as JSON";
  EXPECT_EQ(since("since=now"), std::nullopt);
  for (const char* foreign : {"17-g1AAAACbeJ", "-1", "x", "99999999999999999999", "null", "%5B1%2C2%5D"}) {
    EXPECT_EQ(since("since=" + std::string(foreign)), 0u) << foreign << " is of another server: everything again";
  }
  EXPECT_EQ(ParseFeedQuery("since=3", "", "7")->since, 7u) << "an EventSource goes on where it was";
}

TEST(FeedQuery, WhatWaits) {
  const auto waits = [](std::string_view query) { return ParseFeedQuery(query, "", "")->waits(); };
  EXPECT_FALSE(waits(""));
  EXPECT_FALSE(waits("feed=normal"));
  EXPECT_TRUE(waits("feed=longpoll"));
  EXPECT_TRUE(waits("feed=continuous"));
  EXPECT_TRUE(waits("feed=eventsource"));
  EXPECT_FALSE(waits("feed=longpoll&descending=true"));
  EXPECT_EQ(ParseFeedQuery("feed=tcp", "", "").code(), Code::kInvalidArgument);
}

TEST(FeedQuery, PatienceHasLimits) {
  EXPECT_EQ(ParseFeedQuery("", "", "")->heartbeat_ms, std::nullopt);
  EXPECT_EQ(ParseFeedQuery("", "", "")->timeout_ms, limits::kFeedTimeoutMs);
  EXPECT_EQ(ParseFeedQuery("heartbeat=true", "", "")->heartbeat_ms, limits::kFeedHeartbeatMs);
  EXPECT_EQ(ParseFeedQuery("heartbeat=1", "", "")->heartbeat_ms, limits::kFeedHeartbeatMsMin);
  EXPECT_EQ(ParseFeedQuery("heartbeat=999999999", "", "")->heartbeat_ms, limits::kFeedHeartbeatMs);
  EXPECT_EQ(ParseFeedQuery("timeout=999999999", "", "")->timeout_ms, limits::kFeedTimeoutMs);
  EXPECT_EQ(ParseFeedQuery("timeout=250", "", "")->timeout_ms, 250u);
  for (const char* bad : {"heartbeat=0", "heartbeat=soon", "heartbeat=-5", "timeout=x", "limit=x", "limit=-1"}) {
    EXPECT_EQ(ParseFeedQuery(bad, "", "").code(), Code::kInvalidArgument) << bad;
  }
  EXPECT_EQ(ParseFeedQuery("limit=0", "", "")->limit, 1u) << "as CouchDB";
}

TEST(FeedQuery, Names) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(ParseFeedQuery("doc_ids=%5B%22a%22,%22@s/b%22%5D", "", "")->names, (Names{"a", "@s/b"}));
  EXPECT_EQ(ParseFeedQuery("filter=_doc_ids", R"({"doc_ids":["a"]})", "")->names, Names{"a"});
  EXPECT_EQ(ParseFeedQuery("filter=app/mine", "", "").code(), Code::kNotFound);
  EXPECT_EQ(ParseFeedQuery("filter=_doc_ids", "", "").code(), Code::kInvalidArgument);
  for (const char* bad : {"doc_ids=a", "doc_ids=%5B1%5D", "doc_ids=%5B"}) {
    EXPECT_EQ(ParseFeedQuery(bad, "", "").code(), Code::kInvalidArgument) << bad;
  }
  EXPECT_EQ(ParseFeedQuery("", "[1", "").code(), Code::kInvalidArgument);
  EXPECT_EQ(ParseFeedQuery("", R"({"doc_ids":"a"})", "").code(), Code::kInvalidArgument);
  std::string many = "{\"doc_ids\":[";
  for (size_t i = 0; i <= limits::kFeedNamesMax; ++i) many += (i > 0 ? ",\"a\"" : "\"a\"");
  EXPECT_EQ(ParseFeedQuery("", many + "]}", "").code(), Code::kTooLarge);
}

TEST(AllDocsQuery, KeysAsJsonOrBare) {
  const auto query = ParseAllDocsQuery("startkey=%22b%22&endkey=%22d%22&inclusive_end=false&limit=5&skip=2", "");
  ASSERT_TRUE(query.ok());
  EXPECT_EQ(query->first, "b");
  EXPECT_EQ(query->last, "d");
  EXPECT_FALSE(query->includes_last);
  EXPECT_EQ(query->limit, 5u);
  EXPECT_EQ(query->skip, 2u);
  EXPECT_EQ(ParseAllDocsQuery("start_key=b&end_key=d", "")->last, "d");
  EXPECT_EQ(ParseAllDocsQuery("key=%22b%22", "")->first, "b");
  EXPECT_EQ(ParseAllDocsQuery("key=%22b%22", "")->last, "b");
  EXPECT_EQ(ParseAllDocsQuery("", R"({"keys":["a","b"]})")->keys->size(), 2u);
  EXPECT_EQ(ParseAllDocsQuery("descending=true", "").code(), Code::kInvalidArgument);
  EXPECT_EQ(ParseAllDocsQuery("startkey=%22a%5Cu0000%22", "").code(), Code::kInvalidArgument);
}

TEST(FeedQuery, Generation) {
  EXPECT_EQ(GenerationOf("17-9f00"), 17u);
  for (const char* none : {"", "17", "-9f", "x-9f", "99999999999999999999-a"})
    EXPECT_EQ(GenerationOf(none), std::nullopt);
}

}  // namespace
}  // namespace tarn::http
