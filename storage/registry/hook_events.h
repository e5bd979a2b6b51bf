#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/engine/log.h"
#include "storage/registry/change_detail.h"
#include "storage/registry/hook_record.h"

// What webhooks are told (contract 12.5), from records of the journal. Pure. Threads: any.
namespace tarn::registry {

struct HookEvent {
  std::string name;    // "package:publish" …
  std::string change;  // What `change` holds: a JSON object.
};

// What happened to a package in one commit: one event, or several when a list of owners came as a whole.
struct HookOccasion {
  Lsn lsn;
  uint64_t time_ms = 0;
  std::string package;
  std::vector<std::string> owners;  // Before and after.
  std::vector<HookEvent> events;    // Never empty.
};

// nullptr: nothing that hooks are told, such as an account or a signature that was added later.
Result<std::shared_ptr<const HookOccasion>> OccasionOf(const engine::LogRecord& record, const ChangeDetail& detail);

bool IsFor(const HookRecord& hook, const HookOccasion& occasion);

// The same for each attempt, and after a restart: by this a receiver knows what it has already.
std::string DeliveryId(std::string_view hook_id, Lsn lsn, size_t event_index);
// The body; `payload` is a JSON object.
std::string FormatDelivery(std::string_view delivery_id, const HookRecord& hook, const HookOccasion& occasion,
                           size_t event_index, std::string_view payload);
// The value of x-npm-signature: "sha256=" and the HMAC of the body in hex.
std::string SignatureOf(const HookRecord& hook, std::string_view body);

}  // namespace tarn::registry
