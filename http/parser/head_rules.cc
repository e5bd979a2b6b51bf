#include "http/parser/head_rules.h"

#include "http/parser/characters.h"

namespace tarn::http {
namespace {

constexpr Verdict kPassed;
constexpr Verdict BadRequest(std::string_view reason) { return {400, reason}; }

Method MethodOf(std::string_view name) {
  if (name == "GET") return Method::kGet;
  if (name == "HEAD") return Method::kHead;
  if (name == "PUT") return Method::kPut;
  if (name == "POST") return Method::kPost;
  if (name == "DELETE") return Method::kDelete;
  if (name == "OPTIONS") return Method::kOptions;
  if (name == "PATCH") return Method::kPatch;
  return Method::kOther;
}

Verdict ParseVersion(std::string_view version, RequestHead* head) {
  if (version == "HTTP/1.1" || version == "HTTP/1.0") {
    head->minor_version = static_cast<uint8_t>(version.back() - '0');
    return kPassed;
  }
  const bool well_formed = version.size() == 8 && version.starts_with("HTTP/") && IsDigits(version.substr(5, 1)) &&
                           version[6] == '.' && IsDigits(version.substr(7, 1));
  if (well_formed) return {505, "only HTTP/1.1 and HTTP/1.0 are served"};
  return BadRequest("malformed protocol version");
}

// Length of "http://" or "https://" at the front, 0 if neither is there.
size_t SchemeLength(std::string_view target) {
  if (EqualsIgnoreCase(target.substr(0, 7), "http://")) return 7;
  if (EqualsIgnoreCase(target.substr(0, 8), "https://")) return 8;
  return 0;
}

Verdict ParseTarget(std::string_view target, RequestHead* head, std::string_view* authority) {
  if (target.empty()) return BadRequest("empty request target");
  if (target.size() > limits::kTargetBytesMax) return {414, "the request target is too long"};
  if (!IsTargetText(target)) return BadRequest("the request target holds a byte that must be percent-encoded");
  head->target = target;
  if (target.front() == '/') return kPassed;
  if (target == "*") {
    return head->method == Method::kOptions ? kPassed : BadRequest("only OPTIONS may ask for *");
  }
  const size_t scheme = SchemeLength(target);
  if (scheme == 0) return BadRequest("the request target is neither a path nor an http URL");
  const size_t end = target.find_first_of("/?", scheme);
  *authority = target.substr(scheme, end == std::string_view::npos ? end : end - scheme);
  if (authority->empty()) return BadRequest("the request target names no host");
  if (end == std::string_view::npos) {
    head->target = "/";
    return kPassed;
  }
  if (target[end] == '?') return BadRequest("the request target has a query but no path");
  head->target = target.substr(end);
  return kPassed;
}

// Fields of which a second one would leave open which of the two counts.
bool MustBeSingle(KnownHeader header) {
  return header == KnownHeader::kHost || header == KnownHeader::kContentLength ||
         header == KnownHeader::kTransferEncoding || header == KnownHeader::kAuthorization;
}

bool ValidHost(std::string_view host) { return !host.empty() && host.front() != ':' && IsHostText(host); }

Verdict CheckHost(std::string_view authority, RequestHead* head) {
  head->host = head->Get(KnownHeader::kHost);
  if (!head->Has(KnownHeader::kHost)) {
    if (head->minor_version == 1) return BadRequest("no Host");
    if (authority.empty()) return kPassed;  // HTTP/1.0 knew no Host; load balancers' probes still come so.
    head->host = authority;
  }
  if (!ValidHost(head->host)) return BadRequest("malformed Host");
  if (!authority.empty() && !EqualsIgnoreCase(authority, head->host)) {
    return BadRequest("the host of the request target differs from Host");
  }
  return kPassed;
}

// True if `token` is in the comma-separated value of any Connection field.
bool ConnectionHas(const RequestHead& head, std::string_view token) {
  for (const HeaderField& field : head.fields()) {
    if (field.known != KnownHeader::kConnection) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const size_t comma = rest.find(',');
      if (EqualsIgnoreCase(TrimBlanks(rest.substr(0, comma)), token)) return true;
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
  }
  return false;
}

Verdict CheckContentLength(RequestHead* head) {
  const std::string_view text = head->Get(KnownHeader::kContentLength);
  if (text.empty() || text.size() > 18 || !IsDigits(text)) {  // 18 digits always fit; no body is longer.
    return BadRequest("malformed Content-Length");
  }
  for (const char c : text) head->content_length = head->content_length * 10 + static_cast<uint64_t>(c - '0');
  if (head->content_length > 0) head->body_kind = BodyKind::kContentLength;
  return kPassed;
}

Verdict CheckTransferEncoding(RequestHead* head) {
  if (head->Has(KnownHeader::kContentLength)) return BadRequest("both Content-Length and Transfer-Encoding");
  if (head->minor_version == 0) return BadRequest("Transfer-Encoding in HTTP/1.0");
  const std::string_view coding = head->Get(KnownHeader::kTransferEncoding);
  if (!EqualsIgnoreCase(coding, "chunked")) return {501, "the only transfer coding is chunked"};
  head->body_kind = BodyKind::kChunked;
  return kPassed;
}

Verdict CheckExpectation(RequestHead* head) {
  if (!head->Has(KnownHeader::kExpect) || head->minor_version == 0) return kPassed;
  if (!EqualsIgnoreCase(head->Get(KnownHeader::kExpect), "100-continue")) {
    return {417, "the only expectation is 100-continue"};
  }
  head->expect_continue = head->body_kind != BodyKind::kNone;
  return kPassed;
}

}  // namespace

Verdict ParseRequestLine(std::string_view line, RequestHead* head, std::string_view* authority) {
  const size_t method_end = line.find(' ');
  head->method_name = line.substr(0, method_end);
  if (head->method_name.empty() || !IsToken(head->method_name)) return BadRequest("malformed method");
  if (method_end == std::string_view::npos) return BadRequest("malformed request line");
  if (head->method_name == "CONNECT") return {501, "not a proxy"};
  head->method = MethodOf(head->method_name);

  const size_t target_end = line.find(' ', method_end + 1);
  if (target_end == std::string_view::npos) return {505, "HTTP/0.9 is not served"};
  // The version first: "PRI * HTTP/2.0" is a version we do not speak, not a bad target.
  const Verdict version = ParseVersion(line.substr(target_end + 1), head);
  if (!version.passed()) return version;
  return ParseTarget(line.substr(method_end + 1, target_end - method_end - 1), head, authority);
}

Verdict ParseFieldLine(std::string_view line, RequestHead* head) {
  if (line.front() == ' ' || line.front() == '\t') return BadRequest("a header line begins with white space");
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return BadRequest("a header line without a colon");
  const std::string_view name = line.substr(0, colon);
  if (name.empty() || !IsToken(name)) return BadRequest("malformed header name");
  const KnownHeader known = RecognizeHeader(name);
  if (MustBeSingle(known) && head->Has(known)) return BadRequest("a header that must be single is repeated");
  if (!head->AddField(name, known, TrimBlanks(line.substr(colon + 1)))) return {431, "too many header fields"};
  return kPassed;
}

Verdict CheckHead(std::string_view authority, RequestHead* head) {
  const Verdict host = CheckHost(authority, head);
  if (!host.passed()) return host;
  if (head->Has(KnownHeader::kTransferEncoding)) {
    const Verdict coding = CheckTransferEncoding(head);
    if (!coding.passed()) return coding;
  } else if (head->Has(KnownHeader::kContentLength)) {
    const Verdict length = CheckContentLength(head);
    if (!length.passed()) return length;
  }
  head->keep_alive = head->minor_version == 1 ? !ConnectionHas(*head, "close")
                                              : ConnectionHas(*head, "keep-alive") && !ConnectionHas(*head, "close");
  return CheckExpectation(head);
}

}  // namespace tarn::http
