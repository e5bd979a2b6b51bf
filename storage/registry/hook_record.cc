#include "storage/registry/hook_record.h"

#include "storage/engine/keys.h"
#include "storage/registry/flat_fields.h"
#include "storage/schema/hook_delivery_generated.h"
#include "storage/schema/hook_generated.h"

namespace tarn::registry {

using namespace flat;  // NOLINT: the helpers exist for these files.

std::string_view HookTypeName(HookType type) {
  switch (type) {
    case HookType::kPackage: return "package";
    case HookType::kScope: return "scope";
    case HookType::kOwner: return "owner";
  }
  return "";
}

std::string Encode(const HookRecord& record) {
  FlatBufferBuilder builder;
  const auto user = Text(builder, record.user);
  const auto name = Text(builder, record.name);
  const auto endpoint = Text(builder, record.endpoint);
  const auto secret = Text(builder, record.secret);
  schema::FinishHookRecordBuffer(
      builder, schema::CreateHookRecord(builder, user, record.user_id, static_cast<schema::HookType>(record.type), name,
                                        endpoint, secret, record.created_ms, record.updated_ms, record.generation));
  return Take(builder);
}

Result<HookRecord> DecodeHook(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::HookRecord>(payload, schema::HookRecordIdentifier()));
  if (root->type() < schema::HookType::Package || root->type() > schema::HookType::Owner) {
    return Corruption("a hook of type " + std::to_string(static_cast<int>(root->type())));
  }
  HookRecord record;
  record.user = Text(root->user());
  record.user_id = root->user_id();
  record.type = static_cast<HookType>(root->type());
  record.name = Text(root->name());
  record.endpoint = Text(root->endpoint());
  record.secret = Text(root->secret());
  record.created_ms = root->created_ms();
  record.updated_ms = root->updated_ms();
  record.generation = root->generation();
  return record;
}

std::string Encode(const HookDeliveryRecord& record) {
  FlatBufferBuilder builder;
  const auto last_error = Text(builder, record.last_error);
  schema::FinishHookDeliveryRecordBuffer(
      builder,
      schema::CreateHookDeliveryRecord(builder, record.position_lsn, record.delivered_count, record.last_delivery_ms,
                                       record.response_code, record.failing_since_ms, last_error));
  return Take(builder);
}

Result<HookDeliveryRecord> DecodeHookDelivery(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::HookDeliveryRecord>(payload, schema::HookDeliveryRecordIdentifier()));
  return HookDeliveryRecord{root->position_lsn(),  root->delivered_count(),  root->last_delivery_ms(),
                            root->response_code(), root->failing_since_ms(), Text(root->last_error())};
}

std::string HookDeliveryKey(std::string_view hook_id) {
  return engine::NameKey("hook/delivery/" + std::string(hook_id));
}

}  // namespace tarn::registry
