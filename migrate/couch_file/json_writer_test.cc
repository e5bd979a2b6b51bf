#include "migrate/couch_file/json_writer.h"

#include <gtest/gtest.h>

#include "migrate/couch_file/file_builder_for_test.h"
#include "storage/base/couch_file_limits.h"

namespace tarn::couch_file {
namespace {

using std::string_literals::operator""s;
using namespace build;  // NOLINT: the builders of terms.

Result<std::string> Write(const std::string& term, std::string_view first = {}, size_t bytes_max = 1 << 20) {
  TermReader reader(term);
  std::string out;
  JsonNotes notes;
  RETURN_IF_ERROR(AppendJsonObject(&reader, ObjectShape::kWrapped, first, bytes_max, &out, &notes));
  EXPECT_TRUE(reader.at_end());
  return out;
}

std::string Value(const std::string& term) {
  const auto out = Write(Object({Pair("k", term)}));
  return out.ok() ? out->substr(5, out->size() - 6) : out.status().ToString();
}

TEST(JsonWriter, WritesObjects) {
  EXPECT_EQ(*Write(Object({})), "{}");
  EXPECT_EQ(*Write(Object({}), "\"_id\":\"x\""), "{\"_id\":\"x\"}");
  EXPECT_EQ(*Write(Object({Pair("b", Nil()), Pair("a", Object({})), Pair("", Object({Pair("z", Atom("null"))}))})),
            R"({"b":[],"a":{},"":{"z":null}})");
  EXPECT_EQ(*Write(Object({Pair("a", Atom("true"))}), "\"_id\":\"x\""), R"({"_id":"x","a":true})");
  const std::string bare = List({Pair("a", Integer(1)), Pair("b", Integer(2))});
  TermReader reader(bare);
  std::string out = "=";
  JsonNotes notes;
  EXPECT_TRUE(AppendJsonObject(&reader, ObjectShape::kBareList, {}, 100, &out, &notes).ok());
  EXPECT_EQ(out, R"(={"a":1,"b":2})");
}

TEST(JsonWriter, WritesArraysAlsoWhereErlangSeesText) {
  EXPECT_EQ(Value(List({Integer(1), Nil(), List({Integer(2), Integer(3)}), Object({})})), "[1,[],[2,3],{}]");
  EXPECT_EQ(Value("k\0\x03\x01\xFF\0"s), "[1,255,0]");
}

TEST(JsonWriter, WritesNumbersExactly) {
  EXPECT_EQ(Value("b\xFF\xFF\xFF\xFF"s), "-1");
  EXPECT_EQ(Value("n\x08\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s), "18446744073709551615");
  EXPECT_EQ(Value("n\x09\1\0\0\0\0\0\0\0\0\x01"s), "-18446744073709551616");
  EXPECT_EQ(Value("n\x0C\0\0\0\0\0\0\0\0\0\0\0\0\x01"s), "309485009821345068724781056");  // 2^88
  EXPECT_EQ(Value("F\x3F\xF8\0\0\0\0\0\0"s), "1.5");
  EXPECT_EQ(Value("F\x40\x59\0\0\0\0\0\0"s), "100.0");
  EXPECT_EQ(Value("F\x80\0\0\0\0\0\0\0"s), "-0.0");
  EXPECT_EQ(Value("F\x3F\xB9\x99\x99\x99\x99\x99\x9A"s), "0.1");
  EXPECT_EQ(Value("F\x54\xB2\x49\xAD\x25\x94\xC3\x7D"s), "1e+100");
  const std::string large(limits::kCouchBignumBytesMax, '\xFF');
  EXPECT_GT(Value("o" + Big(large.size(), 4) + "\0"s + large).size(), 990u);
  EXPECT_NE(Value("o" + Big(large.size() + 1, 4) + "\0"s + large + "\1").find("TooLarge"), std::string::npos);
}

TEST(JsonWriter, EscapesWhatMustBe) {
  EXPECT_EQ(Value(Binary("plain text, longer than eight bytes")), "\"plain text, longer than eight bytes\"");
  EXPECT_EQ(Value(Binary("\"\\/\b\f\n\r\t\x7F"s)), "\"\\\"\\\\/\\b\\f\\n\\r\\t\x7F\"");
  EXPECT_EQ(Value(Binary("\0\x1F"s)), "\"\\u0000\\u001f\"");
  EXPECT_EQ(Value(Binary("\xE2\x80\xA8\xF0\x9F\x92\xA9\xC3\xA9")), "\"\xE2\x80\xA8\xF0\x9F\x92\xA9\xC3\xA9\"");
  // At every place within eight bytes.
  for (size_t i = 0; i < 20; ++i) {
    std::string text(20, 'x');
    text[i] = '"';
    EXPECT_EQ(Value(Binary(text)), "\"" + text.substr(0, i) + "\\" + text.substr(i) + "\"");
  }
}

TEST(JsonWriter, ReplacesWhatIsNoUtf8) {
  for (const std::string& bad :
       {"\x80"s, "\xC0\x80"s, "\xC1\xBF"s, "\xE0\x80\x80"s, "\xED\xA0\x80"s, "\xF0\x80\x80\x80"s, "\xF4\x90\x80\x80"s,
        "\xF5\x80\x80\x80"s, "\xFF"s, "\xE2\x80"s, "\xC3"s}) {
    std::string out;
    EXPECT_EQ(AppendJsonString(bad, &out), bad.size()) << HexEncode(bad);
    std::string wanted = "\"";
    for (size_t i = 0; i < bad.size(); ++i) wanted += "\xEF\xBF\xBD";
    EXPECT_EQ(out, wanted + "\"");
  }
}

TEST(JsonWriter, RefusesWhatIsNoJson) {
  for (const std::string& term :
       {Nil(), Integer(1), Tuple({Nil(), Nil()}), Object({Integer(1)}), Object({Tuple({Integer(1), Nil()})}),
        Object({Pair("a", Atom("undefined"))}), Object({Pair("a", Tuple({}))}),
        Object({Pair("a", Tuple({Integer(1)}))}), Object({Tuple({Binary("a"), Nil(), Nil()})}),
        "h\1l\0\0\0\1"s + Pair("a", Nil()) + "a\1"s}) {
    EXPECT_FALSE(Write(term).ok()) << HexEncode(term);
  }
}

TEST(JsonWriter, LimitsDepthAndLength) {
  const auto nested = [](size_t levels) {
    std::string term;
    for (size_t i = 1; i < levels; ++i) term += "l\0\0\0\1"s;
    return Object({Pair("d", term + std::string(levels, 'j'))});
  };
  // The innermost empty list opens no level.
  EXPECT_TRUE(Write(nested(limits::kCouchJsonDepthMax)).ok());
  EXPECT_EQ(Write(nested(limits::kCouchJsonDepthMax + 1)).status().code(), Code::kTooLarge);
  EXPECT_EQ(Write(nested(500'000)).status().code(), Code::kTooLarge);
  EXPECT_EQ(Write(Object({Pair("a", Binary(std::string(100, '\1')))}), {}, 600).status().code(), Code::kTooLarge);
  EXPECT_TRUE(Write(Object({Pair("a", Binary(std::string(100, '\1')))}), {}, 610).ok());
}

TEST(JsonWriter, EndsForEveryBeginning) {
  const std::string term =
      Object({Pair("a", List({Integer(1), Object({Pair("b", Binary("c"))})})), Pair("d", Atom("false"))});
  for (size_t size = 0; size < term.size(); ++size) EXPECT_FALSE(Write(term.substr(0, size)).ok()) << size;
  EXPECT_TRUE(Write(term).ok());
}

}  // namespace
}  // namespace tarn::couch_file
