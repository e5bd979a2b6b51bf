#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/net/response.h"
#include "http/net/task.h"
#include "http/parser/request_head.h"
#include "storage/base/result.h"

namespace tarn::http {

// The other end of a connection. Fixed for its life.
struct Peer {
  std::string address;  // "192.0.2.1", "2001:db8::1"; an IPv4-mapped address as IPv4; empty on a Unix socket.
  uint16_t port = 0;
  std::array<uint8_t, 16> ip{};  // The same in network order, IPv4 as ::ffff:a.b.c.d; zeros on a Unix socket.
  bool is_unix_socket = false;
  uint32_t uid = UINT32_MAX;      // Of the process at the other end of a Unix socket.
  bool is_trusted_proxy = false;  // It has proved to be one of ours: what it says of its client is believed.
  std::string local_address;      // "127.0.0.1:4873": where the client came in; the path of a Unix socket.
};

// The body of one request, pulled: nothing is read from the socket until someone asks, so a handler that is busy slows the
// sender down. Lives as long as the request. Threads: the core of the connection.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // The next piece, 1 to limits::kBodyChunkBytes bytes, valid until the next call; empty at the end (again and again).
  // The first call answers Expect: 100-continue. Errors, all final:
  //   kInvalidArgument   broken chunked framing                kTooLarge         over the limit that was set
  //   kDeadlineExceeded  the client sends too slowly           kCancelled        the client went away, or the server stops
  // After an error the handler answers as it likes; the connection closes after that.
  virtual Task<Result<std::string_view>> Read() = 0;
  // Decoded bytes allowed in total; unlimited if never called. A Content-Length above it fails the first Read at once.
  virtual void set_limit(uint64_t bytes_max) = 0;
};

// One request on its way through Handler::Handle. The references live until the answer was sent.
struct Request {
  const RequestHead& head;
  const Peer& peer;
  BodyReader& body;
  std::string_view id;  // X-Request-Id of the answer, for log lines.
};

// What became of a request, for counters and the access log.
struct RequestSummary {
  const RequestHead* head = nullptr;  // Null if no head could be read.
  const Peer* peer = nullptr;
  std::string_view id;
  uint16_t status = 0;          // 0: the client left before an answer.
  uint8_t metrics_class = 0;    // Response::metrics_class.
  bool complete = true;         // False if the answer could not be sent whole.
  uint64_t received_bytes = 0;  // Head and decoded body.
  uint64_t sent_bytes = 0;      // Head and body.
  uint64_t duration_us = 0;     // From the first byte of the request to the last of the answer in the kernel.
};

// What the server serves; one object for all cores.
// Threads: every method is called on all core threads at once, and must not block.
class Handler {
 public:
  virtual ~Handler() = default;

  // Answers from what is at hand, or returns false with `response` untouched; then Handle is called. Not tried for requests
  // that have a body.
  virtual bool TryHandleFast(const RequestHead& head, const Peer& peer, Response* response) = 0;

  // Everything else. Blocking work goes through Executor::Run. A body that is not read to its end is discarded (up to a
  // limit) or ends the connection.
  virtual Task<Response> Handle(Request request) = 0;

  // The body and headers of an answer that the connection gives by itself: a refused request (400, 414, 417, 431, 501,
  // 505), one that came too slowly (408), too many connections (503). The connection closes after it.
  virtual void MakeErrorResponse(uint16_t http_status, const Status& reason, Response* response) = 0;

  // Appends the target as it may be logged: tokens in paths masked.
  virtual void AppendLoggableTarget(const RequestHead& head, std::string* out) const { out->append(head.target); }

  // After each request, sent or not.
  virtual void OnRequestDone(const RequestSummary& summary) { (void)summary; }
};

}  // namespace tarn::http
