#pragma once

#include <optional>
#include <string>

#include "http/api/json_body.h"
#include "storage/registry/registry.h"

// Tokens as npm's clients write and read them (contract 11.4). Threads: any.
namespace tarn::http {

// The members of a token, without braces and without the token itself.
std::string TokenMembers(const registry::TokenInfo& token);

// What a request for a token wants it limited to: `packages` ("*": all), `packages_all`, `scopes`, `orgs`,
// `packages_and_scopes_permission`, `orgs_permission`, `bypass_2fa`. nullopt when it has none of them, as those of clients
// that know no limited tokens. kInvalidArgument names the field; what the lists may hold is checked by the registry.
Result<std::optional<registry::TokenLimits>> ParseTokenLimits(const JsonBody& body);

}  // namespace tarn::http
