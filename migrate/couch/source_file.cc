#include "migrate/couch/source_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>

#include "migrate/couch/json_dump_reader.h"
#include "migrate/couch/multipart_reader.h"
#include "storage/base/decompress_stream.h"
#include "storage/base/import_limits.h"

namespace tarn::migrate {
namespace {

constexpr size_t kDetectBytes = 64;  // Enough for magic numbers, and for what JSON and headers begin with.
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ > STDERR_FILENO) ::close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return descriptor_; }

 private:
  const int descriptor_;
};

// Decides by the first bytes who reads the rest.
class DetectingReader {
 public:
  DetectingReader(DumpFormat format, DocumentVisitor* visitor) : format_(format), visitor_(visitor) {}

  Status Append(std::string_view bytes) {
    if (reader_ != nullptr) return reader_->Append(bytes);
    first_ += bytes;
    return first_.size() < kDetectBytes ? OkStatus() : Begin();
  }

  Status Finish() {
    if (reader_ == nullptr && first_.empty()) return InvalidArgument("it is empty");
    if (reader_ == nullptr) RETURN_IF_ERROR(Begin());
    return reader_->Finish();
  }

 private:
  Status Begin() {
    std::string_view text = first_;
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    const size_t begin = text.find_first_not_of(" \t\r\n");
    if (format_ == DumpFormat::kDetect) {
      const char first = begin == std::string_view::npos ? '\0' : text[begin];
      const bool is_letter = (first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z');
      if (first == '{' || first == '[') {
        format_ = DumpFormat::kJson;
      } else if (text.substr(begin == std::string_view::npos ? 0 : begin).starts_with("--") ||
                 (is_letter && text.find_first_of(":/") != std::string_view::npos)) {
        format_ = DumpFormat::kMultipart;
      } else {
        return InvalidArgument(
            "neither JSON (_all_docs, _changes, couchbackup) nor a multipart answer of CouchDB, by its first bytes; a "
            "format can be named with --format");
      }
    }
    if (format_ == DumpFormat::kJson) {
      reader_ = std::make_unique<JsonDumpReader>(visitor_);
    } else {
      reader_ = std::make_unique<MultipartReader>(visitor_, "");
    }
    const Status status = reader_->Append(text);
    first_.clear();
    return status;
  }

  DumpFormat format_;
  DocumentVisitor* const visitor_;
  std::string first_;
  std::unique_ptr<SourceReader> reader_;
};

// Bytes of the source: undone if they are compressed, then read.
class Input {
 public:
  Input(DumpFormat format, DocumentVisitor* visitor) : reader_(format, visitor) {}

  Status Append(std::string_view bytes) {
    if (!is_begun_) {
      first_ += bytes;
      return first_.size() < kDetectBytes ? OkStatus() : Begin();
    }
    return Pass(bytes);
  }

  Status Finish() {
    if (!is_begun_) RETURN_IF_ERROR(Begin());
    if (decompress_ != nullptr) {
      if (const Status status = decompress_->Finish(); !status.ok()) return status;
    }
    return reader_.Finish();
  }

 private:
  Status Begin() {
    is_begun_ = true;
    const Compression compression = DetectCompression(first_);
    if (compression != Compression::kNone) {
      decompress_ = DecompressStream::Create(compression, limits::kImportInflationMax);
    }
    return Pass(first_);
  }

  Status Pass(std::string_view bytes) {
    if (decompress_ == nullptr) return reader_.Append(bytes);
    return decompress_->Append(bytes, [this](std::string_view plain) { return reader_.Append(plain); });
  }

  DetectingReader reader_;
  std::string first_;
  bool is_begun_ = false;
  std::unique_ptr<DecompressStream> decompress_;
};

}  // namespace

Status ReadDump(const std::string& path, DumpFormat format, DocumentVisitor* visitor) {
  const bool is_standard_input = path == "-";
  const std::string what = is_standard_input ? "standard input" : path;
  const Descriptor file(is_standard_input ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return FromErrno(errno, "open " + what);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return FromErrno(errno, "stat " + what);
  if (S_ISDIR(status.st_mode)) return InvalidArgument(what + " is a folder, not a dump");
  std::optional<uint64_t> bytes_total;
  if (S_ISREG(status.st_mode)) bytes_total = static_cast<uint64_t>(status.st_size);

  Input input(format, visitor);
  std::string buffer(limits::kImportReadBytes, '\0');
  uint64_t bytes_done = 0;
  while (true) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FromErrno(errno, "read " + what);
    if (count == 0) break;
    bytes_done += static_cast<uint64_t>(count);
    RETURN_IF_ERROR(input.Append(std::string_view(buffer).substr(0, static_cast<size_t>(count))).WithContext(what));
    visitor->Progress(bytes_done, bytes_total);
  }
  return input.Finish().WithContext(what);
}

}  // namespace tarn::migrate
