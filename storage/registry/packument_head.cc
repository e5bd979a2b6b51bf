#include "storage/registry/packument_head.h"

#include "storage/base/clock.h"
#include "storage/base/logging.h"

namespace tarn::registry {
namespace {

void AppendMember(std::string* out, std::string_view key, std::string_view text) {
  out->append(",\"").append(key).append("\":");
  AppendJsonString(out, text);
}

void AppendMemberJson(std::string* out, std::string_view key, std::string_view json) {
  out->append(",\"").append(key).append("\":").append(json);
}

void AppendDistTagsAndVersions(std::string* out, const PackumentHead& head) {
  out->append(",\"dist-tags\":{");
  bool is_first = true;
  for (const auto& [tag, version] : head.dist_tags) {
    if (!is_first) out->push_back(',');
    is_first = false;
    AppendJsonString(out, tag);
    out->push_back(':');
    AppendJsonString(out, version);
  }
  out->append("},\"versions\":{");
}

std::string Opening(const PackumentHead& head, PackumentForm form) {
  std::string out = "{";
  if (form == PackumentForm::kFull) {
    out.append("\"_id\":");
    AppendJsonString(&out, head.name);
    AppendMember(&out, "_rev", head.rev);
    AppendMember(&out, "name", head.name);
  } else {
    out.append("\"name\":");
    AppendJsonString(&out, head.name);
    AppendMember(&out, "modified", FormatIsoTime(head.modified_ms));
  }
  if (head.unpublished_json.empty()) AppendDistTagsAndVersions(&out, head);
  return out;
}

std::string Closing(const PackumentHead& head, PackumentForm form) {
  if (form == PackumentForm::kAbbreviated) return "}";
  std::string out;
  if (!head.maintainers_json.empty()) AppendMemberJson(&out, "maintainers", head.maintainers_json);
  if (!head.hoisted_members_json.empty()) out.append(",").append(head.hoisted_members_json);
  if (!head.users_json.empty()) AppendMemberJson(&out, "users", head.users_json);
  if (!head.readme.empty()) AppendMember(&out, "readme", head.readme);
  if (!head.readme_filename.empty()) AppendMember(&out, "readmeFilename", head.readme_filename);
  out.append(",\"_attachments\":{}}");
  return out;
}

}  // namespace

PackumentFrame FramePackument(const PackumentHead& head, PackumentForm form, size_t time_count) {
  PackumentFrame frame;
  frame.opening = Opening(head, form);
  // `created` first and `modified` last, so that the stream between them may be empty.
  if (head.unpublished_json.empty()) frame.middle = "}";
  frame.middle += ",\"time\":{\"created\":";
  AppendJsonString(&frame.middle, FormatIsoTime(head.created_ms));
  if (time_count > 0) frame.middle.push_back(',');
  AppendMember(&frame.time_end, "modified", FormatIsoTime(head.modified_ms));
  if (!head.unpublished_json.empty()) {
    AppendMemberJson(&frame.time_end, "unpublished", head.unpublished_json);
  }
  frame.time_end.push_back('}');
  frame.closing = Closing(head, form);
  return frame;
}

}  // namespace tarn::registry
