#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/base/check.h"
#include "storage/registry/htpasswd.h"
#include "storage/registry/package_name.h"

// A password file. No hash is computed: some are slow on purpose.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::registry;
  const Htpasswd parsed = ParseHtpasswd({reinterpret_cast<const char*>(data), size});
  for (const auto& [name, hash] : parsed.hashes) {
    CHECK(UserName::Parse(name).ok());
    CHECK(IsHtpasswdHash(hash));
    CHECK(hash.find_first_of(":\n") == std::string::npos);
  }
  return 0;
}
