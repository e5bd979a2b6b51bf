#include "storage/registry/json_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "storage/base/limits.h"
#include "storage/base/random.h"

namespace tarn::registry {
namespace {

TEST(JsonText, CutsAnObjectIntoItsMembers) {
  const std::string json =
      R"( { "a" : 1 ,"b\u0041":[1, {"a":2}],  "c\"":{ "x":"y" } , "d":"e\"}", "f":null,"g":-1.5e3 } )";
  const auto members = ParseJsonObject(json);
  ASSERT_TRUE(members.ok()) << members.status().ToString();
  const struct {
    const char* key;
    const char* raw_key;
    const char* raw_value;
  } expected[] = {
      {"a", R"("a")", "1"},
      {"bA", R"("b\u0041")", R"([1, {"a":2}])"},
      {"c\"", R"("c\"")", R"({ "x":"y" })"},
      {"d", R"("d")", R"("e\"}")"},
      {"f", R"("f")", "null"},
      {"g", R"("g")", "-1.5e3"},
  };
  ASSERT_EQ(members->size(), std::size(expected));
  for (size_t i = 0; i < members->size(); ++i) {
    const JsonMember& member = (*members)[i];
    EXPECT_EQ(member.key, expected[i].key);
    EXPECT_EQ(member.raw_key, expected[i].raw_key);
    EXPECT_EQ(member.raw_value, expected[i].raw_value);
    EXPECT_GE(member.raw_value.data(), json.data());
    EXPECT_LE(member.raw_value.data(), json.data() + json.size());
  }
}

TEST(JsonText, CutsAnArrayIntoItsElements) {
  const auto elements = ParseJsonArray(R"([ 1, "a" ,[2,3], {"b":[]} ,true])");
  ASSERT_TRUE(elements.ok());
  EXPECT_EQ(*elements, (std::vector<std::string_view>{"1", R"("a")", "[2,3]", R"({"b":[]})", "true"}));
  EXPECT_TRUE(ParseJsonArray("[]")->empty());
  EXPECT_TRUE(ParseJsonObject("{}")->empty());
}

TEST(JsonText, RefusesOtherShapesAndInvalidText) {
  for (const char* json : {"", "[]", "1", "\"a\"", "null", "true", "{", "{\"a\":tru}", "{\"a\":[1 2]}", "{} x",
                           "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}"}) {
    EXPECT_EQ(ParseJsonObject(json).code(), Code::kInvalidArgument) << json;
  }
  for (const char* json : {"{}", "1", "[1,]", "[", "\"[]\""}) {
    EXPECT_EQ(ParseJsonArray(json).code(), Code::kInvalidArgument) << json;
  }
  // Deeper down the last one counts for every reader, and it is not ours to judge.
  EXPECT_TRUE(ParseJsonObject(R"({"a":{"b":1,"b":2},"__proto__":{},"constructor":1})").ok());
}

// Whatever the bytes are, splitting them stays within them and ends.
TEST(JsonText, SplittingInvalidTextIsSafe) {
  SeededRandom random(5);
  const char* const parts[] = {"{", "}", "[", "]", ",", ":", "\"", "\\", "\"a\"", "1", " ", "x"};
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    const uint64_t count = random.Below(10);
    for (uint64_t i = 0; i < count; ++i) text += parts[random.Below(std::size(parts))];
    const std::unique_ptr<char[]> exact = std::make_unique<char[]>(text.size());
    std::copy(text.begin(), text.end(), exact.get());  // No slack that would hide an overrun.
    const std::string_view view(exact.get(), text.size());
    const auto members = SplitJsonObject(view);
    const auto elements = SplitJsonArray(view);
    EXPECT_TRUE(members.ok() || !ParseJsonObject(view).ok()) << text;
    EXPECT_TRUE(elements.ok() || !ParseJsonArray(view).ok()) << text;
  }
}

TEST(JsonText, MembersAreLimited) {
  std::string array = "[0";
  for (size_t i = 1; i < limits::kJsonMembersMax; ++i) array += ",0";
  EXPECT_EQ(SplitJsonArray(array + "]")->size(), limits::kJsonMembersMax);
  EXPECT_EQ(SplitJsonArray(array + ",0]").code(), Code::kTooLarge);
  std::string object = "{\"k\":0";
  for (size_t i = 1; i < limits::kJsonMembersMax; ++i) object += ",\"" + std::to_string(i) + "\":0";
  EXPECT_EQ(SplitJsonObject(object + "}")->size(), limits::kJsonMembersMax);
  EXPECT_EQ(SplitJsonObject(object + ",\"one too many\":0}").code(), Code::kTooLarge);
}

TEST(JsonText, DepthIsLimited) {
  const auto nested = [](size_t depth) {
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_TRUE(ParseJsonObject(nested(limits::kJsonDepthMax)).ok());
  EXPECT_FALSE(ParseJsonObject(nested(limits::kJsonDepthMax + 1)).ok());
}

TEST(JsonText, TellsKindsApart) {
  EXPECT_EQ(KindOfJson("null"), JsonKind::kNull);
  EXPECT_EQ(KindOfJson("true"), JsonKind::kBoolean);
  EXPECT_EQ(KindOfJson("false"), JsonKind::kBoolean);
  EXPECT_EQ(KindOfJson("-1"), JsonKind::kNumber);
  EXPECT_EQ(KindOfJson("0"), JsonKind::kNumber);
  EXPECT_EQ(KindOfJson("\"\""), JsonKind::kString);
  EXPECT_EQ(KindOfJson("[]"), JsonKind::kArray);
  EXPECT_EQ(KindOfJson("{}"), JsonKind::kObject);
}

TEST(JsonText, DecodesStrings) {
  EXPECT_EQ(*DecodeJsonString(R"("")"), "");
  EXPECT_EQ(*DecodeJsonString(R"("a\n\u00e9\ud83d\ude00")"), "a\n\xc3\xa9\xf0\x9f\x98\x80");
  EXPECT_EQ(*DecodeJsonString(R"("\ud83d")"), "\xef\xbf\xbd");
  for (const char* json : {"", "a", "\"a", "1", "null", "[\"a\"]", "\"a\"x", "{\"a\":\"b\"}"}) {
    EXPECT_EQ(DecodeJsonString(json).code(), Code::kInvalidArgument) << json;
  }
  EXPECT_EQ(TextOfJson(R"("plain")"), "plain");
  EXPECT_EQ(TextOfJson(R"("a\tb")"), "a\tb");
  for (const char* json : {"1", "null", "[\"a\"]", "{}", "\"", ""}) EXPECT_EQ(TextOfJson(json), "");
}

}  // namespace
}  // namespace tarn::registry
