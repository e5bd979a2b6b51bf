#include <algorithm>

#include "storage/base/check.h"
#include "storage/base/logging.h"
#include "storage/registry/json_text.h"
#include "storage/registry/manifest.h"

namespace tarn::registry {
namespace {

// Left out of what is served: ours (written anew), or a leak of the publisher's machine
// (contract 4.2, 5.1). `integrity` and `shasum` at the top are strays of bun. Sorted.
constexpr std::string_view kDroppedMembers[] = {
    "_args",     "_attachments", "_from",   "_hasShrinkwrap", "_id",        "_integrity", "_npmUser",
    "_resolved", "_rev",         "_shasum", "_where",         "deprecated", "dist",       "hasInstallScript",
    "integrity", "maintainers",  "name",    "readme",         "shasum",     "version",
};
static_assert(std::is_sorted(std::begin(kDroppedMembers), std::end(kDroppedMembers)));

// Likewise of `dist`. pnpm refuses documents with revisions.
constexpr std::string_view kDroppedDistMembers[] = {
    "fileCount", "integrity", "revision", "revisions", "shasum", "tarball", "unpackedSize",
};
static_assert(std::is_sorted(std::begin(kDroppedDistMembers), std::end(kDroppedDistMembers)));

// Who vouches for a version. Sorted.
constexpr std::string_view kEvidenceMembers[] = {"attestations", "npm-signature", "signatures"};
static_assert(std::is_sorted(std::begin(kEvidenceMembers), std::end(kEvidenceMembers)));

// What the abbreviated form takes from the publisher (contract 4.3). Sorted.
constexpr std::string_view kAbbreviatedMembers[] = {
    "acceptDependencies",
    "bin",
    "bundleDependencies",
    "cpu",
    "dependencies",
    "devDependencies",
    "directories",
    "engines",
    "funding",
    "libc",
    "optionalDependencies",
    "os",
    "peerDependencies",
    "peerDependenciesMeta",
};
static_assert(std::is_sorted(std::begin(kAbbreviatedMembers), std::end(kAbbreviatedMembers)));

// What a packument repeats at its top, of `latest`. Sorted.
constexpr std::string_view kHoistedMembers[] = {
    "author", "bugs", "contributors", "description", "homepage", "keywords", "license", "repository",
};
static_assert(std::is_sorted(std::begin(kHoistedMembers), std::end(kHoistedMembers)));

template <size_t kCount>
bool IsIn(const std::string_view (&sorted)[kCount], std::string_view key) {
  return std::binary_search(std::begin(sorted), std::end(sorted), key);
}

// Puts members one after the other, with commas between.
class MemberWriter {
 public:
  void Raw(std::string_view raw_key, std::string_view raw_value) {
    if (!text_.empty()) text_ += ',';
    text_ += raw_key;
    text_ += ':';
    text_ += raw_value;
  }
  // `key` needs no escaping.
  void Member(std::string_view key, std::string_view raw_value) { Raw("\"" + std::string(key) + "\"", raw_value); }
  void Text(std::string_view key, std::string_view text) { Member(key, JsonString(text)); }
  void Flag(std::string_view key, bool flag) { Member(key, flag ? "true" : "false"); }

  size_t size() const { return text_.size(); }
  std::string TakeMembers() { return std::move(text_); }
  std::string TakeObject() { return "{" + std::move(text_) + "}"; }

 private:
  std::string text_;
};

// Characters that a path segment holds as they are (RFC 3986, pchar), and "/".
bool IsPathChar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("-._~!$&'()*+,;=:@/").find(c) != std::string_view::npos;
}

// The path as a URL holds it; needs no JSON escaping.
std::string EncodedPath(std::string_view plain) {
  std::string path;
  constexpr char kHexDigits[] = "0123456789ABCDEF";
  for (const char c : plain) {
    if (IsPathChar(c)) {
      path += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      path += {'%', kHexDigits[byte >> 4], kHexDigits[byte & 15]};
    }
  }
  return path;
}

// What follows the base URL in dist.tarball, and in dist.attestations.url.
std::string TarballPath(const ManifestOverlay& overlay) {
  return EncodedPath("/" + overlay.name + "/-/" + overlay.tarball_file);
}
std::string AttestationsPath(const ManifestOverlay& overlay) {
  return EncodedPath("/-/npm/v1/attestations/" + overlay.name + "@" + overlay.version);
}

struct Dist {
  std::string json;
  size_t base_offset = 0;               // In json.
  size_t attestations_base_offset = 0;  // In json; 0: no such place.
};

std::string Signatures(const ManifestOverlay& overlay) {
  std::string json = "[";
  for (const auto& [keyid, signature] : overlay.signatures) {
    MemberWriter writer;
    writer.Text("keyid", keyid);
    writer.Text("sig", signature);
    if (json.size() > 1) json += ',';
    json += writer.TakeObject();
  }
  return json + "]";
}

// Who vouches for the version. `origin`: what an imported manifest brought along, which stays; but its attestations are
// fetched from here, because clients take no more than the path of the URL (contract 12.4).
void WriteEvidence(const ManifestOverlay& overlay, const std::vector<JsonMember>& origin, MemberWriter* writer,
                   Dist* dist) {
  const JsonMember* attestations = nullptr;
  bool has_signatures = false;
  for (const JsonMember& member : origin) {
    if (member.key == "attestations" && KindOfJson(member.raw_value) == JsonKind::kObject) {
      attestations = &member;
    } else {
      has_signatures |= member.key == "signatures";
      writer->Raw(member.raw_key, member.raw_value);
    }
  }
  if (!has_signatures && !overlay.signatures.empty()) writer->Member("signatures", Signatures(overlay));
  if (attestations == nullptr && overlay.predicate_type.empty()) return;

  MemberWriter inner;
  const std::string path = AttestationsPath(overlay);
  inner.Member("url", "\"" + path + "\"");
  const size_t path_offset = 1 + inner.size() - path.size() - 1;  // After the brace; before the closing quote.
  if (attestations == nullptr) {
    inner.Member("provenance", "{\"predicateType\":" + JsonString(overlay.predicate_type) + "}");
  } else if (const auto members = SplitJsonObject(attestations->raw_value); members.ok()) {
    for (const JsonMember& member : *members) {
      if (member.key != "url") inner.Raw(member.raw_key, member.raw_value);
    }
  }
  const std::string json = inner.TakeObject();
  writer->Member("attestations", json);
  dist->attestations_base_offset = 1 + writer->size() - json.size() + path_offset;
}

Dist BuildDist(std::string_view raw_dist, const ManifestOverlay& overlay) {
  Dist dist;
  MemberWriter writer;
  if (!overlay.integrity.empty()) writer.Text("integrity", overlay.integrity);
  if (!overlay.shasum.empty()) writer.Text("shasum", overlay.shasum);
  const std::string path = TarballPath(overlay);
  writer.Member("tarball", "\"" + path + "\"");
  // One brace comes before the members; the base URL goes between the quote and the path.
  dist.base_offset = 1 + writer.size() - path.size() - 1;
  if (overlay.file_count) writer.Member("fileCount", std::to_string(*overlay.file_count));
  if (overlay.unpacked_bytes) {
    writer.Member("unpackedSize", std::to_string(*overlay.unpacked_bytes));
  }
  std::vector<JsonMember> origin;  // Of its evidence.
  auto members = SplitJsonObject(raw_dist);
  if (members.ok()) {
    for (JsonMember& member : *members) {
      if (IsIn(kEvidenceMembers, member.key)) {
        if (overlay.evidence == ManifestOverlay::Evidence::kKeep) origin.push_back(std::move(member));
      } else if (!IsIn(kDroppedDistMembers, member.key)) {
        writer.Raw(member.raw_key, member.raw_value);
      }
    }
  }
  WriteEvidence(overlay, origin, &writer, &dist);
  dist.json = writer.TakeObject();
  return dist;
}

// An imported `dist`: all of it, but it points here.
Dist BuildVerbatimDist(std::string_view raw_dist, const ManifestOverlay& overlay) {
  Dist dist;
  MemberWriter writer;
  std::vector<JsonMember> evidence;
  bool has_integrity = false, has_shasum = false;
  auto members = SplitJsonObject(raw_dist);
  if (members.ok()) {
    for (JsonMember& member : *members) {
      has_integrity |= member.key == "integrity";
      has_shasum |= member.key == "shasum";
      if (IsIn(kEvidenceMembers, member.key)) {
        evidence.push_back(std::move(member));
      } else if (member.key != "tarball" || overlay.tarball_file.empty()) {
        writer.Raw(member.raw_key, member.raw_value);
      }
    }
  }
  if (!has_integrity && !overlay.integrity.empty()) writer.Text("integrity", overlay.integrity);
  if (!has_shasum && !overlay.shasum.empty()) writer.Text("shasum", overlay.shasum);
  if (!overlay.tarball_file.empty()) {
    const std::string path = TarballPath(overlay);
    writer.Member("tarball", "\"" + path + "\"");
    dist.base_offset = 1 + writer.size() - path.size() - 1;
  }
  WriteEvidence(overlay, evidence, &writer, &dist);
  // The first place is found by its offset: without a tarball there is none.
  if (dist.base_offset == 0) dist.attestations_base_offset = 0;
  dist.json = writer.TakeObject();
  return dist;
}

// publishConfig without the keys that begin with "_": credentials end up there.
std::string CleanPublishConfig(std::string_view raw) {
  const auto members = SplitJsonObject(raw);
  const auto is_private = [](const JsonMember& member) { return member.key.starts_with('_'); };
  if (!members.ok() || std::none_of(members->begin(), members->end(), is_private)) {
    return std::string(raw);
  }
  MemberWriter writer;
  for (const JsonMember& member : *members) {
    if (!is_private(member)) writer.Raw(member.raw_key, member.raw_value);
  }
  return writer.TakeObject();
}

std::string_view RawDist(const std::vector<JsonMember>& members) {
  for (const JsonMember& member : members) {
    if (member.key == "dist") return member.raw_value;
  }
  return {};
}

void WriteIdentity(const ManifestOverlay& overlay, MemberWriter* writer) {
  writer->Text("name", overlay.name);
  writer->Text("version", overlay.version);
}

enum class Form : uint8_t { kFull, kAbbreviated };

// The members of ours that both forms end with.
ManifestFragment Finish(const std::vector<JsonMember>& members, const ManifestOverlay& overlay, Form form,
                        MemberWriter writer) {
  const Dist dist =
      overlay.is_verbatim ? BuildVerbatimDist(RawDist(members), overlay) : BuildDist(RawDist(members), overlay);
  if (dist.json != "{}") writer.Member("dist", dist.json);
  const size_t dist_offset = 1 + writer.size() - dist.json.size();
  CHECK(dist_offset + dist.json.size() <= UINT32_MAX);
  const auto in_fragment = [&](size_t offset) { return offset == 0 ? 0 : static_cast<uint32_t>(dist_offset + offset); };
  if (overlay.is_verbatim && form == Form::kFull) {
    return {writer.TakeObject(), in_fragment(dist.base_offset), in_fragment(dist.attestations_base_offset)};
  }
  if (!overlay.npm_user_json.empty()) writer.Member("_npmUser", overlay.npm_user_json);
  if (!overlay.deprecated.empty()) writer.Text("deprecated", overlay.deprecated);
  if (overlay.has_install_script) writer.Flag("hasInstallScript", true);
  writer.Flag("_hasShrinkwrap", overlay.has_shrinkwrap);
  return {writer.TakeObject(), in_fragment(dist.base_offset), in_fragment(dist.attestations_base_offset)};
}

// All members of an imported manifest but `dist`.
MemberWriter VerbatimMembers(const std::vector<JsonMember>& members, const ManifestOverlay& overlay) {
  MemberWriter writer;
  bool says_deprecation = false;
  for (const JsonMember& member : members) {
    if (member.key == "dist") continue;
    if (member.key == "deprecated") {
      if (TextOfJson(member.raw_value) != overlay.deprecated) continue;  // Another one was set here.
      says_deprecation = true;
    }
    if (member.key == "publishConfig") {
      writer.Raw(member.raw_key, CleanPublishConfig(member.raw_value));
    } else {
      writer.Raw(member.raw_key, member.raw_value);
    }
  }
  if (!says_deprecation && !overlay.deprecated.empty()) writer.Text("deprecated", overlay.deprecated);
  return writer;
}

}  // namespace

Result<ManifestFragment> BuildFullManifest(std::string_view raw, const ManifestOverlay& overlay) {
  ASSIGN_OR_RETURN(const std::vector<JsonMember> members, SplitJsonObject(raw));
  if (overlay.is_verbatim) return Finish(members, overlay, Form::kFull, VerbatimMembers(members, overlay));
  MemberWriter writer;
  WriteIdentity(overlay, &writer);
  for (const JsonMember& member : members) {
    if (IsIn(kDroppedMembers, member.key)) continue;
    if (member.key == "publishConfig") {
      writer.Raw(member.raw_key, CleanPublishConfig(member.raw_value));
    } else {
      writer.Raw(member.raw_key, member.raw_value);
    }
  }
  writer.Text("_id", overlay.name + "@" + overlay.version);
  if (!overlay.maintainers_json.empty()) writer.Member("maintainers", overlay.maintainers_json);
  return Finish(members, overlay, Form::kFull, std::move(writer));
}

Result<ManifestFragment> BuildAbbreviatedManifest(std::string_view raw, const ManifestOverlay& overlay) {
  ASSIGN_OR_RETURN(const std::vector<JsonMember> members, SplitJsonObject(raw));
  const bool has_bundle_dependencies = std::any_of(
      members.begin(), members.end(), [](const JsonMember& member) { return member.key == "bundleDependencies"; });
  MemberWriter writer;
  WriteIdentity(overlay, &writer);
  for (const JsonMember& member : members) {
    if (IsIn(kAbbreviatedMembers, member.key)) {
      writer.Raw(member.raw_key, member.raw_value);
    } else if (member.key == "bundledDependencies" && !has_bundle_dependencies) {
      // npm renames it before publishing, others do not; the form has one name only.
      writer.Member("bundleDependencies", member.raw_value);
    }
  }
  return Finish(members, overlay, Form::kAbbreviated, std::move(writer));
}

bool IsTakenFromLatest(std::string_view key) {
  return IsIn(kHoistedMembers, key) || key == "readme" || key == "readmeFilename";
}

Result<std::string> BuildHoistedMembers(std::string_view raw) {
  ASSIGN_OR_RETURN(const std::vector<JsonMember> members, SplitJsonObject(raw));
  MemberWriter writer;
  for (const JsonMember& member : members) {
    if (IsIn(kHoistedMembers, member.key) && KindOfJson(member.raw_value) != JsonKind::kNull) {
      writer.Raw(member.raw_key, member.raw_value);
    }
  }
  return writer.TakeMembers();
}

}  // namespace tarn::registry
