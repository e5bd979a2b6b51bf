#include "storage/registry/hook_events.h"

#include <algorithm>
#include <optional>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/logging.h"
#include "storage/registry/records.h"

namespace tarn::registry {
namespace {

using engine::EventKind;
using engine::Family;

constexpr std::string_view kEnvelopeVersion = "1.0.0";  // Of the body's form, as npm's own.

std::string Object(std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
  std::string out = "{";
  for (const auto& [key, value] : members) {
    if (value.empty()) continue;
    out += (out.size() > 1 ? "," : "") + JsonString(key) + ":" + JsonString(value);
  }
  return out + "}";
}

// {"version":"1.0.0"}, or {"versions":[…]}.
std::string Versions(const std::vector<std::string>& versions) {
  if (versions.size() == 1) return Object({{"version", versions.front()}});
  std::string out = "{\"versions\":[";
  for (size_t i = 0; i < versions.size(); ++i) out += (i > 0 ? "," : "") + JsonString(versions[i]);
  return out + "]}";
}

void AddTagEvents(const engine::Event& event, const PackageRecord& package, const ChangeDetail& detail,
                  std::vector<HookEvent>* events) {
  for (const std::string& tag : detail.tags_set) {
    const std::string* version = package.FindTag(tag);
    events->push_back({"package:dist-tag", Object({{"dist-tag", tag}, {"version", version ? *version : ""}})});
  }
  for (const std::string& tag : detail.tags_removed) {
    events->push_back({"package:dist-tag-rm", Object({{"dist-tag", tag}})});
  }
  if (!events->empty()) return;
  // The journal is older than such details: of what was set the version is known.
  if (event.version.empty())
    events->push_back({"package:dist-tag-rm", "{}"});
  else
    events->push_back({"package:dist-tag", Object({{"version", event.version}})});
}

void AddOwnerEvents(const ChangeDetail& detail, std::vector<HookEvent>* events) {
  for (const std::string& owner : detail.owners_added) {
    events->push_back({"package:owner", Object({{"maintainer", owner}})});
  }
  for (const std::string& owner : detail.owners_removed) {
    events->push_back({"package:owner-rm", Object({{"maintainer", owner}})});
  }
}

Status AddDeprecationEvents(const engine::LogRecord& record, std::vector<HookEvent>* events) {
  std::vector<std::string> deprecated, undeprecated;
  for (const engine::Change& change : record.changes) {
    if (change.family != Family::kVersion || !change.value) continue;
    ASSIGN_OR_RETURN(const VersionRecord version, Decode<VersionRecord>(*change.value));
    (version.deprecated.empty() ? undeprecated : deprecated).push_back(version.version);
  }
  if (!deprecated.empty()) events->push_back({"package:deprecated", Versions(deprecated)});
  if (!undeprecated.empty()) events->push_back({"package:undeprecated", Versions(undeprecated)});
  return OkStatus();
}

Result<std::vector<HookEvent>> EventsOf(const engine::LogRecord& record, const PackageRecord& package,
                                        const ChangeDetail& detail) {
  const engine::Event& event = record.event;
  std::vector<HookEvent> events;
  switch (event.kind) {
    case EventKind::kUnspecified: return events;  // Nothing that users did: signatures of old versions.
    case EventKind::kPublishVersion: {
      std::string_view tag;
      for (const auto& [name, version] : package.dist_tags) {
        if (version == event.version) tag = name;
      }
      events.push_back({"package:publish", Object({{"dist-tag", tag}, {"version", event.version}})});
      break;
    }
    case EventKind::kUnpublishVersion:
    case EventKind::kUnpublishPackage:
      events.push_back({"package:unpublish", Object({{"version", event.version}})});
      break;
    case EventKind::kSetDistTags: AddTagEvents(event, package, detail, &events); break;
    case EventKind::kSetOwners: AddOwnerEvents(detail, &events); break;
    case EventKind::kDeprecate: RETURN_IF_ERROR(AddDeprecationEvents(record, &events)); break;
    case EventKind::kStar: {
      const bool is_starred = std::find(package.stars.begin(), package.stars.end(), event.actor) != package.stars.end();
      events.push_back({is_starred ? "package:star" : "package:unstar", Object({{"user", event.actor}})});
      break;
    }
    default: break;
  }
  // npm's catch-all for what has no name of its own, such as access.
  if (events.empty()) events.push_back({"package:change", "{}"});
  return events;
}

void AddOwners(const std::vector<Maintainer>& maintainers, std::vector<std::string>* owners) {
  for (const Maintainer& maintainer : maintainers) owners->push_back(maintainer.name);
}

}  // namespace

Result<std::shared_ptr<const HookOccasion>> OccasionOf(const engine::LogRecord& record, const ChangeDetail& detail) {
  if (record.event.package.empty()) return std::shared_ptr<const HookOccasion>();
  std::optional<PackageRecord> package;
  for (const engine::Change& change : record.changes) {
    if (change.family != Family::kPackage || change.key != record.event.package || !change.value) continue;
    ASSIGN_OR_RETURN(package, Decode<PackageRecord>(*change.value));
  }
  if (!package) return std::shared_ptr<const HookOccasion>();
  auto occasion = std::make_shared<HookOccasion>();
  ASSIGN_OR_RETURN(occasion->events, EventsOf(record, *package, detail));
  if (occasion->events.empty()) return std::shared_ptr<const HookOccasion>();
  occasion->lsn = record.lsn;
  occasion->time_ms = record.time_ms;
  occasion->package = record.event.package;
  AddOwners(package->maintainers, &occasion->owners);
  if (package->unpublished) AddOwners(package->unpublished->maintainers, &occasion->owners);
  occasion->owners.insert(occasion->owners.end(), detail.owners_removed.begin(), detail.owners_removed.end());
  return std::shared_ptr<const HookOccasion>(std::move(occasion));
}

bool IsFor(const HookRecord& hook, const HookOccasion& occasion) {
  switch (hook.type) {
    case HookType::kPackage: return occasion.package == hook.name;
    case HookType::kScope:
      return occasion.package.size() > hook.name.size() && occasion.package.starts_with(hook.name) &&
             occasion.package[hook.name.size()] == '/';
    case HookType::kOwner:
      return std::find(occasion.owners.begin(), occasion.owners.end(), hook.name) != occasion.owners.end();
  }
  return false;
}

std::string DeliveryId(std::string_view hook_id, Lsn lsn, size_t event_index) {
  return std::string(hook_id) + "-" + std::to_string(lsn.value()) + "-" + std::to_string(event_index);
}

std::string FormatDelivery(std::string_view delivery_id, const HookRecord& hook, const HookOccasion& occasion,
                           size_t event_index, std::string_view payload) {
  const HookEvent& event = occasion.events[event_index];
  std::string body = "{\"event\":" + JsonString(event.name) + ",\"name\":" + JsonString(occasion.package);
  body += ",\"type\":\"package\",\"version\":" + JsonString(kEnvelopeVersion);
  body += ",\"hookOwner\":{\"username\":" + JsonString(hook.user) + "},\"payload\":";
  body += payload;
  body += ",\"change\":" + event.change + ",\"time\":" + std::to_string(occasion.time_ms);
  body += ",\"id\":" + JsonString(delivery_id) + "}";
  return body;
}

std::string SignatureOf(const HookRecord& hook, std::string_view body) {
  return "sha256=" + HexEncode(HmacSha256(hook.secret, body).view());
}

}  // namespace tarn::registry
