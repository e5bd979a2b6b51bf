#pragma once

#include <string>

#include "storage/registry/registry.h"

namespace tarn::http {

// The members of a token as npm reads them (contract 11.4), without braces and without the token itself.
std::string TokenMembers(const registry::TokenInfo& token);

}  // namespace tarn::http
