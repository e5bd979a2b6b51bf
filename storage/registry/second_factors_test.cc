// One-time passwords: when they are asked for, and what they are good for.

#include "storage/registry/second_factors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "storage/base/limits.h"
#include "storage/registry/totp.h"
#include "storage/testing/registry_fixture.h"

namespace tarn::registry {
namespace {

using enum SecondFactorVerdict;
using Outcome = Authentication::Outcome;

TEST(SecondFactorRules, Table) {
  constexpr auto kOff = SecondFactorMode::kOff;
  constexpr auto kAuthOnly = SecondFactorMode::kAuthOnly;
  constexpr auto kBoth = SecondFactorMode::kAuthAndWrites;
  struct Row {
    SecondFactorFacts facts;  // mode, token_bypasses, package_requires, automation_bypasses
    SecondFactorVerdict account, write;
  };
  const Row rows[] = {
      {{kOff, false, false, false}, kNotNeeded, kNotNeeded},   {{kOff, true, false, false}, kNotNeeded, kNotNeeded},
      {{kOff, false, true, false}, kNotNeeded, kEnrolFirst},   {{kOff, true, true, false}, kNotNeeded, kEnrolFirst},
      {{kOff, true, true, true}, kNotNeeded, kNotNeeded},      {{kOff, false, true, true}, kNotNeeded, kEnrolFirst},
      {{kAuthOnly, false, false, false}, kNeeded, kNotNeeded}, {{kAuthOnly, true, false, false}, kNeeded, kNotNeeded},
      {{kAuthOnly, false, true, false}, kNeeded, kNeeded},     {{kAuthOnly, true, true, false}, kNeeded, kNeeded},
      {{kAuthOnly, true, true, true}, kNeeded, kNotNeeded},    {{kBoth, false, false, false}, kNeeded, kNeeded},
      {{kBoth, true, false, false}, kNeeded, kNotNeeded},      {{kBoth, false, true, true}, kNeeded, kNeeded},
      {{kBoth, true, true, false}, kNeeded, kNeeded},          {{kBoth, true, true, true}, kNeeded, kNotNeeded},
  };
  for (const Row& row : rows) {
    const int line = static_cast<int>(&row - rows);
    EXPECT_EQ(DecideSecondFactor(SecondFactorAct::kAccount, row.facts), row.account) << line;
    EXPECT_EQ(DecideSecondFactor(SecondFactorAct::kWrite, row.facts), row.write) << line;
  }
}

TEST(SecondFactorRules, RecoveryCodesAreKnownHoweverTheyAreTyped) {
  SeededRandom random(1);
  const auto codes = MakeRecoveryCodes(&random);
  EXPECT_EQ(codes.size(), limits::kRecoveryCodesPerUser);
  EXPECT_EQ(std::set<std::string>(codes.begin(), codes.end()).size(), codes.size());
  EXPECT_THAT(codes[0], ::testing::MatchesRegex("[a-z2-7]{4}(-[a-z2-7]{4}){3}"));
  std::string typed = codes[0];
  std::erase(typed, '-');
  for (char& c : typed) c = static_cast<char>(std::toupper(c));
  EXPECT_EQ(HashRecoveryCode(typed), HashRecoveryCode(codes[0]));
  EXPECT_NE(HashRecoveryCode(codes[1]), HashRecoveryCode(codes[0]));
  for (const char* other : {"", "123456", "abcd-efgh-ijkl-mno", "abcd-efgh-ijkl-mnopq", "abcd-efgh-ijkl-mno1"}) {
    EXPECT_EQ(HashRecoveryCode(other), std::nullopt) << other;
  }
}

class SecondFactorTest : public RegistryFixture {
 protected:
  // An account with the second factor confirmed; its raw secret and recovery codes are kept.
  Principal Enrol(const std::string& name, SecondFactorMode mode) {
    Principal principal = AddUserWithPassword(name);
    const auto url = registry_->BeginSecondFactor(principal, "secret-" + name, mode, "registry.example");
    EXPECT_TRUE(url.ok() && *url) << url.status().ToString();
    const size_t begin = (*url)->find("secret=") + 7;
    secret_ = Base32Decode((*url)->substr(begin, (*url)->find('&', begin) - begin)).value();
    const auto codes = registry_->ConfirmSecondFactor(principal, {Code_()});
    EXPECT_TRUE(codes.ok()) << codes.status().ToString();
    recovery_codes_ = codes.ok() ? *codes : std::vector<std::string>();
    clock_.AdvanceMs(kLaterMs);  // The code that confirmed is over.
    return principal;
  }
  std::string Code_() { return TotpCode(secret_, TotpStepAt(clock_.NowMs())); }
  static Principal With(Principal principal, const std::string& code) {
    principal.one_time_password = code;
    return principal;
  }
  Result<WriteAnswer> PublishNext(const Principal& principal) {
    PublishBuilder builder;
    builder.version = "1.0." + std::to_string(next_++);
    return Publish(principal, builder);
  }
  static constexpr uint64_t kLaterMs = 3 * limits::kOneTimePasswordReuseMs;
  std::string secret_;
  std::vector<std::string> recovery_codes_;
  int next_ = 0;
};

TEST_F(SecondFactorTest, IsAskedForNowhereUntilItIsConfirmed) {
  const Principal alice = AddUserWithPassword("alice");
  EXPECT_EQ(registry_->ConfirmSecondFactor(alice, {"123456"}).code(), Code::kFailedPrecondition) << "not begun";
  EXPECT_EQ(registry_->BeginSecondFactor(alice, "wrong", SecondFactorMode::kAuthOnly, "r").code(),
            Code::kUnauthenticated);
  ASSERT_TRUE(registry_->BeginSecondFactor(alice, "secret-alice", SecondFactorMode::kAuthAndWrites, "r").ok());
  EXPECT_TRUE(registry_->GetUser(alice, "alice")->second_factor_is_pending);
  EXPECT_TRUE(PublishNext(alice).ok());
  EXPECT_TRUE(registry_->Login({"alice", "secret-alice"}).ok());
  EXPECT_EQ(registry_->ConfirmSecondFactor(alice, {}).code(), Code::kInvalidArgument);
  EXPECT_EQ(registry_->ConfirmSecondFactor(alice, {"000000"}).code(), Code::kInvalidArgument);
  EXPECT_TRUE(registry_->DisableSecondFactor(alice, "secret-alice").ok()) << "without a code, which nobody has";
  EXPECT_EQ(registry_->GetUser(alice, "alice")->second_factor, SecondFactorMode::kOff);
}

TEST_F(SecondFactorTest, WritesAskForACodeAndSomeDoNot) {
  const Principal alice = Enrol("alice", SecondFactorMode::kAuthAndWrites);
  EXPECT_EQ(PublishNext(alice).code(), Code::kSecondFactorNeeded);
  EXPECT_EQ(PublishNext(With(alice, "000000")).code(), Code::kSecondFactorNeeded);
  const Principal with_code = With(alice, Code_());
  ASSERT_TRUE(PublishNext(with_code).ok());
  const auto name = Name("left");
  const std::string version = "1.0." + std::to_string(next_ - 1);
  EXPECT_EQ(registry_->SetDistTag(alice, name, "latest", version).code(), Code::kSecondFactorNeeded);
  EXPECT_TRUE(registry_->SetDistTag(alice, name, "beta", version).ok()) << "other tags are exempt";
  EXPECT_TRUE(registry_->RemoveDistTag(alice, name, "beta").ok());
  const auto rev = registry_->GetPackument(alice, name, PackumentForm::kFull, PackumentCoding::kIdentity, "http://r");
  EXPECT_EQ(registry_->UnpublishPackage(alice, name, rev->body->rev).code(), Code::kSecondFactorNeeded);
  EXPECT_EQ(registry_->SetAccess(alice, name, "public").code(), Code::kSecondFactorNeeded);
  EXPECT_TRUE(Put(alice, "left", R"({"_id":"left","_rev":")" + rev->body->rev + R"(","users":{"alice":true}})").ok())
      << "a star";
  EXPECT_EQ(Put(alice, "left", R"({"_id":"left","maintainers":[{"name":"alice","email":""}]})", rev->body->rev).code(),
            Code::kSecondFactorNeeded);
  EXPECT_EQ(registry_->UnpublishPackage(As("bob"), name, rev->body->rev).code(), Code::kPermissionDenied)
      << "rights first";
  Principal machine = alice;
  machine.bypasses_second_factor = true;
  EXPECT_TRUE(PublishNext(machine).ok());
  EXPECT_EQ(registry_->CreateToken(machine, "alice", "secret-alice", {}).code(), Code::kSecondFactorNeeded);
  ExpectVerified();
}

TEST_F(SecondFactorTest, OneCodeServesOneCommandOfOneUserAndNeverAgain) {
  const Principal alice = Enrol("alice", SecondFactorMode::kAuthAndWrites);
  const std::string alices_code = Code_();
  for (uint64_t waited_ms = 0; waited_ms < limits::kOneTimePasswordReuseMs; waited_ms += 60'000) {
    EXPECT_TRUE(PublishNext(With(alice, alices_code)).ok()) << waited_ms;
    clock_.AdvanceMs(60'000);
  }
  EXPECT_EQ(PublishNext(With(alice, alices_code)).code(), Code::kSecondFactorNeeded);
  EXPECT_TRUE(PublishNext(With(alice, Code_())).ok()) << "the next one";
  const std::string current = Code_();
  const Principal bob = Enrol("bob", SecondFactorMode::kAuthAndWrites);
  ASSERT_EQ(PublishNext(bob).code(), Code::kPermissionDenied);
  EXPECT_EQ(registry_->CreateToken(With(bob, current), "bob", "secret-bob", {}).code(), Code::kSecondFactorNeeded)
      << "alice's code is not bob's";
}

TEST_F(SecondFactorTest, AuthOnlyLeavesWritesAlone) {
  const Principal alice = Enrol("alice", SecondFactorMode::kAuthOnly);
  EXPECT_TRUE(PublishNext(alice).ok());
  ProfileChange change;
  change.github = "alice";
  EXPECT_EQ(registry_->ChangeProfile(alice, change).code(), Code::kSecondFactorNeeded);
  EXPECT_TRUE(registry_->ChangeProfile(With(alice, Code_()), change).ok());
  EXPECT_EQ(registry_->SetPassword(alice, "alice", "secret-alice", "x").code(), Code::kSecondFactorNeeded);
  const auto token = registry_->CreateToken(With(alice, Code_()), "alice", "secret-alice", {});
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(registry_->RevokeToken(alice, token->token).code(), Code::kSecondFactorNeeded);
  EXPECT_TRUE(registry_->RevokeToken(With(alice, Code_()), token->token).ok());
}

TEST_F(SecondFactorTest, APackageMayAskForIt) {
  const Principal alice = AddUserWithPassword("alice");
  ASSERT_TRUE(PublishNext(alice).ok());
  const auto view = store_.NewReadView();
  PackageRecord package =
      Decode<PackageRecord>(*(*view)->Get(engine::Family::kPackage, engine::NameKey("left")).value()).value();
  package.requires_second_factor = true;
  ASSERT_TRUE(store_.Commit(PutMutation(engine::Family::kPackage, engine::NameKey("left"), Encode(package))).ok());
  EXPECT_EQ(PublishNext(alice).code(), Code::kPermissionDenied);
  EXPECT_THAT(std::string(PublishNext(alice).status().message()), ::testing::HasSubstr("npm profile enable-2fa"));
  EXPECT_TRUE(PublishNext(Principal::System()).ok()) << "the operator";
}

TEST_F(SecondFactorTest, LoginAndBasicNeedItToo) {
  const Principal alice = Enrol("alice", SecondFactorMode::kAuthOnly);
  EXPECT_EQ(registry_->Login({"alice", "wrong"}).code(), Code::kUnauthenticated) << "who guesses learns nothing of it";
  EXPECT_EQ(registry_->Login({"alice", "secret-alice"}).code(), Code::kSecondFactorNeeded);
  EXPECT_TRUE(registry_->Login({"alice", "secret-alice", "", Code_()}).ok());
  Credentials basic;
  basic.kind = Credentials::Kind::kBasic;
  basic.user = "alice";
  basic.password = "secret-alice";
  EXPECT_EQ(registry_->Authenticate(basic, {})->outcome, Outcome::kSecondFactorNeeded);
  basic.one_time_password = Code_();
  const auto answer = registry_->Authenticate(basic, {});
  EXPECT_EQ(answer->outcome, Outcome::kOk);
  EXPECT_FALSE(answer->may_be_remembered);
  clock_.AdvanceMs(kLaterMs);
  EXPECT_EQ(registry_->Authenticate(basic, {})->outcome, Outcome::kSecondFactorNeeded);
}

TEST_F(SecondFactorTest, RecoveryCodesWorkOnce) {
  const Principal alice = Enrol("alice", SecondFactorMode::kAuthAndWrites);
  EXPECT_TRUE(PublishNext(With(alice, recovery_codes_[0])).ok());
  EXPECT_TRUE(PublishNext(With(alice, recovery_codes_[0])).ok()) << "the same command";
  clock_.AdvanceMs(limits::kOneTimePasswordReuseMs);
  EXPECT_EQ(PublishNext(With(alice, recovery_codes_[0])).code(), Code::kSecondFactorNeeded);
  Open();
  EXPECT_EQ(PublishNext(With(alice, recovery_codes_[0])).code(), Code::kSecondFactorNeeded) << "nor after a restart";
  EXPECT_TRUE(registry_->DisableSecondFactor(With(alice, recovery_codes_[1]), "secret-alice").ok());
  EXPECT_TRUE(PublishNext(alice).ok());
}

TEST_F(SecondFactorTest, GuessingIsSlowedDownForLongAndForTheGuesserAlone) {
  const Principal alice = Enrol("alice", SecondFactorMode::kAuthAndWrites);
  Principal thief = alice;
  thief.token = Sha256Digest();
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(PublishNext(With(thief, "00000" + std::to_string(i % 10))).code(), Code::kSecondFactorNeeded);
  }
  const auto blocked = PublishNext(With(thief, Code_()));
  EXPECT_EQ(blocked.code(), Code::kSecondFactorNeeded) << "even the right one";
  EXPECT_TRUE(blocked.status().message().starts_with(kOneTimePasswordText));
  EXPECT_THAT(std::string(blocked.status().message()), ::testing::HasSubstr("try again in"));
  EXPECT_TRUE(PublishNext(With(alice, Code_())).ok()) << "not with the stolen token";
}

TEST_F(SecondFactorTest, ModeChangesAndEndsOnlyWithACode) {
  const Principal alice = Enrol("alice", SecondFactorMode::kAuthOnly);
  using enum SecondFactorMode;
  EXPECT_EQ(registry_->BeginSecondFactor(alice, "secret-alice", kAuthAndWrites, "r").code(), Code::kSecondFactorNeeded);
  const auto changed = registry_->BeginSecondFactor(With(alice, Code_()), "secret-alice", kAuthAndWrites, "r");
  ASSERT_TRUE(changed.ok());
  EXPECT_EQ(*changed, std::nullopt) << "no new secret";
  EXPECT_EQ(registry_->GetUser(alice, "alice")->second_factor, kAuthAndWrites);
  EXPECT_EQ(registry_->DisableSecondFactor(alice, "secret-alice").code(), Code::kSecondFactorNeeded);
  EXPECT_EQ(registry_->DisableSecondFactor(With(alice, Code_()), "wrong").code(), Code::kUnauthenticated);
  EXPECT_EQ(registry_->ResetSecondFactor(alice, "alice").code(), Code::kPermissionDenied);
  EXPECT_EQ(registry_->ResetSecondFactor(Principal::System(), "nobody").code(), Code::kNotFound);
  ASSERT_TRUE(registry_->ResetSecondFactor(Principal::System(), "alice").ok());
  EXPECT_TRUE(PublishNext(alice).ok());
}

TEST_F(SecondFactorTest, ExchangedCodesAreLongAndForOneUser) {
  const Principal alice = Enrol("alice", SecondFactorMode::kAuthAndWrites);
  EXPECT_EQ(registry_->ExchangeOneTimePassword("alice", "000000", {}).code(), Code::kSecondFactorNeeded);
  EXPECT_EQ(registry_->ExchangeOneTimePassword("nobody", "000000", {}).code(), Code::kFailedPrecondition);
  const auto code = registry_->ExchangeOneTimePassword("alice", Code_(), {});
  ASSERT_TRUE(code.ok());
  EXPECT_GE(code->size(), 40u);
  EXPECT_TRUE(PublishNext(With(alice, *code)).ok());
  EXPECT_EQ(PublishNext(With(alice, *code + "x")).code(), Code::kSecondFactorNeeded);
  clock_.AdvanceMs(limits::kOneTimePasswordReuseMs);
  EXPECT_EQ(PublishNext(With(alice, *code)).code(), Code::kSecondFactorNeeded);
}

}  // namespace
}  // namespace tarn::registry
