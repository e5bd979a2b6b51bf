#pragma once

#include <cstddef>
#include <memory>

#include "storage/registry/packument_rope.h"

namespace tarn::testing {

// Versions that look and compress like those of a large public package: about 2.4 KB in full and
// 1.6 KB abbreviated, of which some 200 bytes are digests and signatures and the rest is nearly the
// same from one to the next. The same index gives the same bytes.
registry::VersionEntry SyntheticVersion(size_t index);

// A head that fits `version_count` of them, with a readme of `readme_bytes`.
registry::PackumentHead SyntheticHead(size_t version_count, size_t readme_bytes);

// All of it, built at once.
std::unique_ptr<registry::PackumentRope> SyntheticRope(size_t version_count, size_t readme_bytes);

}  // namespace tarn::testing
