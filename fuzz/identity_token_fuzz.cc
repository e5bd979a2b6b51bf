#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/base/check.h"
#include "storage/registry/identity_token.h"
#include "storage/registry/json_web_key.h"
#include "storage/registry/trust_rules.h"

// Three lines, each of which comes from outside: an identity token, its issuer's keys, a package's configuration. The corpus
// holds some that fit each other.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::registry;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto next_line = [&] {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    return line;
  };
  const auto token = ParseIdentityToken(next_line());
  const auto keys = JsonWebKeys::Parse(next_line());
  if (!token.ok()) CHECK(token.code() == tarn::Code::kInvalidArgument);
  if (!keys.ok()) CHECK(keys.code() == tarn::Code::kInvalidArgument);
  if (token.ok() && keys.ok()) {
    const bool is_right = keys->Verify(token->algorithm, token->key_id, token->signed_text, token->signature);
    CHECK(!is_right || keys->Has(token->algorithm, token->key_id));
    // No other text has that signature.
    CHECK(!keys->Verify(token->algorithm, token->key_id, token->signed_text + ".", token->signature));
  }

  std::vector<TrustIssuer> issuers(3);
  issuers[0].name = "github", issuers[0].kind = TrustIssuer::Kind::kGithub, issuers[0].url = "https://actions.example";
  issuers[1].name = "gitlab", issuers[1].kind = TrustIssuer::Kind::kGitlab, issuers[1].url = "https://gitlab.example";
  issuers[2].name = "circleci", issuers[2].kind = TrustIssuer::Kind::kCircleci,
  issuers[2].url = "https://circle.example";
  const auto config = ParseTrustConfig(text, issuers);
  if (!config.ok()) {
    CHECK(config.code() == tarn::Code::kInvalidArgument);
    return 0;
  }
  const auto again = ParseTrustConfig(FormatTrustConfigs({*config}), issuers);
  CHECK(again.ok() && *again == *config);
  const auto record = DecodeTrustRecord(Encode(TrustRecord{{*config}, {}}));
  CHECK(record.ok() && record->configs.front() == *config);
  // A configuration that asks for nothing would let everybody in.
  for (const TrustIssuer& issuer : issuers) CHECK(MismatchOf(*config, issuer, IdentityClaims{}));
  if (!token.ok()) return 0;
  CheckIdentityTimes(token->claims, 1'700'000'000'000).ok();
  for (const TrustIssuer& issuer : issuers) {
    MismatchOf(*config, issuer, token->claims);
    DescribeOrigin(issuer, token->claims);
  }
  return 0;
}
