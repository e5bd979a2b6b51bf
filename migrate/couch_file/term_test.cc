#include "migrate/couch_file/term.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "migrate/couch_file/file_builder_for_test.h"
#include "migrate/couch_file/snappy.h"

namespace tarn::couch_file {
namespace {

using std::string_literals::operator""s;

Token Read(const std::string& bytes) {
  Token token;
  TermReader reader(bytes);
  const Status status = reader.Next(&token);
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_TRUE(token.kind == TermKind::kTuple || token.kind == TermKind::kList || reader.at_end());
  return token;
}

// What term_to_binary/1 of Erlang gives, without the leading 131.
TEST(Term, ReadsEveryTag) {
  EXPECT_EQ(Read("a\xFF"s).integer, 255);
  EXPECT_EQ(Read("b\xFF\xFF\xFF\xFF"s).integer, -1);
  EXPECT_EQ(Read("b\x80\0\0\0"s).integer, -2147483648LL);
  EXPECT_EQ(Read("n\x04\0\xFF\xFF\xFF\xFF"s).integer, 4294967295LL);
  EXPECT_EQ(Read("n\x04\1\0\0\0\x80"s).integer, -2147483648LL);
  EXPECT_EQ(Read("n\x08\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"s).integer, 9223372036854775807LL);
  EXPECT_EQ(Read("n\x00\0"s).integer, 0);
  const Token big = Read("n\x08\1\0\0\0\0\0\0\0\x80"s);
  EXPECT_EQ(big.kind, TermKind::kBigInteger);
  EXPECT_TRUE(big.negative);
  EXPECT_EQ(Read("o\0\0\0\x02\0\1\1"s).integer, 257);
  EXPECT_EQ(Read("F\x3F\xF8\0\0\0\0\0\0"s).number, 1.5);
  EXPECT_EQ(Read("c1.50000000000000000000e+00\0\0\0\0\0"s).number, 1.5);
  for (const std::string& atom : {"d\0\x04true"s, "s\x04true"s, "v\0\x04true"s, "w\x04true"s}) {
    EXPECT_EQ(Read(atom).kind, TermKind::kAtom);
    EXPECT_EQ(Read(atom).bytes, "true");
  }
  EXPECT_EQ(Read("h\x01"
                 "a\1"s)
                .count,
            1u);
  EXPECT_EQ(Read("i\0\0\0\x01"
                 "a\1"s)
                .count,
            1u);
  EXPECT_EQ(Read("j"s).kind, TermKind::kNil);
  EXPECT_EQ(Read("k\0\x02\1\2"s).bytes, "\1\2");
  EXPECT_EQ(Read("l\0\0\0\x01"
                 "a\1j"s)
                .count,
            1u);
  EXPECT_EQ(Read("m\0\0\0\x03xyz"s).bytes, "xyz");
}

TEST(Term, RefusesWhatIsNone) {
  for (const std::string& bytes : {""s, "M"s, "\x83"s, "t\0\0\0\0"s,                   // Unknown tags, maps among them.
                                   "a"s, "b\0\0\0"s, "n\x04\0\1"s, "m\0\0\0\x04xyz"s,  // Cut off.
                                   "m\xFF\xFF\xFF\xFFxyz"s, "o\xFF\xFF\xFF\xFF\0x"s,   // More than there is.
                                   "l\xFF\xFF\xFF\xFFj"s, "i\xFF\xFF\xFF\xFFj"s, "h\xFFj"s,
                                   "l\0\0\0\0j"s,                                       // A list of nothing is NIL.
                                   "F\x7F\xF0\0\0\0\0\0\0"s, "F\x7F\xF8\0\0\0\0\0\1"s,  // Infinite, not a number.
                                   "cinf\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"s,
                                   "c1.5x\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"s,
                                   "c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"s}) {
    TermReader reader(bytes);
    EXPECT_EQ(reader.Skip().code(), Code::kCorruption) << HexEncode(bytes);
  }
}

// Nothing recurses: a million levels take a million steps.
TEST(Term, SkipsAnyDepth) {
  std::string deep;
  for (int i = 0; i < 1'000'000; ++i) deep += "h\1"s;
  deep += "j";
  TermReader reader(deep);
  EXPECT_TRUE(reader.Skip().ok());
  EXPECT_TRUE(reader.at_end());
  TermReader cut(std::string_view(deep).substr(0, deep.size() - 1));
  EXPECT_FALSE(cut.Skip().ok());
}

TEST(Term, TakesWholeTerms) {
  const std::string two = build::List({build::Integer(1), build::Tuple({build::Nil(), build::Atom("x")})}) + "a\7"s;
  TermReader reader(two);
  EXPECT_EQ(reader.TakeTerm()->size(), two.size() - 2);
  EXPECT_EQ(*reader.ReadUnsigned(), 7u);
}

std::string Deflated(const std::string& term) {
  uLongf size = compressBound(term.size());
  std::string out(size, '\0');
  EXPECT_EQ(
      compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(term.data()), term.size()),
      Z_OK);
  return "\x83P" + build::Big(term.size(), 4) + out.substr(0, size);
}

TEST(StoredTerm, UnpacksAllForms) {
  const std::string term = build::Binary(std::string(1000, 'x'));
  std::string unpacked;
  EXPECT_EQ(*UnpackTerm("\x83" + term, 2000, &unpacked), term);
  EXPECT_EQ(*UnpackTerm(Deflated(term), 2000, &unpacked), term);
  // A snappy literal of two bytes: 131 and NIL.
  EXPECT_EQ(*UnpackTerm("\1\x02\x04\x83j"s, 2000, &unpacked), "j");
}

TEST(StoredTerm, RefusesDamageAndBombs) {
  std::string unpacked;
  for (const std::string& chunk : {""s, "\1"s, "\2j"s, "\1\x01\0j"s, "\x83P\0\0"s}) {
    EXPECT_FALSE(UnpackTerm(chunk, 2000, &unpacked).ok()) << HexEncode(chunk);
  }
  const std::string deflated = Deflated(build::Binary(std::string(1000, 'x')));
  EXPECT_EQ(UnpackTerm(deflated, 999, &unpacked).status().code(), Code::kTooLarge);
  for (size_t size = 2; size < deflated.size(); ++size) {
    EXPECT_FALSE(UnpackTerm(deflated.substr(0, size), 2000, &unpacked).ok()) << size;
  }
  EXPECT_FALSE(UnpackTerm(deflated + "x", 2000, &unpacked).ok());
  // It claims 1 GiB.
  std::string bomb = deflated;
  bomb.replace(2, 4, "\x40\0\0\0"s);
  std::string fresh;
  EXPECT_EQ(UnpackTerm(bomb, size_t{1} << 31, &fresh).status().code(), Code::kCorruption);
  EXPECT_LT(fresh.capacity(), 10'000u);
}

// google/snappy, format_description.txt, element by element.
TEST(Snappy, DecodesEveryElement) {
  std::string out;
  EXPECT_TRUE(SnappyDecode("\0"s, 10, &out).ok());
  EXPECT_EQ(out, "");
  EXPECT_TRUE(SnappyDecode("\x03\x08"
                           "abc"s,
                           10, &out)
                  .ok());  // Literal of 3.
  EXPECT_EQ(out, "abc");
  EXPECT_TRUE(SnappyDecode("\x07\x08"
                           "abc\x01\x03"s,
                           10, &out)
                  .ok());  // Copy of 4 from 3 back: it overlaps itself.
  EXPECT_EQ(out, "abcabca");
  EXPECT_TRUE(SnappyDecode("\x05\x08"
                           "abc\x06\x02\0"s,
                           10, &out)
                  .ok());  // Two bytes of offset: 2 from 2 back.
  EXPECT_EQ(out, "abcbc");
  EXPECT_TRUE(SnappyDecode("\x05\x08"
                           "abc\x07\x03\0\0\0"s,
                           10, &out)
                  .ok());  // Four bytes: 2 from 3 back.
  EXPECT_EQ(out, "abcab");
  // Literals whose length follows in one to four bytes.
  const std::string text(300, 'q');
  EXPECT_TRUE(SnappyDecode("\x64\xF0\x63"s + text.substr(0, 100), 1000, &out).ok());
  EXPECT_EQ(out, text.substr(0, 100));
  for (const std::string& head : {"\xF4\x2B\x01"s, "\xF8\x2B\x01\0"s, "\xFC\x2B\x01\0\0"s}) {
    EXPECT_TRUE(SnappyDecode("\xAC\x02"s + head + text, 1000, &out).ok());
    EXPECT_EQ(out, text);
  }
}

TEST(Snappy, RefusesWhatIsNoBlock) {
  std::string out;
  const std::string block =
      "\x07\x08"
      "abc\x01\x03"s;
  for (size_t size = 0; size < block.size(); ++size) {
    EXPECT_EQ(SnappyDecode(block.substr(0, size), 10, &out).code(), Code::kCorruption) << size;
  }
  for (const std::string& bad : {"\x07\x08"
                                 "abc\x01\0"s,
                                 "\x07\x08"
                                 "abc\x01\x04"s,  // From nowhere, from before the beginning.
                                 "\x06\x08"
                                 "abc\x01\x03"s,
                                 "\x08\x08"
                                 "abc\x01\x03"s,  // More and fewer bytes than said.
                                 "\x03\xFC\xFF\xFF\xFF\xFF"
                                 "abc"s,
                                 "\x80\x80\x80\x80\x80\x01"s,
                                 "\xFF\xFF\xFF\xFF\x0F\x08"
                                 "abc"s}) {
    EXPECT_FALSE(SnappyDecode(bad, size_t{1} << 40, &out).ok()) << HexEncode(bad);
  }
  EXPECT_LT(out.capacity(), 1000u);
  EXPECT_EQ(SnappyDecode(block, 6, &out).code(), Code::kTooLarge);
}

}  // namespace
}  // namespace tarn::couch_file
