// A package that the caller may not see behaves on every call as if it did not exist.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "storage/testing/registry_fixture.h"

namespace tarn::registry {
namespace {

class RegistryPrivacy : public RegistryFixture {
 protected:
  void SetUp() override {
    RegistryFixture::SetUp();
    alice_ = AddUser("alice");
    bob_ = AddUser("bob");
    PublishBuilder builder;
    builder.name = kSecret;
    builder.access = "restricted";
    builder.manifest_members = R"("description":"findable words")";
    const auto answer = Publish(alice_, builder);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    rev_ = answer->rev;
  }

  // Every call that could tell something about a package, named.
  struct Call {
    const char* what;
    std::function<Status(const Principal&, const std::string& package)> run;
  };
  std::vector<Call> Calls() {
    const std::string base(kTestBaseUrl);
    std::vector<Call> calls;
    for (const PackumentForm form : {PackumentForm::kFull, PackumentForm::kAbbreviated}) {
      for (const PackumentCoding coding : {PackumentCoding::kGzip, PackumentCoding::kIdentity}) {
        calls.push_back({"packument", [=, this](const Principal& who, const std::string& package) {
                           return registry_->GetPackument(who, Name(package), form, coding, base).status();
                         }});
      }
    }
    for (const char* spec : {"1.0.0", "latest", "^1.0.0", "9.9.9"}) {
      calls.push_back({"manifest", [=, this](const Principal& who, const std::string& package) {
                         return registry_->GetManifest(who, Name(package), spec, base).status();
                       }});
    }
    for (const char* file : {"secret-1.0.0.tgz", "secret-9.9.9.tgz", "junk"}) {
      calls.push_back({"tarball", [=, this](const Principal& who, const std::string& package) {
                         return registry_->OpenTarball(who, Name(package), file).status();
                       }});
    }
    calls.push_back({"dist-tags", [this](const Principal& who, const std::string& package) {
                       return registry_->GetDistTags(who, Name(package)).status();
                     }});
    calls.push_back({"visibility", [this](const Principal& who, const std::string& package) {
                       return registry_->IsPublic(who, Name(package)).status();
                     }});
    calls.push_back({"collaborators", [this](const Principal& who, const std::string& package) {
                       return registry_->Collaborators(who, Name(package)).status();
                     }});
    // Writes must not tell either.
    for (const char* body : {R"({"users":{"bob":true}})", R"({"versions":{}})", R"({"maintainers":[]})"}) {
      for (const auto& rev : {std::optional<std::string>(), std::optional<std::string>(rev_)}) {
        calls.push_back({"PUT", [=, this](const Principal& who, const std::string& package) {
                           return Put(who, package, body, rev).status();
                         }});
      }
    }
    calls.push_back({"publish", [this](const Principal& who, const std::string& package) {
                       PublishBuilder builder;
                       builder.name = package;
                       return Publish(who, builder).status();
                     }});
    calls.push_back({"unpublish", [this](const Principal& who, const std::string& package) {
                       return registry_->UnpublishPackage(who, Name(package), rev_).status();
                     }});
    calls.push_back({"delete tarball", [this](const Principal& who, const std::string& package) {
                       return registry_->DeleteTarball(who, Name(package), "secret-1.0.0.tgz", rev_).status();
                     }});
    calls.push_back({"set dist-tag", [this](const Principal& who, const std::string& package) {
                       return registry_->SetDistTag(who, Name(package), "beta", "1.0.0").status();
                     }});
    calls.push_back({"remove dist-tag", [this](const Principal& who, const std::string& package) {
                       return registry_->RemoveDistTag(who, Name(package), "latest").status();
                     }});
    calls.push_back({"set access", [this](const Principal& who, const std::string& package) {
                       return registry_->SetAccess(who, Name(package), "public").status();
                     }});
    return calls;
  }

  static constexpr char kSecret[] = "@corp/secret";
  static constexpr char kMissing[] = "@corp/sesame";  // As long, so that whole messages can be compared.
  Principal alice_;
  Principal bob_;
  std::string rev_;
};

TEST_F(RegistryPrivacy, RestrictedAndMissingAnswerAlikeOnEveryCall) {
  Principal read_only = bob_;
  read_only.may_write = false;
  for (const Principal& who : {bob_, Principal::Anonymous(), read_only}) {
    for (const Call& call : Calls()) {
      SCOPED_TRACE(std::string(call.what) + " by " + (who.user.empty() ? "nobody" : who.user));
      const Status secret = call.run(who, kSecret);
      const Status missing = call.run(who, kMissing);
      EXPECT_FALSE(secret.ok());
      EXPECT_EQ(secret.code(), missing.code());
      std::string expected(missing.message());
      if (const size_t place = expected.find(kMissing); place != std::string::npos) {
        expected.replace(place, sizeof(kMissing) - 1, kSecret);
      }
      EXPECT_EQ(secret.message(), expected);
    }
  }
}

TEST_F(RegistryPrivacy, SearchAndListsLeaveItOut) {
  for (const Principal& who : {bob_, Principal::Anonymous()}) {
    EXPECT_EQ(registry_->Search(who, {"findable", 20, 0})->total, 0u);
    EXPECT_TRUE(registry_->PackagesOfUser(who, "alice")->empty());
    EXPECT_EQ(registry_->PackagesOfScope(who, "corp").code(), Code::kNotFound) << "as for no organisation";
  }
  for (const Principal& who : {alice_, As("root", Registry::Admin::kYes), Principal::System()}) {
    EXPECT_EQ(registry_->Search(who, {"findable", 20, 0})->total, 1u);
    EXPECT_EQ(registry_->PackagesOfUser(who, "alice")->size(), 1u);
    EXPECT_EQ(registry_->PackagesOfScope(who, "corp")->size(), 1u);
  }
}

TEST_F(RegistryPrivacy, ThoseWhoMaySeeItSeeAll) {
  Principal read_only = alice_;
  read_only.may_write = false;
  for (const Principal& who : {alice_, read_only, As("root", Registry::Admin::kYes)}) {
    const auto packument = registry_->GetPackument(who, Name(kSecret), PackumentForm::kFull, PackumentCoding::kGzip,
                                                   std::string(kTestBaseUrl));
    ASSERT_TRUE(packument.ok());
    EXPECT_TRUE(packument->is_restricted);
    EXPECT_TRUE(registry_->OpenTarball(who, Name(kSecret), "secret-1.0.0.tgz")->is_restricted);
    EXPECT_TRUE(registry_->GetManifest(who, Name(kSecret), "latest", "http://x")->is_restricted);
    EXPECT_FALSE(registry_->IsPublic(who, Name(kSecret)).value());
  }
}

TEST_F(RegistryPrivacy, BodyInTheCacheIsNotForEverybody) {
  ASSERT_TRUE(Packument(alice_, kSecret).ok());  // Now it is in memory.
  EXPECT_EQ(Packument(bob_, kSecret).code(), Code::kNotFound);
  ASSERT_TRUE(registry_->SetAccess(alice_, Name(kSecret), "public").ok());
  EXPECT_TRUE(Packument(Principal::Anonymous(), kSecret).ok());
  ASSERT_TRUE(registry_->SetAccess(alice_, Name(kSecret), "restricted").ok());
  EXPECT_EQ(Packument(Principal::Anonymous(), kSecret).code(), Code::kNotFound);
  EXPECT_EQ(Packument(bob_, kSecret).code(), Code::kNotFound);
}

TEST_F(RegistryPrivacy, PrivateRegistryAsksEverybodyToLogIn) {
  PublishBuilder open;
  ASSERT_TRUE(Publish(alice_, open).ok());
  options_.read_access = RegistryOptions::ReadAccess::kAuthenticated;
  Open();
  const Principal nobody = Principal::Anonymous();
  EXPECT_EQ(Packument(nobody, "left").code(), Code::kUnauthenticated);
  EXPECT_EQ(Packument(nobody, "missing").code(), Code::kUnauthenticated);
  EXPECT_EQ(TarballBytes(nobody, "left", "left-1.0.0.tgz").code(), Code::kUnauthenticated);
  EXPECT_EQ(registry_->GetManifest(nobody, Name("left"), "latest", "").code(), Code::kUnauthenticated);
  EXPECT_EQ(registry_->GetDistTags(nobody, Name("left")).code(), Code::kUnauthenticated);
  EXPECT_EQ(registry_->Search(nobody, {"left", 20, 0}).code(), Code::kUnauthenticated);
  EXPECT_EQ(registry_->PackagesOfUser(nobody, "alice").code(), Code::kUnauthenticated);
  EXPECT_TRUE(Packument(bob_, "left").ok());
}

TEST_F(RegistryPrivacy, ScopesBelongToTheirUserOrTheirFirstPublisher) {
  PublishBuilder builder;
  builder.name = "@corp/other";
  EXPECT_EQ(Publish(bob_, builder).code(), Code::kPermissionDenied) << "alice was first";
  EXPECT_TRUE(Publish(alice_, builder).ok());
  builder.name = "@alice/tool";
  EXPECT_EQ(Publish(bob_, builder).code(), Code::kPermissionDenied) << "it is a user's name";
  EXPECT_TRUE(Publish(alice_, builder).ok());
  builder.name = "@bob/tool";
  EXPECT_TRUE(Publish(As("root", Registry::Admin::kYes), builder).ok());
  EXPECT_EQ(registry_->CreateUser(Principal::System(), "corp", "secret", "", Registry::Admin::kNo).code(),
            Code::kAlreadyExists)
      << "an account of that name would own the scope";
  EXPECT_EQ(registry_->PackagesOfScope(bob_, "bob").code(), Code::kNotFound) << "npm then asks for the user";
  EXPECT_EQ(registry_->Collaborators(bob_, Name("@bob/tool")).value(),
            (std::vector<std::pair<std::string, std::string>>{{"bob", "write"}, {"root", "write"}}));
}

}  // namespace
}  // namespace tarn::registry
