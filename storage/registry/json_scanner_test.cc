#include "storage/registry/json_scanner.h"

#include <gtest/gtest.h>

#include <vector>

#include "storage/base/random.h"

namespace tarn::registry {
namespace {

// Writes the events down: "{ k:a s:text n:1 true } …". Pieces of one string are joined.
class Recorder : public JsonVisitor {
 public:
  Status OnBeginObject(uint64_t offset) override { return Add("{", offset); }
  Status OnEndObject(uint64_t offset) override { return Add("}", offset); }
  Status OnBeginArray(uint64_t offset) override { return Add("[", offset); }
  Status OnEndArray(uint64_t offset) override { return Add("]", offset); }
  Status OnKey(std::string_view key, uint64_t offset) override { return Add("k:" + std::string(key), offset); }
  Status OnStringBegin(uint64_t offset) override { return Add("s:", offset); }
  Status OnStringPiece(std::string_view piece) override {
    events.back() += piece;
    return OkStatus();
  }
  Status OnStringEnd(uint64_t offset) override {
    offsets.push_back(offset);
    return OkStatus();
  }
  Status OnNumber(std::string_view text, uint64_t offset) override { return Add("n:" + std::string(text), offset); }
  Status OnLiteral(std::string_view text, uint64_t offset) override { return Add(std::string(text), offset); }

  std::string Text() const {
    std::string text;
    for (const std::string& event : events) text += (text.empty() ? "" : " ") + event;
    return text;
  }

  std::vector<std::string> events;
  std::vector<uint64_t> offsets;

 private:
  Status Add(std::string event, uint64_t offset) {
    events.push_back(std::move(event));
    offsets.push_back(offset);
    return OkStatus();
  }
};

struct Outcome {
  Status status;
  std::string events;
  std::vector<uint64_t> offsets;
};

Outcome ScanInPieces(std::string_view text, size_t piece, const JsonScanner::Limits& limits = {}) {
  Recorder recorder;
  JsonScanner scanner(&recorder, limits);
  Status status;
  for (size_t i = 0; i < text.size() && status.ok(); i += piece) {
    status = scanner.Append(text.substr(i, piece));
  }
  if (status.ok()) status = scanner.Finish();
  return {status, recorder.Text(), recorder.offsets};
}

// The same in one piece and in pieces of every small size.
Outcome ScanAll(std::string_view text, const JsonScanner::Limits& limits = {}) {
  const Outcome whole = ScanInPieces(text, text.size() + 1, limits);
  for (size_t piece = 1; piece < 9; ++piece) {
    const Outcome pieces = ScanInPieces(text, piece, limits);
    EXPECT_EQ(pieces.status.ToString(), whole.status.ToString()) << text << " by " << piece;
    if (!whole.status.ok()) continue;
    EXPECT_EQ(pieces.events, whole.events) << text << " by " << piece;
    EXPECT_EQ(pieces.offsets, whole.offsets) << text << " by " << piece;
  }
  return whole;
}

TEST(JsonScanner, ReportsEveryKindOfToken) {
  const struct {
    const char* text;
    const char* events;
  } cases[] = {
      {"{}", "{ }"},
      {" [ ] ", "[ ]"},
      {"\"\"", "s:"},
      {"\"abc\"", "s:abc"},
      {"0", "n:0"},
      {"-0", "n:-0"},
      {"-12.50e+07", "n:-12.50e+07"},
      {"1E5", "n:1E5"},
      {"10", "n:10"},
      {"0.1", "n:0.1"},
      {"0e-1", "n:0e-1"},
      {"true", "true"},
      {"false", "false"},
      {"\t\r\n null \n", "null"},
      {"[1,-2,[true],{}]", "[ n:1 n:-2 [ true ] { } ]"},
      {"{\"a\":1,\"b\":{\"c\":[null,\"d\"]},\"\":false}", "{ k:a n:1 k:b { k:c [ null s:d ] } k: false }"},
      {"{\"__proto__\":{},\"__proto__\":1}", "{ k:__proto__ { } k:__proto__ n:1 }"},
      {"{ \"a\" : [ 1 , 2 ] }", "{ k:a [ n:1 n:2 ] }"},
  };
  for (const auto& test : cases) {
    const Outcome outcome = ScanAll(test.text);
    EXPECT_TRUE(outcome.status.ok()) << test.text << outcome.status.ToString();
    EXPECT_EQ(outcome.events, test.events) << test.text;
  }
}

TEST(JsonScanner, UnescapesStringsAndKeys) {
  const struct {
    const char* text;
    std::string value;
  } cases[] = {
      {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
      {R"("a\u0041b")", "aAb"},
      {R"("\u0000")", std::string(1, '\0')},
      {R"("\u00e9\u20AC")", "\xc3\xa9\xe2\x82\xac"},
      {R"("\ud83d\uDE00")", "\xf0\x9f\x98\x80"},
      {R"("\uDBFF\uDFFF")", "\xf4\x8f\xbf\xbf"},
      // Halves without partner, as JSON.stringify writes them.
      {R"("\ud83d")", "\xef\xbf\xbd"},
      {R"("\ud83dx")", "\xef\xbf\xbdx"},
      {R"("\ud83d\n")", "\xef\xbf\xbd\n"},
      {R"("\ud83d\u0041")",
       "\xef\xbf\xbd"
       "A"},
      {R"("\ud83d\ud83d\ude00")", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
      {R"("\ude00")", "\xef\xbf\xbd"},
      {R"("\ude00\ud83d")", "\xef\xbf\xbd\xef\xbf\xbd"},
      {"\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\x7f\"", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\x7f"},
  };
  for (const auto& test : cases) {
    const Outcome value = ScanAll(test.text);
    EXPECT_TRUE(value.status.ok()) << test.text << value.status.ToString();
    EXPECT_EQ(value.events, "s:" + test.value) << test.text;
    const Outcome key = ScanAll("{" + std::string(test.text) + ":1}");
    EXPECT_EQ(key.events, "{ k:" + test.value + " n:1 }") << test.text;
  }
}

TEST(JsonScanner, RefusesWhatIsNotJson) {
  for (const std::string_view text : {"",
                                      " ",
                                      "{",
                                      "[",
                                      "}",
                                      "]",
                                      "{]",
                                      "[}",
                                      "[1}",
                                      "{\"a\":1]",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "{,}",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{\"a\" 1}",
                                      "{\"a\"::1}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "{1:2}",
                                      "{\"a\":1 \"b\":2}",
                                      "{null:1}",
                                      "{\"a\",1}",
                                      "[\"a\":1]",
                                      "1 2",
                                      "{}{}",
                                      "{} x",
                                      "[]]",
                                      "\"",
                                      "\"a",
                                      "\"\\",
                                      "\"\\\"",
                                      "\"\\x\"",
                                      "\"\\u\"",
                                      "\"\\u12\"",
                                      "\"\\u123g\"",
                                      "\"\\'\"",
                                      "\"\\U0041\"",
                                      "\"\t\"",
                                      "\"\n\"",
                                      "'a'",
                                      "01",
                                      "-",
                                      "+1",
                                      "-a",
                                      "--1",
                                      "1.",
                                      ".1",
                                      "1.e1",
                                      "1e",
                                      "1e+",
                                      "1.2.3",
                                      "0x1",
                                      "1_0",
                                      "1a",
                                      "NaN",
                                      "Infinity",
                                      "-Infinity",
                                      "tru",
                                      "truee",
                                      "True",
                                      "nul",
                                      "nulll",
                                      "falsey",
                                      "undefined",
                                      "/**/1",
                                      "1//",
                                      "[1,2",
                                      "\xef\xbb\xbf{}",
                                      "\xc2\xa0{}",
                                      "\v1",
                                      "\f1"}) {
    const Outcome outcome = ScanAll(text);
    EXPECT_EQ(outcome.status.code(), Code::kInvalidArgument) << text;
  }
  EXPECT_FALSE(ScanAll(std::string_view("\"\0\"", 3)).status.ok());
  EXPECT_FALSE(ScanAll(std::string_view("{}\0", 3)).status.ok());
}

TEST(JsonScanner, RefusesWhatIsNotUtf8) {
  for (const char* bytes : {"\x80",
                            "\xbf",
                            "\xc0\x80",
                            "\xc1\xbf",
                            "\xc3",
                            "\xc3(",
                            "\xe0\x80\x80",
                            "\xe0\x9f\xbf",
                            "\xe2\x82",
                            "\xe2(\xac",
                            "\xed\xa0\x80",
                            "\xed\xbf\xbf",
                            "\xf0\x80\x80\x80",
                            "\xf0\x8f\xbf\xbf",
                            "\xf0\x9f\x98",
                            "\xf4\x90\x80\x80",
                            "\xf5\x80\x80\x80",
                            "\xff",
                            "\xfe",
                            "\xc3\\n",
                            "\xe2\x82\\u0041"}) {
    EXPECT_FALSE(ScanAll("\"" + std::string(bytes) + "\"").status.ok());
    // Far enough in for the fast path.
    EXPECT_FALSE(ScanAll("\"" + std::string(40, 'x') + bytes + "\"").status.ok());
  }
  for (const char* bytes : {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
                            "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(ScanAll("\"" + std::string(40, 'x') + bytes + "\"").status.ok());
  }
}

TEST(JsonScanner, OffsetsNameTheFirstByteOfATokenAndTheLastOfAnEnd) {
  const Outcome outcome = ScanAll(R"({"a": "b\n", "c":[12,true]} )");
  EXPECT_EQ(outcome.offsets, (std::vector<uint64_t>{0, 1, 6, 10, 13, 17, 18, 21, 25, 26}));
}

TEST(JsonScanner, ErrorsNameTheOffset) {
  EXPECT_EQ(ScanAll("{\"a\":tru1}").status.message(), "JSON: expected a value, at offset 8");
  EXPECT_EQ(ScanAll("[1,2").status.message(), "JSON: the document ends too early, at offset 4");
  EXPECT_EQ(ScanAll("\"aaaaaaaaaaaaaaaaaaaaa\x01\"").status.message(),
            "JSON: a control character within a string, at offset 22");
}

TEST(JsonScanner, LimitsHoldExactly) {
  JsonScanner::Limits limits;
  limits.depth_max = 3;
  limits.key_bytes_max = 4;
  limits.number_bytes_max = 5;
  EXPECT_TRUE(ScanAll("[[[]]]", limits).status.ok());
  EXPECT_EQ(ScanAll("[[[[]]]]", limits).status.code(), Code::kInvalidArgument);
  EXPECT_EQ(ScanAll("[{\"a\":[{}]}]", limits).status.code(), Code::kInvalidArgument);
  EXPECT_TRUE(ScanAll("[[[1]],[[2]],{\"a\":{}}]", limits).status.ok());
  EXPECT_TRUE(ScanAll("{\"abcd\":1}", limits).status.ok());
  EXPECT_EQ(ScanAll("{\"abcde\":1}", limits).status.code(), Code::kTooLarge);
  EXPECT_EQ(ScanAll("{\"abc\\u00e9\":1}", limits).status.code(), Code::kTooLarge);
  EXPECT_TRUE(ScanAll("[-1234]", limits).status.ok());
  EXPECT_EQ(ScanAll("[-12345]", limits).status.code(), Code::kTooLarge);
  EXPECT_TRUE(ScanAll("\"a long string value has no limit here\"", limits).status.ok());
}

TEST(JsonScanner, TheFirstErrorIsFinal) {
  Recorder recorder;
  JsonScanner scanner(&recorder);
  const Status first = scanner.Append("[1,x");
  EXPECT_FALSE(first.ok());
  EXPECT_EQ(scanner.Append("2]").ToString(), first.ToString());
  EXPECT_EQ(scanner.Finish().ToString(), first.ToString());
  EXPECT_EQ(recorder.Text(), "[ n:1");
}

TEST(JsonScanner, AVisitorsErrorStopsIt) {
  class Refuser : public Recorder {
    Status OnKey(std::string_view, uint64_t) override { return PermissionDenied("no keys"); }
  };
  Refuser refuser;
  JsonScanner scanner(&refuser);
  EXPECT_EQ(scanner.Append("{\"a\":1}").code(), Code::kPermissionDenied);
  EXPECT_EQ(scanner.Finish().code(), Code::kPermissionDenied);
}

// A special byte at every distance from the start of the fast path.
TEST(JsonScanner, FastPathStopsAtEverySpecialByte) {
  for (size_t size = 0; size < 70; ++size) {
    const std::string plain(size, 'A');
    EXPECT_EQ(ScanInPieces("\"" + plain + "\"", 1000).events, "s:" + plain);
    EXPECT_EQ(ScanInPieces("\"" + plain + "\\n\"", 1000).events, "s:" + plain + "\n");
    EXPECT_EQ(ScanInPieces("\"" + plain + "\xc3\xa9\"", 1000).events, "s:" + plain + "\xc3\xa9");
    for (char control = 0; control < 0x20; ++control) {
      EXPECT_FALSE(ScanInPieces("\"" + plain + control + "\"", 1000).status.ok());
    }
  }
}

TEST(JsonScanner, RandomDocumentsComeOutTheSameInRandomPieces) {
  SeededRandom random(11);
  const char* const parts[] = {"{",        "}",    "[",       "]",    ",",       ":",   "\"a\"", "\"\"",
                               "1",        "-2.5", "true",    " ",    "null",    "\"",  "\\n",   "\\u00e9",
                               "\xc3\xa9", "e5",   "{\"k\":", "[[]]", "\\ud83d", "\\u", "0",     "\xff"};
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    const uint64_t count = random.Below(12);
    for (uint64_t i = 0; i < count; ++i) text += parts[random.Below(std::size(parts))];
    ScanAll(text);
  }
}

}  // namespace
}  // namespace tarn::registry
