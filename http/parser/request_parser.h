#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "http/parser/request_head.h"
#include "storage/base/limits.h"
#include "storage/base/status.h"

namespace tarn::http {

// Why a request was refused. The connection answers and closes: after a refusal nobody knows where the next request
// would begin.
struct Refusal {
  uint16_t http_status = 0;  // 400, 414, 417, 431, 501 or 505; 0: not refused.
  Status reason;
};

// HTTP/1.x requests, sans-I/O: bytes in, one head and pieces of body out.
//
// A pre-scan of our own splits the head line by line as it arrives and enforces the rules that llhttp does not (obs-fold,
// bare LF, HTTP/0.9, Transfer-Encoding on 1.0, hosts, limits); a complete head must then also pass llhttp in strict mode,
// and both must agree on where the body ends. Chunked bodies are decoded by llhttp. The outcome never depends on how the
// bytes were cut into pieces.
//
// One parser serves all requests of a connection: ParseHead until kReady, DecodeBody until kDone, Reset, and again. No
// allocation after construction, except for the message of a refusal.
// Threads: one at a time.
class RequestParser {
 public:
  enum class Step : uint8_t {
    kNeedMore,  // All of the input was understood; more bytes are needed.
    kReady,     // ParseHead: head() is complete. DecodeBody: a piece of data.
    kDone,      // DecodeBody only: the body is complete.
    kRefused,   // See refusal(). Final.
  };

  explicit RequestParser(size_t header_bytes_max = limits::kHeaderBytesMax);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // `input` holds all bytes from the start of the request: after kNeedMore call again with the same bytes and more (they
  // may have moved in memory; nothing is scanned twice but the last line). Bytes after the head are left alone.
  Step ParseHead(std::string_view input);
  // Valid after kReady until Reset; its views point into that last `input`.
  const RequestHead& head() const { return head_; }
  // Bytes of the head including the empty line. The body, or the next request, begins here.
  size_t head_bytes() const { return head_bytes_; }

  struct BodyStep {
    Step step = Step::kNeedMore;
    size_t consumed = 0;    // Bytes of input that are dealt with, `data` included.
    std::string_view data;  // With kReady: the next bytes of the body, inside `input`. Never empty.
  };
  // The next step within `input`, which begins where the last call's `consumed` ended. Without a body the first step is
  // kDone. Trailer fields are checked, bounded and dropped.
  BodyStep DecodeBody(std::string_view input);

  const Refusal& refusal() const { return refusal_; }
  // Ready for the next request of the connection. Not after kRefused.
  void Reset();

 private:
  struct Llhttp;

  Step Refuse(uint16_t http_status, std::string_view reason);
  void RestartScan(const char* base);
  Step TakeLine(std::string_view line);
  Step FinishHead(std::string_view input);
  BodyStep DecodeChunked(std::string_view input);

  const size_t header_bytes_max_;
  RequestHead head_;
  Refusal refusal_;
  std::unique_ptr<Llhttp> llhttp_;

  // Progress within the head; offsets into `input`, which began at base_ in the last call.
  const char* base_ = nullptr;
  std::string_view authority_;  // Of a target in absolute form.
  size_t request_start_ = 0;    // Of the request line: 0, or 2 after a forgiven empty line.
  size_t line_start_ = 0;
  size_t scanned_ = 0;  // No control byte between line_start_ and here.
  bool has_request_line_ = false;

  size_t head_bytes_ = 0;
  uint64_t body_left_ = 0;  // With Content-Length.
};

}  // namespace tarn::http
