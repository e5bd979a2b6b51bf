#include "storage/registry/issuer_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>
#include <vector>

#include "storage/base/identity_limits.h"
#include "storage/testing/manual_clock.h"
#include "storage/testing/temp_directory.h"
#include "storage/testing/token_signer.h"

namespace tarn::registry {
namespace {

constexpr const char* kUrl = "https://issuer.example/x";

// An issuer whose documents the test holds.
class IssuerKeysTest : public ::testing::Test {
 protected:
  IssuerKeysTest() { issuer_.url = kUrl; }

  FetchDocument Fetch() {
    return [this](const std::string& url) -> Result<std::string> {
      ++fetches_;
      asked_.push_back(url);
      if (is_down_) return Unavailable("down");
      return url == keys_url_ ? keys_ : discovery_;
    };
  }
  IdentityToken TokenOf(const TokenSigner& signer) {
    return ParseIdentityToken(signer.Token(R"({"iss":"i","aud":"a","exp":1})")).value();
  }
  Code Verify(const TokenSigner& signer) { return issuer_keys_.Verify(TokenOf(signer)).code(); }

  const TokenSigner first_{"ES256", "first"};
  const TokenSigner second_{"ES256", "second"};
  const TokenSigner impostor_{"ES256", "first"};
  std::string keys_url_ = "https://issuer.example/keys";
  std::string discovery_ = R"({"issuer":"https://issuer.example/x","jwks_uri":"https://issuer.example/keys"})";
  std::string keys_ = first_.Jwks();
  bool is_down_ = false;
  int fetches_ = 0;
  std::vector<std::string> asked_;
  TrustIssuer issuer_;
  ManualClock clock_;
  IssuerKeys issuer_keys_{[] {
                            TrustIssuer issuer;
                            issuer.url = kUrl;
                            return issuer;
                          }(),
                          Fetch(), &clock_};
};

TEST_F(IssuerKeysTest, AreDiscoveredOnceAndKept) {
  EXPECT_EQ(Verify(first_), Code::kOk);
  EXPECT_EQ(Verify(first_), Code::kOk);
  EXPECT_THAT(asked_, ::testing::ElementsAre("https://issuer.example/x/.well-known/openid-configuration",
                                             "https://issuer.example/keys"));
  EXPECT_EQ(Verify(impostor_), Code::kUnauthenticated);
  EXPECT_EQ(fetches_, 2) << "the key is known, so there is nothing to ask for";
}

TEST_F(IssuerKeysTest, AnUnknownKeyAsksAgainButNotAlways) {
  EXPECT_EQ(Verify(first_), Code::kOk);
  keys_ = second_.Jwks();
  EXPECT_EQ(Verify(second_), Code::kUnauthenticated) << "asked a moment ago";
  EXPECT_EQ(fetches_, 2);
  clock_.AdvanceMs(limits::kIssuerRefetchMs);
  EXPECT_EQ(Verify(second_), Code::kOk);
  EXPECT_EQ(fetches_, 4);
  EXPECT_EQ(Verify(first_), Code::kUnauthenticated) << "rotated away";
  EXPECT_EQ(fetches_, 4);
}

TEST_F(IssuerKeysTest, AreFetchedAnewWhenTheyAreOld) {
  EXPECT_EQ(Verify(first_), Code::kOk);
  clock_.AdvanceMs(limits::kIssuerKeysFreshMs - 1);
  EXPECT_EQ(Verify(first_), Code::kOk);
  EXPECT_EQ(fetches_, 2);
  keys_ = second_.Jwks();
  clock_.AdvanceMs(1);
  EXPECT_EQ(Verify(first_), Code::kUnauthenticated);
  EXPECT_EQ(fetches_, 4);
}

TEST_F(IssuerKeysTest, OldOnesServeWhileTheIssuerIsDownButNotForEver) {
  EXPECT_EQ(Verify(first_), Code::kOk);
  is_down_ = true;
  clock_.AdvanceMs(limits::kIssuerKeysFreshMs);
  EXPECT_EQ(Verify(first_), Code::kOk);
  EXPECT_EQ(fetches_, 3);
  EXPECT_EQ(Verify(first_), Code::kOk);
  EXPECT_EQ(fetches_, 3) << "it failed a moment ago";
  clock_.AdvanceMs(limits::kIssuerKeysStaleMs - limits::kIssuerKeysFreshMs);
  EXPECT_EQ(Verify(first_), Code::kUnavailable);
  is_down_ = false;
  clock_.AdvanceMs(limits::kIssuerRetryMs);
  EXPECT_EQ(Verify(first_), Code::kOk);
}

TEST_F(IssuerKeysTest, NothingIsBelievedOfAnIssuerThatWasNeverReached) {
  is_down_ = true;
  EXPECT_EQ(Verify(first_), Code::kUnavailable);
  EXPECT_EQ(Verify(first_), Code::kUnavailable);
  EXPECT_EQ(fetches_, 1);
}

TEST_F(IssuerKeysTest, ADiscoveryDocumentSpeaksForItsOwnIssuerOverHttps) {
  for (const char* document : {
           R"({"issuer":"https://other.example/x","jwks_uri":"https://issuer.example/keys"})",
           R"({"jwks_uri":"https://issuer.example/keys"})",
           R"({"issuer":"https://issuer.example/x"})",
           R"({"issuer":"https://issuer.example/x","jwks_uri":"http://issuer.example/keys"})",
           R"({"issuer":"https://issuer.example/x","jwks_uri":"http://127.0.0.1/keys"})",
           R"({"issuer":"https://issuer.example/x","jwks_uri":"file:///etc/keys"})",
           "<html>",
       }) {
    discovery_ = document;
    clock_.AdvanceMs(limits::kIssuerRetryMs);
    EXPECT_EQ(Verify(first_), Code::kUnavailable) << document;
  }
}

TEST_F(IssuerKeysTest, OneFetchServesAllWhoWait) {
  Mutex mutex;
  CondVar entered, released;
  bool is_entered = false;
  bool is_released = false;
  int fetches = 0;
  issuer_.name = "slow";
  IssuerKeys slow(
      issuer_,
      [&](const std::string& url) -> Result<std::string> {
        MutexLock lock(mutex);
        ++fetches;
        is_entered = true;
        entered.NotifyAll();
        while (!is_released) released.Wait(mutex);
        return url == keys_url_ ? keys_ : discovery_;
      },
      &clock_);
  const IdentityToken token = TokenOf(first_);
  std::vector<Code> codes(limits::kIssuerWaitersMax + 1, Code::kInternal);
  std::vector<std::thread> threads;
  threads.emplace_back([&] { codes[0] = slow.Verify(token).code(); });
  {
    MutexLock lock(mutex);
    while (!is_entered) entered.Wait(mutex);
  }
  for (size_t i = 1; i < codes.size(); ++i) {
    threads.emplace_back([&, i] { codes[i] = slow.Verify(token).code(); });
  }
  // All that may wait do, sooner or later; then one more is told to come back instead.
  Code refused = Code::kOk;
  std::thread one_more([&] {
    while (slow.waiters_for_test() < limits::kIssuerWaitersMax) std::this_thread::yield();
    refused = slow.Verify(token).code();
  });
  one_more.join();
  EXPECT_EQ(refused, Code::kUnavailable);
  {
    MutexLock lock(mutex);
    is_released = true;
    released.NotifyAll();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(codes, ::testing::Each(Code::kOk));
  EXPECT_EQ(fetches, 2);
}

TEST_F(IssuerKeysTest, AFileNeedsNoIssuer) {
  TempDirectory directory;
  issuer_.jwks_file = directory.path() + "/keys.json";
  IssuerKeys keys(issuer_, Fetch(), &clock_);
  EXPECT_EQ(keys.Verify(TokenOf(first_)).code(), Code::kUnavailable);
  std::ofstream(issuer_.jwks_file) << first_.Jwks();
  clock_.AdvanceMs(limits::kIssuerRetryMs);
  EXPECT_EQ(keys.Verify(TokenOf(first_)).code(), Code::kOk);
  EXPECT_EQ(fetches_, 0);
}

}  // namespace
}  // namespace tarn::registry
