// Users and tokens, through the facade.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/limits.h"
#include "storage/testing/registry_fixture.h"

namespace tarn::registry {
namespace {

using Outcome = Authentication::Outcome;

class AccountsTest : public RegistryFixture {
 protected:
  Authentication Bearer(const std::string& token, const char* address = "203.0.113.9") {
    Credentials credentials;
    credentials.kind = Credentials::Kind::kBearer;
    credentials.token = token;
    return registry_->Authenticate(credentials, PeerAddress::Parse(address).value()).value();
  }
  Result<Authentication> Basic(const std::string& user, const std::string& password) {
    Credentials credentials;
    credentials.kind = Credentials::Kind::kBasic;
    credentials.user = user;
    credentials.password = password;
    return registry_->Authenticate(credentials, PeerAddress{});
  }
  Status SetEmail(const Principal& principal, const std::string& email) {
    ProfileChange change;
    change.email = email;
    return registry_->ChangeProfile(principal, change);
  }
  std::string LoginToken(const std::string& user) {
    const auto login = registry_->Login({user, "secret-" + user, ""});
    EXPECT_TRUE(login.ok()) << login.status().ToString();
    return login.ok() ? login->token : std::string();
  }
};

TEST_F(AccountsTest, FirstUserOfALocalRegistryIsTheAdministrator) {
  options_.first_user_is_admin = true;
  Open();
  const auto first = registry_->Login({"alice", "pw-alice", "alice@example.com"});
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_TRUE(first->created_user);
  EXPECT_TRUE(first->created_admin);
  EXPECT_TRUE(Bearer(first->token).principal.is_admin);
  const auto second = registry_->Login({"bob", "pw-bob", ""});
  EXPECT_EQ(second.code(), Code::kPermissionDenied) << "registration is closed from then on";
  const auto again = registry_->Login({"alice", "pw-alice", ""});
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(again->created_user);
  EXPECT_NE(again->token, first->token);
  EXPECT_EQ(Bearer(first->token).outcome, Outcome::kOk) << "the first token goes on";
  EXPECT_EQ(registry_->Login({"alice", "wrong", ""}).code(), Code::kUnauthenticated);
}

TEST_F(AccountsTest, OnlyOneOfManyFirstLoginsBecomesAdministrator) {
  options_.first_user_is_admin = true;
  Open();
  std::vector<std::thread> threads;
  std::atomic<int> admins{0}, refused{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const auto login = registry_->Login({"user" + std::to_string(i), "password", ""});
      if (login.ok() && login->created_admin) ++admins;
      if (login.code() == Code::kPermissionDenied) ++refused;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(admins, 1);
  EXPECT_EQ(refused, 7);
}

TEST_F(AccountsTest, NobodyRegistersWhereRegistrationIsClosed) {
  EXPECT_EQ(registry_->Login({"alice", "password", ""}).code(), Code::kPermissionDenied);
  EXPECT_EQ(store_.last_lsn().value(), 0u);
}

TEST_F(AccountsTest, OpenRegistrationMakesPlainUsers) {
  options_.registration = RegistryOptions::Registration::kOpen;
  Open();
  const auto login = registry_->Login({"alice", "password", "alice@example.com"});
  ASSERT_TRUE(login.ok());
  EXPECT_FALSE(login->created_admin);
  EXPECT_FALSE(Bearer(login->token).principal.is_admin);
  for (const char* name : {"", "Alice", ".alice", "a b", "a'b", "a/b", "a:b"}) {
    EXPECT_EQ(registry_->Login({name, "password"}).code(), Code::kInvalidArgument) << name;
  }
  EXPECT_EQ(registry_->Login({"bob", "", ""}).code(), Code::kInvalidArgument);
  EXPECT_EQ(registry_->Login({"bob", "password", "not an address"}).code(), Code::kInvalidArgument);
}

TEST_F(AccountsTest, TokensAreStoredAsHashesOnly) {
  AddUserWithPassword("alice");
  const std::string token = LoginToken("alice");
  const auto view = store_.NewReadView();
  size_t tokens = 0;
  ASSERT_TRUE((*view)
                  ->ScanPrefix(engine::Family::kToken, "",
                               [&](std::string_view key, std::string_view value) {
                                 ++tokens;
                                 EXPECT_EQ(key, Sha256(token).view());
                                 EXPECT_EQ(value.find(token.substr(12)), std::string_view::npos);
                                 return true;
                               })
                  .ok());
  EXPECT_EQ(tokens, 1u);
}

TEST_F(AccountsTest, RevokedTokensEndAtOnce) {
  const Principal alice = AddUserWithPassword("alice");
  const Principal bob = AddUserWithPassword("bob");
  const std::string by_value = LoginToken("alice");
  const std::string by_key = LoginToken("alice");
  const std::string stays = LoginToken("alice");
  for (const std::string& token : {by_value, by_key, stays}) EXPECT_EQ(Bearer(token).outcome, Outcome::kOk);
  EXPECT_EQ(registry_->RevokeToken(bob, by_value).code(), Code::kNotFound) << "somebody else's";
  EXPECT_EQ(registry_->RevokeToken(bob, "junk").code(), Code::kNotFound);
  EXPECT_EQ(registry_->RevokeToken(Principal::Anonymous(), by_value).code(), Code::kUnauthenticated);
  ASSERT_TRUE(registry_->RevokeToken(alice, by_value).ok());
  ASSERT_TRUE(registry_->RevokeToken(alice, HexEncode(Sha256(by_key).view())).ok());
  EXPECT_EQ(Bearer(by_value).outcome, Outcome::kBadCredentials);
  EXPECT_EQ(Bearer(by_key).outcome, Outcome::kBadCredentials);
  EXPECT_EQ(Bearer(stays).outcome, Outcome::kOk);
  EXPECT_EQ(registry_->RevokeToken(alice, by_value).code(), Code::kNotFound);
  EXPECT_EQ(registry_->ListTokens(alice, "alice")->size(), 1u);
  ExpectVerified();
}

TEST_F(AccountsTest, WhatATokenAllows) {
  const Principal alice = AddUserWithPassword("alice");
  TokenSpec spec;
  spec.name = "ci";
  spec.read_only = true;
  spec.cidrs = {"10.0.0.0/8", "2001:db8::/32"};
  spec.expires_ms = clock_.NowMs() + 1000;
  const auto created = registry_->CreateToken(alice, "alice", "secret-alice", spec);
  ASSERT_TRUE(created.ok()) << created.status().ToString();
  const std::string& token = created->token;

  EXPECT_EQ(Bearer(token, "203.0.113.9").outcome, Outcome::kAddressNotAllowed);
  EXPECT_FALSE(Bearer(token, "203.0.113.9").principal.is_authenticated());
  const Authentication inside = Bearer(token, "::ffff:10.1.2.3");
  ASSERT_EQ(inside.outcome, Outcome::kOk);
  EXPECT_FALSE(inside.principal.may_write);
  EXPECT_EQ(Bearer(token, "2001:db8::9").outcome, Outcome::kOk);

  // Read-only holds for every change, accounts included; only its own end it may bring about.
  EXPECT_EQ(Publish(inside.principal, PublishBuilder()).code(), Code::kPermissionDenied);
  EXPECT_EQ(registry_->CreateToken(inside.principal, "alice", "secret-alice", {}).code(), Code::kPermissionDenied);
  EXPECT_EQ(SetEmail(inside.principal, "x@example.com").code(), Code::kPermissionDenied);
  EXPECT_EQ(registry_->SetPassword(inside.principal, "alice", "secret-alice", "new").code(), Code::kPermissionDenied);
  EXPECT_EQ(registry_->RevokeToken(inside.principal, LoginToken("alice")).code(), Code::kPermissionDenied);
  EXPECT_EQ(registry_->ListTokens(inside.principal, "alice")->size(), 2u);

  clock_.AdvanceMs(999);
  EXPECT_EQ(Bearer(token, "10.0.0.1").outcome, Outcome::kOk);
  clock_.AdvanceMs(1);
  EXPECT_EQ(Bearer(token, "10.0.0.1").outcome, Outcome::kExpired);

  EXPECT_EQ(created->info.key, HexEncode(Sha256(token).view()));
  EXPECT_TRUE(token.starts_with(created->info.preview));
  EXPECT_TRUE(registry_->RevokeToken(inside.principal, token).ok());
}

TEST_F(AccountsTest, WhoMayMakeTokens) {
  const Principal alice = AddUserWithPassword("alice");
  const Principal bob = AddUserWithPassword("bob");
  const Principal root = AddUserWithPassword("root", Registry::Admin::kYes);
  EXPECT_EQ(registry_->CreateToken(alice, "alice", "wrong", {}).code(), Code::kUnauthenticated);
  EXPECT_EQ(registry_->CreateToken(alice, "alice", std::nullopt, {}).code(), Code::kUnauthenticated);
  EXPECT_EQ(registry_->CreateToken(bob, "alice", "secret-alice", {}).code(), Code::kPermissionDenied);
  EXPECT_EQ(registry_->CreateToken(Principal::Anonymous(), "alice", "secret-alice", {}).code(), Code::kUnauthenticated);
  EXPECT_TRUE(registry_->CreateToken(root, "alice", std::nullopt, {}).ok());
  EXPECT_TRUE(registry_->CreateToken(Principal::System(), "alice", std::nullopt, {}).ok());
  EXPECT_EQ(registry_->CreateToken(Principal::System(), "nobody", std::nullopt, {}).code(), Code::kNotFound);
  EXPECT_EQ(registry_->ListTokens(bob, "alice").code(), Code::kPermissionDenied);
  EXPECT_EQ(registry_->ListTokens(root, "alice")->size(), 2u);

  struct Row {
    const char* what;
    TokenSpec spec;
  };
  const Row rows[] = {
      {"bad CIDR", {.name = "", .description = "", .read_only = false, .cidrs = {"10.0.0.0/99"}, .expires_ms = {}}},
      {"past", {.name = "", .description = "", .read_only = false, .cidrs = {}, .expires_ms = clock_.NowMs()}},
      {"too many CIDRs",
       {.name = "",
        .description = "",
        .read_only = false,
        .cidrs = std::vector<std::string>(limits::kCidrsPerTokenMax + 1, "10.0.0.1"),
        .expires_ms = {}}},
      {"long name",
       {.name = std::string(limits::kTokenTextBytesMax + 1, 'x'),
        .description = "",
        .read_only = false,
        .cidrs = {},
        .expires_ms = {}}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(registry_->CreateToken(root, "alice", std::nullopt, row.spec).code(), Code::kInvalidArgument) << row.what;
  }
}

TEST_F(AccountsTest, TokensPerUserAreLimitedAndExpiredOnesMakeRoom) {
  const Principal root = Principal::System();
  AddUserWithPassword("alice");
  const uint64_t expires_ms = clock_.NowMs() + 1;
  std::vector<engine::Change> tokens;
  for (size_t i = 0; i < limits::kTokensPerUserMax; ++i) {
    const TokenRecord token{.user = "alice",
                            .user_id = 1,
                            .created_ms = 1,
                            .expires_ms = expires_ms,
                            .read_only = false,
                            .cidrs = {},
                            .name = "",
                            .description = "",
                            .preview = ""};
    tokens.push_back(tarn::Put(engine::Family::kToken, engine::TokenKey(Sha256(std::to_string(i))), Encode(token)));
  }
  ASSERT_TRUE(store_.Commit(MutationOf(std::move(tokens))).ok());
  EXPECT_EQ(registry_->CreateToken(root, "alice", std::nullopt, {}).code(), Code::kPermissionDenied);
  EXPECT_EQ(registry_->Login({"alice", "secret-alice", ""}).code(), Code::kPermissionDenied);
  clock_.AdvanceMs(1);
  EXPECT_TRUE(registry_->CreateToken(root, "alice", std::nullopt, {}).ok());
  EXPECT_EQ(registry_->ListTokens(root, "alice")->size(), 1u);
  ExpectVerified();
}

TEST_F(AccountsTest, BasicTakesThePasswordOrAToken) {
  AddUserWithPassword("alice");
  AddUserWithPassword("bob");
  const auto answer = Basic("alice", "secret-alice");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->outcome, Outcome::kOk);
  EXPECT_EQ(answer->principal.user, "alice");
  EXPECT_TRUE(answer->principal.may_write);
  EXPECT_EQ(Basic("alice", "secret-bob")->outcome, Outcome::kBadCredentials);
  EXPECT_EQ(Basic("nobody", "secret")->outcome, Outcome::kBadCredentials);
  EXPECT_EQ(Basic("", "")->outcome, Outcome::kBadCredentials);
  const std::string token = LoginToken("alice");
  EXPECT_EQ(Basic("alice", token)->outcome, Outcome::kOk);
  EXPECT_EQ(Basic("bob", token)->outcome, Outcome::kBadCredentials) << "it is not bob's";
}

TEST_F(AccountsTest, ChangedPasswordEndsTheOldOneButNoToken) {
  const Principal alice = AddUserWithPassword("alice");
  const Principal bob = AddUserWithPassword("bob");
  const std::string token = LoginToken("alice");
  ASSERT_EQ(Basic("alice", "secret-alice")->outcome, Outcome::kOk);  // Remembered now.
  EXPECT_EQ(registry_->SetPassword(alice, "alice", "wrong", "next").code(), Code::kUnauthenticated);
  EXPECT_EQ(registry_->SetPassword(bob, "alice", "secret-alice", "next").code(), Code::kPermissionDenied);
  ASSERT_TRUE(registry_->SetPassword(alice, "alice", "secret-alice", "next").ok());
  EXPECT_EQ(Basic("alice", "secret-alice")->outcome, Outcome::kBadCredentials);
  EXPECT_EQ(Basic("alice", "next")->outcome, Outcome::kOk);
  EXPECT_EQ(Bearer(token).outcome, Outcome::kOk);
  ASSERT_TRUE(registry_->SetPassword(Principal::System(), "alice", "", "third").ok());
  EXPECT_EQ(Basic("alice", "third")->outcome, Outcome::kOk);
}

TEST_F(AccountsTest, RemovedUserLosesTokensAndKeepsTheName) {
  const Principal alice = AddUserWithPassword("alice");
  AddUserWithPassword("root", Registry::Admin::kYes);
  options_.registration = RegistryOptions::Registration::kOpen;
  Open();
  const std::string token = LoginToken("alice");
  ASSERT_EQ(Bearer(token).outcome, Outcome::kOk);
  ASSERT_EQ(Basic("alice", "secret-alice")->outcome, Outcome::kOk);
  ASSERT_TRUE(Publish(alice, PublishBuilder()).ok());
  EXPECT_EQ(registry_->RemoveUser(alice, "alice").code(), Code::kPermissionDenied);
  ASSERT_TRUE(registry_->RemoveUser(Principal::System(), "alice").ok());
  EXPECT_EQ(Bearer(token).outcome, Outcome::kBadCredentials);
  EXPECT_EQ(Basic("alice", "secret-alice")->outcome, Outcome::kBadCredentials);
  EXPECT_EQ(registry_->GetUser(Principal::System(), "alice").code(), Code::kNotFound);
  EXPECT_EQ(registry_->Login({"alice", "mine now", ""}).code(), Code::kPermissionDenied)
      << "whoever took the name would maintain the packages";
  ASSERT_TRUE(registry_->CreateUser(Principal::System(), "alice", "mine now", "", Registry::Admin::kNo).ok());
  EXPECT_EQ(Bearer(token).outcome, Outcome::kBadCredentials) << "the same name, another account";
  EXPECT_EQ(registry_->RemoveUser(Principal::System(), "nobody").code(), Code::kNotFound);
  ExpectVerified();
}

TEST_F(AccountsTest, LastAdministratorStays) {
  AddUserWithPassword("root", Registry::Admin::kYes);
  AddUserWithPassword("alice");
  EXPECT_EQ(registry_->RemoveUser(Principal::System(), "root").code(), Code::kFailedPrecondition);
  AddUserWithPassword("second", Registry::Admin::kYes);
  // Both at once: one of them must stay.
  Status results[2];
  std::thread one([&] { results[0] = registry_->RemoveUser(Principal::System(), "root"); });
  std::thread other([&] { results[1] = registry_->RemoveUser(Principal::System(), "second"); });
  one.join();
  other.join();
  EXPECT_NE(results[0].ok(), results[1].ok());
}

TEST_F(AccountsTest, WhoSeesWhatOfAUser) {
  const Principal alice = AddUserWithPassword("alice");
  const Principal bob = AddUserWithPassword("bob");
  const Principal root = AddUserWithPassword("root", Registry::Admin::kYes);
  EXPECT_EQ(registry_->GetUser(Principal::Anonymous(), "alice")->name, "alice");
  EXPECT_EQ(registry_->GetUser(Principal::Anonymous(), "alice")->email, "");
  EXPECT_EQ(registry_->GetUser(bob, "alice")->email, "alice@example.com") << "npm owner add needs it";
  EXPECT_FALSE(registry_->GetUser(bob, "root")->is_admin);
  EXPECT_TRUE(registry_->GetUser(root, "root")->is_admin);
  EXPECT_EQ(registry_->GetUser(bob, "nobody").code(), Code::kNotFound);
  EXPECT_EQ(registry_->ListUsers(bob).code(), Code::kPermissionDenied);
  EXPECT_EQ(registry_->ListUsers(root)->size(), 3u);
  ASSERT_TRUE(SetEmail(alice, "new@example.com").ok());
  EXPECT_EQ(registry_->GetUser(alice, "alice")->email, "new@example.com");
  EXPECT_EQ(SetEmail(alice, "junk").code(), Code::kInvalidArgument);
}

TEST_F(AccountsTest, ProfilesAreTheirOwnersBusiness) {
  const Principal alice = AddUserWithPassword("alice");
  const Principal bob = AddUserWithPassword("bob");
  ProfileChange change;
  change.full_name = "Alice A.";
  change.homepage = "https://alice.example/";
  ASSERT_TRUE(registry_->ChangeProfile(alice, change).ok());
  EXPECT_EQ(registry_->GetUser(alice, "alice")->profile.full_name, "Alice A.");
  EXPECT_EQ(registry_->GetUser(alice, "alice")->email, "alice@example.com") << "what is absent stays";
  EXPECT_EQ(registry_->GetUser(bob, "alice")->profile, UserProfile());
  for (const std::string& bad : {std::string(limits::kProfileFieldBytesMax + 1, 'x'), std::string("a\nb")}) {
    ProfileChange broken;
    broken.email = "other@example.com";
    broken.github = bad;
    EXPECT_EQ(registry_->ChangeProfile(alice, broken).code(), Code::kInvalidArgument);
  }
  EXPECT_EQ(registry_->GetUser(alice, "alice")->email, "alice@example.com") << "all of it or nothing";
  EXPECT_EQ(registry_->ChangeProfile(Principal::Anonymous(), change).code(), Code::kUnauthenticated);
}

class HtpasswdAccounts : public AccountsTest {
 protected:
  void SetUp() override {
    path_ = ::testing::TempDir() + "tarn-accounts-htpasswd";
    Write("carol:ab2CdNnlmtgyA\n");  // "right horse", by crypt's DES.
    options_.htpasswd_file = path_;
    AccountsTest::SetUp();
  }
  void Write(const std::string& text) { std::ofstream(path_) << text; }
  std::string path_;
};

TEST_F(HtpasswdAccounts, GiveAnAccountAtTheFirstLogin) {
  EXPECT_EQ(registry_->Login({"carol", "wrong"}).code(), Code::kUnauthenticated);
  EXPECT_EQ(registry_->GetUser(Principal::System(), "carol").code(), Code::kNotFound) << "not for a wrong password";
  const auto login = registry_->Login({"carol", "right horse", "carol@example.com"});
  ASSERT_TRUE(login.ok()) << login.status().ToString();
  EXPECT_TRUE(login->created_user);
  EXPECT_FALSE(login->created_admin);
  EXPECT_EQ(Bearer(login->token).principal.user, "carol");
  EXPECT_EQ(registry_->Login({"dave", "right horse"}).code(), Code::kPermissionDenied) << "not in the file";
  EXPECT_EQ(registry_->SetPassword(As("carol"), "carol", "right horse", "next").code(), Code::kFailedPrecondition);
}

TEST_F(HtpasswdAccounts, WorkForBasicAndEndWithTheirLine) {
  ASSERT_EQ(Basic("carol", "right horse")->outcome, Outcome::kOk);
  EXPECT_TRUE(registry_->GetUser(Principal::System(), "carol").ok());
  Write("# nobody left\n");
  clock_.AdvanceMs(limits::kHtpasswdRecheckMs);
  EXPECT_EQ(Basic("carol", "right horse")->outcome, Outcome::kBadCredentials) << "not from what is remembered either";
  EXPECT_EQ(registry_->Login({"carol", "right horse"}).code(), Code::kUnauthenticated);
}

TEST_F(HtpasswdAccounts, DoNotComeBackOnceRemoved) {
  ASSERT_TRUE(registry_->Login({"carol", "right horse"}).ok());
  ASSERT_TRUE(registry_->RemoveUser(Principal::System(), "carol").ok());
  EXPECT_EQ(registry_->Login({"carol", "right horse"}).code(), Code::kPermissionDenied);
  EXPECT_EQ(Basic("carol", "right horse")->outcome, Outcome::kBadCredentials);
}

TEST_F(HtpasswdAccounts, TheFilesPasswordIsTheOnlyOne) {
  AddUserWithPassword("erin");
  ASSERT_EQ(Basic("erin", "secret-erin")->outcome, Outcome::kOk);
  Write("erin:ab2CdNnlmtgyA\n");
  clock_.AdvanceMs(limits::kHtpasswdRecheckMs);
  EXPECT_EQ(Basic("erin", "secret-erin")->outcome, Outcome::kBadCredentials);
  EXPECT_EQ(Basic("erin", "right horse")->outcome, Outcome::kOk);
}

TEST_F(AccountsTest, UsersAreMadeByAdministratorsOnly) {
  const Principal alice = AddUserWithPassword("alice");
  EXPECT_EQ(registry_->CreateUser(alice, "bob", "password", "", Registry::Admin::kNo).code(), Code::kPermissionDenied);
  EXPECT_EQ(registry_->CreateUser(Principal::Anonymous(), "bob", "password", "", Registry::Admin::kNo).code(),
            Code::kUnauthenticated);
  EXPECT_EQ(registry_->CreateUser(Principal::System(), "alice", "password", "", Registry::Admin::kNo).code(),
            Code::kAlreadyExists);
}

TEST_F(AccountsTest, AccessListenerHearsOfAccountsAndNotOfPackages) {
  int calls = 0;
  registry_->SetAccessListener([&] { ++calls; });
  const Principal alice = AddUserWithPassword("alice");
  EXPECT_EQ(calls, 1);
  ASSERT_TRUE(Publish(alice, PublishBuilder()).ok());
  EXPECT_EQ(calls, 1);
  LoginToken("alice");
  EXPECT_EQ(calls, 2);
  PublishBuilder scoped;
  scoped.name = "@corp/left";  // Founds an organisation.
  ASSERT_TRUE(Publish(alice, scoped).ok());
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace tarn::registry
