#include "storage/base/http_client.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "storage/base/check.h"
#include "storage/base/clock.h"
#include "storage/base/public_address.h"

namespace tarn {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using UrlHandle = std::unique_ptr<CURLU, FreeUrl>;

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

std::string UrlPart(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string result(text);
  curl_free(text);
  return result;
}

HttpUrl PartsOf(CURLU* handle) {
  HttpUrl url;
  url.is_https = EqualsIgnoringCase(UrlPart(handle, CURLUPART_SCHEME), "https");
  url.has_credentials = !UrlPart(handle, CURLUPART_USER).empty() || !UrlPart(handle, CURLUPART_PASSWORD).empty();
  url.host = UrlPart(handle, CURLUPART_HOST);
  if (url.host.starts_with('[') && url.host.ends_with(']')) url.host = url.host.substr(1, url.host.size() - 2);
  for (char& c : url.host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  url.port = static_cast<uint16_t>(std::stoul(UrlPart(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT)));
  return url;
}

// The host was decoded once. One that was encoded twice, is no name, or turns out to be a number (106%3532 is an address)
// leads elsewhere when it is written again.
Status CheckHost(const HttpUrl& url) {
  for (const char c : url.host) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || c == '%') {
      return InvalidArgument("a URL whose host holds control characters or percent signs");
    }
  }
  const bool is_ip6 = url.host.find(':') != std::string::npos;
  const std::string again = "http://" + (is_ip6 ? "[" + url.host + "]" : url.host) + "/";
  const UrlHandle handle(curl_url());
  CHECK(handle != nullptr);
  if (curl_url_set(handle.get(), CURLUPART_URL, again.c_str(), 0) == CURLUE_OK &&
      PartsOf(handle.get()).host == url.host) {
    return OkStatus();
  }
  return InvalidArgument("a URL whose host is written so that it means two things");
}

Result<UrlHandle> OpenUrl(std::string_view text) {
  if (text.size() > limits::kOutboundUrlBytesMax) {
    return InvalidArgument("a URL of " + std::to_string(text.size()) + " bytes, more than " +
                           std::to_string(limits::kOutboundUrlBytesMax));
  }
  const size_t scheme = text.find("://");
  if (scheme == std::string_view::npos || text.substr(scheme + 3).starts_with('/') ||
      (!EqualsIgnoringCase(text.substr(0, scheme), "http") && !EqualsIgnoringCase(text.substr(0, scheme), "https"))) {
    return InvalidArgument("not an absolute URL that begins with http:// or https:// and a host");
  }
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f')
      return InvalidArgument("a URL with spaces or control characters");
  }
  UrlHandle url(curl_url());
  CHECK(url != nullptr);
  const CURLUcode error = curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), CURLU_PATH_AS_IS);
  if (error != CURLUE_OK) return InvalidArgument(std::string("not a URL: ") + curl_url_strerror(error));
  RETURN_IF_ERROR(CheckHost(PartsOf(url.get())));
  return url;
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

Status CheckRequest(const HttpRequest& request) {
  if (!IsToken(request.method)) return InvalidArgument("not a method of HTTP");
  if (request.headers.size() > limits::kOutboundHeadersMax) return InvalidArgument("too many headers");
  if (request.redirects_max > limits::kOutboundRedirectsMax) return InvalidArgument("too many redirects are asked for");
  CHECK(request.idle_timeout_ms > 0);
  for (const HttpHeader& header : request.headers) {
    if (!IsToken(header.name)) return InvalidArgument("not a name of a header");
    for (const char c : header.value) {
      if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f') {
        return InvalidArgument("control characters in the header " + header.name);
      }
    }
    for (const std::string_view reserved : {"content-length", "transfer-encoding", "connection", "expect"}) {
      if (EqualsIgnoringCase(header.name, reserved)) return InvalidArgument("the header " + header.name + " is ours");
    }
  }
  return OkStatus();
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Collects an answer for the caller who wants it whole.
class StringSink final : public HttpBodySink {
 public:
  Status Start(const HttpAnswer&) override { return OkStatus(); }
  Status Piece(std::string_view bytes) override {
    body.append(bytes);
    return OkStatus();
  }
  std::string body;
};

}  // namespace

std::string_view HttpAnswer::Header(std::string_view name) const {
  for (const HttpHeader& header : headers) {
    if (header.name == name) return header.value;
  }
  return {};
}

Result<HttpUrl> ParseHttpUrl(std::string_view url) {
  ASSIGN_OR_RETURN(const UrlHandle handle, OpenUrl(url));
  HttpUrl parts = PartsOf(handle.get());
  if (parts.host.empty() || parts.port == 0) return InvalidArgument("a URL without a host or port to connect to");
  return parts;
}

namespace {

// One request and one answer of a chain of redirects, as curl's callbacks see it.
struct Exchange {
  const HttpRequest* request = nullptr;
  HttpBodySink* sink = nullptr;
  bool may_redirect = false;  // The answer of a redirect is ours, not the sink's.
  bool refused_address = false;
  bool public_addresses_only = false;
  bool head_complete = false;
  bool started = false;
  size_t head_bytes = 0;
  uint64_t body_bytes = 0;
  std::string_view to_send;  // What is left of the source's piece.
  HttpAnswer answer;
  Status failure;

  bool RedirectsAway() const { return may_redirect && IsRedirect(answer.status) && !answer.Header("location").empty(); }
  Status StartSink() {
    if (started) return OkStatus();
    started = true;
    return sink->Start(answer);
  }
  Status TakeHeaderLine(std::string_view line);
  Status TakeBody(std::string_view bytes);
};

Status Exchange::TakeHeaderLine(std::string_view line) {
  head_bytes += line.size();
  if (head_bytes > limits::kOutboundAnswerHeadBytesMax) {
    return TooLarge("the answer's headers are larger than " + std::to_string(limits::kOutboundAnswerHeadBytesMax));
  }
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (line.starts_with("HTTP/") && (answer.status < 200 || !head_complete)) {  // Also after an interim 1xx.
    answer = HttpAnswer();
    head_complete = false;
    const size_t space = line.find(' ');
    for (size_t i = space + 1; space != std::string_view::npos && i < line.size() && i < space + 4; i++) {
      if (line[i] < '0' || line[i] > '9') break;
      answer.status = answer.status * 10 + (line[i] - '0');
    }
    return OkStatus();
  }
  if (head_complete) return OkStatus();  // A trailer.
  if (line.empty()) {
    head_complete = true;
    return OkStatus();
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return OkStatus();
  HttpHeader header{std::string(line.substr(0, colon)), {}};
  for (char& c : header.name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  line.remove_prefix(colon + 1);
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  header.value = std::string(line);
  answer.headers.push_back(std::move(header));
  return OkStatus();
}

Status Exchange::TakeBody(std::string_view bytes) {
  if (bytes.empty()) return OkStatus();
  body_bytes += bytes.size();
  if (body_bytes > request->body_bytes_max) {
    return TooLarge("the answer is larger than " + std::to_string(request->body_bytes_max) + " bytes");
  }
  if (RedirectsAway()) return OkStatus();
  RETURN_IF_ERROR(StartSink());
  return sink->Piece(bytes);
}

}  // namespace

class HttpClient::Impl {
 public:
  explicit Impl(Options options) : options_(std::move(options)) {
    static const bool initialised = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    CHECK(initialised);
    multi_.reset(curl_multi_init());
    easy_.reset(curl_easy_init());
    CHECK(multi_ != nullptr && easy_ != nullptr);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, limits::kOutboundConnectionsKeptMax);
  }

  Result<HttpAnswer> Fetch(const HttpRequest& request, HttpBodySink& sink);
  bool may_have_arrived() const { return may_have_arrived_; }
  void Cancel() {
    cancelled_.store(true);
    curl_multi_wakeup(multi_.get());
  }

 private:
  static size_t OnHeader(char* data, size_t size, size_t count, void* user);
  static size_t OnBody(char* data, size_t size, size_t count, void* user);
  static size_t OnRead(char* data, size_t size, size_t count, void* user);
  static curl_socket_t OnOpenSocket(void* user, curlsocktype, curl_sockaddr* address);

  void SetUp(const HttpRequest& request, const std::string& url, bool same_origin, Exchange& exchange);
  Status Run(const HttpRequest& request, uint64_t deadline_ms);
  Status FromCurl(CURLcode code, const Exchange& exchange) const;
  // Moves `url` to where the answer points; `same_origin` becomes false once it leaves the first one.
  Status Follow(const HttpAnswer& answer, CURLU* url, bool* same_origin) const;

  const Options options_;
  std::atomic<bool> cancelled_{false};
  bool may_have_arrived_ = false;
  std::unique_ptr<CURLM, FreeMulti> multi_;
  std::unique_ptr<CURL, FreeEasy> easy_;
  std::unique_ptr<curl_slist, FreeList> headers_;
  char error_[CURL_ERROR_SIZE] = {};
};

size_t HttpClient::Impl::OnHeader(char* data, size_t size, size_t count, void* user) {
  Exchange& exchange = *static_cast<Exchange*>(user);
  exchange.failure = exchange.TakeHeaderLine({data, size * count});
  return exchange.failure.ok() ? size * count : 0;
}

size_t HttpClient::Impl::OnBody(char* data, size_t size, size_t count, void* user) {
  Exchange& exchange = *static_cast<Exchange*>(user);
  exchange.failure = exchange.TakeBody({data, size * count});
  return exchange.failure.ok() ? size * count : CURL_WRITEFUNC_ERROR;
}

// Curl asks for as much as its buffer takes; what is left of a piece waits for the next time.
size_t HttpClient::Impl::OnRead(char* data, size_t size, size_t count, void* user) {
  Exchange& exchange = *static_cast<Exchange*>(user);
  if (exchange.to_send.empty()) {
    const Result<std::string_view> piece = exchange.request->body_source();
    exchange.failure = piece.status();
    if (!piece.ok()) return CURL_READFUNC_ABORT;
    exchange.to_send = *piece;
  }
  const std::string_view now = exchange.to_send.substr(0, size * count);
  exchange.to_send.remove_prefix(now.size());
  std::copy(now.begin(), now.end(), data);
  return now.size();
}

// The one place where the address that is really connected to is known: names that change their mind between a check and
// the connection (DNS rebinding) gain nothing.
curl_socket_t HttpClient::Impl::OnOpenSocket(void* user, curlsocktype, curl_sockaddr* address) {
  Exchange& exchange = *static_cast<Exchange*>(user);
  if (exchange.public_addresses_only && !IsPublicAddress(address->addr)) {
    exchange.refused_address = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

void HttpClient::Impl::SetUp(const HttpRequest& request, const std::string& url, bool same_origin, Exchange& exchange) {
  CURL* easy = easy_.get();
  curl_easy_reset(easy);
  error_[0] = '\0';
  headers_.reset();
  const auto add = [this](const std::string& line) {
    curl_slist* list = curl_slist_append(headers_.get(), line.c_str());
    CHECK(list != nullptr);
    static_cast<void>(headers_.release());
    headers_.reset(list);
  };
  add("Expect:");
  bool typed = false;
  for (const HttpHeader& header : request.headers) {
    const bool harmless = EqualsIgnoringCase(header.name, "accept") || EqualsIgnoringCase(header.name, "user-agent") ||
                          EqualsIgnoringCase(header.name, "accept-encoding");
    if (!same_origin && !harmless) continue;
    typed = typed || EqualsIgnoringCase(header.name, "content-type");
    add(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
  }
  if (!typed) add("Content-Type:");  // curl would call every body a form.
  const auto set = [easy](CURLoption option, auto value) { CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK); };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  const TlsFiles& tls = options_.tls;
  if (!tls.ca_file.empty()) set(CURLOPT_CAINFO, tls.ca_file.c_str());
  if (!tls.certificate_file.empty()) set(CURLOPT_SSLCERT, tls.certificate_file.c_str());
  if (!tls.key_file.empty()) set(CURLOPT_SSLKEY, tls.key_file.c_str());
  set(CURLOPT_USERAGENT, options_.user_agent.c_str());
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout_ms));
  set(CURLOPT_BUFFERSIZE, limits::kOutboundReceiveBytes);
  set(CURLOPT_ERRORBUFFER, error_);
  set(CURLOPT_HTTPHEADER, headers_.get());
  if (request.accept_gzip) set(CURLOPT_ACCEPT_ENCODING, "gzip");
  set(CURLOPT_HEADERFUNCTION, &OnHeader);
  set(CURLOPT_HEADERDATA, &exchange);
  set(CURLOPT_WRITEFUNCTION, &OnBody);
  set(CURLOPT_WRITEDATA, &exchange);
  set(CURLOPT_OPENSOCKETFUNCTION, &OnOpenSocket);
  set(CURLOPT_OPENSOCKETDATA, &exchange);
  if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (request.body_source) {
    set(CURLOPT_UPLOAD, 1L);
    if (request.body_bytes) set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(*request.body_bytes));
    set(CURLOPT_READFUNCTION, &OnRead);
    set(CURLOPT_READDATA, &exchange);
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  } else if (request.method != "GET" || !request.body.empty()) {
    const bool takes_body =
        !request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
    if (takes_body) {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      set(CURLOPT_POSTFIELDS, request.body.c_str());
    }
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
}

Status HttpClient::Impl::Run(const HttpRequest& request, uint64_t deadline_ms) {
  Clock& clock = SystemClock();
  CHECK(curl_multi_add_handle(multi_.get(), easy_.get()) == CURLM_OK);
  Status status;
  CURLcode code = CURLE_OK;
  curl_off_t moved_before = -1;
  uint64_t last_activity_ms = clock.MonotonicMs();
  const Exchange* exchange = nullptr;
  curl_easy_getinfo(easy_.get(), CURLINFO_PRIVATE, &exchange);
  for (int running = 1;;) {
    if (cancelled_.load()) {
      status = Cancelled("cancelled");
      break;
    }
    CHECK(curl_multi_perform(multi_.get(), &running) == CURLM_OK);
    if (running == 0) break;
    const uint64_t now_ms = clock.MonotonicMs();
    curl_off_t down = 0, up = 0, connected = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_SIZE_DOWNLOAD_T, &down);
    curl_easy_getinfo(easy_.get(), CURLINFO_SIZE_UPLOAD_T, &up);
    curl_easy_getinfo(easy_.get(), CURLINFO_PRETRANSFER_TIME_T, &connected);
    const curl_off_t moved = down + up + (connected > 0 ? 1 : 0) + static_cast<curl_off_t>(exchange->head_bytes);
    if (moved != moved_before) last_activity_ms = now_ms;
    moved_before = moved;
    if (now_ms >= deadline_ms) status = DeadlineExceeded("no complete answer in time");
    if (now_ms - last_activity_ms >= request.idle_timeout_ms) {
      status = DeadlineExceeded("not a byte for " + std::to_string(request.idle_timeout_ms) + " ms");
    }
    if (!status.ok()) break;
    const uint64_t wait_ms =
        std::min({limits::kOutboundWakeMs, deadline_ms - now_ms, last_activity_ms + request.idle_timeout_ms - now_ms});
    CHECK(curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(wait_ms), nullptr) == CURLM_OK);
  }
  // Set right before the first byte is sent, also over a connection that was kept.
  curl_off_t send_begin_us = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_PRETRANSFER_TIME_T, &send_begin_us);
  may_have_arrived_ = may_have_arrived_ || send_begin_us > 0;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg == CURLMSG_DONE) code = message->data.result;
  }
  CHECK(curl_multi_remove_handle(multi_.get(), easy_.get()) == CURLM_OK);
  // One that failed before it had a connection keeps its buffer, and takes no options any more. Connections are the multi
  // handle's, and stay.
  if (!status.ok() || code != CURLE_OK) easy_.reset(curl_easy_init());
  CHECK(easy_ != nullptr);
  if (!status.ok()) return status;
  return FromCurl(code, *exchange);
}

Status HttpClient::Impl::FromCurl(CURLcode code, const Exchange& exchange) const {
  if (code == CURLE_OK) return OkStatus();
  if (!exchange.failure.ok()) return exchange.failure;
  if (exchange.refused_address && code == CURLE_COULDNT_CONNECT) {
    return PermissionDenied("the host has no address of the public internet");
  }
  const std::string detail = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
  switch (code) {
    case CURLE_OUT_OF_MEMORY: CheckFailed(__FILE__, __LINE__, "out of memory");
    case CURLE_URL_MALFORMAT: return InvalidArgument(detail);
    case CURLE_OPERATION_TIMEDOUT:
      return DeadlineExceeded("no connection within " + std::to_string(options_.connect_timeout_ms) + " ms");
    default: return Unavailable(detail);
  }
}

Status HttpClient::Impl::Follow(const HttpAnswer& answer, CURLU* url, bool* same_origin) const {
  const HttpUrl before = PartsOf(url);
  const std::string location(answer.Header("location"));
  if (location.size() > limits::kOutboundUrlBytesMax ||
      curl_url_set(url, CURLUPART_URL, location.c_str(), 0) != CURLUE_OK) {
    return FailedPrecondition("redirected to something that is not a URL");
  }
  const std::string scheme = UrlPart(url, CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return FailedPrecondition("redirected away from http");
  const HttpUrl after = PartsOf(url);
  RETURN_IF_ERROR(CheckHost(after));
  if (before.is_https && !after.is_https) return FailedPrecondition("redirected from https to http");
  if (before.is_https == after.is_https && before.host == after.host && before.port == after.port) return OkStatus();
  *same_origin = false;
  curl_url_set(url, CURLUPART_USER, nullptr, 0);
  curl_url_set(url, CURLUPART_PASSWORD, nullptr, 0);
  return OkStatus();
}

Result<HttpAnswer> HttpClient::Impl::Fetch(const HttpRequest& request, HttpBodySink& sink) {
  may_have_arrived_ = false;
  RETURN_IF_ERROR(CheckRequest(request));
  ASSIGN_OR_RETURN(const UrlHandle url, OpenUrl(request.url));
  const uint64_t deadline_ms =
      request.total_timeout_ms == 0 ? UINT64_MAX : SystemClock().MonotonicMs() + request.total_timeout_ms;
  const bool follows = request.redirects_max > 0 && (request.method == "GET" || request.method == "HEAD");
  bool same_origin = true;
  for (int redirects = 0;; redirects++) {
    const std::string where =
        request.method + " " + UrlPart(url.get(), CURLUPART_SCHEME) + "://" + UrlPart(url.get(), CURLUPART_HOST) + ":" +
        UrlPart(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT) + UrlPart(url.get(), CURLUPART_PATH);
    Exchange exchange;
    exchange.request = &request;
    exchange.sink = &sink;
    exchange.may_redirect = follows;
    exchange.public_addresses_only = options_.public_addresses_only;
    SetUp(request, UrlPart(url.get(), CURLUPART_URL), same_origin, exchange);
    curl_easy_setopt(easy_.get(), CURLOPT_PRIVATE, &exchange);
    if (const Status status = Run(request, deadline_ms); !status.ok()) {
      return status.WithContext(where);
    }
    if (!exchange.RedirectsAway()) {
      RETURN_IF_ERROR(exchange.StartSink());
      return std::move(exchange.answer);
    }
    if (redirects == request.redirects_max) {
      return FailedPrecondition(where + ": more than " + std::to_string(redirects) + " redirects");
    }
    if (const Status status = Follow(exchange.answer, url.get(), &same_origin); !status.ok()) {
      return status.WithContext(where);
    }
  }
}

HttpClient::HttpClient(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
HttpClient::~HttpClient() = default;

Result<HttpAnswer> HttpClient::Send(const HttpRequest& request) {
  StringSink sink;
  ASSIGN_OR_RETURN(HttpAnswer answer, impl_->Fetch(request, sink));
  answer.body = std::move(sink.body);
  return answer;
}

Result<HttpAnswer> HttpClient::Stream(const HttpRequest& request, HttpBodySink& sink) {
  return impl_->Fetch(request, sink);
}

bool HttpClient::may_have_arrived() const { return impl_->may_have_arrived(); }

void HttpClient::Cancel() { impl_->Cancel(); }

}  // namespace tarn
