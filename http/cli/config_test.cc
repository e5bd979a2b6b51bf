#include "http/cli/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tarn::cli {
namespace {

class ConfigFile : public ::testing::Test {
 protected:
  Status Apply(const std::string& text) {
    std::string name = (std::filesystem::temp_directory_path() / "tarn-config-XXXXXX").string();
    const int descriptor = ::mkstemp(name.data());
    EXPECT_GE(descriptor, 0);
    ::close(descriptor);
    std::ofstream(name) << text;
    const Status status = ApplyFile(name, &config_);
    std::filesystem::remove(name);
    // The name differs from run to run: what matters is what follows it.
    message_ = std::string(status.message());
    if (const size_t at = message_.find(name); at != std::string::npos) message_.erase(at, name.size());
    return status;
  }
  Config config_;
  std::string message_;
};

TEST_F(ConfigFile, SetsEveryKind) {
  ASSERT_TRUE(Apply("[server]\nlisten = [\"127.0.0.1:1\", \"[::1]:2\"]\naccess_log = false\n"
                    "[limits]\ntarball_bytes_max = 10_000\n[registry]\nregistration = \"open\"\n")
                  .ok());
  EXPECT_EQ(config_.listen.size(), 2u);
  EXPECT_FALSE(config_.access_log);
  EXPECT_EQ(config_.tarball_bytes_max, 10'000u);
  EXPECT_EQ(config_.registration, "open");
}

TEST_F(ConfigFile, NamesLineAndReason) {
  struct Case {
    const char* text;
    const char* message;
  };
  for (const Case& c : {
           Case{"[server]\n\nlisten = 5\n", ":3: server.listen: expected a list of strings"},
           Case{"[server]\nlisten = [\"127.0.0.1\"]\n",
                ":2: server.listen: \"127.0.0.1\" has no port (127.0.0.1:4873, [::1]:4873 or :4873)"},
           Case{"[server]\nport = 1\n", ":2: there is no setting server.port (tarn config show lists them)"},
           Case{"[serve]\n", ":1: there is no section [serve] (tarn config show lists them)"},
           Case{"x = 1\n", ":1: there is no section [x] (tarn config show lists them)"},
           Case{"[registry]\nregistration = \"yes\"\n",
                ":2: registry.registration: \"yes\" is not one of \"closed\", \"open\""},
           Case{"[limits]\ntarball_bytes_max = -1\n",
                ":2: limits.tarball_bytes_max: expected a whole number that is not negative"},
           Case{"[limits]\ntarball_bytes_max = 0\n",
                ":2: limits.tarball_bytes_max: 0 is not between 1 and 68719476736"},
       }) {
    EXPECT_EQ(Apply(c.text).code(), Code::kInvalidArgument);
    EXPECT_EQ(message_, c.message);
  }
  EXPECT_EQ(Apply("[server\n").code(), Code::kInvalidArgument);
  EXPECT_TRUE(message_.starts_with(":1: ")) << message_;
}

TEST(ConfigFileMissing, IsAnError) {
  Config config;
  const Status status = ApplyFile("/nonexistent/tarn.toml", &config);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_TRUE(status.message().starts_with("/nonexistent/tarn.toml: ")) << status.message() << ": no line is to blame";
}

TEST(ConfigEnvironment, AppliesListsAndSizesAndRefusesUnknownNames) {
  Config config;
  ASSERT_TRUE(ApplyEnvironment({{"TARN_SERVER_LISTEN", "127.0.0.1:1, 127.0.0.1:2,"},
                                {"TARN_LIMITS_TARBALL_BYTES_MAX", "2G"},
                                {"TARN_BIN", "/somewhere"},
                                {"PATH", "/bin"}},
                               &config)
                  .ok());
  EXPECT_EQ(config.listen.size(), 2u);
  EXPECT_EQ(config.tarball_bytes_max, 2 * limits::kGiB);
  EXPECT_EQ(ApplyEnvironment({{"TARN_SERVER_LISTENS", "x"}}, &config).message(),
            "environment variable TARN_SERVER_LISTENS: there is no such setting (tarn config show lists them)");
  EXPECT_FALSE(ApplyEnvironment({{"TARN_SERVER_THREADS", "many"}}, &config).ok());
  EXPECT_FALSE(ApplyEnvironment({{"TARN_SERVER_THREADS", "18446744073709551615G"}}, &config).ok());
}

TEST_F(ConfigFile, WhatShowPrintsReadsBackTheSame) {
  config_.listen = {"127.0.0.1:9", "[::1]:9"};
  config_.log_level = "debug";
  const std::string printed = FormatToml(config_);
  config_ = Config();
  ASSERT_TRUE(Apply(printed).ok()) << message_;
  EXPECT_EQ(FormatToml(config_), printed);
}

TEST_F(ConfigFile, TakesOnlyUrlsThatCanStandInDocuments) {
  for (const char* url : {"https://npm.example.org", "http://127.0.0.1:4873/", "https://npm.example.org:8443/npm/"}) {
    EXPECT_TRUE(Apply("[server]\npublic_urls = ['" + std::string(url) + "']\n").ok()) << url << message_;
  }
  for (const char* url : {"", "npm.example.org", "ftp://x/", "https://", "https:///x", "https://a b/", "https://a/?q",
                          "https://a/#f", "https://a\"b/", "https://a\\b/", "https://\xc3\xbc/"}) {
    EXPECT_FALSE(Apply("[server]\npublic_urls = ['" + std::string(url) + "']\n").ok()) << url;
  }
}

TEST_F(ConfigFile, IssuersAreTablesOfTheirOwn) {
  ASSERT_TRUE(Apply("[trust]\naudiences = ['npm:alias.example']\n[[trust.issuers]]\nkind = 'github'\n"
                    "[[trust.issuers]]\nkind = 'generic'\nname = 'forge'\nurl = 'http://127.0.0.1:80/x'\n"
                    "jwks_file = '/etc/keys'\nclaims = { branch = 'ref', project = 'repository' }\n"
                    "required = ['project']\n")
                  .ok())
      << message_;
  ASSERT_EQ(config_.trust_issuers.size(), 2u);
  EXPECT_EQ(config_.trust_issuers[0].url, "https://token.actions.githubusercontent.com");
  EXPECT_EQ(config_.trust_issuers[0].name, "github");
  EXPECT_TRUE(config_.trust_issuers[0].single_use);
  EXPECT_FALSE(config_.trust_issuers[1].single_use);
  EXPECT_EQ(config_.trust_issuers[1].claims[1].claim, "repository");
  EXPECT_TRUE(config_.trust_issuers[1].claims[1].is_required);
  EXPECT_FALSE(config_.trust_issuers[1].claims[0].is_required);
  const std::string printed = FormatToml(config_);
  const auto issuers = config_.trust_issuers;
  config_ = Config();
  ASSERT_TRUE(Apply(printed).ok()) << message_;
  EXPECT_EQ(config_.trust_issuers, issuers);
  EXPECT_TRUE(CheckConfig(config_).ok());
}

TEST_F(ConfigFile, IssuersThatCannotBeAreNamedWithTheirLine) {
  struct Case {
    const char* text;
    const char* message;
  };
  for (const Case& c : {
           Case{"[trust]\nissuers = 5\n", ":2: trust.issuers: expected [[trust.issuers]]"},
           Case{"[[trust.issuers]]\n", ":1: trust.issuers: kind is missing"},
           Case{"[[trust.issuers]]\nkind = 'bamboo'\n",
                ":2: trust.issuers: kind: \"bamboo\" is not one of \"github\", \"gitlab\", \"circleci\", \"generic\""},
           Case{"[[trust.issuers]]\nkind = 'github'\nurls = 'x'\n",
                ":3: trust.issuers.urls: there is no such key of an issuer"},
           Case{"[[trust.issuers]]\nkind = 'github'\nurl = 7\n", ":3: trust.issuers.url: expected a string"},
           Case{"[[trust.issuers]]\nkind = 'github'\nurl = 'http://actions.example'\n",
                ":1: trust.issuers: url: \"http://actions.example\": must be https, but on this machine's loopback"},
           Case{"[[trust.issuers]]\nkind = 'circleci'\n",
                ":1: trust.issuers: url is missing: what the identity tokens have as \"iss\""},
           Case{"[[trust.issuers]]\nkind = 'generic'\nclaims = { a = 'b' }\nrequired = ['c']\n",
                ":4: trust.issuers.required: there is no claim \"c\" in claims"},
       }) {
    EXPECT_EQ(Apply(c.text).code(), Code::kInvalidArgument) << c.text;
    EXPECT_EQ(message_, c.message);
  }
}

TEST(CheckConfig, WantsAnAudienceThatNoClientCanChoose) {
  Config config;
  registry::TrustIssuer issuer;
  issuer.name = "github";
  issuer.url = "https://actions.example";
  config.trust_issuers = {issuer};
  EXPECT_TRUE(CheckConfig(config).ok()) << "on loopback the host is nobody's to choose";
  config.listen = {":4873"};
  EXPECT_EQ(CheckConfig(config).code(), Code::kInvalidArgument);
  config.trust_audiences = {"npm:npm.example"};
  EXPECT_TRUE(CheckConfig(config).ok());
  config.trust_audiences.clear();
  config.public_urls = {"https://npm.example/"};
  EXPECT_TRUE(CheckConfig(config).ok());
  issuer.name = "other";
  config.trust_issuers.push_back(issuer);
  EXPECT_EQ(CheckConfig(config).message(), "trust.issuers: two have the url https://actions.example");
  config.trust_issuers[1].name = "github";
  EXPECT_EQ(CheckConfig(config).message(), "trust.issuers: two have the name github");
}

TEST(IsPrivateToThisMachine, NeedsLoopbackAndNothingBefore) {
  Config config;
  EXPECT_TRUE(IsPrivateToThisMachine(config));
  config.listen = {"127.0.0.1:1", "[::1]:1", "localhost:1"};
  EXPECT_TRUE(IsPrivateToThisMachine(config));
  config.listen.push_back(":1");
  EXPECT_FALSE(IsPrivateToThisMachine(config));
  config = Config();
  config.public_urls = {"https://npm.example.org/"};
  EXPECT_FALSE(IsPrivateToThisMachine(config)) << "somebody forwards to it";
  config = Config();
  config.trusted_proxies = {"127.0.0.1"};
  EXPECT_FALSE(IsPrivateToThisMachine(config));
}

TEST(ListenAddress, KnowsLoopback) {
  EXPECT_TRUE(ParseListenAddress("127.0.0.1:0")->IsLoopback());
  EXPECT_TRUE(ParseListenAddress("[::1]:80")->IsLoopback());
  EXPECT_TRUE(ParseListenAddress("localhost:80")->IsLoopback());
  EXPECT_FALSE(ParseListenAddress(":80")->IsLoopback());
  for (const char* text : {"", "80", "1.2.3:80", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:8x", "host.example:80"}) {
    EXPECT_FALSE(ParseListenAddress(text).ok()) << text;
  }
}

TEST(ConfigDocs, PageIsWhatTheTablePrints) {
  std::ifstream page(TARN_SOURCE_DIR "/docs/configuration.md");
  std::stringstream text;
  text << page.rdbuf();
  EXPECT_EQ(text.str(), FormatMarkdown()) << "run: tarn config markdown > docs/configuration.md";
}

}  // namespace
}  // namespace tarn::cli
