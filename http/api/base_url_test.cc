#include "http/api/base_url.h"

#include <gtest/gtest.h>

#include "http/api/testing/test_head.h"

namespace tarn::http {
namespace {

Peer PeerAt(std::string_view address) {
  Peer peer;
  peer.address = address;
  peer.ip = *registry::PeerAddress::Parse(address)->ip;
  peer.local_address = "127.0.0.1:4873";
  return peer;
}

std::string Resolve(const BaseUrls& urls, const Headers& headers, std::string_view peer = "127.0.0.1") {
  const TestHead head(Method::kGet, "/n", headers);
  std::string scratch;
  return std::string(urls.Resolve(*head, PeerAt(peer), &scratch));
}

TEST(BaseUrls, WithoutConfigurationFollowsALoopbackHost) {
  const BaseUrls urls({});
  EXPECT_EQ(Resolve(urls, {{"Host", "localhost:4873"}}), "http://localhost:4873");
  EXPECT_EQ(Resolve(urls, {{"Host", "127.0.0.1:4873"}}), "http://127.0.0.1:4873");
  EXPECT_EQ(Resolve(urls, {{"Host", "[::1]:4873"}}), "http://[::1]:4873");
  EXPECT_EQ(Resolve(urls, {{"Host", "LOCALHOST:80"}}), "http://localhost") << "default ports are left out";
  EXPECT_EQ(Resolve(urls, {{"Host", "evil.example"}}), "http://127.0.0.1:4873") << "nobody plants names";
  EXPECT_EQ(Resolve(urls, {}), "http://127.0.0.1:4873");
}

TEST(BaseUrls, ListeningOnTheNetworkFollowsAnyHost) {
  BaseUrls::Options options;
  options.is_loopback_only = false;
  const BaseUrls urls(options);
  EXPECT_EQ(Resolve(urls, {{"Host", "npm.internal.example:4873"}}), "http://npm.internal.example:4873");
  EXPECT_EQ(Resolve(urls, {{"Host", "a\"b"}}), "http://127.0.0.1:4873");
}

TEST(BaseUrls, ConfiguredOnesWinAndTheHostChoosesAmongThem) {
  BaseUrls::Options options;
  options.public_urls = {"https://npm.example.org:443/npm/", "http://npm.internal.example:8080"};
  const BaseUrls urls(options);
  EXPECT_EQ(Resolve(urls, {{"Host", "npm.example.org"}}), "https://npm.example.org/npm");
  EXPECT_EQ(Resolve(urls, {{"Host", "NPM.internal.example:8080"}}), "http://npm.internal.example:8080");
  EXPECT_EQ(Resolve(urls, {{"Host", "other.example"}}), "https://npm.example.org/npm");
  EXPECT_EQ(BaseUrls::PathOf("https://npm.example.org/npm"), "/npm");
  EXPECT_EQ(BaseUrls::PathOf("https://npm.example.org"), "");
}

TEST(BaseUrls, BelievesForwardedHeadersOfTrustedProxiesOnly) {
  BaseUrls::Options options;
  options.trusted_proxies = {*registry::Cidr::Parse("10.0.0.0/8")};
  options.is_loopback_only = false;
  const BaseUrls urls(options);
  const Headers headers = {{"Host", "backend:4873"},
                           {"X-Forwarded-Proto", "https, http"},
                           {"X-Forwarded-Host", "npm.example.org, x"},
                           {"X-Forwarded-Port", "8443"},
                           {"X-Forwarded-Prefix", "/npm/"},
                           {"X-Forwarded-For", "203.0.113.9, 198.51.100.7, 10.1.1.1"}};
  EXPECT_EQ(Resolve(urls, headers, "10.2.3.4"), "https://npm.example.org:8443/npm");
  EXPECT_EQ(Resolve(urls, headers, "192.0.2.1"), "http://backend:4873");
  const TestHead head(Method::kGet, "/n", headers);
  EXPECT_EQ(urls.ClientAddress(*head, PeerAt("10.2.3.4")).ip, registry::PeerAddress::Parse("198.51.100.7")->ip)
      << "the entry before it is the client's own invention";
  EXPECT_EQ(urls.ClientAddress(*head, PeerAt("192.0.2.1")).ip, registry::PeerAddress::Parse("192.0.2.1")->ip);
}

TEST(BaseUrls, TakesTheStandardHeaderWhereNoOtherIs) {
  BaseUrls::Options options;
  options.trusted_proxies = {*registry::Cidr::Parse("10.0.0.0/8")};
  options.is_loopback_only = false;
  const BaseUrls urls(options);
  const Headers standard = {
      {"Host", "backend:4873"},
      {"Forwarded", "for=203.0.113.9;proto=https;host=npm.example.org, for=198.51.100.7, for=10.1.1.1"}};
  EXPECT_EQ(Resolve(urls, standard, "10.2.3.4"), "https://npm.example.org");
  EXPECT_EQ(Resolve(urls, standard, "192.0.2.1"), "http://backend:4873");
  const TestHead head(Method::kGet, "/n", standard);
  EXPECT_EQ(urls.ClientAddress(*head, PeerAt("10.2.3.4")).ip, registry::PeerAddress::Parse("198.51.100.7")->ip);
  EXPECT_EQ(urls.ClientAddress(*head, PeerAt("192.0.2.1")).ip, registry::PeerAddress::Parse("192.0.2.1")->ip);

  const Headers both = {
      {"Host", "backend:4873"}, {"X-Forwarded-For", "198.51.100.7"}, {"Forwarded", "for=127.0.0.1;host=evil.example"}};
  const TestHead mixed(Method::kGet, "/n", both);
  EXPECT_EQ(Resolve(urls, both, "10.2.3.4"), "http://backend:4873")
      << "passed on from the client by a proxy of the other kind";
  EXPECT_EQ(urls.ClientAddress(*mixed, PeerAt("10.2.3.4")).ip, registry::PeerAddress::Parse("198.51.100.7")->ip);
}

TEST(BaseUrls, ForwardedNonsenseIsIgnored) {
  BaseUrls::Options options;
  options.trusted_proxies = {*registry::Cidr::Parse("127.0.0.1")};
  const BaseUrls urls(options);
  EXPECT_EQ(Resolve(urls, {{"Host", "localhost"},
                           {"X-Forwarded-Host", "a/b?c"},
                           {"X-Forwarded-Prefix", "x y"},
                           {"X-Forwarded-Port", "80a"}}),
            "http://localhost");
}

}  // namespace
}  // namespace tarn::http
