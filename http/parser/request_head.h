#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "storage/base/limits.h"

namespace tarn::http {

// Methods that some route knows; everything else that is a valid token and known to llhttp is kOther (the answer is
// 405, the name is in RequestHead::method_name).
enum class Method : uint8_t { kGet, kHead, kPut, kPost, kDelete, kOptions, kPatch, kOther };

// Header fields that are found without a search. The order is free: nothing depends on it.
enum class KnownHeader : uint8_t {
  kAccept,
  kAcceptEncoding,
  kAuthorization,
  kConnection,
  kContentEncoding,
  kContentLength,
  kContentType,
  kExpect,
  kForwarded,
  kHost,
  kIfModifiedSince,
  kIfNoneMatch,
  kIfRange,
  kNpmAuthType,
  kNpmCommand,
  kNpmOtp,
  kRange,
  kReferer,
  kTransferEncoding,
  kUserAgent,
  kXForwardedFor,
  kXForwardedHost,
  kXForwardedPort,
  kXForwardedPrefix,
  kXForwardedProto,
  kUnknown,  // Last: the number of known ones.
};
inline constexpr size_t kKnownHeaderCount = static_cast<size_t>(KnownHeader::kUnknown);

// The header of that name, in any case; kUnknown if it is not one of the above.
KnownHeader RecognizeHeader(std::string_view name);

// True if both are the same but for the case of ASCII letters.
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

struct HeaderField {
  std::string_view name;   // As sent.
  std::string_view value;  // Without the white space around it. May hold bytes >= 0x80, never control bytes but tab.
  KnownHeader known = KnownHeader::kUnknown;
};

enum class BodyKind : uint8_t { kNone, kContentLength, kChunked };

// The head of one accepted request. What the parser guarantees: exactly one framing of the body; one Host on HTTP/1.1
// (at most one on 1.0), made of host characters; at most one Authorization; a target in origin form, or "*" with OPTIONS.
//
// All views point into the buffer given to RequestParser::ParseHead and live as long as that buffer stays where it is;
// for a handler that is until its answer is complete.
// Threads: as a value, but neither copied nor moved (4 KiB of fields, reused for every request of a connection).
class RequestHead {
 public:
  RequestHead() = default;
  RequestHead(const RequestHead&) = delete;
  RequestHead& operator=(const RequestHead&) = delete;

  Method method = Method::kOther;
  std::string_view method_name;
  // Path and query as sent, percent-encoding untouched: "/pkg?write=true". Bytes 0x21 to 0x7e without '#'. The scheme
  // and host of an absolute-form target are already cut off (they equal Host).
  std::string_view target;
  std::string_view host;      // With port if it was sent; empty only when HTTP/1.0 came without one.
  uint8_t minor_version = 1;  // HTTP/1.x: 0 or 1.
  bool keep_alive = true;     // What the client wants.
  bool expect_continue = false;
  BodyKind body_kind = BodyKind::kNone;
  uint64_t content_length = 0;  // With BodyKind::kContentLength only (then it is not 0).

  // In the order sent.
  std::span<const HeaderField> fields() const { return {fields_.data(), field_count_}; }
  // The first field of that name; empty if there is none (or if it is empty: see Has).
  std::string_view Get(KnownHeader header) const {
    const uint8_t position = known_[static_cast<size_t>(header)];
    return position == 0 ? std::string_view() : fields_[position - 1u].value;
  }
  bool Has(KnownHeader header) const { return known_[static_cast<size_t>(header)] != 0; }
  // Any name in any case, by search.
  std::string_view Get(std::string_view name) const;
  // All values of a list header such as Accept or If-None-Match, joined by ", " as RFC 9110 section 5.3 allows. `scratch`
  // holds the result only when the field was repeated.
  std::string_view Joined(KnownHeader header, std::string* scratch) const;

  // For the parser. `known` is RecognizeHeader(name). False when there is no room left.
  bool AddField(std::string_view name, KnownHeader known, std::string_view value);
  void Clear();

 private:
  static_assert(limits::kHeaderFieldsMax < 255, "positions are stored as one byte");

  std::array<HeaderField, limits::kHeaderFieldsMax> fields_;
  size_t field_count_ = 0;
  std::array<uint8_t, kKnownHeaderCount> known_{};  // Position of the first such field + 1; 0: absent.
};

}  // namespace tarn::http
