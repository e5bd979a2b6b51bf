#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/result.h"

// What the registry keeps of webhooks (storage/schema/hook.fbs, hook_delivery.fbs; the reasons are there).
namespace tarn::registry {

enum class HookType : uint8_t { kPackage = 1, kScope = 2, kOwner = 3 };

// "package", "scope", "owner".
std::string_view HookTypeName(HookType type);

struct HookRecord {
  std::string user;
  uint64_t user_id = 0;
  HookType type = HookType::kPackage;
  std::string name;
  std::string endpoint;
  std::string secret;
  uint64_t created_ms = 0;
  uint64_t updated_ms = 0;
  uint64_t generation = 0;
  bool operator==(const HookRecord&) const = default;
};

struct HookDeliveryRecord {
  uint64_t position_lsn = 0;
  uint64_t delivered_count = 0;
  uint64_t last_delivery_ms = 0;
  uint16_t response_code = 0;
  uint64_t failing_since_ms = 0;
  std::string last_error;
  bool operator==(const HookDeliveryRecord&) const = default;
};

std::string Encode(const HookRecord& record);
std::string Encode(const HookDeliveryRecord& record);
// kCorruption: not such a record.
Result<HookRecord> DecodeHook(std::string_view payload);
Result<HookDeliveryRecord> DecodeHookDelivery(std::string_view payload);

// The key of a hook's HookDeliveryRecord in family `setting`.
std::string HookDeliveryKey(std::string_view hook_id);

}  // namespace tarn::registry
