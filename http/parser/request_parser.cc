#include "http/parser/request_parser.h"

#include <llhttp.h>

#include <algorithm>

#include "http/parser/characters.h"
#include "http/parser/head_rules.h"
#include "storage/base/check.h"

static_assert(LLHTTP_STRICT_MODE == 1, "the other parser in llhttp.c accepts CVE-2023-30589 and CVE-2025-23167");

namespace tarn::http {
namespace {

// Method and version beside the longest target; a request line above it is not looked at any further.
constexpr size_t kRequestLineBytesMax = limits::kTargetBytesMax + 64;

}  // namespace

// llhttp with what its callbacks report. No callback looks at the head's text: our own pre-scan has it already.
struct RequestParser::Llhttp {
  Llhttp() {
    llhttp_settings_init(&settings);
    settings.on_headers_complete = OnHeadersComplete;
    settings.on_body = OnBody;
    settings.on_message_complete = OnMessageComplete;
    settings.on_chunk_extension_name = OnChunkExtension;
    settings.on_chunk_extension_value = OnChunkExtension;
    settings.on_chunk_extension_name_complete = OnChunkExtensionEnd;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = this;
  }

  void Reset() {
    llhttp_reset(&parser);
    head_complete = message_complete = pause_at_end = false;
    piece = {};
    framing_bytes = extension_bytes = 0;
  }

  static Llhttp& Of(llhttp_t* parser) { return *static_cast<Llhttp*>(parser->data); }

  static int OnHeadersComplete(llhttp_t* parser) {
    Llhttp& self = Of(parser);
    self.head_complete = true;
    self.content_length = parser->content_length;
    self.flags = parser->flags;
    self.keep_alive = llhttp_should_keep_alive(parser) != 0;
    parser->upgrade = 0;  // No protocol to switch to: Upgrade is ignored, as RFC 9110 section 7.8 allows.
    return 0;
  }
  static int OnBody(llhttp_t* parser, const char* at, size_t length) {
    Of(parser).piece = {at, length};
    return HPE_PAUSED;
  }
  static int OnMessageComplete(llhttp_t* parser) {
    Of(parser).message_complete = true;
    return Of(parser).pause_at_end ? HPE_PAUSED : 0;
  }
  static int CountExtension(Llhttp* self, size_t bytes) {
    self->extension_bytes += bytes;
    return self->extension_bytes > limits::kChunkExtensionBytesMax ? HPE_USER : 0;
  }
  static int OnChunkExtension(llhttp_t* parser, const char*, size_t length) {
    return CountExtension(&Of(parser), length);
  }
  // Counts the separator, so that a row of empty extensions is bounded too.
  static int OnChunkExtensionEnd(llhttp_t* parser) { return CountExtension(&Of(parser), 1) == 0 ? 0 : -1; }

  llhttp_settings_t settings;
  llhttp_t parser;
  bool head_complete = false;
  bool message_complete = false;
  bool pause_at_end = false;
  bool keep_alive = false;
  uint16_t flags = 0;
  uint64_t content_length = 0;
  std::string_view piece;
  size_t framing_bytes = 0;    // Since the last byte of data: chunk size lines, extensions, trailers.
  size_t extension_bytes = 0;  // In this body.
};

RequestParser::RequestParser(size_t header_bytes_max)
    : header_bytes_max_(header_bytes_max), llhttp_(std::make_unique<Llhttp>()) {}

RequestParser::~RequestParser() = default;

void RequestParser::Reset() {
  CHECK(refusal_.http_status == 0);
  RestartScan(nullptr);
  head_bytes_ = 0;
  body_left_ = 0;
}

void RequestParser::RestartScan(const char* base) {
  base_ = base;
  head_.Clear();
  authority_ = {};
  line_start_ = scanned_ = request_start_ = 0;
  has_request_line_ = false;
}

RequestParser::Step RequestParser::Refuse(uint16_t http_status, std::string_view reason) {
  refusal_.http_status = http_status;
  refusal_.reason =
      http_status == 414 || http_status == 431 ? TooLarge(std::string(reason)) : InvalidArgument(std::string(reason));
  return Step::kRefused;
}

RequestParser::Step RequestParser::ParseHead(std::string_view input) {
  if (refusal_.http_status != 0) return Step::kRefused;
  if (input.data() != base_) RestartScan(input.data());  // The views of the lines so far would dangle.
  while (true) {
    const size_t control = FindControl(input, scanned_);
    // Limits before content, by position alone, so that the outcome does not depend on how much has arrived.
    if (!has_request_line_ && control - line_start_ > kRequestLineBytesMax) {
      return Refuse(414, "the request line is too long");
    }
    if (control + 2 > header_bytes_max_) return Refuse(431, "the request head is too long");
    scanned_ = control;
    if (control == input.size()) return Step::kNeedMore;
    if (input[control] != '\r') return Refuse(400, "a control byte, or a line that does not end in CR LF");
    if (control + 1 == input.size()) return Step::kNeedMore;
    if (input[control + 1] != '\n') return Refuse(400, "CR without LF");

    const std::string_view line = input.substr(line_start_, control - line_start_);
    line_start_ = scanned_ = control + 2;
    if (line.empty() && has_request_line_) return FinishHead(input);
    const Step step = TakeLine(line);
    if (step != Step::kNeedMore) return step;
  }
}

// kNeedMore: the line is fine.
RequestParser::Step RequestParser::TakeLine(std::string_view line) {
  if (has_request_line_) {
    const Verdict verdict = ParseFieldLine(line, &head_);
    return verdict.passed() ? Step::kNeedMore : Refuse(verdict.http_status, verdict.reason);
  }
  if (line.empty()) {
    // One empty line before a request is forgiven (RFC 9112, section 2.2): old clients end a body so.
    if (request_start_ != 0) return Refuse(400, "empty lines before the request");
    request_start_ = line_start_;
    return Step::kNeedMore;
  }
  has_request_line_ = true;
  const Verdict verdict = ParseRequestLine(line, &head_, &authority_);
  return verdict.passed() ? Step::kNeedMore : Refuse(verdict.http_status, verdict.reason);
}

RequestParser::Step RequestParser::FinishHead(std::string_view input) {
  const Verdict verdict = CheckHead(authority_, &head_);
  if (!verdict.passed()) return Refuse(verdict.http_status, verdict.reason);

  head_bytes_ = line_start_;
  llhttp_->Reset();
  llhttp_->pause_at_end = head_.body_kind == BodyKind::kChunked;
  const std::string_view text = input.substr(request_start_, head_bytes_ - request_start_);
  const llhttp_errno_t error = llhttp_execute(&llhttp_->parser, text.data(), text.size());
  if (error == HPE_INVALID_METHOD) return Refuse(501, "unknown method");
  if (error != HPE_OK || !llhttp_->head_complete) return Refuse(400, "malformed request");

  // Two parsers that disagree on where the body ends are how requests are smuggled.
  const bool same_length = (llhttp_->flags & F_CONTENT_LENGTH) == 0 ? head_.content_length == 0
                                                                    : llhttp_->content_length == head_.content_length;
  const bool same_coding = ((llhttp_->flags & F_CHUNKED) != 0) == (head_.body_kind == BodyKind::kChunked);
  const bool same_version = llhttp_->parser.http_major == 1 && llhttp_->parser.http_minor == head_.minor_version;
  if (!same_length || !same_coding || !same_version) return Refuse(400, "ambiguous request");
  head_.keep_alive = head_.keep_alive && llhttp_->keep_alive;
  body_left_ = head_.content_length;
  return Step::kReady;
}

RequestParser::BodyStep RequestParser::DecodeBody(std::string_view input) {
  if (refusal_.http_status != 0) return {Step::kRefused, 0, {}};
  if (head_.body_kind == BodyKind::kChunked) return DecodeChunked(input);
  if (body_left_ == 0) return {Step::kDone, 0, {}};
  if (input.empty()) return {Step::kNeedMore, 0, {}};
  const std::string_view data = input.substr(0, std::min<uint64_t>(input.size(), body_left_));
  body_left_ -= data.size();
  return {Step::kReady, data.size(), data};
}

RequestParser::BodyStep RequestParser::DecodeChunked(std::string_view input) {
  if (llhttp_->message_complete) return {Step::kDone, 0, {}};
  llhttp_->piece = {};
  const llhttp_errno_t error = llhttp_execute(&llhttp_->parser, input.data(), input.size());
  if (error != HPE_OK && error != HPE_PAUSED) {
    return {Refuse(400, "malformed chunked body"), 0, {}};
  }
  size_t consumed = input.size();
  if (error == HPE_PAUSED) {
    consumed = static_cast<size_t>(llhttp_get_error_pos(&llhttp_->parser) - input.data());
    llhttp_resume(&llhttp_->parser);
  }
  llhttp_->framing_bytes += consumed - llhttp_->piece.size();
  if (llhttp_->framing_bytes > limits::kTrailerBytesMax) {
    return {Refuse(400, "chunk size line or trailers too long"), 0, {}};
  }
  if (!llhttp_->piece.empty()) {
    llhttp_->framing_bytes = 0;
    return {Step::kReady, consumed, llhttp_->piece};
  }
  return {llhttp_->message_complete ? Step::kDone : Step::kNeedMore, consumed, {}};
}

}  // namespace tarn::http
