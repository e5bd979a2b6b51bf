#include "migrate/couch_file/database_folder.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "migrate/couch_file/database_file.h"
#include "storage/base/couch_file_limits.h"

namespace tarn::couch_file {
namespace {

namespace fs = std::filesystem;
using migrate::SourceFinding;

constexpr std::string_view kExtension = ".couch";
constexpr std::string_view kCompactExtension = ".couch.compact";
constexpr size_t kSuffixDigits = 10;  // Unix seconds.

struct Range {
  uint32_t begin = 0;
  uint32_t end = 0xFFFF'FFFF;
  bool operator<(const Range& other) const { return begin != other.begin ? begin < other.begin : end < other.end; }
};

struct FoundFile {
  std::string path;
  std::string name;            // Of the database.
  std::optional<Range> range;  // None: the whole database.
  uint64_t suffix = 0;         // When it was made; 0: not said.
  bool compacted = false;      // What a compaction left.
};

// "80000000-ffffffff"
std::optional<Range> ParseRange(std::string_view text) {
  constexpr size_t kDigits = 8;
  Range range;
  if (text.size() != 2 * kDigits + 1 || text[kDigits] != '-') return std::nullopt;
  const char* const middle = text.data() + kDigits;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), middle, range.begin, 16);
  const auto second = std::from_chars(middle + 1, end, range.end, 16);
  const bool whole = first.ec == std::errc() && first.ptr == middle && second.ec == std::errc() && second.ptr == end;
  return whole && range.begin <= range.end ? std::optional(range) : std::nullopt;
}

// Takes ".1795472227" off the end.
void TakeSuffix(FoundFile* file) {
  const std::string& name = file->name;
  if (name.size() < kSuffixDigits + 2 || name[name.size() - kSuffixDigits - 1] != '.') return;
  const char* const end = name.data() + name.size();
  const auto parsed = std::from_chars(end - kSuffixDigits, end, file->suffix);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    file->suffix = 0;
    return;
  }
  file->name.resize(name.size() - kSuffixDigits - 1);
}

// What the file at `relative`, seen from a folder that is within `above` ("…/shards/RANGE" or anything else), is of.
std::optional<FoundFile> Classify(const fs::path& path, const fs::path& relative, std::optional<Range> above) {
  FoundFile file;
  file.path = path.string();
  file.range = above;
  for (const fs::path& part : relative) {
    const std::string text = part.string();
    // ".delete", ".shards" and other folders of indexes.
    if (text.starts_with(".")) return std::nullopt;
    if (const auto range = ParseRange(text)) {
      file.range = range;
      file.name.clear();
    } else {
      file.name += (file.name.empty() ? "" : "/") + text;
    }
  }
  file.compacted = file.name.ends_with(kCompactExtension);
  if (!file.compacted && !file.name.ends_with(kExtension)) return std::nullopt;
  file.name.resize(file.name.size() - (file.compacted ? kCompactExtension : kExtension).size());
  if (file.name.empty() || file.name.ends_with(".deleted")) return std::nullopt;
  TakeSuffix(&file);
  return file;
}

std::optional<Range> RangeAbove(const fs::path& folder) {
  for (fs::path at = folder; at.has_relative_path(); at = at.parent_path()) {
    if (const auto range = ParseRange(at.filename().string())) return range;
  }
  return std::nullopt;
}

Result<std::vector<FoundFile>> ListFolder(const std::string& folder) {
  std::vector<FoundFile> files;
  std::error_code error;
  const std::optional<Range> above = RangeAbove(fs::absolute(folder, error).lexically_normal());
  fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, error);
  size_t looked_at = 0;
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (++looked_at > limits::kCouchFilesMax) {
      return TooLarge(folder + ": more than " + std::to_string(limits::kCouchFilesMax) +
                      " files; name the database's own folder or file");
    }
    if (static_cast<size_t>(at.depth()) >= limits::kCouchFolderDepthMax) at.disable_recursion_pending();
    std::error_code ignored;
    if (!at->is_regular_file(ignored)) continue;
    auto file = Classify(at->path(), at->path().lexically_relative(folder), above);
    if (file.has_value()) files.push_back(std::move(*file));
  }
  if (error) return FromErrno(error.value(), "list folder " + folder);
  return files;
}

void AddFinding(DatabaseFiles* database, const std::string& where, std::string what, SourceFinding::Severity severity) {
  database->findings.push_back({where, std::move(what), severity});
}

std::string RangeText(uint64_t begin, uint64_t end) {
  char text[2 * 8 + 2];
  std::snprintf(text, sizeof(text), "%08x-%08x", static_cast<unsigned>(begin), static_cast<unsigned>(end));
  return text;
}

void CheckRanges(const std::map<Range, std::string>& shards, DatabaseFiles* database) {
  uint64_t next = 0;
  for (const auto& [range, path] : shards) {
    if (range.begin > next) {
      AddFinding(database, database->name,
                 "there is no shard file for the range " + RangeText(next, range.begin - 1) +
                     ": the documents in it are missing",
                 SourceFinding::Severity::kError);
    } else if (range.begin < next) {
      AddFinding(database, path, "its range overlaps with another one's: documents may come twice",
                 SourceFinding::Severity::kWarning);
    }
    next = std::max(next, uint64_t{range.end} + 1);
  }
  if (next <= 0xFFFF'FFFF) {
    AddFinding(
        database, database->name,
        "there is no shard file for the range " + RangeText(next, 0xFFFF'FFFF) + ": the documents in it are missing",
        SourceFinding::Severity::kError);
  }
}

// Of all files with one name, those that are the database.
DatabaseFiles Choose(const std::string& name, const std::vector<FoundFile>& files) {
  DatabaseFiles database;
  database.name = name;
  bool sharded = false;
  uint64_t newest = 0;
  for (const FoundFile& file : files) {
    sharded = sharded || file.range.has_value();
    if (!file.compacted) newest = std::max(newest, file.suffix);
  }
  const auto pass_over = [&](const FoundFile& file, const char* why) {
    AddFinding(&database, file.path, why, SourceFinding::Severity::kNote);
  };
  std::map<Range, std::string> chosen;
  for (const FoundFile& file : files) {
    if (file.compacted) continue;
    if (sharded && !file.range.has_value()) {
      pass_over(file, "passed over: the database is there as shards too");
    } else if (file.suffix != newest) {
      pass_over(file, "passed over: a database of this name that was deleted and made again later");
    } else {
      chosen.emplace(file.range.value_or(Range{}), file.path);
    }
  }
  for (const FoundFile& file : files) {
    if (!file.compacted) continue;
    // In its place only where the file that it was to replace is gone.
    if (file.range.has_value() != sharded || (newest != 0 && file.suffix != newest) ||
        !chosen.emplace(file.range.value_or(Range{}), file.path).second) {
      pass_over(file, "passed over: left behind by a compaction");
    } else {
      AddFinding(&database, file.path, "read instead of the file that a compaction was about to replace",
                 SourceFinding::Severity::kWarning);
    }
  }
  if (sharded) CheckRanges(chosen, &database);
  for (const auto& [range, path] : chosen) database.paths.push_back(path);
  return database;
}

Result<std::vector<FoundFile>> ListFile(const std::string& path) {
  const fs::path whole = fs::path(path);
  std::error_code error;
  const std::optional<Range> above = RangeAbove(fs::absolute(whole, error).lexically_normal().parent_path());
  auto file = Classify(whole, whole.filename(), above);
  if (!file.has_value()) {
    // Any other name: whoever names a file means it.
    file.emplace();
    file->path = path;
    file->name = whole.filename().string();
  }
  file->compacted = false;
  return std::vector<FoundFile>{std::move(*file)};
}

}  // namespace

Result<std::vector<DatabaseFiles>> FindDatabases(const std::string& path) {
  std::error_code error;
  std::vector<FoundFile> files;
  if (fs::is_directory(path, error)) {
    ASSIGN_OR_RETURN(files, ListFolder(path));
  } else if (fs::exists(path, error)) {
    ASSIGN_OR_RETURN(files, ListFile(path));
  } else if (path.ends_with(kExtension) && fs::exists(path + ".compact", error)) {
    ASSIGN_OR_RETURN(files, ListFile(path + ".compact"));
    files.front().compacted = true;
  }
  std::map<std::string, std::vector<FoundFile>> by_name;
  for (FoundFile& file : files) by_name[file.name].push_back(std::move(file));
  std::vector<DatabaseFiles> databases;
  for (auto& [name, found] : by_name) {
    std::sort(found.begin(), found.end(), [](const FoundFile& a, const FoundFile& b) { return a.path < b.path; });
    databases.push_back(Choose(name, found));
  }
  if (databases.empty()) return NotFound(path + ": no CouchDB database file (*.couch) there");
  return databases;
}

Result<DatabaseFiles> FindDatabase(const std::string& path, std::string_view name) {
  ASSIGN_OR_RETURN(std::vector<DatabaseFiles> databases, FindDatabases(path));
  std::vector<DatabaseFiles*> candidates;
  std::string names;
  for (DatabaseFiles& database : databases) {
    if (name == database.name) return std::move(database);
    names += (names.empty() ? "" : ", ") + database.name;
    if (!database.name.starts_with("_")) candidates.push_back(&database);
  }
  if (!name.empty()) return InvalidArgument(path + ": no database '" + std::string(name) + "'; there are: " + names);
  if (databases.size() == 1) return std::move(databases.front());
  if (candidates.size() == 1) return std::move(*candidates.front());
  return InvalidArgument(path + ": there are several databases, say which: " + names);
}

Status ReadDatabase(const DatabaseFiles& files, AttachmentForm attachments, migrate::DocumentVisitor* visitor) {
  for (const SourceFinding& finding : files.findings) RETURN_IF_ERROR(visitor->Finding(finding));
  std::vector<std::unique_ptr<DatabaseFile>> open;
  ReadOptions options;
  options.attachments = attachments;
  Status last;
  for (const std::string& path : files.paths) {
    auto file = DatabaseFile::Open(path);
    if (file.ok()) {
      options.bytes_total += (*file)->size();
      open.push_back(std::move(*file));
      continue;
    }
    last = file.status();
    RETURN_IF_ERROR(visitor->Finding({path, std::string(last.message()), SourceFinding::Severity::kError}));
  }
  if (open.empty()) return last.ok() ? NotFound(files.name + ": no files") : last;
  for (std::unique_ptr<DatabaseFile>& file : open) {
    RETURN_IF_ERROR(file->ReadAll(options, visitor));
    options.bytes_before += file->size();
    file.reset();
  }
  return OkStatus();
}

}  // namespace tarn::couch_file
