#pragma once

#include <optional>

#include "http/api/routes.h"

namespace tarn::http {

// The token of a trusted publisher (registry/trusted_publishing.h) is good for a list of routes, with its own package in
// them; a route that is not on the list is closed to it. That is one lock more than the registry's own rules: whatever comes
// to the route table is shut until somebody opens it here.
//
// Elsewhere its holder is a stranger: where those may read, as one who is not logged in; else 401, and 403 for changes. The
// answer does not depend on whether the package exists. nullopt: go on.
std::optional<Response> AdmitTrustedPublisher(bool reads_are_private, Call* call);

}  // namespace tarn::http
