#include "storage/engine/value_frame.h"

#include "storage/base/bytes.h"
#include "storage/base/checksum.h"

namespace tarn::engine {

std::string FrameValue(Family family, std::string_view payload) {
  std::string value;
  value.reserve(kValueHeaderBytes + payload.size() + kValueTrailerBytes);
  value.push_back(static_cast<char>(family));
  value.push_back(static_cast<char>(kValueVersion));
  value += payload;
  AppendLittleEndian(&value, Checksum64(value));
  return value;
}

Result<std::string_view> UnframeValue(Family family, std::string_view value) {
  if (value.size() < kValueHeaderBytes + kValueTrailerBytes) {
    return Corruption("value of " + std::to_string(value.size()) + " bytes is shorter than its frame");
  }
  const auto kind = static_cast<uint8_t>(value[0]);
  const auto version = static_cast<uint8_t>(value[1]);
  if (kind != static_cast<uint8_t>(family)) {
    return Corruption("value of family " + std::to_string(kind) + ", expected " +
                      std::to_string(static_cast<uint8_t>(family)));
  }
  const std::string_view checked = value.substr(0, value.size() - kValueTrailerBytes);
  if (LoadLittleEndian<uint64_t>(value.data() + checked.size()) != Checksum64(checked))
    return Corruption("wrong checksum of a value");
  if (version != kValueVersion) {
    return FailedPrecondition("value of version " + std::to_string(version) + ", this program knows " +
                              std::to_string(kValueVersion));
  }
  return checked.substr(kValueHeaderBytes);
}

}  // namespace tarn::engine
