#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/base/check.h"
#include "storage/base/digest.h"
#include "storage/registry/attestations.h"
#include "storage/registry/json_text.h"

// The corpus holds a bundle for exactly this version: "@s/n" 1.0.0 with the tarball "x".
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::registry;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  VersionRecord version;
  version.version = "1.0.0";
  version.tarball.sha512 = tarn::Sha512("x");
  const auto checked = CheckProvenance(text, PackageName::Parse("@s/n").value(), version);
  if (!checked.ok()) {
    CHECK(checked.code() == tarn::Code::kInvalidArgument);
    CHECK(checked.status().message().starts_with(kProvenanceRefused));
    return 0;
  }
  CHECK(ValidateJson(AttestationsDocument(*checked, text)).ok());
  return 0;
}
