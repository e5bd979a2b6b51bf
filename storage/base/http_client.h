#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/http_client_limits.h"
#include "storage/base/result.h"

namespace tarn {

struct HttpHeader {
  std::string name;
  std::string value;
};

// The parts of an absolute http or https URL that decide where a request goes.
struct HttpUrl {
  bool is_https = false;
  bool has_credentials = false;  // "user:password@" before the host.
  std::string host;              // Without brackets; lower case as the name system sees it.
  uint16_t port = 0;             // The scheme's own when the URL names none.
};
// kInvalidArgument, with what is wrong, for everything else: other schemes, no host, spaces, control characters, more
// than kOutboundUrlBytesMax.
Result<HttpUrl> ParseHttpUrl(std::string_view url);

struct HttpRequest {
  std::string method = "GET";  // Upper case.
  std::string url;             // Absolute; http or https. "user:password@" is sent as Basic.
  std::vector<HttpHeader> headers;
  std::string body;  // Sent with its length; never chunked.
  // Instead of `body`: asked for the next piece until it gives an empty one, on the thread of Send, which it may block.
  // `body_bytes`: the length, if it is known; without it the body is chunked. A status that is not OK ends the request.
  std::function<Result<std::string_view>()> body_source;
  std::optional<uint64_t> body_bytes;
  uint64_t total_timeout_ms =
      0;  // From the call to the last byte, redirects included. 0: only the idle time bounds it.
  uint64_t idle_timeout_ms = limits::kOutboundIdleMsDefault;  // Without a byte in either direction, the sink's time not
                                                              // counted. Never 0.
  uint64_t body_bytes_max = limits::kOutboundBodyBytesDefault;  // Of the answer, after its content coding.
  bool accept_gzip = false;                                     // Asks for gzip, and hands out what was in it.
  // GET and HEAD only, at most kOutboundRedirectsMax. Never from https to http. What goes to another scheme, host or port
  // carries no headers but Accept, Accept-Encoding and User-Agent. 0: a redirect is an answer like any other.
  int redirects_max = 0;
};

struct HttpAnswer {
  int status = 0;                   // As sent, 200 to 599.
  std::vector<HttpHeader> headers;  // Names in lower case, in the order they came; no trailers.
  std::string body;                 // Empty when a sink got it.

  // The value of the first header of this lower-case name; empty when there is none.
  std::string_view Header(std::string_view name) const;
};

// Gets an answer piece by piece. A status that is not OK ends the transfer and is what the caller gets.
class HttpBodySink {
 public:
  virtual ~HttpBodySink() = default;
  // Once, before the first piece; also when there is no body.
  virtual Status Start(const HttpAnswer& head) = 0;
  // At most kOutboundReceiveBytes, never empty; valid until it returns. May block: the sender then waits.
  virtual Status Piece(std::string_view bytes) = 0;
};

// What https goes by; PEM files, read with each new connection.
struct TlsFiles {
  std::string ca_file;           // Who is believed to be the server; empty: the system's authorities.
  std::string certificate_file;  // Shown to servers that want to know who asks, with key_file. Empty: none.
  std::string key_file;
};

// Sends requests to other servers and waits for the answers. HTTP/1.1 over TCP or TLS; connections are kept for the next
// request to the same server. Certificates are checked against the system's authorities, or `tls.ca_file` alone. Never
// through a proxy, whatever the environment says.
//
// Errors, each with method, host and path before it, and never with query, credentials or body: kInvalidArgument (the request),
// kPermissionDenied (address refused), kUnavailable (no such host, connection refused, broken off, TLS, an answer that is
// not HTTP), kDeadlineExceeded, kTooLarge, kFailedPrecondition (redirects), kCancelled, and whatever a sink returns.
// A status of 400 or more is an answer, not an error.
// Threads: one at a time for requests; Cancel from any. Blocks: never on a core thread.
class HttpClient {
 public:
  struct Options {
    std::string user_agent = "tarn";
    TlsFiles tls;
    uint64_t connect_timeout_ms = limits::kOutboundConnectMsDefault;
    bool public_addresses_only = false;  // Checked after the name was resolved, for every connection.
  };

  explicit HttpClient(Options options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  Result<HttpAnswer> Send(const HttpRequest& request);
  Result<HttpAnswer> Stream(const HttpRequest& request, HttpBodySink& sink);
  // Whether anything of the last request may have reached the other side. False only when that is certain: there was no
  // connection. On the thread of the request.
  bool may_have_arrived() const;
  // Ends the request that is under way, and every later one, with kCancelled. A name that is being resolved is waited for.
  void Cancel();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tarn
