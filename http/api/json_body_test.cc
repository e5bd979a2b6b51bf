#include "http/api/json_body.h"

#include <gtest/gtest.h>

namespace tarn::http {
namespace {

TEST(JsonBody, ReadsFieldsByType) {
  const auto body = JsonBody::ParseObject(R"({"s":"x","b":true,"n":5,"l":["a","b"],"o":{"k":"v"},"z":null})");
  ASSERT_TRUE(body.ok());
  EXPECT_EQ(**body->String("s"), "x");
  EXPECT_EQ(**body->Bool("b"), true);
  EXPECT_EQ(**body->Number("n"), 5u);
  EXPECT_EQ((*body->Strings("l"))->size(), 2u);
  EXPECT_EQ(**(*body->Object("o"))->String("k"), "v");
  EXPECT_FALSE(body->Objects("missing")->has_value());
  EXPECT_EQ(body->Objects("l").status().message(), "\"l\" must be a list of objects");
  EXPECT_FALSE(body->String("missing")->has_value());
  EXPECT_FALSE(body->String("z")->has_value());
  EXPECT_EQ(body->String("n").status().message(), "\"n\" must be a string");
  EXPECT_EQ(body->Strings("s").code(), Code::kInvalidArgument);
}

TEST(JsonBody, ObjectsOfAListOutliveIt) {
  std::vector<JsonBody> objects;
  {
    auto body = JsonBody::ParseObject(R"({"all":[{"k":"one"},{"k":"two"}]})");
    ASSERT_TRUE(body.ok());
    objects = **body->Objects("all");
  }
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_EQ(**objects[1].String("k"), "two");
}

TEST(JsonBody, RefusesWhatIsNotAnObject) {
  for (const char* text : {"", "{", "[]", "\"s\"", "nul", "{\"a\":1}x", "{'a':1}"}) {
    EXPECT_EQ(JsonBody::ParseObject(text).code(), Code::kInvalidArgument) << text;
  }
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "{\"a\":";
  deep += "1" + std::string(100, '}');
  EXPECT_EQ(JsonBody::ParseObject(deep).code(), Code::kInvalidArgument);
}

TEST(JsonBody, ReadsAString) {
  EXPECT_EQ(*JsonBody::ParseString("\"1.0.0\""), "1.0.0");
  EXPECT_EQ(JsonBody::ParseString("1.0.0").code(), Code::kInvalidArgument);
  EXPECT_EQ(JsonBody::ParseString("{}").code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace tarn::http
