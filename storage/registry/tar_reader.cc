#include "storage/registry/tar_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "storage/base/limits.h"
#include "storage/base/logging.h"

namespace tarn::registry {
namespace {

// Offsets and sizes in a header block (POSIX.1-2017, pax, "ustar Interchange Format").
constexpr size_t kNameOffset = 0, kNameBytes = 100;
constexpr size_t kSizeOffset = 124, kSizeBytes = 12;
constexpr size_t kChecksumOffset = 148, kChecksumBytes = 8;
constexpr size_t kTypeOffset = 156;
constexpr size_t kMagicOffset = 257, kMagicBytes = 6;
constexpr size_t kPrefixOffset = 345, kPrefixBytes = 155;
// GNU's magic is "ustar" and a space; it has no prefix field.
constexpr std::string_view kPosixMagic("ustar\0", kMagicBytes);

std::string Quoted(std::string_view path) {
  constexpr size_t kQuotedBytesMax = 200;
  return JsonString(path.substr(0, kQuotedBytesMax));
}

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Why `path` could leave the folder it is extracted to, on any system; empty when it cannot.
std::string_view DangerOf(std::string_view path) {
  if (path.empty()) return "has no name";
  if (path.find('\0') != std::string_view::npos) return "has a NUL in its path";
  if (path.front() == '/' || path.front() == '\\') return "has an absolute path";
  if (path.size() >= 2 && IsLetter(path[0]) && path[1] == ':') return "has a drive letter";
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find_first_of("/\\", begin), path.size());
    if (path.substr(begin, end - begin) == "..") return "has a \"..\" in its path";
    begin = end + 1;
  }
  return {};
}

// The path below the root folder, without empty and "." parts: clients drop the first part,
// whatever it is called, and let the file system resolve the rest.
std::string BelowRoot(std::string_view path) {
  std::string below;
  size_t begin = std::min(path.find('/'), path.size()) + 1;
  while (begin <= path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (!part.empty() && part != ".") {
      if (!below.empty()) below += '/';
      below += part;
    }
    begin = end + 1;
  }
  return below;
}

Result<uint64_t> ParseDecimal(std::string_view text, std::string_view what) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  return InvalidArgument(std::string(what) + " is not a number");
}

}  // namespace

Status TarReader::Bad(std::string_view what) const {
  return InvalidArgument("tarball: " + std::string(what) + ", at offset " + std::to_string(offset_) +
                         " of the archive");
}

Status TarReader::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    size_t taken = bytes.size();
    switch (state_) {
      case State::kEnd: break;
      case State::kHeader:
        taken = std::min(taken, kBlockBytes - header_bytes_);
        std::memcpy(header_.data() + header_bytes_, bytes.data(), taken);
        header_bytes_ += taken;
        if (header_bytes_ == kBlockBytes) RETURN_IF_ERROR(TakeHeader());
        break;
      case State::kBody:
        taken = static_cast<size_t>(std::min<uint64_t>(taken, body_left_));
        if (body_ == Body::kPackageJson) {
          report_.package_json.append(bytes.substr(0, taken));
        } else if (body_ != Body::kSkip) {
          meta_.append(bytes.substr(0, taken));
        }
        body_left_ -= taken;
        if (body_left_ == 0) RETURN_IF_ERROR(EndBody());
        break;
      case State::kPadding:
        taken = std::min(taken, padding_left_);
        padding_left_ -= taken;
        if (padding_left_ == 0) state_ = State::kHeader;
        break;
    }
    offset_ += taken;
    bytes.remove_prefix(taken);
  }
  return OkStatus();
}

Result<TarballReport> TarReader::Finish() {
  if (state_ == State::kBody || state_ == State::kPadding) {
    return Bad("truncated within " + Quoted(path_));
  }
  if (state_ == State::kHeader && header_bytes_ != 0) return Bad("truncated within a header");
  if (next_path_.has_value() || next_size_.has_value()) {
    return Bad("a pax header or long name without its entry");
  }
  if (!has_package_json_) {
    return InvalidArgument("tarball: no package.json in its root folder, among " + std::to_string(report_.entry_count) +
                           " entries");
  }
  return std::move(report_);
}

Status TarReader::TakeHeader() {
  header_bytes_ = 0;
  const auto is_zero = [](char c) { return c == 0; };
  if (std::all_of(header_.begin(), header_.end(), is_zero)) {
    // Two zero blocks in a row end the archive; a single one is passed over.
    if (saw_zero_block_) state_ = State::kEnd;
    saw_zero_block_ = true;
    return OkStatus();
  }
  saw_zero_block_ = false;
  if (!ChecksumIsRight()) return Bad("a header with a wrong checksum");
  ASSIGN_OR_RETURN(const uint64_t size, NumberField(kSizeOffset, kSizeBytes, "size"));
  const char type = header_[kTypeOffset];
  switch (type) {
    case 'x':
    case 'X': return BeginMeta(Body::kPax, size);
    case 'g': return BeginMeta(Body::kGlobalPax, size);
    case 'L':
    case 'N': return BeginMeta(Body::kLongName, size);
    case 'K': return BeginMeta(Body::kLongLink, size);
    default: return BeginEntry(type, size);
  }
}

bool TarReader::ChecksumIsRight() const {
  const Result<uint64_t> expected = NumberField(kChecksumOffset, kChecksumBytes, "checksum");
  uint64_t sum = 0;
  for (size_t i = 0; i < kBlockBytes; ++i) {
    const bool is_checksum = i >= kChecksumOffset && i < kChecksumOffset + kChecksumBytes;
    sum += is_checksum ? ' ' : static_cast<unsigned char>(header_[i]);
  }
  return expected.ok() && *expected == sum;
}

// Octal digits after spaces, ended by a space, a NUL or the field; or GNU's base 256, marked by the
// first bit. Nothing at all is 0.
Result<uint64_t> TarReader::NumberField(size_t offset, size_t size, std::string_view what) const {
  const std::string_view field(header_.data() + offset, size);
  const auto first = static_cast<unsigned char>(field.front());
  uint64_t value = 0;
  if ((first & 0x80) != 0) {
    value = first & 0x7f;
    for (const char c : field.substr(1)) {
      if (value >> 55 != 0) return Bad("a header whose " + std::string(what) + " is out of range");
      value = value << 8 | static_cast<unsigned char>(c);
    }
    return value;
  }
  const size_t begin = std::min(field.find_first_not_of(' '), size);
  for (const char c : field.substr(begin)) {
    if (c == ' ' || c == '\0') break;
    if (c < '0' || c > '7') return Bad("a header whose " + std::string(what) + " is not a number");
    value = value << 3 | static_cast<uint64_t>(c - '0');
  }
  return value;
}

std::string_view TarReader::TextField(size_t offset, size_t size) const {
  const std::string_view field(header_.data() + offset, size);
  return field.substr(0, field.find('\0'));
}

std::string TarReader::HeaderPath() const {
  const std::string_view name = TextField(kNameOffset, kNameBytes);
  const bool is_posix = std::string_view(header_.data() + kMagicOffset, kMagicBytes) == kPosixMagic;
  const std::string_view prefix = is_posix ? TextField(kPrefixOffset, kPrefixBytes) : "";
  std::string path(prefix);
  if (!prefix.empty()) path += '/';
  path += name;
  return path;
}

Status TarReader::BeginMeta(Body body, uint64_t size) {
  path_ = HeaderPath();
  if (size > limits::kTarballMetaEntryBytesMax) {
    return TooLarge("tarball: a pax header or long name of " + std::to_string(size) + " bytes, more than " +
                    std::to_string(limits::kTarballMetaEntryBytesMax));
  }
  meta_.clear();
  BeginBody(body, size);
  return size == 0 ? EndBody() : OkStatus();
}

Status TarReader::BeginEntry(char type, uint64_t size) {
  path_ = next_path_.has_value() ? *std::exchange(next_path_, std::nullopt) : HeaderPath();
  if (next_size_.has_value()) size = *std::exchange(next_size_, std::nullopt);
  if (const std::string_view danger = DangerOf(path_); !danger.empty()) {
    return Bad("the entry " + Quoted(path_) + " " + std::string(danger));
  }
  if (type == 'S') return Bad("the entry " + Quoted(path_) + " is a sparse file");
  if (++report_.entry_count > limits_.entries_max) {
    return TooLarge("tarball: more than " + std::to_string(limits_.entries_max) + " entries");
  }
  if (size > limits_.inflated_bytes_max) {
    return TooLarge("tarball: the entry " + Quoted(path_) + " has " + std::to_string(size) + " bytes, more than " +
                    std::to_string(limits_.inflated_bytes_max));
  }
  const bool is_file = type == '0' || type == '\0' || type == '7';
  const bool is_folder = type == '5' || (is_file && path_.back() == '/');
  if (is_file && !is_folder) return BeginFile(size);
  // Folders have no bytes, though some writers note the size of the folder itself.
  BeginBody(Body::kSkip, is_folder ? 0 : size);
  return OkStatus();
}

Status TarReader::BeginFile(uint64_t size) {
  ++report_.file_count;
  report_.unpacked_bytes += size;
  const std::string below = BelowRoot(path_);
  if (below == "npm-shrinkwrap.json") report_.has_shrinkwrap = true;
  if (below == "binding.gyp") report_.has_binding_gyp = true;
  if (below != "package.json") {
    BeginBody(Body::kSkip, size);
    return OkStatus();
  }
  if (has_package_json_) return Bad("a second package.json, " + Quoted(path_));
  has_package_json_ = true;
  if (size > limits_.package_json_bytes_max) {
    return TooLarge("tarball: " + Quoted(path_) + " has " + std::to_string(size) + " bytes, more than " +
                    std::to_string(limits_.package_json_bytes_max));
  }
  BeginBody(Body::kPackageJson, size);
  return OkStatus();
}

void TarReader::BeginBody(Body body, uint64_t size) {
  body_ = body;
  body_left_ = size;
  padding_left_ = static_cast<size_t>((kBlockBytes - size % kBlockBytes) % kBlockBytes);
  state_ = size > 0 ? State::kBody : State::kHeader;
}

Status TarReader::EndBody() {
  state_ = padding_left_ > 0 ? State::kPadding : State::kHeader;
  switch (body_) {
    case Body::kPax: return TakePax(/*is_global=*/false);
    case Body::kGlobalPax: return TakePax(/*is_global=*/true);
    case Body::kLongName: next_path_ = meta_.substr(0, meta_.find('\0')); break;
    case Body::kSkip:
    case Body::kPackageJson:
    case Body::kLongLink: break;
  }
  return OkStatus();
}

// Records "<length> <key>=<value>\n", the length counting all of it.
Status TarReader::TakePax(bool is_global) {
  std::string_view rest = meta_;
  while (!rest.empty() && rest.front() != '\0') {
    const size_t space = rest.find(' ');
    const Result<uint64_t> length = ParseDecimal(rest.substr(0, space), "length");
    if (space == std::string_view::npos || !length.ok() || *length > rest.size() || *length < space + 2 ||
        rest[*length - 1] != '\n') {
      return Bad("a malformed pax header");
    }
    const std::string_view record = rest.substr(space + 1, *length - space - 2);
    const size_t equals = record.find('=');
    if (equals == std::string_view::npos) return Bad("a malformed pax header");
    RETURN_IF_ERROR(TakePaxRecord(record.substr(0, equals), record.substr(equals + 1), is_global));
    rest.remove_prefix(*length);
  }
  return OkStatus();
}

Status TarReader::TakePaxRecord(std::string_view key, std::string_view value, bool is_global) {
  if (key.starts_with("GNU.sparse.")) return Bad("a sparse file in a pax header");
  if (key != "path" && key != "size") return OkStatus();
  // For all entries at once: no writer does that, and readers would differ.
  if (is_global) return Bad("a global pax header that sets " + std::string(key));
  if (key == "path") {
    next_path_ = value;
    return OkStatus();
  }
  const Result<uint64_t> size = ParseDecimal(value, "size");
  if (!size.ok()) return Bad("a pax header whose size is not a number");
  next_size_ = *size;
  return OkStatus();
}

}  // namespace tarn::registry
