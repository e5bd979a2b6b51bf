#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "http/parser/request_parser.h"
#include "storage/base/check.h"

// For tests of the parser and of handlers that want a RequestHead.
namespace tarn::http::testing {

// What one stream of bytes came to, however it was cut.
struct Outcome {
  uint16_t http_status = 0;           // Of the refusal that ended it; 0: every byte was understood.
  std::vector<std::string> requests;  // "GET /target [body]" for each complete request.
  bool incomplete = false;            // It ended within a request.

  bool operator==(const Outcome&) const = default;
};

// Feeds `bytes` in pieces of `piece_bytes` as a connection would: a growing buffer for the head, then the body.
inline Outcome Feed(std::string_view bytes, size_t piece_bytes, size_t header_bytes_max = limits::kHeaderBytesMax) {
  Outcome outcome;
  RequestParser parser(header_bytes_max);
  std::string pending;
  std::string body;
  bool in_body = false;
  size_t fed = 0;
  while (true) {
    size_t consumed = 0;
    RequestParser::Step step;
    if (!in_body) {
      step = parser.ParseHead(pending);
      if (step == RequestParser::Step::kReady) {
        outcome.requests.push_back(std::string(parser.head().method_name) + " " + std::string(parser.head().target));
        consumed = parser.head_bytes();
        in_body = true;
      }
    } else {
      const RequestParser::BodyStep part = parser.DecodeBody(pending);
      step = part.step;
      consumed = part.consumed;
      body.append(part.data);
      if (step == RequestParser::Step::kDone) {
        outcome.requests.back() += " [" + body + "]";
        body.clear();
        in_body = false;
        parser.Reset();
      }
    }
    if (step == RequestParser::Step::kRefused) {
      outcome.http_status = parser.refusal().http_status;
      if (in_body) outcome.requests.pop_back();
      return outcome;
    }
    pending.erase(0, consumed);
    if (step != RequestParser::Step::kNeedMore) continue;
    if (fed == bytes.size()) {
      outcome.incomplete = in_body || !pending.empty();
      if (in_body) outcome.requests.pop_back();
      return outcome;
    }
    pending.append(bytes.substr(fed, piece_bytes));
    fed = std::min(bytes.size(), fed + piece_bytes);
  }
}

// A head that must be well formed, with its text: `parsed->head()`.
class ParsedRequest {
 public:
  // `text` is a whole head; "\r\n" line ends.
  explicit ParsedRequest(std::string text) : text_(std::move(text)) {
    CHECK(parser_.ParseHead(text_) == RequestParser::Step::kReady);
  }
  const RequestHead& head() const { return parser_.head(); }

 private:
  const std::string text_;
  RequestParser parser_;
};

}  // namespace tarn::http::testing
