// Persistence of packument ropes: derived data, so an unknown version is not migrated but rebuilt.
//
// All integers little-endian; a text is u32 length and bytes:
//   u32 magic "TPKR"   u16 format version 1   u16 flags (bit 0: restricted)
//   text base URL   text name   text rev   u64 created_ms   u64 modified_ms
//   u32 dist-tags, for each: text tag, text version
//   text maintainers   text hoisted members   text readme   text readme file name
//   text users   text unpublished
//   3 × (u64 length and a rope, rope_format.cc): full versions, abbreviated versions, times
//   u64 XXH3-64 of everything before
#include <string>
#include <utility>

#include "storage/base/checksum.h"
#include "storage/registry/byte_reader.h"
#include "storage/registry/packument_rope.h"

namespace tarn::registry {
namespace {

// Written to disk since format 1.
constexpr uint32_t kMagic = 0x524b5054;
constexpr uint16_t kFormatVersion = 1;
constexpr uint16_t kFlagRestricted = 1;
static_assert(kMagic == ('T' | 'P' << 8 | 'K' << 16 | 'R' << 24));

Status Damaged(std::string_view what) { return Corruption("packument rope: " + std::string(what)); }

void AppendText(std::string* out, std::string_view text) {
  AppendLittleEndian(out, static_cast<uint32_t>(text.size()));
  out->append(text);
}

bool ReadText(ByteReader* reader, std::string* text) {
  uint32_t size = 0;
  std::string_view bytes;
  if (!reader->Read(&size) || !reader->ReadBytes(size, &bytes)) return false;
  text->assign(bytes);
  return true;
}

void AppendHead(std::string* out, const PackumentHead& head) {
  AppendText(out, head.name);
  AppendText(out, head.rev);
  AppendLittleEndian(out, head.created_ms);
  AppendLittleEndian(out, head.modified_ms);
  AppendLittleEndian(out, static_cast<uint32_t>(head.dist_tags.size()));
  for (const auto& [tag, version] : head.dist_tags) {
    AppendText(out, tag);
    AppendText(out, version);
  }
  AppendText(out, head.maintainers_json);
  AppendText(out, head.hoisted_members_json);
  AppendText(out, head.readme);
  AppendText(out, head.readme_filename);
  AppendText(out, head.users_json);
  AppendText(out, head.unpublished_json);
}

bool ReadHead(ByteReader* reader, PackumentHead* head) {
  uint32_t tag_count = 0;
  if (!ReadText(reader, &head->name) || !ReadText(reader, &head->rev) || !reader->Read(&head->created_ms) ||
      !reader->Read(&head->modified_ms) || !reader->Read(&tag_count)) {
    return false;
  }
  for (uint32_t i = 0; i < tag_count; ++i) {
    std::string tag, version;
    if (!ReadText(reader, &tag) || !ReadText(reader, &version)) return false;
    head->dist_tags.emplace_back(std::move(tag), std::move(version));
  }
  return ReadText(reader, &head->maintainers_json) && ReadText(reader, &head->hoisted_members_json) &&
         ReadText(reader, &head->readme) && ReadText(reader, &head->readme_filename) &&
         ReadText(reader, &head->users_json) && ReadText(reader, &head->unpublished_json);
}

Result<Rope> ReadRope(ByteReader* reader, const RopeLimits& limits) {
  uint64_t size = 0;
  std::string_view bytes;
  if (!reader->Read(&size) || !reader->ReadBytes(size, &bytes)) return Damaged("rope cut off");
  return Rope::Parse(bytes, limits);
}

}  // namespace

std::string PackumentRope::Serialise() const {
  std::string out;
  AppendLittleEndian(&out, kMagic);
  AppendLittleEndian(&out, kFormatVersion);
  AppendLittleEndian(&out, head_.is_restricted ? kFlagRestricted : uint16_t{0});
  AppendText(&out, base_url_);
  AppendHead(&out, head_);
  for (const Rope* rope : {&full_, &abbreviated_, &times_}) {
    const std::string bytes = rope->Serialise();
    AppendLittleEndian(&out, uint64_t{bytes.size()});
    out.append(bytes);
  }
  AppendLittleEndian(&out, Checksum64(out));
  return out;
}

Result<std::unique_ptr<PackumentRope>> PackumentRope::Parse(std::string_view bytes, const RopeLimits& limits) {
  if (bytes.size() < sizeof(uint64_t)) return Damaged("too short");
  const std::string_view content = bytes.substr(0, bytes.size() - sizeof(uint64_t));
  if (LoadLittleEndian<uint64_t>(bytes.data() + content.size()) != Checksum64(content)) {
    return Damaged("checksum differs");
  }
  ByteReader reader(content);
  uint32_t magic = 0;
  uint16_t version = 0, flags = 0;
  if (!reader.Read(&magic) || magic != kMagic) return Damaged("magic differs");
  if (!reader.Read(&version) || version != kFormatVersion) return Damaged("unknown format version");
  std::string base_url;
  PackumentHead head;
  if (!reader.Read(&flags) || !ReadText(&reader, &base_url) || !ReadHead(&reader, &head)) {
    return Damaged("head cut off");
  }
  head.is_restricted = (flags & kFlagRestricted) != 0;

  auto rope = std::make_unique<PackumentRope>(std::move(base_url), limits);
  for (Rope* part : {&rope->full_, &rope->abbreviated_, &rope->times_}) {
    ASSIGN_OR_RETURN(*part, ReadRope(&reader, limits));
  }
  if (reader.remaining() != 0) return Damaged("bytes after the last rope");
  if (rope->full_.entry_count() != rope->abbreviated_.entry_count() ||
      (!head.unpublished_json.empty() && rope->full_.entry_count() != 0)) {
    return Damaged("parts do not belong together");
  }
  rope->SetHead(std::move(head));
  return rope;
}

}  // namespace tarn::registry
