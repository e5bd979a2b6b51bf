#include "storage/registry/change_rules.h"

#include <gtest/gtest.h>

#include <map>

#include "storage/base/limits.h"

namespace tarn::registry {
namespace {

constexpr uint64_t kNow = 1'700'000'000'000;

PackageName Name(std::string_view text) { return PackageName::Parse(text).value(); }
Version V(std::string_view text) { return Version::Parse(text).value(); }

// A package with versions, as the rules meet one.
struct Package {
  PackageRecord record;
  std::map<std::string, VersionRecord> versions;  // By sort key.

  explicit Package(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      VersionRecord version;
      version.version = text;
      version.ordinal = record.next_ordinal++;
      version.time_ms = 1000 + version.ordinal;
      version.manifest = R"({"name":"left","version":")" + text + R"(","description":"of )" + text + R"("})";
      versions[V(text).SortKey()] = version;
    }
    record.version_count = static_cast<uint32_t>(texts.size());
    record.maintainers = {{"alice", "alice@example.com"}};
    record.SetTag("latest", texts.back());
    record.latest = LatestSummary{};
    record.latest->version = texts.back();
    record.latest->description = "of " + texts.back();
  }
  VersionLookup Lookup() const {
    return [this](const Version& version) -> Result<std::optional<VersionRecord>> {
      const auto entry = versions.find(version.SortKey());
      return entry == versions.end() ? std::nullopt : std::optional(entry->second);
    };
  }
  std::vector<Version> Live() const {
    std::vector<Version> live;
    for (const auto& [key, version] : versions) live.push_back(V(version.version));
    return live;
  }
};

PublishRequest Request(const std::string& json) {
  auto request = ParsePublishRequest(json);
  EXPECT_TRUE(request.ok()) << request.status().ToString();
  return std::move(request).value();
}

TEST(ChangeRules, WritesAreToldApartByWhatTheyHold) {
  struct Row {
    const char* json;
    bool has_tarball;
    RevInPath rev;
    std::optional<WriteKind> expected;
  };
  const Row rows[] = {
      {R"({"name":"a","versions":{}})", true, RevInPath::kNo, WriteKind::kPublish},
      {R"({"name":"a","versions":{}})", false, RevInPath::kNo, WriteKind::kVersions},
      {R"({"name":"a","versions":{},"maintainers":[]})", false, RevInPath::kYes, WriteKind::kVersions},
      {R"({"_id":"a","maintainers":[]})", false, RevInPath::kYes, WriteKind::kOwners},
      {R"({"_id":"a","maintainers":[]})", false, RevInPath::kNo, std::nullopt},
      {R"({"_id":"a","users":{}})", false, RevInPath::kNo, WriteKind::kStars},
      {R"({"_id":"a"})", false, RevInPath::kNo, WriteKind::kNothing},
  };
  for (const Row& row : rows) {
    const auto kind = ClassifyWrite(Request(row.json), row.has_tarball, row.rev);
    EXPECT_EQ(kind.ok() ? std::optional(*kind) : std::nullopt, row.expected) << row.json;
  }
}

TEST(ChangeRules, OnlyTheCurrentRevisionMatches) {
  PackageRecord package;
  package.Advance(0x1234, kNow);
  EXPECT_EQ(package.rev(), "1-0000000000001234");
  EXPECT_TRUE(CheckRevision(package, "1-0000000000001234").ok());
  for (const char* other : {"undefined", "", "1", "1-", "1-0000000000001235", "01-0000000000001234"}) {
    const Status refused = CheckRevision(package, other);
    EXPECT_EQ(refused.code(), Code::kConflict) << other;
    EXPECT_NE(refused.message().find(package.rev()), std::string::npos) << "does not name the current revision";
  }
}

TEST(DistTagRules, Setting) {
  const Package package({"1.0.0", "2.0.0-beta.1", "2.0.0"});
  struct Row {
    const char* tag;
    const char* version;
    Code expected;
  };
  const Row rows[] = {
      {"beta", "2.0.0-beta.1", Code::kOk},       {"latest", "1.0.0", Code::kOk},
      {"beta", "3.0.0", Code::kInvalidArgument}, {"beta", "latest", Code::kInvalidArgument},
      {"1", "1.0.0", Code::kInvalidArgument},    {"v1.2", "1.0.0", Code::kInvalidArgument},
      {"x", "1.0.0", Code::kInvalidArgument},    {"*", "1.0.0", Code::kInvalidArgument},
      {"a/b", "1.0.0", Code::kInvalidArgument},  {"", "1.0.0", Code::kInvalidArgument},
  };
  for (const Row& row : rows) {
    const auto next = PlanSetTag(package.record, row.tag, row.version, package.Lookup());
    EXPECT_EQ(next.code(), row.expected) << row.tag << " " << row.version;
    if (next.ok()) {
      ASSERT_TRUE(*next);
      EXPECT_EQ(*(*next)->FindTag(row.tag), row.version);
    }
  }
}

TEST(DistTagRules, SettingWhatIsSetChangesNothing) {
  const Package package({"1.0.0"});
  const auto next = PlanSetTag(package.record, "latest", "1.0.0", package.Lookup());
  ASSERT_TRUE(next.ok());
  EXPECT_FALSE(*next);
}

TEST(DistTagRules, MovingLatestRefreshesTheSummary) {
  const Package package({"1.0.0", "2.0.0"});
  const auto next = PlanSetTag(package.record, "latest", "1.0.0", package.Lookup());
  ASSERT_TRUE(next.ok() && *next);
  EXPECT_EQ((*next)->latest->description, "of 1.0.0");
}

TEST(DistTagRules, Removing) {
  Package package({"1.0.0"});
  package.record.SetTag("beta", "1.0.0");
  const auto next = PlanRemoveTag(package.record, "beta");
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->dist_tags, (DistTagList{{"latest", "1.0.0"}}));
  EXPECT_EQ(PlanRemoveTag(package.record, "gamma").code(), Code::kNotFound);
  const auto latest = PlanRemoveTag(package.record, "latest");
  EXPECT_EQ(latest.code(), Code::kPermissionDenied);
  EXPECT_NE(latest.status().message().find("must have a \"latest\" dist-tag"), std::string::npos);
}

TEST(DeprecationRules, OnlyTheMentionedVersionsChange) {
  Package package({"1.0.0", "2.0.0"});
  package.versions[V("1.0.0").SortKey()].deprecated = "old";
  const std::string sent = R"({"_id":"left","versions":{"1.0.0":{"name":"left","version":"1.0.0"},)"
                           R"("2.0.0":{"name":"changed","deprecated":"no more","x":1},)"
                           R"("9.9.9":{"deprecated":"not there"}}})";
  const auto plan = PlanDeprecation(package.record, Request(sent), package.Lookup());
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  ASSERT_EQ(plan->changed.size(), 1u);
  VersionRecord expected = package.versions[V("2.0.0").SortKey()];
  expected.deprecated = "no more";
  EXPECT_EQ(plan->changed[0], expected) << "all else stays byte for byte";
  EXPECT_TRUE(plan->package.latest->is_deprecated);
}

TEST(DeprecationRules, EmptyNullAndFalseRemoveIt) {
  for (const char* value : {"\"\"", "null", "false"}) {
    Package package({"1.0.0"});
    package.versions[V("1.0.0").SortKey()].deprecated = "old";
    package.record.latest->is_deprecated = true;
    const auto plan =
        PlanDeprecation(package.record, Request(std::string(R"({"versions":{"1.0.0":{"deprecated":)") + value + "}}}"),
                        package.Lookup());
    ASSERT_TRUE(plan.ok());
    ASSERT_EQ(plan->changed.size(), 1u) << value;
    EXPECT_EQ(plan->changed[0].deprecated, "");
    EXPECT_FALSE(plan->package.latest->is_deprecated);
  }
}

TEST(DeprecationRules, MessageIsLimited) {
  const Package package({"1.0.0"});
  for (const size_t extra : {0u, 1u}) {
    const std::string text(limits::kDeprecationBytesMax + extra, 'x');
    const auto plan = PlanDeprecation(
        package.record, Request(R"({"versions":{"1.0.0":{"deprecated":")" + text + "\"}}}"), package.Lookup());
    EXPECT_EQ(plan.code(), extra == 0 ? Code::kOk : Code::kInvalidArgument);
  }
}

TEST(DeprecationRules, KeysThatDifferInBuildMetadataAreOneVersion) {
  const Package package({"1.0.0"});
  const auto plan = PlanDeprecation(
      package.record, Request(R"({"versions":{"1.0.0":{"deprecated":"a"},"1.0.0+b":{"deprecated":"b"}}})"),
      package.Lookup());
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->changed.size(), 1u);
}

TEST(UnpublishRules, MissingAreThoseThatTheBodyDoesNotList) {
  const Package package({"1.0.0", "1.1.0", "2.0.0"});
  const auto missing =
      MissingVersions(package.Live(), Request(R"({"versions":{"2.0.0":{},"1.0.0":{},"7.0.0":{},"junk":{}}})"));
  ASSERT_EQ(missing.size(), 1u);
  EXPECT_EQ(missing[0].ToString(), "1.1.0");
}

TEST(UnpublishRules, LatestMovesToTheHighestRelease) {
  struct Row {
    std::vector<std::string> versions;  // The last is latest.
    std::vector<std::string> removed;   // Ascending.
    std::string latest;
  };
  const Row rows[] = {
      {{"1.0.0", "2.0.0"}, {"2.0.0"}, "1.0.0"},
      {{"1.0.0", "2.0.0"}, {"1.0.0"}, "2.0.0"},
      {{"1.0.0", "3.0.0-rc.1", "2.0.0"}, {"2.0.0"}, "1.0.0"},
      {{"2.0.0-rc.1", "1.0.0-rc.1", "2.0.0"}, {"2.0.0"}, "2.0.0-rc.1"},
      {{"10.0.0", "9.0.0", "11.0.0"}, {"9.0.0", "11.0.0"}, "10.0.0"},
  };
  for (const Row& row : rows) {
    Package package(row.versions);
    package.record.SetTag("doomed", row.removed[0]);
    std::vector<Version> removed;
    for (const std::string& text : row.removed) removed.push_back(V(text));
    const auto plan = PlanUnpublish(package.record, package.Live(), removed, "alice", package.Lookup(), kNow);
    ASSERT_TRUE(plan.ok()) << plan.status().ToString();
    EXPECT_EQ(plan->package.dist_tags, (DistTagList{{"latest", row.latest}}));
    EXPECT_EQ(plan->package.latest->version, row.latest);
    EXPECT_EQ(plan->package.version_count, row.versions.size() - row.removed.size());
    EXPECT_FALSE(plan->package.unpublished);
    ASSERT_EQ(plan->tombstones.size(), row.removed.size());
    const VersionRecord& was = package.versions[removed[0].SortKey()];
    EXPECT_EQ(plan->tombstones[0], (TombstoneRecord{row.removed[0], was.ordinal, was.time_ms, kNow, "alice"}));
  }
}

TEST(UnpublishRules, TheLastVersionTakesThePackageAlong) {
  const Package package({"1.0.0", "2.0.0"});
  const auto plan = PlanUnpublish(package.record, package.Live(), package.Live(), "alice", package.Lookup(), kNow);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->package.version_count, 0u);
  EXPECT_TRUE(plan->package.dist_tags.empty());
  EXPECT_FALSE(plan->package.latest);
  ASSERT_TRUE(plan->package.unpublished);
  EXPECT_EQ(plan->package.unpublished->versions, (std::vector<std::string>{"1.0.0", "2.0.0"}));
  EXPECT_EQ(plan->package.unpublished->dist_tags, (DistTagList{{"latest", "2.0.0"}}));
  EXPECT_EQ(plan->package.unpublished->description, "of 2.0.0");
  EXPECT_EQ(plan->package.maintainers, package.record.maintainers) << "they alone may publish here again";
}

TEST(OwnerRules, TheListReplacesTheOldOne) {
  const Package package({"1.0.0"});
  const UserLookup users = [](std::string_view name) -> Result<std::optional<Maintainer>> {
    if (name == "bob" || name == "carol") return std::optional(Maintainer{std::string(name), "real@example.com"});
    return std::optional<Maintainer>();
  };
  struct Row {
    std::vector<Maintainer> requested;
    Code expected;
    size_t count;
  };
  const Row rows[] = {
      {{{"bob", "forged@example.com"}}, Code::kOk, 1},
      {{{"bob", ""}, {"carol", ""}, {"bob", ""}}, Code::kOk, 2},
      {{}, Code::kInvalidArgument, 0},
      {{{"bob", ""}, {"nobody", ""}}, Code::kInvalidArgument, 0},
      {{{"", ""}}, Code::kInvalidArgument, 0},
      {std::vector<Maintainer>(limits::kMaintainersPerPackageMax + 1, {"bob", ""}), Code::kTooLarge, 0},
  };
  for (const Row& row : rows) {
    const auto next = PlanOwners(package.record, row.requested, users);
    EXPECT_EQ(next.code(), row.expected);
    if (!next.ok()) continue;
    EXPECT_EQ(next->maintainers.size(), row.count);
    EXPECT_EQ(next->maintainers[0], (Maintainer{"bob", "real@example.com"})) << "addresses come from the accounts";
  }
}

TEST(AccessRules, Setting) {
  struct Row {
    const char* name;
    const char* access;
    Code expected;
    bool changes;
  };
  const Row rows[] = {
      {"@a/b", "restricted", Code::kOk, true},
      {"@a/b", "private", Code::kOk, true},
      {"@a/b", "public", Code::kOk, false},
      {"left", "public", Code::kOk, false},
      {"left", "restricted", Code::kInvalidArgument, false},
      {"@a/b", "secret", Code::kInvalidArgument, false},
  };
  for (const Row& row : rows) {
    const auto next = PlanAccess(Name(row.name), PackageRecord{}, row.access);
    EXPECT_EQ(next.code(), row.expected) << row.name << " " << row.access;
    if (next.ok()) {
      EXPECT_EQ(next->has_value(), row.changes) << row.name << " " << row.access;
    }
  }
}

TEST(StarRules, OnlyTheCallersOwn) {
  PackageRecord package;
  package.stars = {"bob"};
  const auto starred = PlanStar(package, "alice", Request(R"({"users":{"alice":true,"mallory":true}})"));
  ASSERT_TRUE(starred);
  EXPECT_EQ(starred->stars, (std::vector<std::string>{"alice", "bob"}));
  const auto unstarred = PlanStar(*starred, "alice", Request(R"({"users":{}})"));
  ASSERT_TRUE(unstarred);
  EXPECT_EQ(unstarred->stars, (std::vector<std::string>{"bob"}));
  EXPECT_FALSE(PlanStar(package, "bob", Request(R"({"users":{"bob":true}})")));
}

}  // namespace
}  // namespace tarn::registry
