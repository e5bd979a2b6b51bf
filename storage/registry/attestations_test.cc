#include "storage/registry/attestations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/testing/registry_fixture.h"

namespace tarn::registry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  CHECK(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST(Provenance, RefusesWhatSpeaksOfSomethingElse) {
  PublishBuilder builder;
  builder.name = "@s/n";
  VersionRecord version;
  version.version = "1.0.0";
  version.tarball.sha512 = Sha512(builder.Tarball());
  const PackageName name = PackageName::Parse("@s/n").value();
  const std::string good = builder.Provenance();
  EXPECT_EQ(CheckProvenance(good, name, version).value(), "https://slsa.dev/provenance/v1");
  EXPECT_EQ(CheckProvenance(builder.Provenance({}, {}, "https://slsa.dev/provenance/v0.2"), name, version).value(),
            "https://slsa.dev/provenance/v0.2");
  struct Case {
    std::string bundle;
    const char* words;
  };
  for (const Case& c : {
           Case{"", "the bundle: "},
           Case{"[]", "the bundle: "},
           Case{"{", "the bundle: "},
           Case{"{}", "mediaType"},
           Case{Replaced(good, "sigstore.bundle", "other.bundle"), "mediaType"},
           Case{Replaced(good, "verificationMaterial", "x"), "no verificationMaterial"},
           Case{Replaced(good, "\"verificationMaterial\":{}", "\"verificationMaterial\":1"), "not an object"},
           Case{Replaced(good, "dsseEnvelope", "messageSignature"), "no dsseEnvelope"},
           Case{Replaced(good, "in-toto", "other"), "not an in-toto statement"},
           Case{Replaced(good, "[{\"sig\":\"MEUC\"}]", "[]"), "exactly one signatures"},
           Case{Replaced(good, "MEUC", ""), "signature is empty"},
           Case{Replaced(good, "\"payload\":\"", "\"payload\":\"*"), "not base64"},
           Case{builder.Provenance("pkg:npm/n@1.0.0"),
                "\"pkg:npm/n@1.0.0\", the version published is \"pkg:npm/%40s/n@1.0.0\""},
           Case{builder.Provenance("pkg:npm/%40s/n@1.0.1"), "the version published is"},
           Case{builder.Provenance({}, "00"), "sha512 \"00\""},
           Case{builder.Provenance({}, {}, "https://example.com/other"), "predicate type"},
       }) {
    const auto checked = CheckProvenance(c.bundle, name, version);
    ASSERT_EQ(checked.code(), Code::kInvalidArgument) << c.bundle;
    EXPECT_THAT(std::string(checked.status().message()), StartsWith("Error verifying sigstore provenance bundle: "));
    EXPECT_THAT(std::string(checked.status().message()), HasSubstr(c.words)) << c.bundle;
  }
}

class RegistryAttestations : public RegistryFixture {
 protected:
  void SetUp() override {
    RegistryFixture::SetUp();
    alice_ = AddUser("alice");
  }
  Principal alice_;
};

TEST_F(RegistryAttestations, TheBundleComesBackByteForByte) {
  PublishBuilder builder;
  builder.name = "@alice/n";
  builder.bundle_text = builder.Provenance();
  ASSERT_TRUE(Publish(alice_, builder).ok());
  const auto answer = registry_->GetAttestations(Principal::Anonymous(), Name("@alice/n"), "1.0.0");
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->json, "{\"attestations\":[{\"predicateType\":\"https://slsa.dev/provenance/v1\",\"bundle\":" +
                              *builder.bundle_text + "}]}");
  for (const PackumentForm form : {PackumentForm::kFull, PackumentForm::kAbbreviated}) {
    EXPECT_THAT(Packument(alice_, "@alice/n", form).value(),
                HasSubstr(R"("attestations":{"url":"http://registry.example/-/npm/v1/attestations/@alice/n@1.0.0",)"
                          R"("provenance":{"predicateType":"https://slsa.dev/provenance/v1"}})"));
  }
  for (const char* version : {"1.0.1", "latest", "", "1.0.0/../x"}) {
    EXPECT_EQ(registry_->GetAttestations(alice_, Name("@alice/n"), version).code(), Code::kNotFound) << version;
  }
  ExpectVerified();
}

TEST_F(RegistryAttestations, ARefusedBundlePublishesNothing) {
  PublishBuilder builder;
  builder.bundle_text = builder.Provenance("pkg:npm/other@1.0.0");
  EXPECT_EQ(Publish(alice_, builder).code(), Code::kInvalidArgument);
  EXPECT_EQ(Packument(alice_, "left").code(), Code::kNotFound);
}

TEST_F(RegistryAttestations, ProvenanceIsForPublicPackages) {
  PublishBuilder builder;
  builder.name = "@alice/n";
  builder.access = "restricted";
  builder.bundle_text = builder.Provenance();
  const auto refused = Publish(alice_, builder);
  EXPECT_EQ(refused.code(), Code::kInvalidArgument);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("not public"));
  builder.bundle_text.reset();
  ASSERT_TRUE(Publish(alice_, builder).ok());
  builder.version = "1.0.1";
  builder.access.clear();
  builder.bundle_text = builder.Provenance();
  EXPECT_EQ(Publish(alice_, builder).code(), Code::kInvalidArgument) << "the package is restricted already";
}

TEST_F(RegistryAttestations, WhatIsNotForTheirEyesHasNone) {
  PublishBuilder builder;
  builder.name = "@alice/n";
  builder.bundle_text = builder.Provenance();
  ASSERT_TRUE(Publish(alice_, builder).ok());
  ASSERT_TRUE(registry_->SetAccess(alice_, Name("@alice/n"), "restricted").ok());
  const auto hidden = registry_->GetAttestations(Principal::Anonymous(), Name("@alice/n"), "1.0.0");
  const auto missing = registry_->GetAttestations(Principal::Anonymous(), Name("@alice/m"), "1.0.0");
  EXPECT_EQ(hidden.status().ToString(), missing.status().ToString());
  EXPECT_TRUE(registry_->GetAttestations(alice_, Name("@alice/n"), "1.0.0")->is_restricted);
}

}  // namespace
}  // namespace tarn::registry
