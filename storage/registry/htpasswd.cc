#include "storage/registry/htpasswd.h"

#include <sys/stat.h>

#include "storage/base/file_system.h"
#include "storage/base/limits.h"
#include "storage/base/logging.h"
#include "storage/registry/package_name.h"

namespace tarn::registry {
namespace {

constexpr size_t kProblemsKeptMax = 20;

void Note(size_t line_number, std::string_view why, Htpasswd* result) {
  if (result->problems.size() >= kProblemsKeptMax) return;
  result->problems.push_back("line " + std::to_string(line_number) + ": " + std::string(why));
}

void ParseLine(std::string_view line, size_t line_number, Htpasswd* result) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Note(line_number, "no colon", result);
  const std::string_view name = line.substr(0, colon);
  std::string_view hash = line.substr(colon + 1);
  hash = hash.substr(0, hash.find(':'));  // Some programs keep more fields.
  if (!UserName::Parse(name).ok()) return Note(line_number, "not a user name that npm clients accept", result);
  if (!IsHtpasswdHash(hash)) return Note(line_number, "a hash of unknown kind, or a password in the clear", result);
  result->hashes.emplace(name, hash);
}

}  // namespace

Htpasswd ParseHtpasswd(std::string_view text) {
  Htpasswd result;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    ParseLine(line, number, &result);
  }
  return result;
}

std::optional<std::string> HtpasswdFile::Find(std::string_view user) {
  const auto content = Current();
  const auto entry = content->hashes.find(std::string(user));
  return entry == content->hashes.end() ? std::nullopt : std::optional(entry->second);
}

uint64_t HtpasswdFile::generation() {
  Current();
  MutexLock lock(mutex_);
  return generation_;
}

std::shared_ptr<const Htpasswd> HtpasswdFile::Current() {
  MutexLock lock(mutex_);
  const uint64_t now_ms = clock_->MonotonicMs();
  if (content_ == nullptr || now_ms - checked_ms_ >= limits::kHtpasswdRecheckMs) {
    checked_ms_ = now_ms;
    Reread();
  }
  return content_;
}

void HtpasswdFile::Reread() {
  struct stat info {};
  const bool is_there = ::stat(path_.c_str(), &info) == 0;
  const Stamp stamp{
      info.st_ino, static_cast<uint64_t>(info.st_size),
      static_cast<uint64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(info.st_mtim.tv_nsec)};
  if (content_ != nullptr && stamp == stamp_) return;
  stamp_ = stamp;
  ++generation_;
  std::string text;
  Status read = is_there ? OkStatus() : NotFound("no such file");
  if (read.ok() && stamp.bytes > limits::kHtpasswdBytesMax) {
    read = TooLarge("larger than " + std::to_string(limits::kHtpasswdBytesMax) + " bytes");
  }
  if (read.ok()) {
    const auto file = PosixFileSystem().OpenReadOnly(path_);
    read = file.ok() ? (*file)->ReadAt(0, stamp.bytes, &text) : file.status();
  }
  if (!read.ok()) {
    Log(LogLevel::kError, "the htpasswd file cannot be read: its users cannot log in",
        {{"file", path_}, {"why", read.ToString()}});
    content_ = std::make_shared<const Htpasswd>();
    return;
  }
  auto parsed = std::make_shared<const Htpasswd>(ParseHtpasswd(text));
  for (const std::string& problem : parsed->problems) {
    Log(LogLevel::kWarning, "htpasswd file", {{"file", path_}, {"passed_over", problem}});
  }
  content_ = std::move(parsed);
}

}  // namespace tarn::registry
