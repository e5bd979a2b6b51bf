#include "migrate/registry/packument_filter.h"

#include <functional>
#include <optional>

#include "storage/base/logging.h"
#include "storage/registry/json_text.h"
#include "storage/registry/semver.h"

namespace tarn::migrate {
namespace {

using registry::JsonMember;

// The object with the members that `keeps` is true for; anything else as it is.
std::string Keep(std::string_view raw, const std::function<bool(const JsonMember&)>& keeps) {
  const auto members = registry::SplitJsonObjectWithRepeats(raw);
  if (!members.ok()) return std::string(raw);
  std::string kept = "{";
  for (const JsonMember& member : *members) {
    if (!keeps(member)) continue;
    if (kept.size() > 1) kept += ',';
    kept.append(member.raw_key).append(":").append(member.raw_value);
  }
  return kept + "}";
}

std::string Highest(const std::set<std::string>& versions) {
  std::optional<registry::Version> highest;
  std::string text;
  for (const std::string& candidate : versions) {
    auto version = registry::Version::Parse(candidate);
    if (!version.ok() || (highest && !(*version > *highest))) continue;
    highest.emplace(std::move(*version));
    text = candidate;
  }
  return text;
}

// Tags of what is left; `latest` is always one of them.
std::string KeepTags(std::string_view raw, const std::set<std::string>& present) {
  bool has_latest = false;
  std::string kept = Keep(raw, [&](const JsonMember& member) {
    const bool stays = present.contains(registry::TextOfJson(member.raw_value));
    has_latest |= stays && member.key == "latest";
    return stays;
  });
  const std::string highest = Highest(present);
  if (has_latest || highest.empty() || !kept.ends_with('}')) return kept;
  kept.pop_back();
  return kept + (kept.size() > 1 ? "," : "") + "\"latest\":" + JsonString(highest) + "}";
}

}  // namespace

Result<FilteredPackument> FilterPackument(std::string_view packument, const std::set<std::string>& wanted) {
  ASSIGN_OR_RETURN(const auto members, registry::SplitJsonObjectWithRepeats(packument));
  std::set<std::string> present;
  for (const JsonMember& member : members) {
    if (member.key != "versions") continue;
    const auto versions = registry::SplitJsonObjectWithRepeats(member.raw_value);
    if (!versions.ok()) continue;
    for (const JsonMember& version : *versions) {
      if (wanted.contains(version.key)) present.insert(version.key);
    }
  }
  FilteredPackument filtered;
  for (const std::string& version : wanted) {
    if (!present.contains(version)) filtered.absent.push_back(version);
  }
  filtered.text = "{";
  for (const JsonMember& member : members) {
    std::string value(member.raw_value);
    if (member.key == "versions") {
      value = Keep(value, [&](const JsonMember& version) { return present.contains(version.key); });
    } else if (member.key == "time") {
      value = Keep(value, [&](const JsonMember& time) {
        return time.key == "created" || time.key == "modified" || present.contains(time.key);
      });
    } else if (member.key == "dist-tags") {
      value = KeepTags(value, present);
    }
    if (filtered.text.size() > 1) filtered.text += ',';
    filtered.text.append(member.raw_key).append(":").append(value);
  }
  filtered.text += '}';
  return filtered;
}

}  // namespace tarn::migrate
