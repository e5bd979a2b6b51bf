#include "http/api/trusted_gate.h"

#include <algorithm>

#include "http/api/error_response.h"
#include "storage/registry/trusted_grant.h"

namespace tarn::http {
namespace {

struct OpenRoute {
  Method method;
  std::string_view pattern;
};
using enum Method;
constexpr OpenRoute kOpenRoutes[] = {
    {kGet, "/{pkg}"},
    {kPut, "/{pkg}"},
    {kGet, "/{pkg}/{spec}"},
    {kGet, "/{pkg}/-/{file}"},
    {kGet, "/-/package/{pkg}/dist-tags"},
    {kGet, "/-/package/{pkg}/dist-tags/{tag}"},
    {kPut, "/-/package/{pkg}/dist-tags/{tag}"},
    {kPost, "/-/package/{pkg}/dist-tags/{tag}"},
    {kDelete, "/-/package/{pkg}/dist-tags/{tag}"},
    {kGet, "/-/package/{pkg}/visibility"},  // Asked before npm makes provenance.
    {kPost, "/-/stage/package/{pkg}"},
};

bool IsOpen(const Route& route) {
  return std::any_of(std::begin(kOpenRoutes), std::end(kOpenRoutes), [&](const OpenRoute& open) {
    return open.method == route.method && open.pattern == route.pattern;
  });
}

}  // namespace

std::optional<Response> AdmitTrustedPublisher(bool reads_are_private, Call* call) {
  const registry::TrustedGrant& grant = *call->principal.trusted;
  if (IsOpen(call->route) && call->package == grant.package) return std::nullopt;
  if (call->route.auth == AuthRule::kOptional && !reads_are_private) {
    call->principal = registry::Principal::Anonymous();
    return std::nullopt;
  }
  const std::string sentence = "This token was given to a trusted publisher of \"" + grant.package +
                               "\", and is good for publishing that package alone.";
  return ErrorResponse(call->route.method == kGet ? 401 : 403, sentence);
}

}  // namespace tarn::http
