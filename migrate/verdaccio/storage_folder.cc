#include "migrate/verdaccio/storage_folder.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "migrate/import/document_json.h"
#include "migrate/import/document_revision.h"
#include "migrate/import/tarball_folder.h"
#include "storage/base/import_limits.h"
#include "storage/base/logging.h"
#include "storage/registry/json_text.h"

namespace tarn::migrate {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLists[] = {".verdaccio-db.json", ".sinopia-db.json"};
constexpr std::string_view kDocument = "package.json";

// In order; what cannot be listed is empty.
std::vector<std::string> NamesIn(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool IsFolder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

Result<std::string> ReadText(const std::string& path) {
  std::string text;
  RETURN_IF_ERROR(ReadWholeFile(path, [&](std::string_view bytes) {
    text += bytes;
    return text.size() <= limits::kImportDocumentBytesMax ? OkStatus() : TooLarge(path + " is too large");
  }));
  const size_t end = text.find_last_not_of(" \t\r\n");
  text.erase(end == std::string::npos ? 0 : end + 1);
  return text;
}

std::string_view ValueOf(const std::vector<registry::JsonMember>& members, std::string_view key) {
  for (const registry::JsonMember& member : members) {
    if (member.key == key) return member.raw_value;
  }
  return {};
}

std::vector<registry::JsonMember> MembersOf(std::string_view raw) {
  auto members = registry::SplitJsonObjectWithRepeats(raw);
  return members.ok() ? std::move(*members) : std::vector<registry::JsonMember>();
}

// A JSON array of whom the latest version names; empty: nobody.
std::string MaintainersOfLatest(const std::vector<registry::JsonMember>& document) {
  const auto tags = MembersOf(ValueOf(document, "dist-tags"));
  const auto versions = MembersOf(ValueOf(document, "versions"));
  const std::string latest = registry::TextOfJson(ValueOf(tags, "latest"));
  const auto manifest = MembersOf(ValueOf(versions, latest));
  const std::string_view maintainers = ValueOf(manifest, "maintainers");
  if (maintainers.starts_with('[') && maintainers.find('{') != std::string_view::npos) return std::string(maintainers);
  const std::string_view user = ValueOf(manifest, "_npmUser");
  return user.starts_with('{') ? "[" + std::string(user) + "]" : std::string();
}

class Reader {
 public:
  Reader(std::string path, const VerdaccioOptions& options, DocumentVisitor* visitor)
      : path_(std::move(path)), options_(options), visitor_(visitor) {}

  Status ReadAll() {
    if (!IsFolder(path_)) return NotFound(path_ + " is no folder");
    RETURN_IF_ERROR(ReadList());
    for (const std::string& name : NamesIn(path_)) {
      if (name.starts_with('.') || !IsFolder(path_ + "/" + name)) continue;
      if (!name.starts_with('@')) {
        RETURN_IF_ERROR(TakeFolder(name));
        continue;
      }
      for (const std::string& inner : NamesIn(path_ + "/" + name)) {
        if (IsFolder(path_ + "/" + name + "/" + inner)) RETURN_IF_ERROR(TakeFolder(name + "/" + inner));
      }
    }
    if (folders_ == 0) {
      return InvalidArgument(path_ +
                             " holds no package: give the storage folder of Verdaccio's, in which each package has "
                             "a folder with package.json");
    }
    if (listed_) {
      for (const std::string& name : *listed_) RETURN_IF_ERROR(Tell(name, "is in Verdaccio's list and has no folder"));
    }
    if (cached_ == 0) return OkStatus();
    return visitor_->Finding({path_,
                              std::to_string(cached_) + " packages were only cached from another registry and are left "
                                                        "out; --cached takes them",
                              SourceFinding::Severity::kNote});
  }

 private:
  Status Tell(const std::string& where, const std::string& what) {
    return visitor_->Finding({where, what, SourceFinding::Severity::kError});
  }

  Status ReadList() {
    for (const std::string_view list : kLists) {
      const std::string file = path_ + "/" + std::string(list);
      auto text = ReadText(file);
      if (text.code() == Code::kNotFound) continue;
      RETURN_IF_ERROR(text.status());
      const auto members = registry::ParseJsonObject(*text);
      const auto names = members.ok() ? registry::SplitJsonArray(ValueOf(*members, "list"))
                                      : Result<std::vector<std::string_view>>(members.status());
      if (!names.ok()) {
        return Tell(file, "is no list of packages, so that those that were only cached are taken, too: " +
                              std::string(names.status().message()));
      }
      listed_.emplace();
      for (const std::string_view name : *names) listed_->insert(registry::TextOfJson(name));
      return OkStatus();
    }
    return OkStatus();
  }

  Status TakeFolder(const std::string& id) {
    const std::string folder = path_ + "/" + id;
    auto text = ReadText(folder + "/" + std::string(kDocument));
    if (text.code() == Code::kNotFound) return OkStatus();  // Something else.
    ++folders_;
    const bool is_listed = !listed_ || listed_->erase(id) > 0;
    if (!is_listed && !options_.with_cached) {
      ++cached_;
      return OkStatus();
    }
    if (!text.ok()) return Tell(id, std::string(text.status().message()) + ": not imported");
    const auto members = ParseDocument(*text);
    if (!members.ok()) {
      return Tell(id, "its package.json cannot be read: " + std::string(members.status().message()) + ": not imported");
    }
    return TakeDocument(id, *text, *members);
  }

  Status TakeDocument(const std::string& id, const std::string& text,
                      const std::vector<registry::JsonMember>& members) {
    bytes_done_ += text.size();
    DocumentEnd document;
    document.id = id;
    document.rev = RevisionOfText(text);
    if (!visitor_->WantsDocument(id, document.rev)) return OkStatus();
    document.body = text;
    std::string maintainers;
    if (!ValueOf(members, "maintainers").starts_with('[')) maintainers = MaintainersOfLatest(members);
    if (maintainers.empty() && !ValueOf(members, "maintainers").starts_with('[') && !options_.owner.empty()) {
      maintainers = "[{\"name\":" + JsonString(options_.owner) + "}]";
    }
    if (!maintainers.empty()) {
      document.body.pop_back();
      document.body += (members.empty() ? "" : ",") + ("\"maintainers\":" + maintainers) + "}";
    }
    RETURN_IF_ERROR(visitor_->BeginDocument(id));
    for (const std::string& file : NamesIn(path_ + "/" + id)) {
      if (file.ends_with(".tgz")) RETURN_IF_ERROR(TakeTarball(id, file));
    }
    return visitor_->EndDocument(std::move(document));
  }

  Status TakeTarball(const std::string& id, const std::string& file) {
    AttachmentHead head;
    head.name = file;
    head.is_checked = true;  // There is no digest but the versions' own.
    RETURN_IF_ERROR(visitor_->BeginAttachment(head));
    Status taken;
    const Status read = ReadWholeFile(path_ + "/" + id + "/" + file, [&](std::string_view bytes) {
      bytes_done_ += bytes.size();
      visitor_->Progress(bytes_done_, std::nullopt);
      taken = visitor_->AppendAttachment(bytes);
      return taken;
    });
    RETURN_IF_ERROR(taken);
    if (read.ok()) return visitor_->EndAttachment(head);
    RETURN_IF_ERROR(visitor_->AbandonAttachment());
    return Tell(id, std::string(read.message()));
  }

  const std::string path_;
  const VerdaccioOptions& options_;
  DocumentVisitor* const visitor_;
  std::optional<std::set<std::string>> listed_;  // Without those that were found.
  uint64_t folders_ = 0;
  uint64_t cached_ = 0;
  uint64_t bytes_done_ = 0;
};

}  // namespace

Status ReadVerdaccio(const std::string& path, const VerdaccioOptions& options, DocumentVisitor* visitor) {
  return Reader(path, options, visitor).ReadAll();
}

}  // namespace tarn::migrate
