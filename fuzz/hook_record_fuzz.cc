#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/base/check.h"
#include "storage/registry/change_detail.h"
#include "storage/registry/hook_record.h"

// Bytes from disk, or from another node: what is read is written again as the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::registry;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto hook = DecodeHook(bytes);
  if (hook.ok()) CHECK(*DecodeHook(Encode(*hook)) == *hook);
  const auto delivery = DecodeHookDelivery(bytes);
  if (delivery.ok()) CHECK(*DecodeHookDelivery(Encode(*delivery)) == *delivery);
  const auto detail = DecodeChangeDetail(bytes);
  if (detail.ok()) CHECK(*DecodeChangeDetail(Encode(*detail)) == *detail);
  return 0;
}
