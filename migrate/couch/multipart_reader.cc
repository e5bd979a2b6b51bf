#include "migrate/couch/multipart_reader.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace tarn::migrate {
namespace {

constexpr size_t kLevelsMax = 2;                                // multipart/mixed of multipart/related.
constexpr std::string_view kUnknownType = "multipart/unknown";  // Ours, for a body without a head.
constexpr std::string_view kHeadEnd = "\r\n\r\n";

// Whether what ends at `end` of `rest` (npos: it has not come yet) is longer than `bytes_max`; the same answer in whatever
// pieces it comes.
bool IsBeyond(size_t bytes_max, size_t end, std::string_view rest) {
  return end == std::string_view::npos ? rest.size() >= bytes_max + kHeadEnd.size() : end > bytes_max;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

std::string_view Trim(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// The value of a header in a block of lines; empty when there is none.
std::string_view HeaderOf(std::string_view block, std::string_view name) {
  while (!block.empty()) {
    const size_t end = block.find('\n');
    const std::string_view line = block.substr(0, end);
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && Lower(Trim(line.substr(0, colon))) == name) {
      return Trim(line.substr(colon + 1));
    }
    if (end == std::string_view::npos) break;
    block.remove_prefix(end + 1);
  }
  return {};
}

// `boundary` of a content type; empty when there is none.
std::string BoundaryOf(std::string_view content_type) {
  const size_t at = Lower(content_type).find("boundary=");
  if (at == std::string::npos) return {};
  std::string_view value = content_type.substr(at + std::string_view("boundary=").size());
  if (value.starts_with('"')) {
    value.remove_prefix(1);
    return std::string(value.substr(0, value.find('"')));
  }
  return std::string(Trim(value.substr(0, value.find(';'))));
}

}  // namespace

MultipartReader::MultipartReader(DocumentVisitor* visitor, std::string_view content_type)
    : visitor_(visitor), document_(visitor) {
  if (content_type.empty()) return;
  const Status opened = OpenLevel(content_type);
  if (opened.ok()) state_ = State::kPreamble;
}

bool MultipartReader::IsMultipart(std::string_view content_type) {
  return Lower(content_type).starts_with("multipart/") && !BoundaryOf(content_type).empty();
}

Status MultipartReader::Bad(const std::string& what) const {
  return InvalidArgument("multipart body, byte " + std::to_string(offset_) + ": " + what);
}

void MultipartReader::Consume(size_t bytes) {
  begin_ += bytes;
  offset_ += bytes;
}

Status MultipartReader::Append(std::string_view bytes) {
  buffer_.erase(0, begin_);
  begin_ = 0;
  buffer_ += bytes;
  while (true) {
    ASSIGN_OR_RETURN(const bool goes_on, Step());
    if (!goes_on) return OkStatus();
  }
}

Result<bool> MultipartReader::Step() {
  switch (state_) {
    case State::kHead: return ReadHead();
    case State::kPreamble: return FindFirst();
    case State::kDelimited: return AfterDelimiter();
    case State::kHeaders: return ReadHeaders();
    case State::kBody: return ReadBody();
    case State::kDone: Consume(buffer_.size() - begin_); return false;
  }
  return false;
}

// "HTTP/1.1 200 OK" and headers, headers alone, or the first boundary.
Result<bool> MultipartReader::ReadHead() {
  const std::string_view rest = std::string_view(buffer_).substr(begin_);
  const size_t line_end = rest.find('\n');
  if (IsBeyond(limits::kImportHeaderBytesMax, line_end, rest)) {
    return Bad("no line end where headers or a boundary should be");
  }
  if (line_end == std::string_view::npos) return false;
  const std::string_view line = Trim(rest.substr(0, line_end));
  if (line.starts_with("--")) {
    // What it is a multipart of shows in its first part: JSON beside a document, something else in a list.
    RETURN_IF_ERROR(OpenLevel(std::string(kUnknownType) + "; boundary=\"" + std::string(line.substr(2)) + "\""));
    state_ = State::kPreamble;
    return true;
  }
  if (line.empty()) {
    Consume(line_end + 1);
    return true;
  }
  // The empty line that comes first, however much of what follows is here already.
  size_t end = rest.find(kHeadEnd);
  size_t end_bytes = kHeadEnd.size();
  if (const size_t bare = rest.find("\n\n"); bare < end) {
    end = bare;
    end_bytes = 2;
  }
  if (IsBeyond(limits::kImportHeaderBytesMax, end, rest)) return Bad("headers without an end");
  if (end == std::string_view::npos) return false;
  const std::string content_type(HeaderOf(rest.substr(0, end), "content-type"));
  if (!IsMultipart(content_type)) return Bad("the head names no multipart content with a boundary");
  RETURN_IF_ERROR(OpenLevel(content_type));
  Consume(end + end_bytes);
  state_ = State::kPreamble;
  return true;
}

Status MultipartReader::OpenLevel(std::string_view content_type) {
  const std::string boundary = BoundaryOf(content_type);
  if (boundary.empty() || boundary.size() > limits::kImportBoundaryBytesMax) return Bad("no boundary, or one too long");
  if (levels_.size() == kLevelsMax) return Bad("parts within parts within parts");
  const std::string type = Lower(content_type);
  levels_.push_back({"\r\n--" + boundary, type.starts_with("multipart/related"), type.starts_with(kUnknownType), 0});
  return OkStatus();
}

Result<bool> MultipartReader::FindFirst() {
  const std::string_view rest = std::string_view(buffer_).substr(begin_);
  const std::string_view delimiter = levels_.back().delimiter;
  const std::string_view mark = delimiter.substr(2);
  size_t skip = 0;
  while (rest.substr(skip).starts_with("\r\n")) skip += 2;
  if (rest.size() < skip + mark.size()) return false;
  if (!rest.substr(skip).starts_with(mark)) return Bad("no boundary where the first should be");
  Consume(skip + mark.size());
  state_ = State::kDelimited;
  return true;
}

Result<bool> MultipartReader::AfterDelimiter() {
  const std::string_view rest = std::string_view(buffer_).substr(begin_);
  if (rest.size() < 2) return false;
  if (rest.starts_with("--")) {
    Consume(2);
    RETURN_IF_ERROR(CloseLevel());
    return true;
  }
  const size_t line_end = rest.find('\n');
  if (IsBeyond(limits::kImportBoundaryBytesMax, line_end, rest)) return Bad("more than a boundary on its line");
  if (line_end == std::string_view::npos) return false;
  if (!Trim(rest.substr(0, line_end)).empty()) return Bad("more than a boundary on its line");
  Consume(line_end + 1);
  state_ = State::kHeaders;
  return true;
}

Result<bool> MultipartReader::ReadHeaders() {
  const std::string_view rest = std::string_view(buffer_).substr(begin_);
  if (rest.size() < 2) return false;
  size_t size = 0;
  size_t end_bytes = 2;
  if (!rest.starts_with("\r\n")) {
    size = rest.find(kHeadEnd);
    end_bytes = kHeadEnd.size();
    if (IsBeyond(limits::kImportHeaderBytesMax, size, rest)) return Bad("a part's headers have no end");
    if (size == std::string_view::npos) return false;
  }
  const std::string headers(rest.substr(0, size));
  Consume(size + end_bytes);
  RETURN_IF_ERROR(BeginPart(headers));
  return true;
}

Status MultipartReader::BeginPart(std::string_view headers) {
  state_ = State::kBody;
  part_bytes_ = 0;
  const std::string content_type(HeaderOf(headers, "content-type"));
  Level& level = levels_.back();
  ++level.parts;
  if (IsMultipart(content_type)) {
    RETURN_IF_ERROR(OpenLevel(content_type));
    state_ = State::kPreamble;
    return OkStatus();
  }
  const bool is_json = Lower(content_type).starts_with("application/json");
  const bool is_first = level.parts == 1;
  if (is_first && is_json && level.kind_is_unknown) level.is_related = true;
  if (is_json && (is_first || !level.is_related)) {
    if (Lower(content_type).find("error=\"true\"") != std::string::npos) {
      kind_ = Kind::kSkipped;
      return visitor_->Finding({"part " + std::to_string(level.parts), "the server had no such document or revision",
                                SourceFinding::Severity::kNote});
    }
    if (has_open_document_) RETURN_IF_ERROR(EndDocument());
    kind_ = Kind::kDocument;
    json_offset_ = 0;
    has_open_document_ = true;
    const bool is_alone = levels_.size() == 1 && level.is_related;
    document_.Reset(is_alone ? LeafScope::kWinner : LeafScope::kLeaf, {}, {});
    registry::JsonScanner::Limits scanner_limits;
    scanner_limits.depth_max = limits::kImportScanDepthMax;
    scanner_ = std::make_unique<registry::JsonScanner>(&document_, scanner_limits);
    return OkStatus();
  }
  return BeginAttachment(HeaderOf(headers, "content-encoding"));
}

Status MultipartReader::BeginAttachment(std::string_view coding) {
  kind_ = Kind::kSkipped;
  if (!has_open_document_ || next_follow_ >= follows_.size()) {
    return visitor_->Finding({document_.id(), "a part that belongs to no attachment", SourceFinding::Severity::kError});
  }
  head_ = follows_[next_follow_++];
  if (skips_document_) return OkStatus();
  kind_ = Kind::kAttachment;
  head_.encoding = Lower(coding) == "gzip" ? AttachmentHead::Encoding::kGzip : AttachmentHead::Encoding::kIdentity;
  return visitor_->BeginAttachment(head_);
}

// Up to the delimiter of the innermost level that is open: CouchDB's boundaries are random, so that no body holds one.
Result<bool> MultipartReader::ReadBody() {
  const std::string_view rest = std::string_view(buffer_).substr(begin_);
  const std::string& delimiter = levels_.back().delimiter;
  const size_t end = rest.find(delimiter);
  if (end == std::string_view::npos) {
    if (rest.size() < delimiter.size()) return false;
    const size_t certain = rest.size() - (delimiter.size() - 1);
    RETURN_IF_ERROR(BodyPiece(rest.substr(0, certain)));
    Consume(certain);
    return false;
  }
  RETURN_IF_ERROR(BodyPiece(rest.substr(0, end)));
  Consume(end + delimiter.size());
  RETURN_IF_ERROR(EndPart());
  state_ = State::kDelimited;
  return true;
}

Status MultipartReader::BodyPiece(std::string_view bytes) {
  if (bytes.empty()) return OkStatus();
  part_bytes_ += bytes.size();
  if (kind_ == Kind::kAttachment) return visitor_->AppendAttachment(bytes);
  if (kind_ != Kind::kDocument) return OkStatus();
  document_.StartPiece(bytes, json_offset_);
  const Status scanned = scanner_->Append(bytes);
  if (scanned.code() == Code::kInvalidArgument || scanned.code() == Code::kTooLarge) {
    return Bad("the document's JSON: " + std::string(scanned.message()));
  }
  RETURN_IF_ERROR(scanned);
  document_.EndPiece();
  json_offset_ += bytes.size();
  return OkStatus();
}

Status MultipartReader::EndPart() {
  if (kind_ == Kind::kAttachment) return EndAttachment();
  if (kind_ != Kind::kDocument) return OkStatus();
  if (const Status status = scanner_->Finish(); !status.ok()) return Bad("a document's JSON is not all there");
  if (!document_.IsComplete()) return Bad("a part of JSON that is no document");
  ++documents_;
  follows_ = document_.TakeFollows();
  next_follow_ = 0;
  skips_document_ = !follows_.empty() && !document_.IsWanted();
  if (follows_.empty() || skips_document_) return OkStatus();
  return document_.Begin();
}

Status MultipartReader::EndAttachment() {
  const auto expected = head_.encoding == AttachmentHead::Encoding::kGzip ? head_.encoded_length : head_.length;
  if (expected && *expected != part_bytes_) {
    RETURN_IF_ERROR(visitor_->AbandonAttachment());
    return visitor_->Finding({document_.id(),
                              "attachment " + head_.name + ": it has " + std::to_string(part_bytes_) +
                                  " bytes, the document says " + std::to_string(*expected),
                              SourceFinding::Severity::kError});
  }
  return visitor_->EndAttachment(head_);
}

Status MultipartReader::EndDocument() {
  has_open_document_ = false;
  if (!skips_document_ && next_follow_ < follows_.size()) {
    RETURN_IF_ERROR(visitor_->Finding(
        {document_.id(), std::to_string(follows_.size() - next_follow_) + " attachments of the document did not come",
         SourceFinding::Severity::kError}));
  }
  follows_.clear();
  return document_.End(false, {});
}

Status MultipartReader::CloseLevel() {
  if (has_open_document_) RETURN_IF_ERROR(EndDocument());
  levels_.pop_back();
  kind_ = Kind::kSkipped;
  // After the end of an inner level comes the outer one's delimiter, as if a body ended.
  state_ = levels_.empty() ? State::kDone : State::kBody;
  return OkStatus();
}

Status MultipartReader::Finish() {
  if (state_ == State::kDone) return OkStatus();
  if (state_ == State::kHead && documents_ == 0) return Bad("neither headers nor a boundary");
  if (kind_ == Kind::kAttachment && state_ == State::kBody) RETURN_IF_ERROR(visitor_->AbandonAttachment());
  if (has_open_document_) RETURN_IF_ERROR(document_.Abandon());
  return InvalidArgument("the multipart body ends in the middle, at byte " + std::to_string(offset_) +
                         (has_open_document_ ? ", within document " + document_.id() : "") + ": it is not all there");
}

}  // namespace tarn::migrate
