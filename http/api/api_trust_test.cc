// Signatures, attestations and audits over HTTP.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/api/testing/api_fixture.h"
#include "storage/base/bytes.h"
#include "storage/base/signing_key.h"
#include "storage/base/trust_limits.h"
#include "storage/testing/gzip.h"
#include "storage/testing/temp_directory.h"

namespace tarn::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Osv(const std::string& id, const std::string& package) {
  return R"({"id":")" + id +
         R"(","modified":"2024-05-01T00:00:00Z","summary":"Bad <thing>","aliases":["CVE-2024-1"],)" +
         R"("severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}],)" +
         R"("database_specific":{"cwe_ids":["CWE-400"],"severity":"HIGH"},"affected":[{"package":{"ecosystem":"npm","name":")" +
         package + R"("},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.2.0"}]}]}]})";
}

constexpr const char* kBulk = "/-/npm/v1/security/advisories/bulk";
constexpr const char* kQuick = "/-/npm/v1/security/audits/quick";

class ApiTrust : public ApiFixture {
 protected:
  void SetUp() override {
    options_.signing_key_path = directory_.path() + "/signing-key.pem";
    ApiFixture::SetUp();
    AddUserWithPassword("alice");
    token_ = TokenOf("alice");
  }
  // As the operator's socket.
  Response AskOperator(Method method, const std::string& target, const std::string& body = "") {
    peer_.is_unix_socket = true;
    Response response = Ask(method, target, {}, body);
    peer_.is_unix_socket = false;
    return response;
  }
  Response Import(const std::string& documents) {
    return AskOperator(Method::kPost, "/-/operator/advisories", "{\"documents\":[" + documents + "]}");
  }
  Response Audit(const std::string& target, const std::string& body, Headers headers = {}) {
    return Ask(Method::kPost, target, std::move(headers), body);
  }

  TempDirectory directory_;
  std::string token_;
};

TEST_F(ApiTrust, KeysAreForEverybody) {
  const Response keys = Get("/-/npm/v1/keys", {{"Authorization", "Bearer of-nobody"}});
  EXPECT_EQ(keys.status(), 200);
  const registry::SigningKeyInfo key = registry_->ListSigningKeys()->front();
  EXPECT_EQ(keys.text(), "{\"keys\":[{\"keyid\":\"" + key.keyid +
                             "\",\"keytype\":\"ecdsa-sha2-nistp256\",\"scheme\":\"ecdsa-sha2-nistp256\",\"key\":\"" +
                             Base64Encode(key.public_key) + "\",\"expires\":null}]}");
}

TEST_F(ApiTrust, WithoutAKeyThereAreNone) {
  MemStore empty(&clock_);
  api_.reset();
  registry_.reset();
  registry::RegistryOptions options;
  registry_ = registry::Registry::Open(&empty, options, &clock_, &random_).value();
  api_ = std::make_unique<Api>(api_options_, *registry_, node_, clock_, executor_);
  EXPECT_EQ(Get("/-/npm/v1/keys").status(), 404) << "npm and pnpm take this as: not signed";
  api_.reset();
  registry_.reset();
}

TEST_F(ApiTrust, RotationIsForTheOperator) {
  EXPECT_EQ(Ask(Method::kPost, "/-/operator/keys", {Bearer(token_)}).status(), 404);
  const Response rotated = AskOperator(Method::kPost, "/-/operator/keys");
  EXPECT_EQ(rotated.status(), 201) << rotated.text();
  const Response listed = AskOperator(Method::kGet, "/-/operator/keys");
  EXPECT_THAT(std::string(listed.text()), HasSubstr("\"expires\":\"2"));
  EXPECT_THAT(std::string(Get("/-/npm/v1/keys").text()), HasSubstr("\"expires\":null"));
}

TEST_F(ApiTrust, AttestationsUnderEverySpellingOfTheName) {
  PublishBuilder builder;
  builder.name = "@alice/n";
  builder.bundle_text = builder.Provenance();
  ASSERT_EQ(PublishAs(token_, builder).status(), 201);
  for (const char* target : {"/-/npm/v1/attestations/@alice/n@1.0.0", "/-/npm/v1/attestations/@alice%2fn@1.0.0",
                             "/-/npm/v1/attestations/%40alice%2Fn%401.0.0"}) {
    const Response answer = Get(target);
    ASSERT_EQ(answer.status(), 200) << target;
    EXPECT_EQ(BodyOf(answer), "{\"attestations\":[{\"predicateType\":\"https://slsa.dev/provenance/v1\",\"bundle\":" +
                                  *builder.bundle_text + "}]}");
    EXPECT_EQ(Get(target, {{"If-None-Match", std::string(answer.FindHeader("etag"))}}).status(), 304);
  }
  for (const char* target : {"/-/npm/v1/attestations/@alice/n", "/-/npm/v1/attestations/@alice/n@2.0.0",
                             "/-/npm/v1/attestations/left@1.0.0", "/-/npm/v1/attestations/@1.0.0"}) {
    EXPECT_EQ(Get(target).status(), 404) << target;
  }
}

TEST_F(ApiTrust, ARefusedBundleIs422) {
  PublishBuilder builder;
  builder.bundle_text = builder.Provenance("pkg:npm/other@1.0.0");
  const Response refused = PublishAs(token_, builder);
  EXPECT_EQ(refused.status(), 422);
  EXPECT_THAT(std::string(refused.text()), HasSubstr("Error verifying sigstore provenance bundle: "));
  EXPECT_EQ(Get("/left").status(), 404);
}

TEST_F(ApiTrust, HiddenPackagesHaveNoAttestations) {
  PublishBuilder builder;
  builder.name = "@alice/n";
  builder.bundle_text = builder.Provenance();
  ASSERT_EQ(PublishAs(token_, builder).status(), 201);
  ASSERT_EQ(Ask(Method::kPost, "/-/package/@alice%2fn/access", {Bearer(token_)}, R"({"access":"restricted"})").status(),
            200);
  const Response hidden = Get("/-/npm/v1/attestations/@alice/n@1.0.0");
  const Response missing = Get("/-/npm/v1/attestations/@alice/m@1.0.0");
  EXPECT_EQ(hidden.status(), 404);
  EXPECT_EQ(hidden.text(), missing.text());
  const Response own = Get("/-/npm/v1/attestations/@alice/n@1.0.0", {Bearer(token_)});
  EXPECT_EQ(own.status(), 200);
  EXPECT_THAT(std::string(own.prepared_head()), HasSubstr("private"));
}

TEST_F(ApiTrust, BulkAudit) {
  EXPECT_EQ(Audit(kBulk, "{}").status(), 404) << "nothing was imported";
  const Response imported = Import(Osv("GHSA-1", "left") + "," + Osv("GHSA-2", "@s/n") + ",7");
  EXPECT_EQ(imported.status(), 200);
  EXPECT_THAT(std::string(imported.text()),
              HasSubstr(R"("imported":2,"unchanged":0,"withdrawn":0,"irrelevant":0,"failures":[{"index":2,)"));
  const std::string body = R"({"left":["1.0.0"],"@s/n":["1.2.0"],"other":["1.0.0"]})";
  const Response plain = Audit(kBulk, body);
  EXPECT_EQ(plain.status(), 200);
  EXPECT_THAT(std::string(plain.text()),
              ::testing::MatchesRegex(
                  R"re(\{"left":\[\{"id":[0-9]+,"url":"https://github.com/advisories/GHSA-1","title":"Bad <thing>",)re"
                  R"re("severity":"high","vulnerable_versions":"<1.2.0","cwe":\["CWE-400"\],)re"
                  R"re("cvss":\{"score":7.5,"vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"\}\}\]\})re"));
  EXPECT_EQ(Audit(kBulk, Gzip(body), {{"Content-Encoding", "gzip"}}).text(), plain.text());
  EXPECT_EQ(Audit(kBulk, R"({"left":["1.2.0"]})").text(), "{}");
  for (const char* bad : {"[]", "{", R"({"left":"1.0.0"})"}) EXPECT_EQ(Audit(kBulk, bad).status(), 400) << bad;
  EXPECT_EQ(Audit(kBulk, body, {{"Content-Encoding", "gzip"}}).status(), 400);
  EXPECT_EQ(Audit(kBulk, body, {{"Content-Encoding", "br"}}).status(), 400);
  EXPECT_EQ(Audit(kBulk, body, {{"Authorization", "Bearer of-nobody"}}).status(), 401);
}

TEST_F(ApiTrust, AuditBodiesAreBoundedBeforeAndAfterInflating) {
  Import(Osv("GHSA-1", "left"));
  std::string names = "{\"left\":[\"1.0.0\"]";
  // As large as the contract wants at least.
  names += ",\"x\":[" + std::string(17 * limits::kMiB, ' ') + "]}";
  EXPECT_EQ(Audit(kBulk, Gzip(names), {{"Content-Encoding", "gzip"}}).status(), 200);
  EXPECT_EQ(Audit(kBulk, names).status(), 200);
  const std::string large = std::string(limits::kAuditBodyBytesMax, ' ') + "{}";
  EXPECT_EQ(Audit(kBulk, large).status(), 413);
  EXPECT_EQ(Audit(kBulk, Gzip(large), {{"Content-Encoding", "gzip"}}).status(), 413);
  FakeBody endless(InPieces(large, limits::kMiB));
  EXPECT_EQ(AskWith(Method::kPost, kBulk, {}, &endless, 0).status(), 413);
}

TEST_F(ApiTrust, TreeAuditOfOldClients) {
  Import(Osv("GHSA-1", "deep"));
  const std::string body =
      R"({"name":"app","requires":{"a":"*"},"dependencies":{"a":{"version":"1.0.0","requires":{"deep":"*"}},)"
      R"("deep":{"version":"1.1.0","dev":true},"safe":{"version":"1.0.0"}}})";
  for (const char* target : {kQuick, "/-/npm/v1/security/audits"}) {
    const Response report = Audit(target, Gzip(body), {{"Content-Encoding", "gzip"}});
    ASSERT_EQ(report.status(), 200) << report.text();
    const std::string text(report.text());
    EXPECT_THAT(text, HasSubstr(R"("actions":[{"action":"review","module":"deep","resolves":[{"id":)"));
    EXPECT_THAT(text, HasSubstr(R"("path":"a>deep","dev":true,"optional":false,"bundled":false}]}])"));
    EXPECT_THAT(text, HasSubstr(R"("findings":[{"version":"1.1.0","paths":["a>deep"],"dev":true)"));
    EXPECT_THAT(text, HasSubstr(R"("module_name":"deep","patched_versions":">=1.2.0")"));
    EXPECT_THAT(text, HasSubstr(R"("cves":["CVE-2024-1"])"));
    EXPECT_THAT(text, HasSubstr(R"("muted":[],"metadata":{"vulnerabilities":{"info":0,"low":0,"moderate":0,"high":1,)"
                                R"("critical":0},"dependencies":2,"devDependencies":1,"optionalDependencies":0,)"
                                R"("totalDependencies":3}})"));
  }
  const Response none = Audit(kQuick, R"({"dependencies":{"safe":{"version":"1.0.0"}}})");
  EXPECT_THAT(std::string(none.text()), HasSubstr(R"({"actions":[],"advisories":{},"muted":[])"));
  EXPECT_EQ(Audit(kQuick, "[]").status(), 400);
}

TEST_F(ApiTrust, SwitchedOff) {
  Import(Osv("GHSA-1", "left"));
  options_.audit = registry::RegistryOptions::Audit::kOff;
  StartApi();
  for (const char* target : {kBulk, kQuick}) {
    const Response answer = Audit(target, "{}");
    EXPECT_EQ(answer.status(), 404);
    EXPECT_THAT(std::string(answer.text()), HasSubstr("does not offer audits"));
  }
}

TEST_F(ApiTrust, AdvisoriesAreTheOperatorsToChange) {
  for (const auto& [method, body] :
       {std::pair{Method::kPost, R"({"documents":[]})"}, {Method::kDelete, R"({"ids":["x"]})"}, {Method::kGet, ""}}) {
    EXPECT_EQ(Ask(method, "/-/operator/advisories", {Bearer(token_)}, body).status(), 404);
  }
  EXPECT_EQ(AskOperator(Method::kPost, "/-/operator/advisories", "{}").status(), 400);
  EXPECT_EQ(Import(Osv("GHSA-1", "left")).status(), 200);
  const Response listed = AskOperator(Method::kGet, "/-/operator/advisories?package=left");
  EXPECT_EQ(listed.text(),
            R"({"total":1,"next":"","advisories":[{"id":"GHSA-1","severity":"high","title":"Bad <thing>",)"
            R"("packages":["left"],"modified":"2024-05-01T00:00:00.000Z"}]})");
  EXPECT_EQ(AskOperator(Method::kDelete, "/-/operator/advisories", R"({"ids":["GHSA-2"]})").status(), 404);
  EXPECT_EQ(AskOperator(Method::kDelete, "/-/operator/advisories", R"({"ids":[]})").status(), 400);
  EXPECT_EQ(AskOperator(Method::kDelete, "/-/operator/advisories", R"({"ids":["GHSA-1"]})").status(), 200);
  EXPECT_EQ(Audit(kBulk, "{}").status(), 404);
}

}  // namespace
}  // namespace tarn::http
