#include "storage/registry/records.h"

#include <gtest/gtest.h>

#include "storage/base/digest.h"
#include "storage/registry/org_records.h"

namespace tarn::registry {
namespace {

PackageRecord FullPackage() {
  PackageRecord package;
  package.rev_counter = 17;
  package.rev_hash = 0x9f00c3d1e2b4a596;
  package.access = PackageAccess::kRestricted;
  package.created_ms = 1;
  package.modified_ms = 2;
  package.maintainers = {{"alice", "alice@example.com"}, {"bob", ""}};
  package.dist_tags = {{"beta", "2.0.0-beta"}, {"latest", "1.0.0"}};
  package.version_count = 3;
  package.next_ordinal = 4;
  package.latest = LatestSummary{"1.0.0", "d", {"k1", "k2"}, "MIT", "h", "r", "b", {"alice", "e"}, 5, true};
  package.unpublished = Unpublished{"alice", 6, {{"latest", "1.0.0"}}, {{"bob", ""}}, "d", {"1.0.0", "2.0.0"}};
  package.stars = {"carol"};
  package.earlier_rev_hashes = {3, 2, 1};
  package.requires_second_factor = true;
  package.automation_bypasses_second_factor = true;
  return package;
}

VersionRecord FullVersion() {
  VersionRecord version;
  version.version = "1.0.0+build";
  version.ordinal = 7;
  version.manifest = std::string("{\"name\":\"\xc3\xbc\"}\0", 14);
  version.tarball = {Sha512("x"), Sha1("x"), 8, "left-1.0.0.tgz", 9, 10, true};
  version.publisher = {"alice", "alice@example.com"};
  version.maintainers = {{"alice", "alice@example.com"}};
  version.time_ms = 11;
  version.deprecated = "old";
  version.readme = "# readme";
  version.readme_filename = "README.md";
  version.bundle = AttestationBundle{Sha512("y"), 12, "application/json", "https://slsa.dev/provenance/v1"};
  version.has_install_script = true;
  version.keeps_evidence = true;
  version.signatures = {{"SHA256:x", "MEUC"}, {"SHA256:y", ""}};
  return version;
}

Advisory FullAdvisory() {
  Advisory advisory;
  advisory.id = "GHSA-1";
  advisory.title = "title";
  advisory.url = "https://example.com/";
  advisory.severity = Severity::kCritical;
  advisory.cvss_tenths = 98;
  advisory.cvss_vector = "CVSS:3.1/AV:N";
  advisory.cwes = {"CWE-1"};
  advisory.aliases = {"CVE-1"};
  advisory.ranges = {{"", "1.0.0", false}, {"2.0.0", "2.1.0", true}, {"3.0.0", "", false}};
  advisory.versions = {"2.5.0"};
  advisory.published_ms = 1;
  advisory.modified_ms = 2;
  return advisory;
}

template <typename Record>
void ExpectRoundTrip(const Record& record) {
  const std::string payload = Encode(record);
  const auto decoded = Decode<Record>(payload);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(*decoded, record);
  EXPECT_EQ(Encode(*decoded), payload) << "the same record, the same bytes: preconditions compare them";
  // Damage is noticed or harmless, never a crash: sanitizers watch.
  for (size_t size = 0; size < payload.size(); ++size) {
    const auto cut = Decode<Record>(payload.substr(0, size));
    if (cut.ok()) {
      EXPECT_EQ(*cut, record) << "only padding may be missing: " << size << " of " << payload.size();
    }
  }
  for (size_t i = 0; i < payload.size(); ++i) {
    std::string damaged = payload;
    damaged[i] = static_cast<char>(damaged[i] ^ 0xff);
    static_cast<void>(Decode<Record>(damaged).ok());
  }
}

TEST(Records, RoundTripAndDamage) {
  ExpectRoundTrip(FullPackage());
  ExpectRoundTrip(PackageRecord());
  ExpectRoundTrip(FullVersion());
  ExpectRoundTrip(VersionRecord());
  ExpectRoundTrip(TombstoneRecord{"1.0.0", 1, 2, 3, "alice"});
  ExpectRoundTrip(UserRecord{"alice", 1, "e", "$argon2id$", true, 2, 3, 4, 5});
  ExpectRoundTrip(UserRecord{"alice",
                             1,
                             "e",
                             "",
                             false,
                             2,
                             3,
                             4,
                             5,
                             {"Alice A.", "h", "g", "t", "f"},
                             {SecondFactorMode::kAuthAndWrites, true, "JBSWY3DPEHPK3PXP", {"00ff", "ff00"}}});
  ExpectRoundTrip(AccountsRecord{1, 2});
  ExpectRoundTrip(TokenRecord{"alice", 1, 2, 3, true, {"10.0.0.0/8"}, "n", "d", "tarn_abcde"});
  const TokenLimits limits{true, {"a"}, {"@b"}, {"c"}, TokenPermission::kPublish, TokenPermission::kRead, true};
  ExpectRoundTrip(TokenRecord{"alice", 1, 2, 3, false, {}, "n", "d", "tarn_abcde", limits});
  ExpectRoundTrip(SigningKeysRecord{{{"SHA256:x", std::string("\0key", 4), 1, 2}, {"SHA256:y", "key", 3, 0}}, true});
  ExpectRoundTrip(SigningKeysRecord());
  ExpectRoundTrip(AdvisoriesRecord{1, 2});
  ExpectRoundTrip(AdvisoryIndexRecord{1, Severity::kHigh, "title", {"a", "@s/b"}});
  ExpectRoundTrip(PackageAdvisoriesRecord{{FullAdvisory(), FullAdvisory()}});
  const OrgRecord org{"corp", 1, {{"alice", OrgRole::kOwner}, {"bob", OrgRole::kDeveloper}}};
  ExpectRoundTrip(org);
  EXPECT_EQ(DecodeRole(Encode(org), "bob").value(), OrgRole::kDeveloper);
  EXPECT_EQ(DecodeRole(Encode(org), "bo").value(), std::nullopt);
  const TeamRecord team{"corp", "ops", "who runs it", 2, {"alice", "bob", "carol"}, 3};
  ExpectRoundTrip(team);
  ExpectRoundTrip(TeamRecord{});
  for (const char* member : {"alice", "bob", "carol"}) EXPECT_TRUE(DecodeIsInTeam(Encode(team), member).value());
  for (const char* other : {"", "al", "bobby", "dave"}) EXPECT_FALSE(DecodeIsInTeam(Encode(team), other).value());
  ExpectRoundTrip(GrantRecord{{{"corp:developers", TeamPermission::kWrite}, {"corp:ops", TeamPermission::kRead}}});
}

TEST(Records, OneKindIsNotReadAsAnother) {
  EXPECT_EQ(Decode<VersionRecord>(Encode(FullPackage())).code(), Code::kCorruption);
  EXPECT_EQ(Decode<UserRecord>(Encode(TokenRecord())).code(), Code::kCorruption);
}

TEST(Records, TarballOfAVersionAlone) {
  EXPECT_EQ(DecodeTarball(Encode(FullVersion())).value(), FullVersion().tarball);
}

TEST(Records, DistTagsStaySorted) {
  PackageRecord package;
  for (const char* tag : {"next", "latest", "beta", "next"}) package.SetTag(tag, tag);
  EXPECT_EQ(package.dist_tags, (DistTagList{{"beta", "beta"}, {"latest", "latest"}, {"next", "next"}}));
  EXPECT_TRUE(package.RemoveTag("latest"));
  EXPECT_FALSE(package.RemoveTag("latest"));
  EXPECT_EQ(package.FindTag("latest"), nullptr);
  EXPECT_EQ(*package.FindTag("beta"), "beta");
}

TEST(Records, RevisionIsSafeInAPath) { EXPECT_EQ(FullPackage().rev(), "17-9f00c3d1e2b4a596"); }

}  // namespace
}  // namespace tarn::registry
