#include "storage/registry/hook_events.h"

#include <gmock/gmock.h>

#include "storage/registry/hook_journal.h"
#include "storage/testing/registry_fixture.h"

namespace tarn::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class HookEventsTest : public RegistryFixture {
 protected:
  // "package:publish {…}" for each event of the journal behind `after`, as hooks of a package would be told.
  std::vector<std::string> EventsAfter(Lsn after) {
    HookJournal journal(&store_);
    journal.StartAt(after);
    std::vector<std::string> texts;
    while (journal.head() < store_.last_lsn()) {
      EXPECT_TRUE(journal.ReadNext().ok());
      const auto occasion = journal.At(journal.head());
      EXPECT_TRUE(occasion.ok()) << occasion.status().ToString();
      if (!occasion.ok() || *occasion == nullptr) continue;
      for (const HookEvent& event : (*occasion)->events) texts.push_back(event.name + " " + event.change);
      last_ = *occasion;
    }
    return texts;
  }
  void PublishVersion(const Principal& principal, const std::string& version) {
    PublishBuilder builder;
    builder.version = version;
    builder.contents = "of " + version;
    const auto published = Publish(principal, builder);
    ASSERT_TRUE(published.ok()) << published.status().ToString();
  }
  std::shared_ptr<const HookOccasion> last_;
};

TEST_F(HookEventsTest, NamesWhatHappenedAsNpmDoes) {
  const Principal ann = AddUser("ann");
  const Principal bob = AddUser("bob");
  Lsn at = store_.last_lsn();
  PublishVersion(ann, "1.0.0");
  EXPECT_THAT(EventsAfter(at), ElementsAre(R"(package:publish {"dist-tag":"latest","version":"1.0.0"})"));
  EXPECT_EQ(last_->lsn, at.Next());
  EXPECT_THAT(last_->owners, ElementsAre("ann"));
  PublishVersion(ann, "2.0.0");

  at = store_.last_lsn();
  ASSERT_TRUE(registry_->SetDistTag(ann, Name("left"), "beta", "1.0.0").ok());
  ASSERT_TRUE(registry_->SetDistTag(ann, Name("left"), "rc", "1.0.0").ok());
  ASSERT_TRUE(registry_->RemoveDistTag(ann, Name("left"), "beta").ok());
  EXPECT_THAT(EventsAfter(at), ElementsAre(R"(package:dist-tag {"dist-tag":"beta","version":"1.0.0"})",
                                           R"(package:dist-tag {"dist-tag":"rc","version":"1.0.0"})",
                                           R"(package:dist-tag-rm {"dist-tag":"beta"})"));
  at = store_.last_lsn();
  const std::string both = R"({"_id":"left","name":"left","versions":{"1.0.0":{"name":"left","version":"1.0.0",)"
                           R"("deprecated":"old"},"2.0.0":{"name":"left","version":"2.0.0","deprecated":"too"}}})";
  ASSERT_TRUE(Put(ann, "left", both).ok());
  const std::string one = R"({"_id":"left","name":"left","versions":{"1.0.0":{"name":"left","version":"1.0.0",)"
                          R"("deprecated":""},"2.0.0":{"name":"left","version":"2.0.0","deprecated":"too"}}})";
  ASSERT_TRUE(Put(ann, "left", one).ok());
  EXPECT_THAT(EventsAfter(at), ElementsAre(R"(package:deprecated {"versions":["1.0.0","2.0.0"]})",
                                           R"(package:undeprecated {"version":"1.0.0"})"));
  at = store_.last_lsn();
  ASSERT_TRUE(Put(bob, "left", R"({"_id":"left","users":{"bob":true}})").ok());
  ASSERT_TRUE(Put(bob, "left", R"({"_id":"left","users":{}})").ok());
  EXPECT_THAT(EventsAfter(at), ElementsAre(R"(package:star {"user":"bob"})", R"(package:unstar {"user":"bob"})"));

  at = store_.last_lsn();
  ASSERT_TRUE(
      Put(ann, "left", R"({"_id":"left","maintainers":[{"name":"bob","email":"bob@example.com"}]})", RevOf("left"))
          .ok());
  EXPECT_THAT(EventsAfter(at),
              ElementsAre(R"(package:owner {"maintainer":"bob"})", R"(package:owner-rm {"maintainer":"ann"})"));
  EXPECT_THAT(last_->owners, ElementsAre("bob", "ann"));

  at = store_.last_lsn();
  ASSERT_TRUE(
      Put(bob, "left", R"({"_id":"left","name":"left","versions":{"2.0.0":{}},"dist-tags":{}})", RevOf("left")).ok());
  ASSERT_TRUE(registry_->UnpublishPackage(bob, Name("left"), RevOf("left")).ok());
  EXPECT_THAT(EventsAfter(at),
              ElementsAre(R"(package:unpublish {"version":"1.0.0"})", HasSubstr("package:unpublish ")));
  EXPECT_THAT(last_->owners, ::testing::Contains("bob"));
  ExpectVerified();
}

TEST_F(HookEventsTest, AccountsAndSettingsAreNobodysEvents) {
  const Lsn at = store_.last_lsn();
  AddUser("ann");
  EXPECT_THAT(EventsAfter(at), ElementsAre());
}

TEST(HookEvents, MatchesPackageScopeAndOwner) {
  HookOccasion occasion{Lsn(3), 4, "@ann/left", {"bob"}, {{"package:change", "{}"}}};
  const auto is_for = [&](HookType type, const std::string& name) {
    HookRecord hook;
    hook.type = type;
    hook.name = name;
    return IsFor(hook, occasion);
  };
  EXPECT_TRUE(is_for(HookType::kPackage, "@ann/left"));
  EXPECT_FALSE(is_for(HookType::kPackage, "left"));
  EXPECT_TRUE(is_for(HookType::kScope, "@ann"));
  EXPECT_FALSE(is_for(HookType::kScope, "@an"));
  EXPECT_FALSE(is_for(HookType::kScope, "@anna"));
  EXPECT_TRUE(is_for(HookType::kOwner, "bob"));
  EXPECT_FALSE(is_for(HookType::kOwner, "ann"));
}

TEST(HookEvents, SignsTheBodyByHmacSha256) {
  HookRecord hook;
  hook.user = "ann";
  hook.secret = "key";
  // RFC 2104 over a known text, computed elsewhere.
  EXPECT_EQ(SignatureOf(hook, "The quick brown fox jumps over the lazy dog"),
            "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
  const HookOccasion occasion{Lsn(3), 4, "left", {}, {{"package:publish", R"({"version":"1.0.0"})"}}};
  EXPECT_EQ(FormatDelivery(DeliveryId("ab", Lsn(3), 0), hook, occasion, 0, R"({"name":"left"})"),
            R"({"event":"package:publish","name":"left","type":"package","version":"1.0.0",)"
            R"("hookOwner":{"username":"ann"},"payload":{"name":"left"},"change":{"version":"1.0.0"},"time":4,)"
            R"("id":"ab-3-0"})");
}

TEST(ChangeDetails, SurviveTheirBytes) {
  const ChangeDetail detail{{"a", "b"}, {"c"}, {"ann"}, {"bob", "eve"}};
  EXPECT_EQ(*DecodeChangeDetail(Encode(detail)), detail);
  EXPECT_EQ(*DecodeChangeDetail(""), ChangeDetail());
  for (const std::string& bytes :
       {std::string("T"), std::string("Ta"), std::string("T\0", 2), std::string("xa\0", 3)}) {
    EXPECT_EQ(DecodeChangeDetail(bytes).code(), Code::kCorruption);
  }
}

}  // namespace
}  // namespace tarn::registry
