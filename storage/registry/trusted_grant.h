#pragma once

#include <cstdint>
#include <string>

#include "storage/base/status.h"
#include "storage/registry/package_name.h"

namespace tarn::registry {

// What a token that was given for an identity token allows: exactly one package, to publish or to stage versions of it. It
// stands in the Principal beside Kind::kTrustedPublisher. Pure; threads: any.
struct TrustedGrant {
  std::string package;
  std::string type;  // The issuer's name; `_npmUser.trustedPublisher.id`.
  std::string config_id;
  bool may_publish = false;
  bool may_stage = false;
};

enum class TrustedAct : uint8_t {
  kPublish,
  kStage,
  kTag,  // npm 12 exchanges a token for `npm dist-tag` too; a publish sets tags anyway.
};
// kNotFound: another package, whether it is there or not. kPermissionDenied: the configuration does not allow that.
Status CheckTrusted(const TrustedGrant& grant, const PackageName& name, TrustedAct act);

}  // namespace tarn::registry
