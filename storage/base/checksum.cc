#include "storage/base/checksum.h"

#include <xxhash.h>

#include "storage/base/check.h"

namespace tarn {

uint64_t Checksum64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::array<uint64_t, 2> Checksum128(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

void Checksum64Stream::StateDeleter::operator()(XXH3_state_s* state) const { XXH3_freeState(state); }

Checksum64Stream::Checksum64Stream() : state_(XXH3_createState()) {
  CHECK(state_ != nullptr);
  Reset();
}
Checksum64Stream::~Checksum64Stream() = default;
Checksum64Stream::Checksum64Stream(Checksum64Stream&&) noexcept = default;
Checksum64Stream& Checksum64Stream::operator=(Checksum64Stream&&) noexcept = default;

void Checksum64Stream::Update(std::string_view bytes) {
  CHECK(XXH3_64bits_update(state_.get(), bytes.data(), bytes.size()) == XXH_OK);
}
uint64_t Checksum64Stream::Sum() const { return XXH3_64bits_digest(state_.get()); }
void Checksum64Stream::Reset() { CHECK(XXH3_64bits_reset(state_.get()) == XXH_OK); }

}  // namespace tarn
