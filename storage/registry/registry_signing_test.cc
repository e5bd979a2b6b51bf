// Signatures: made at publish, by the key that clients are told of, and for what was there before.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include "storage/base/bytes.h"
#include "storage/base/signing_key.h"
#include "storage/base/trust_limits.h"
#include "storage/registry/package_state.h"
#include "storage/registry/signing_keys.h"
#include "storage/registry/version_signer.h"
#include "storage/testing/registry_fixture.h"
#include "storage/testing/temp_directory.h"

namespace tarn::registry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RegistrySigning : public RegistryFixture {
 protected:
  void SetUp() override {
    options_.signing_key_path = directory_.path() + "/signing-key.pem";
    RegistryFixture::SetUp();
    alice_ = AddUser("alice");
  }

  void PublishVersion(const std::string& version) {
    PublishBuilder builder;
    builder.version = version;
    const auto answer = Publish(alice_, builder);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  }
  VersionRecord Stored(const std::string& version) {
    const auto view = store_.NewReadView().value();
    return *ReadVersion(*view, Name("left"), Version::Parse(version).value()).value();
  }
  // Verified as a client would, with a key of the public list.
  void ExpectSigned(const std::string& version) {
    const VersionRecord record = Stored(version);
    ASSERT_EQ(record.signatures.size(), 1u) << version;
    const auto keys = registry_->ListSigningKeys();
    for (const SigningKeyInfo& key : *keys) {
      if (key.keyid != record.signatures[0].keyid) continue;
      EXPECT_TRUE(VerifySignature(key.public_key, SignedText(Name("left"), record),
                                  Base64Decode(record.signatures[0].signature).value()));
      EXPECT_TRUE(!key.expires_ms || record.time_ms < *key.expires_ms);
      return;
    }
    ADD_FAILURE() << "signed by a key that nobody knows";
  }
  // The pass over old versions, in this thread.
  Result<bool> SignOldVersions() {
    SigningKeys keys(&store_, options_.signing_key_path, &PosixFileSystem(), &clock_);
    RETURN_IF_ERROR(keys.Open());
    return VersionSigner(&store_, &keys, &random_).SignAll();
  }

  TempDirectory directory_;
  Principal alice_;
};

TEST_F(RegistrySigning, EveryVersionIsSignedOverWhatIsServed) {
  for (const char* version : {"1.0.0", "1.1.0", "2.0.0-beta.1+build"}) {
    PublishVersion(version);
    ExpectSigned(version);
  }
  const std::string signature = Stored("1.1.0").signatures[0].signature;
  for (const PackumentForm form : {PackumentForm::kFull, PackumentForm::kAbbreviated}) {
    EXPECT_THAT(Packument(Principal::Anonymous(), "left", form).value(), HasSubstr("\"sig\":\"" + signature + "\""));
  }
  EXPECT_THAT(SignedText(Name("left"), Stored("2.0.0-beta.1+build")), HasSubstr("left@2.0.0-beta.1+build:sha512-"));
  ExpectVerified();
}

TEST_F(RegistrySigning, TheKeyOutlivesARestartAndIsNobodyElsesToRead) {
  const auto before = registry_->ListSigningKeys().value();
  ASSERT_EQ(before.size(), 1u);
  EXPECT_THAT(before[0].keyid, HasSubstr("SHA256:"));
  struct stat file {};
  ASSERT_EQ(::stat(options_.signing_key_path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  Open();
  const auto after = registry_->ListSigningKeys().value();
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].keyid, before[0].keyid);
}

TEST_F(RegistrySigning, AfterARotationOldSignaturesStillVerifyAndNewOnesAreByTheNewKey) {
  PublishVersion("1.0.0");
  const auto rotated = registry_->RotateSigningKey(Principal::System());
  ASSERT_TRUE(rotated.ok()) << rotated.status().ToString();
  clock_.AdvanceMs(limits::kSigningKeyOverlapMs + 1);
  PublishVersion("1.1.0");
  ExpectSigned("1.0.0");
  ExpectSigned("1.1.0");
  EXPECT_EQ(Stored("1.1.0").signatures[0].keyid, rotated->keyid);
  EXPECT_NE(Stored("1.0.0").signatures[0].keyid, rotated->keyid);
  Open();
  PublishVersion("1.2.0");
  EXPECT_EQ(Stored("1.2.0").signatures[0].keyid, rotated->keyid) << "the file holds the new key";
  EXPECT_EQ(registry_->RotateSigningKey(alice_).code(), Code::kPermissionDenied);
}

TEST_F(RegistrySigning, ALostOrOutdatedFileGivesANewKeyAndKeepsTheOldOnesKnown) {
  PublishVersion("1.0.0");
  std::string old_pem;
  ASSERT_TRUE(PosixFileSystem().OpenReadOnly(options_.signing_key_path).value()->ReadAt(0, 4096, &old_pem).ok());
  ASSERT_TRUE(PosixFileSystem().Remove(options_.signing_key_path).ok());
  Open();
  PublishVersion("1.1.0");
  EXPECT_NE(Stored("1.1.0").signatures[0].keyid, Stored("1.0.0").signatures[0].keyid);
  ExpectSigned("1.0.0");
  ExpectSigned("1.1.0");
  // A backup from before a rotation must not bring the replaced key back.
  ASSERT_TRUE(registry_->RotateSigningKey(Principal::System()).ok());
  ASSERT_TRUE(PosixFileSystem().Remove(options_.signing_key_path).ok());
  const auto file = PosixFileSystem().Create(options_.signing_key_path).value();
  ASSERT_TRUE(file->WriteAt(0, old_pem).ok());
  clock_.AdvanceMs(limits::kSigningKeyOverlapMs + 1);
  Open();
  PublishVersion("1.2.0");
  ExpectSigned("1.2.0");
  EXPECT_EQ(registry_->ListSigningKeys().value().size(), 4u);
}

TEST_F(RegistrySigning, AFileThatIsNoKeyStopsTheStart) {
  ASSERT_TRUE(PosixFileSystem().OpenReadWrite(options_.signing_key_path).value()->Truncate(10).ok());
  registry_.reset();
  const auto opened = Registry::Open(&store_, options_, &clock_, &random_);
  EXPECT_EQ(opened.code(), Code::kInvalidArgument);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("restore it, or remove it"));
}

TEST_F(RegistrySigning, WhatWasThereBeforeGetsItsSignature) {
  options_.signing_key_path.clear();
  Open();
  for (int i = 0; i < 5; ++i) PublishVersion("1.0." + std::to_string(i));
  EXPECT_TRUE(Stored("1.0.0").signatures.empty());
  EXPECT_EQ(registry_->RotateSigningKey(Principal::System()).code(), Code::kFailedPrecondition);
  const std::string rev = RevOf("left");
  const auto modified_ms = [this] {
    return registry_->GetPackument(alice_, Name("left"), PackumentForm::kFull, PackumentCoding::kGzip, "")->modified_ms;
  };
  const uint64_t modified_before_ms = modified_ms();

  options_.signing_key_path = directory_.path() + "/signing-key.pem";
  Open();
  ASSERT_TRUE(Packument(alice_, "left").ok());  // Cached without signatures.
  clock_.AdvanceMs(1000);
  ASSERT_TRUE(SignOldVersions().value());
  for (int i = 0; i < 5; ++i) ExpectSigned("1.0." + std::to_string(i));
  EXPECT_NE(RevOf("left"), rev) << "the document is another one now";
  EXPECT_EQ(modified_ms(), modified_before_ms);
  EXPECT_THAT(Packument(alice_, "left").value(), HasSubstr(Stored("1.0.4").signatures[0].signature));
  const Lsn last = store_.last_lsn();
  ASSERT_TRUE(SignOldVersions().value());
  EXPECT_EQ(store_.last_lsn(), last) << "the second pass has nothing to do, and knows it";
  ExpectVerified();
}

TEST_F(RegistrySigning, AFullDiskKeepsNobodyFromReading) {
  store_.RefuseCommits(OutOfSpace("full"));
  options_.signing_key_path = directory_.path() + "/other-key.pem";
  Open();
  EXPECT_EQ(registry_->ListSigningKeys().value().size(), 1u) << "the second key could not be announced";
  store_.RefuseCommits(OkStatus());
  PublishVersion("1.0.0");
  ExpectSigned("1.0.0");
  EXPECT_EQ(registry_->ListSigningKeys().value().size(), 2u) << "the publish announced it";
}

TEST_F(RegistrySigning, VerifyFindsASignatureThatIsNotOfTheseBytes) {
  PublishVersion("1.0.0");
  VersionRecord record = Stored("1.0.0");
  record.signatures[0].signature = Base64Encode("not one");
  ASSERT_TRUE(store_
                  .Commit(PutMutation(engine::Family::kVersion,
                                      VersionKey(Name("left"), Version::Parse("1.0.0").value()), Encode(record)))
                  .ok());
  const auto findings = registry_->VerifyReferences();
  ASSERT_TRUE(findings.ok());
  ASSERT_EQ(findings->size(), 1u);
  EXPECT_THAT(findings->front(), HasSubstr("left@1.0.0"));
  EXPECT_THAT(findings->front(), HasSubstr("signature"));
}

}  // namespace
}  // namespace tarn::registry
