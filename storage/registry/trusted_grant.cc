#include "storage/registry/trusted_grant.h"

#include "storage/registry/package_access.h"

namespace tarn::registry {

Status CheckTrusted(const TrustedGrant& grant, const PackageName& name, TrustedAct act) {
  if (grant.package != name.full()) return NotFound(std::string(kNotFoundText));
  const bool may = act == TrustedAct::kStage ? grant.may_stage : grant.may_publish;
  if (may) return OkStatus();
  return PermissionDenied("The trusted publisher of \"" + name.full() + "\" may only " +
                          (grant.may_stage ? "stage versions" : "publish versions") +
                          ": its configuration does not have the other permission.");
}

}  // namespace tarn::registry
