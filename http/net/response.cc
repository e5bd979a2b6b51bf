#include "http/net/response.h"

#include <charconv>

#include "http/net/body_stream.h"
#include "http/parser/request_head.h"
#include "storage/base/check.h"

namespace tarn::http {

SharedBytes ShareString(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  const std::string_view bytes = *owner;
  return {std::move(owner), bytes};
}

Response::Response() = default;
Response::~Response() = default;
Response::Response(Response&&) noexcept = default;
Response& Response::operator=(Response&&) noexcept = default;

void Response::Clear() {
  status_ = 200;
  body_type_ = BodyType::kNone;
  close_connection_ = false;
  metrics_class_ = 0;
  body_bytes_ = 0;
  prepared_head_ = {};
  header_lines_.clear();
  text_.clear();
  shared_.clear();
  file_ = {};
  stream_.reset();
  sent_counter_.reset();
}

void Response::AddHeader(std::string_view name, std::string_view value) {
  header_lines_.append(name).append(": ");
  const size_t start = header_lines_.size();
  header_lines_.append(value);
  for (size_t i = start; i < header_lines_.size(); ++i) {
    const auto byte = static_cast<unsigned char>(header_lines_[i]);
    if (byte < 0x20 || byte == 0x7f) header_lines_[i] = ' ';
  }
  header_lines_.append("\r\n");
}

void Response::UsePreparedHead(uint16_t status, SharedBytes head) {
  status_ = status;
  prepared_head_ = std::move(head);
}

void Response::SetBody(std::string body) {
  CHECK(body_type_ == BodyType::kNone || body_type_ == BodyType::kText);
  body_type_ = BodyType::kText;
  body_bytes_ = body.size();
  text_ = std::move(body);
}

void Response::AddSharedBody(SharedBytes piece) {
  CHECK(body_type_ == BodyType::kNone || body_type_ == BodyType::kShared);
  body_type_ = BodyType::kShared;
  body_bytes_ += piece.bytes.size();
  shared_.push_back(std::move(piece));
}

void Response::SetFileBody(FileRange range) {
  CHECK(body_type_ == BodyType::kNone);
  body_type_ = BodyType::kFile;
  body_bytes_ = range.length;
  file_ = std::move(range);
}

void Response::SetStreamBody(std::unique_ptr<BodyStream> stream) {
  CHECK(body_type_ == BodyType::kNone);
  body_type_ = BodyType::kStream;
  stream_ = std::move(stream);
}

void Response::DropStream() { stream_.reset(); }

std::string_view Response::FindHeader(std::string_view name) const {
  for (std::string_view lines : {prepared_head_.bytes, std::string_view(header_lines_)}) {
    while (!lines.empty()) {
      const size_t end = lines.find("\r\n");
      const std::string_view line = lines.substr(0, end);
      lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 2);
      if (line.size() <= name.size() || line[name.size()] != ':') continue;
      if (!EqualsIgnoreCase(line.substr(0, name.size()), name)) continue;
      const size_t start = line.find_first_not_of(' ', name.size() + 1);
      return start == std::string_view::npos ? std::string_view() : line.substr(start);
    }
  }
  return {};
}

void AppendHead(const Response& response, std::string* out) {
  if (!response.prepared_head().empty()) {
    out->append(response.prepared_head()).append(response.header_lines());
    return;
  }
  char number[24];
  const auto append_number = [&](uint64_t value) {
    const auto [end, error] = std::to_chars(number, number + sizeof(number), value);
    out->append(number, static_cast<size_t>(end - number));
  };
  out->append("HTTP/1.1 ");
  append_number(response.status());
  out->append(" ").append(ReasonPhrase(response.status())).append("\r\n").append(response.header_lines());
  if (MayHaveBody(response.status()) && response.body_type() != Response::BodyType::kStream) {
    out->append("content-length: ");
    append_number(response.body_bytes());
    out->append("\r\n");
  }
}

std::string SerializeHead(const Response& response) {
  std::string head;
  AppendHead(response, &head);
  return head;
}

std::string_view ReasonPhrase(uint16_t status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
  }
}

}  // namespace tarn::http
