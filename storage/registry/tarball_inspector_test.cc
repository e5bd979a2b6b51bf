#include "storage/registry/tarball_inspector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "storage/base/random.h"
#include "storage/testing/gzip.h"

namespace tarn::registry {
namespace {

using ::testing::HasSubstr;

// --- writing archives, as odd as needed ---

std::string Octal(uint64_t value, size_t digits) {
  std::string text(digits, '0');
  for (size_t i = digits; i-- > 0; value >>= 3) text[i] = static_cast<char>('0' + (value & 7));
  return text;
}

struct Header {
  std::string name = {};
  uint64_t size = 0;
  char type = '0';
  std::string prefix = {};
  std::string magic = std::string(
      "ustar\0"
      "00",
      8);
};

void Put(std::string* block, size_t offset, std::string_view text) { block->replace(offset, text.size(), text); }

void SetChecksum(std::string* block) {
  Put(block, 148, "        ");
  uint64_t sum = 0;
  for (const char c : *block) sum += static_cast<unsigned char>(c);
  Put(block, 148, Octal(sum, 6) + std::string("\0 ", 2));
}

std::string Block(const Header& header) {
  std::string block(512, '\0');
  Put(&block, 0, header.name);
  Put(&block, 100, "0000644");
  Put(&block, 124, Octal(header.size, 11));
  Put(&block, 156, std::string(1, header.type));
  Put(&block, 257, header.magic);
  Put(&block, 345, header.prefix);
  SetChecksum(&block);
  return block;
}

std::string Padded(std::string bytes) {
  bytes.resize((bytes.size() + 511) / 512 * 512);
  return bytes;
}

std::string Entry(const std::string& name, const std::string& bytes, char type = '0') {
  return Block({.name = name, .size = bytes.size(), .type = type}) + Padded(bytes);
}

std::string PaxRecord(const std::string& key, const std::string& value) {
  // The length counts its own digits.
  size_t length = key.size() + value.size() + 3;
  while (length < key.size() + value.size() + 3 + std::to_string(length).size()) ++length;
  return std::to_string(length) + " " + key + "=" + value + "\n";
}

std::string End() { return std::string(1024, '\0'); }

constexpr char kPackageJson[] = R"({"name":"a","version":"1.0.0"})";
std::string PackageJson() { return Entry("package/package.json", kPackageJson); }

// --- reading them ---

Result<TarballReport> InspectGzip(std::string_view gzip, size_t piece, const TarballInspector::Limits& limits = {}) {
  TarballInspector inspector(limits);
  for (size_t i = 0; i < gzip.size(); i += piece) {
    const Status status = inspector.Append(gzip.substr(i, piece));
    if (!status.ok()) {
      EXPECT_EQ(inspector.Append("x").ToString(), status.ToString());
      EXPECT_EQ(inspector.Finish().status().ToString(), status.ToString());
      return status;
    }
  }
  return inspector.Finish();
}

Result<TarballReport> Inspect(std::string_view tar, const TarballInspector::Limits& limits = {}) {
  const std::string gzip = Gzip(tar);
  const Result<TarballReport> bytewise = InspectGzip(gzip, 1, limits);
  Result<TarballReport> whole = InspectGzip(gzip, gzip.size(), limits);
  EXPECT_EQ(whole.status().code(), bytewise.status().code());
  if (whole.ok() && bytewise.ok()) {
    EXPECT_EQ(whole->package_json, bytewise->package_json);
  }
  return whole;
}

void ExpectRefused(std::string_view tar, std::string_view why) {
  const Status status = Inspect(tar).status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument) << why;
  EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(why)));
}

TEST(TarballInspector, FindsPackageJsonAndCounts) {
  const std::string tar = Entry("package/", "", '5') + PackageJson() +
                          Entry("package/index.js", std::string(1000, 'x')) + Entry("package/lib/package.json", "{}") +
                          Entry("package/empty", "") + Entry("package/link", "", '2') + End();
  const auto report = Inspect(tar);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->package_json, kPackageJson);
  EXPECT_EQ(report->entry_count, 6u);
  EXPECT_EQ(report->file_count, 4u);
  EXPECT_EQ(report->unpacked_bytes, 1000u + 2 + sizeof(kPackageJson) - 1);
  EXPECT_FALSE(report->has_shrinkwrap);
  EXPECT_FALSE(report->has_binding_gyp);
}

TEST(TarballInspector, TheRootFolderMayBeCalledAnything) {
  for (const char* name : {"package/package.json", "x/package.json", "./package.json", "a b-1.0/package.json",
                           ".x/package.json", "package//package.json", "package/./package.json"}) {
    const auto report = Inspect(Entry(name, kPackageJson) + End());
    ASSERT_TRUE(report.ok()) << name << report.status().ToString();
    EXPECT_EQ(report->package_json, kPackageJson);
  }
  for (const char* name : {"package.json", "a/b/package.json", "./package/package.json", "package/PACKAGE.JSON"}) {
    ExpectRefused(Entry(name, kPackageJson) + End(), "no package.json");
  }
  ExpectRefused(Entry("package/package.json/", "") + End(), "no package.json");
}

TEST(TarballInspector, NotesShrinkwrapAndBindingGyp) {
  const auto report =
      Inspect(PackageJson() + Entry("package/npm-shrinkwrap.json", "{}") + Entry("package/binding.gyp", "{}") + End());
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->has_shrinkwrap);
  EXPECT_TRUE(report->has_binding_gyp);
  const auto deeper = Inspect(PackageJson() + Entry("package/x/npm-shrinkwrap.json", "{}") +
                              Entry("package/x/binding.gyp", "{}") + Entry("package/binding.gyp", "", '2') + End());
  ASSERT_TRUE(deeper.ok());
  EXPECT_FALSE(deeper->has_shrinkwrap);
  EXPECT_FALSE(deeper->has_binding_gyp);
}

TEST(TarballInspector, ReadsEveryFormOfLongName) {
  const std::string folder = "root/" + std::string(120, 'd');
  const std::string prefixed =
      Block({.name = "package.json", .size = sizeof(kPackageJson) - 1, .prefix = "package"}) + Padded(kPackageJson);
  const std::string gnu =
      Entry("././@LongLink", std::string("package/package.json\0", 21), 'L') + Entry("cut off", kPackageJson);
  const std::string pax =
      Entry("PaxHeaders/x", PaxRecord("mtime", "1.5") + PaxRecord("path", "package/package.json"), 'x') +
      Entry("cut off", kPackageJson);
  const std::string old = Block({.name = "package/package.json",
                                 .size = sizeof(kPackageJson) - 1,
                                 .type = '\0',
                                 .prefix = "not a prefix",
                                 .magic = ""}) +
                          Padded(kPackageJson);
  const std::string gnu_magic = Block({.name = "package/package.json",
                                       .size = sizeof(kPackageJson) - 1,
                                       .prefix = "not a prefix",
                                       .magic = "ustar  "}) +
                                Padded(kPackageJson);
  const std::string long_elsewhere = Entry("x", PaxRecord("path", folder + "/" + std::string(300, 'f')), 'x') +
                                     Entry("y", "z") + Entry("K", "target", 'K') + Entry("package/l", "", '2') +
                                     PackageJson();
  const std::string global = Entry("pax_global_header", PaxRecord("comment", "abc"), 'g') + PackageJson();
  for (const std::string& tar : {prefixed, gnu, pax, old, gnu_magic, long_elsewhere, global}) {
    const auto report = Inspect(tar + End());
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    EXPECT_EQ(report->package_json, kPackageJson);
  }
}

TEST(TarballInspector, PaxSizeOverridesTheHeader) {
  const std::string bytes(700, 'x');
  const auto report = Inspect(Entry("x", PaxRecord("size", "700"), 'x') + Block({.name = "package/big", .size = 0}) +
                              Padded(bytes) + PackageJson() + End());
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->unpacked_bytes, 700 + sizeof(kPackageJson) - 1);
}

TEST(TarballInspector, ReadsNumbersInBase256AndWithSpaces) {
  std::string base256 = Block({.name = "package/package.json"});
  Put(&base256, 124, std::string("\x80\0\0\0\0\0\0\0\0\0\0\x1e", 12));
  SetChecksum(&base256);
  std::string spaces = Block({.name = "package/package.json"});
  Put(&spaces, 124, "         36 ");
  SetChecksum(&spaces);
  for (const std::string& header : {base256, spaces}) {
    const auto report = Inspect(header + Padded(kPackageJson) + End());
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    EXPECT_EQ(report->package_json, kPackageJson);
  }
}

TEST(TarballInspector, RefusesPathsThatLeaveTheFolder) {
  const struct {
    std::string path;
    const char* why;
  } cases[] = {
      {"/etc/passwd", "absolute path"},
      {"\\\\server\\x", "absolute path"},
      {"C:/x", "drive letter"},
      {"c:x", "drive letter"},
      {"..", "\\\"..\\\" in its path"},
      {"../x", "\\\"..\\\" in its path"},
      {"package/../../x", "\\\"..\\\" in its path"},
      {"package/..", "\\\"..\\\" in its path"},
      {"package\\..\\x", "\\\"..\\\" in its path"},
      {"", "has no name"},
  };
  for (const auto& test : cases) {
    std::string why = test.why;
    for (size_t at; (at = why.find("\\\"")) != std::string::npos;) why.erase(at, 1);
    ExpectRefused(PackageJson() + Entry(test.path, "x") + End(), why);
    ExpectRefused(PackageJson() + Entry(test.path, "", '5') + End(), why);
    ExpectRefused(PackageJson() + Entry(test.path, "", '2') + End(), why);
  }
  ExpectRefused(Entry("x", PaxRecord("path", std::string("a/b\0c", 5)), 'x') + Entry("y", "") + End(), "NUL");
  ExpectRefused(Entry("x", PaxRecord("path", "../x"), 'x') + Entry("y", "") + End(), "..");
  ExpectRefused(Entry("x", "/abs", 'L') + Entry("y", "") + End(), "absolute");
  // Only whole parts count.
  EXPECT_TRUE(Inspect(PackageJson() + Entry("package/..x/x..", "") + End()).ok());
}

TEST(TarballInspector, RefusesBrokenHeaders) {
  std::string bad_checksum = PackageJson();
  bad_checksum[0] = 'P';
  ExpectRefused(bad_checksum + End(), "wrong checksum");
  ExpectRefused(std::string(512, 'x') + End(), "wrong checksum");
  std::string bad_size = Block({.name = "package/x"});
  Put(&bad_size, 124, "0000000009x");
  SetChecksum(&bad_size);
  ExpectRefused(bad_size + PackageJson() + End(), "size is not a number");
  std::string negative = Block({.name = "package/x"});
  Put(&negative, 124, std::string(12, '\xff'));
  SetChecksum(&negative);
  ExpectRefused(negative + PackageJson() + End(), "size is out of range");
  ExpectRefused(Entry("package/s", "", 'S') + PackageJson() + End(), "sparse");
}

TEST(TarballInspector, RefusesBrokenPaxHeaders) {
  for (const char* body : {"x", "5", "5 a=b", "99 a=b\n", "3 \n", "6 a=b\nx", "7 path\n", "-6 a=b\n", "6 a=bx",
                           "0 a=b\n", "99999999999999999999 a=b\n"}) {
    ExpectRefused(Entry("x", body, 'x') + PackageJson() + End(), "malformed pax header");
  }
  ExpectRefused(Entry("x", PaxRecord("size", "1x"), 'x') + PackageJson() + End(), "not a number");
  ExpectRefused(Entry("x", PaxRecord("GNU.sparse.major", "1"), 'x') + PackageJson() + End(), "sparse");
  ExpectRefused(Entry("x", PaxRecord("path", "p/package.json"), 'g') + PackageJson() + End(), "global");
  ExpectRefused(Entry("x", PaxRecord("size", "1"), 'g') + PackageJson() + End(), "global");
  ExpectRefused(PackageJson() + Entry("x", PaxRecord("path", "y/z"), 'x') + End(), "without its entry");
}

TEST(TarballInspector, RefusesTwoPackageJsons) {
  ExpectRefused(PackageJson() + PackageJson() + End(), "second package.json");
  ExpectRefused(PackageJson() + Entry("other/package.json", "{}") + End(), "second package.json");
  ExpectRefused(PackageJson() + Entry("package/.//package.json", "{}") + End(), "second package.json");
  // Links are none.
  EXPECT_TRUE(Inspect(PackageJson() + Entry("package/package.json", "", '2') + End()).ok());
  ExpectRefused(Entry("package/package.json", "", '2') + End(), "no package.json");
}

TEST(TarballInspector, EndsAtTheMarkOrAtAnEntry) {
  EXPECT_TRUE(Inspect(PackageJson()).ok());
  EXPECT_TRUE(Inspect(PackageJson() + std::string(512, '\0')).ok());
  EXPECT_TRUE(Inspect(PackageJson() + std::string(10240, '\0')).ok());
  EXPECT_TRUE(Inspect(PackageJson() + End() + "anything").ok());
  // A lone zero block is passed over, as node-tar does.
  EXPECT_EQ(Inspect(PackageJson() + std::string(512, '\0') + Entry("package/x", "y") + End())->file_count, 2u);
  EXPECT_EQ(Inspect(PackageJson() + End() + Entry("package/x", "y"))->file_count, 1u);
  ExpectRefused("", "no package.json");
  ExpectRefused(End(), "no package.json");
}

TEST(TarballInspector, RefusesTruncatedArchives) {
  const std::string tar = PackageJson() + Entry("package/x", std::string(600, 'x'));
  for (const size_t size :
       {size_t{1}, size_t{511}, size_t{513}, size_t{600}, size_t{1025}, tar.size() - 513, tar.size() - 1}) {
    ExpectRefused(tar.substr(0, size), "truncated");
  }
}

TEST(TarballInspector, RefusesBrokenGzip) {
  const std::string gzip = Gzip(PackageJson() + End());
  const auto refused = [](std::string_view bytes, const char* why) {
    for (const size_t piece : {size_t{1}, size_t{7}, bytes.size() + 1}) {
      const Status status = InspectGzip(bytes, piece).status();
      EXPECT_EQ(status.code(), Code::kInvalidArgument);
      EXPECT_THAT(std::string(status.message()), HasSubstr(why));
    }
  };
  refused("", "empty");
  for (size_t size = 1; size < gzip.size(); ++size) refused(gzip.substr(0, size), "truncated");
  refused("this is not gzip", "not valid gzip");
  refused(PackageJson() + End(), "not valid gzip");
  std::string bad_crc = gzip;
  bad_crc[gzip.size() - 8] ^= 1;
  refused(bad_crc, "not valid gzip (incorrect data check)");
  std::string bad_length = gzip;
  bad_length[gzip.size() - 1] ^= 1;
  refused(bad_length, "not valid gzip (incorrect length check)");
  refused(gzip + "x", "bytes after the end");
  refused(gzip + std::string(3, '\0') + "x", "bytes after the end");
  refused(gzip + gzip.substr(0, 5), "truncated");
  refused(gzip + "\x1f\x8bxxxxxxxxxx", "not valid gzip");
}

TEST(TarballInspector, ReadsSeveralMembersAndTrailingZeros) {
  const std::string tar = PackageJson() + End();
  for (size_t cut = 0; cut <= tar.size(); cut += 100) {
    const std::string gzip = Gzip(tar.substr(0, cut)) + Gzip(tar.substr(cut)) + std::string(cut, '\0');
    for (const size_t piece : {size_t{1}, size_t{64}, gzip.size()}) {
      const auto report = InspectGzip(gzip, piece);
      ASSERT_TRUE(report.ok()) << cut << report.status().ToString();
      EXPECT_EQ(report->package_json, kPackageJson);
    }
  }
}

TEST(TarballInspector, LimitsHoldExactly) {
  const std::string tar = PackageJson() + Entry("package/x", "y") + End();
  TarballInspector::Limits limits;
  limits.entries_max = 2;
  limits.inflated_bytes_max = tar.size();
  limits.package_json_bytes_max = sizeof(kPackageJson) - 1;
  EXPECT_TRUE(Inspect(tar, limits).ok());
  for (const auto shrink : std::initializer_list<void (*)(TarballInspector::Limits*)>{
           [](auto* l) { --l->entries_max; }, [](auto* l) { --l->inflated_bytes_max; },
           [](auto* l) { --l->package_json_bytes_max; }}) {
    TarballInspector::Limits smaller = limits;
    shrink(&smaller);
    EXPECT_EQ(Inspect(tar, smaller).status().code(), Code::kTooLarge);
  }
}

TEST(TarballInspector, MetaEntriesAreLimited) {
  const size_t max = limits::kTarballMetaEntryBytesMax;
  const std::string name = "package/" + std::string(max - 8, 'n');
  EXPECT_TRUE(InspectGzip(Gzip(Entry("x", name, 'L') + Entry("y", "") + PackageJson()), 65536).ok());
  EXPECT_EQ(InspectGzip(Gzip(Entry("x", name + "n", 'L') + Entry("y", "") + PackageJson()), 65536).code(),
            Code::kTooLarge);
}

TEST(TarballInspector, AnEntryThatClaimsTooMuchIsRefusedAtItsHeader) {
  TarballInspector::Limits limits;
  limits.inflated_bytes_max = 10'000;
  const auto claim = [&](uint64_t size) {
    return Inspect(PackageJson() + Block({.name = "package/huge", .size = size}), limits).code();
  };
  EXPECT_EQ(claim(10'000), Code::kInvalidArgument);  // Truncated.
  EXPECT_EQ(claim(10'001), Code::kTooLarge);
}

TEST(TarballInspector, AGzipBombStopsAtTheLimit) {
  const std::string bomb = Gzip(PackageJson() + Entry("package/x", std::string(8 << 20, '\0')), 9);
  TarballInspector::Limits limits;
  limits.inflated_bytes_max = 1 << 20;
  TarballInspector inspector(limits);
  EXPECT_EQ(inspector.Append(bomb).code(), Code::kTooLarge);
}

TEST(TarballInspector, SurvivesRandomDamage) {
  SeededRandom random(17);
  const std::string tar = Entry("x", PaxRecord("path", "package/y"), 'x') + Entry("y", "z") + PackageJson() +
                          Entry("n", "package/long", 'L') + Entry("m", "z") + End();
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = tar;
    const uint64_t flips = 1 + random.Below(3);
    for (uint64_t i = 0; i < flips; ++i) {
      damaged[random.Below(damaged.size())] ^= static_cast<char>(1 + random.Below(255));
    }
    // Repaired checksums let the damage deeper in.
    for (const size_t block : {size_t{0}, size_t{1024}, size_t{2048}}) {
      std::string header = damaged.substr(block, 512);
      SetChecksum(&header);
      damaged.replace(block, 512, header);
    }
    const auto report = InspectGzip(Gzip(damaged, 1), 100);
    if (report.ok()) {
      EXPECT_LE(report->file_count, 3u);
    }
  }
}

}  // namespace
}  // namespace tarn::registry
