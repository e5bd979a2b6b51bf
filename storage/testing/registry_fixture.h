#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/random.h"
#include "storage/engine/keys.h"
#include "storage/registry/records.h"
#include "storage/registry/registry.h"
#include "storage/testing/builders.h"
#include "storage/testing/manual_clock.h"
#include "storage/testing/mem_store.h"
#include "storage/testing/publish_builder.h"

namespace tarn::registry {

inline constexpr std::string_view kTestBaseUrl = "http://registry.example";

// A registry over a store in memory, at a time that the test decides, with repeatable tokens.
class RegistryFixture : public ::testing::Test {
 protected:
  void SetUp() override { Open(); }

  // Anew over the same store, with the options as they are now: a restart.
  void Open() {
    registry_.reset();
    auto opened = Registry::Open(&store_, options_, &clock_, &random_);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    registry_ = std::move(opened).value();
  }

  // An account without a password: hashing one takes longer than most tests.
  Principal AddUser(const std::string& name) {
    UserRecord user;
    user.name = name;
    user.id = random_.Next();
    user.email = name + "@example.com";
    EXPECT_TRUE(store_.Commit(PutMutation(engine::Family::kUser, engine::NameKey(name), Encode(user))).ok());
    return As(name);
  }
  // One with the password "secret-" and its name.
  Principal AddUserWithPassword(const std::string& name, Registry::Admin admin = Registry::Admin::kNo) {
    const auto user = registry_->CreateUser(Principal::System(), name, "secret-" + name, name + "@example.com", admin);
    EXPECT_TRUE(user.ok()) << user.status().ToString();
    return As(name, admin);
  }
  static Principal As(const std::string& name, Registry::Admin admin = Registry::Admin::kNo) {
    return {.kind = Principal::Kind::kUser,
            .user = name,
            .is_admin = admin == Registry::Admin::kYes,
            .may_write = true,
            .token = std::nullopt};
  }

  static PackageName Name(std::string_view text) { return PackageName::Parse(text).value(); }

  // PUT /{pkg}, or PUT /{pkg}/-rev/{rev}.
  Result<WriteAnswer> Put(const Principal& principal, std::string_view name, std::string_view body,
                          std::optional<std::string> rev = std::nullopt) {
    ASSIGN_OR_RETURN(auto upload, registry_->BeginPackageWrite(principal, Name(name), std::move(rev)));
    // In pieces, as a connection would bring it.
    for (size_t offset = 0; offset < body.size(); offset += 1000) {
      RETURN_IF_ERROR(upload->Consume(body.substr(offset, 1000)));
    }
    return upload->Finish();
  }
  Result<WriteAnswer> Publish(const Principal& principal, const PublishBuilder& builder) {
    return Put(principal, builder.name, builder.Body());
  }

  Result<std::string> Packument(const Principal& principal, std::string_view name,
                                PackumentForm form = PackumentForm::kFull) {
    ASSIGN_OR_RETURN(
        const PackumentAnswer answer,
        registry_->GetPackument(principal, Name(name), form, PackumentCoding::kIdentity, std::string(kTestBaseUrl)));
    std::string text;
    for (const SharedBytes& buffer : answer.body->buffers) text += *buffer;
    return text;
  }
  Result<std::string> TarballBytes(const Principal& principal, std::string_view name, std::string_view file) {
    ASSIGN_OR_RETURN(const TarballAnswer answer, registry_->OpenTarball(principal, Name(name), file));
    std::string bytes;
    RETURN_IF_ERROR(answer.blob.file->ReadAt(answer.blob.offset_bytes, answer.blob.info.size_bytes, &bytes));
    return bytes;
  }
  std::string RevOf(std::string_view name) {
    const auto answer = registry_->GetPackument(Principal::System(), Name(name), PackumentForm::kFull,
                                                PackumentCoding::kGzip, std::string(kTestBaseUrl));
    return answer.ok() ? answer->body->rev : answer.status().ToString();
  }
  std::string TagsOf(std::string_view name) {
    const auto tags = registry_->GetDistTags(Principal::System(), Name(name));
    if (!tags.ok()) return tags.status().ToString();
    std::string text;
    for (const auto& [tag, version] : *tags) text += tag + "=" + version + " ";
    return text;
  }
  void ExpectVerified() {
    const auto findings = registry_->VerifyReferences();
    ASSERT_TRUE(findings.ok()) << findings.status().ToString();
    EXPECT_TRUE(findings->empty()) << findings->front();
  }

  ManualClock clock_;
  SeededRandom random_{7};
  MemStore store_{&clock_};
  RegistryOptions options_;
  std::unique_ptr<Registry> registry_;
};

}  // namespace tarn::registry
