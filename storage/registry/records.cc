#include "storage/registry/records.h"

#include <algorithm>

#include "storage/base/bytes.h"
#include "storage/base/limits.h"

namespace tarn::registry {

std::string PackageRecord::rev() const {
  std::string hash;
  AppendBigEndian64(&hash, rev_hash);
  return std::to_string(rev_counter) + "-" + HexEncode(hash);
}

void PackageRecord::Advance(uint64_t next_rev_hash, uint64_t now_ms) {
  if (rev_counter > 0) earlier_rev_hashes.insert(earlier_rev_hashes.begin(), rev_hash);
  if (earlier_rev_hashes.size() >= limits::kRevisionsKept) earlier_rev_hashes.resize(limits::kRevisionsKept - 1);
  ++rev_counter;
  rev_hash = next_rev_hash;
  modified_ms = std::max(modified_ms, now_ms);  // Never back, whatever the clock does.
}

const ImportedFile* ImportedPackage::FindFile(std::string_view file_name) const {
  const auto position =
      std::lower_bound(files.begin(), files.end(), file_name,
                       [](const ImportedFile& file, std::string_view wanted) { return file.file_name < wanted; });
  return position != files.end() && position->file_name == file_name ? &*position : nullptr;
}

bool PackageRecord::IsMaintainer(std::string_view user) const {
  return std::any_of(maintainers.begin(), maintainers.end(),
                     [&](const Maintainer& maintainer) { return maintainer.name == user; });
}

namespace {

// The first entry whose tag is not less than `tag`.
template <typename Tags>
auto TagPosition(Tags& tags, std::string_view tag) {
  return std::lower_bound(tags.begin(), tags.end(), tag,
                          [](const auto& entry, std::string_view key) { return entry.first < key; });
}

}  // namespace

const std::string* PackageRecord::FindTag(std::string_view tag) const {
  const auto position = TagPosition(dist_tags, tag);
  return position != dist_tags.end() && position->first == tag ? &position->second : nullptr;
}

void PackageRecord::SetTag(std::string_view tag, std::string_view version) {
  const auto position = TagPosition(dist_tags, tag);
  if (position != dist_tags.end() && position->first == tag) {
    position->second = version;
  } else {
    dist_tags.emplace(position, tag, version);
  }
}

bool PackageRecord::RemoveTag(std::string_view tag) {
  const auto position = TagPosition(dist_tags, tag);
  if (position == dist_tags.end() || position->first != tag) return false;
  dist_tags.erase(position);
  return true;
}

const PublicKey* SigningKeysRecord::Find(std::string_view keyid) const {
  for (const PublicKey& key : keys) {
    if (key.keyid == keyid) return &key;
  }
  return nullptr;
}

bool OrgRecord::IsMember(std::string_view user) const {
  return std::any_of(members.begin(), members.end(), [&](const auto& member) { return member.first == user; });
}

}  // namespace tarn::registry
